"""The page in a real browser: it renders, stays offline, and reacts to pointer and keys."""

import io
import re

import numpy as np
import pytest
from PIL import Image

from ssl_jax.page.render import render
from tests.page.browser import Tab
from tests.page.made_runs import feature_view, run_view

pytestmark = pytest.mark.browser
EVIL = ("<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "bird")


@pytest.fixture(scope="module")
def tab(tmp_path_factory):
    folder = tmp_path_factory.mktemp("browser")
    with Tab(folder / "profile") as tab:
        yield tab


@pytest.fixture
def opened(tab, tmp_path):
    def opened(*runs):
        path = tmp_path / "report.html"
        path.write_text(render(runs, {"jax": "1.2.3"}))
        tab.errors.clear()
        tab.requests.clear()
        tab.open(path)
        return tab

    return opened


def quiet(tab):
    """Asserts no errors; whether nothing was requested except the file and its own data."""
    outside = [url for url in tab.requests if not url.startswith(("file:", "data:"))]
    files = [url for url in tab.requests if url.startswith("file:")]
    assert not tab.errors
    return not outside and len(files) == 1


def shown_colour(tab, number=0):
    """The pixel in the middle of what a map shows."""
    return tab.run(  # reads a copy: the browser warns about reading from a canvas it draws on
        f"""(() => {{
            const often = {{willReadFrequently: true}};
            const copy = new OffscreenCanvas(128, 128).getContext("2d", often);
            copy.drawImage(document.querySelectorAll("canvas")[{number}], 0, 0);
            return [...copy.getImageData(64, 64, 1, 1).data];
        }})()"""
    )


def test_it_renders_and_is_quiet(opened):
    tab = opened(run_view(), run_view("second"))
    assert tab.run("document.querySelectorAll('section h2').length") == 10
    sizes = tab.run("[...document.images].filter(i => !i.hidden).map(i => i.naturalWidth)")
    assert len(sizes) > 10 and min(sizes) > 0
    assert tab.run("document.documentElement.scrollWidth <= innerWidth")
    assert quiet(tab)


def test_names_do_nothing(opened):
    tab = opened(run_view(EVIL[0], features=feature_view(EVIL), warnings=EVIL, notes=EVIL))
    tab.click("circle[data-index='3']")
    tab.click(".map button")
    assert EVIL[0] in tab.run("document.querySelector('.told').textContent")
    assert tab.run("document.title") == EVIL[0]
    assert tab.run("document.querySelectorAll('script').length") == 1
    assert quiet(tab)


def test_a_click_on_a_point_shows_its_image_in_every_map(opened):
    second = run_view("second", features=feature_view(seed=1))  # the same images in other places
    tab = opened(run_view(), second)
    assert shown_colour(tab) == [0, 0, 0, 0]
    tab.click("circle[data-index='5']")
    for number in (0, 1):
        assert shown_colour(tab, number) == [100, 0, 155, 255]
    told = tab.run("document.querySelector('.told').textContent")
    assert re.fullmatch("image 5.* bird.* bird.*right.*", told)
    assert tab.run("document.querySelectorAll('.chosen').length") == 2
    assert quiet(tab)


def test_focus_and_arrow_keys_go_from_point_to_point(opened):
    tab = opened(run_view())
    tab.run("document.querySelector('circle[tabindex=\"0\"]').focus()")
    assert shown_colour(tab) == [0, 0, 255, 255]
    place = "Number(document.activeElement.getAttribute('cx'))"
    before = tab.run(place)
    tab.press("ArrowRight")
    tab.press("ArrowRight")
    assert tab.run(place) > before
    assert tab.run("document.querySelectorAll('.map circle[tabindex=\"0\"]').length") == 1
    index = tab.run("Number(document.activeElement.dataset.index)")
    assert index > 0 and shown_colour(tab) == [20 * index, 0, 255 - 20 * index, 255]


def test_a_class_of_the_legend_stands_out(opened):
    tab = opened(run_view())
    tab.click(".map button[data-class='1']")
    assert tab.run("document.querySelectorAll('.dot:not(.dim)[data-index]').length") == 4
    tab.click(".map button[data-class='1']")
    assert tab.run("document.querySelectorAll('.dim').length") == 0


def test_pointing_at_a_chart_gives_its_values(opened):
    tab = opened(run_view())
    value = "document.querySelector('.chart .legend output').textContent"
    assert tab.run(value) == "3"
    tab.hover(".chart svg", 0.15)
    assert tab.run(value) == "4"
    assert tab.run("document.querySelector('.chart .at').textContent") == "epoch 1"
    tab.hover("h1", 0.5)
    assert tab.run(value) == "3"
    tab.run("document.querySelector('.chart svg').focus()")
    tab.press("ArrowLeft")
    assert tab.run(value) == "4"


def test_only_what_differs_is_shown_where_asked_for(opened):
    tab = opened(run_view(), run_view("second"))
    visible = (
        "[...document.querySelectorAll('.config tbody tr')].filter(r => r.offsetHeight).length"
    )
    assert tab.run(visible) == 4
    tab.click("#only")
    assert tab.run(visible) == 0


def test_dark_mode_is_dark(opened):
    tab = opened(run_view())
    means = {}
    for scheme in ("light", "dark"):
        tab.prefer(scheme)
        means[scheme] = np.asarray(Image.open(io.BytesIO(tab.picture())).convert("L")).mean()
    assert means["light"] > 200 and means["dark"] < 60
    assert quiet(tab)
