"""Positions of lines, bands and ticks in the drawing."""

import json

import numpy as np
import pytest

from ssl_jax.page import charts
from ssl_jax.page.charts import Band, Level, Series, line_chart, ticks
from tests.page.reading import read


def drawn(*series, **options):
    return read(line_chart("loss", series, x_title="epoch", **options))


@pytest.mark.parametrize(
    ("low", "high", "most", "expected"),
    [
        (0.0, 10.0, 5, [0, 2, 4, 6, 8, 10]),
        (0.013, 0.042, 5, [0.02, 0.03, 0.04]),
        (-3.0, 3.0, 7, [-3, -2, -1, 0, 1, 2, 3]),
        (4.9, 5.1, 5, [4.9, 4.95, 5, 5.05, 5.1]),
    ],
)
def test_ticks_are_round(low, high, most, expected):
    np.testing.assert_allclose(ticks(low, high, most), expected, atol=1e-12)


def test_a_line_fills_the_drawing_and_says_its_values():
    line = drawn(Series("a", 0, [1.0, 2.0, 3.0], [10.0, 30.0, 20.0])).one("g", class_="line")
    points = json.loads(line.attributes["data-points"])
    assert [p[0] for p in points] == [charts.LEFT, (charts.LEFT + charts.RIGHT) / 2, charts.RIGHT]
    heights = np.array([p[1] for p in points])
    assert charts.TOP < heights[1] < heights[2] < heights[0] < charts.BOTTOM
    assert heights[0] - heights[2] == pytest.approx(heights[2] - heights[1], abs=0.2)
    assert [p[2:] for p in points] == [["1", "10"], ["2", "30"], ["3", "20"]]


def test_equal_steps_of_a_logarithm_are_powers_of_ten():
    line = drawn(Series("a", 0, [1.0, 2.0, 3.0], [1.0, 0.1, 0.01]), log=True).one(
        "g", class_="line"
    )
    heights = [p[1] for p in json.loads(line.attributes["data-points"])]
    assert heights[1] - heights[0] == pytest.approx(heights[2] - heights[1], abs=0.2)


def test_bands_are_cut_to_the_drawing_and_do_not_stretch_it():
    bands = [Band(-np.inf, 15.0, "healthy", "h"), Band(90.0, 99.0, "collapsed", "c")]
    levels = [Level(20.0, "chance", "at chance"), Level(70.0, "even", "even")]
    chart = drawn(Series("a", 0, [1.0, 2.0], [10.0, 30.0]), bands=bands, levels=levels)
    band = chart.one("rect", class_="band").attributes
    points = json.loads(chart.one("g", class_="line").attributes["data-points"])
    bottom, top = points[0][1], points[1][1]
    assert float(band["y"]) == pytest.approx(bottom + 0.25 * (top - bottom), abs=0.2)
    assert float(band["y"]) + float(band["height"]) == pytest.approx(charts.BOTTOM, abs=0.2)
    level = chart.one("line", class_="level").attributes
    assert float(level["y1"]) == pytest.approx((bottom + top) / 2, abs=0.2)


def test_a_long_line_is_thinned_but_keeps_its_end():
    numbers = [float(n) for n in range(1, 2002)]
    points = drawn(Series("a", 0, numbers, numbers)).one("g", class_="line")
    points = json.loads(points.attributes["data-points"])
    assert len(points) <= charts.MAX_POINTS and points[-1][2] == "2001"


@pytest.mark.parametrize("value", [0.0, 3.0, -1e6])
def test_one_point_has_axes_as_well(value):
    chart = drawn(Series("a", 0, [1.0], [value]))
    (x, y, *_), *_ = json.loads(chart.one("g", class_="line").attributes["data-points"])
    assert (x, y) == ((charts.LEFT + charts.RIGHT) / 2, pytest.approx(112, abs=1))
