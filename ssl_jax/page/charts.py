"""Line charts as SVG without inline styles: page.css has the colours, page.js the interaction."""

import json
import math
from collections.abc import Sequence
from typing import NamedTuple

from ssl_jax.page.markup import Markup, fragment, tag

WIDTH, HEIGHT = 560, 250
LEFT, RIGHT, TOP, BOTTOM = 52, 552, 8, 216
MAX_POINTS = 400  # per line; more could not be told apart
MAX_DOTS = 30  # lines with fewer points mark each of them with a dot
COLOURS = 8


class Series(NamedTuple):
    """One line of a chart.

    name: of the run.
    colour: number of the run, which decides the colour.
    xs: finite and ascending.
    ys: finite.
    """

    name: str
    colour: int
    xs: Sequence[float]
    ys: Sequence[float]


class Band(NamedTuple):
    """A shaded range of y.

    low: lower end; may be infinite.
    high: upper end; may be infinite.
    kind: class in page.css.
    label: what the range means.
    """

    low: float
    high: float
    kind: str
    label: str


class Level(NamedTuple):
    """A dashed horizontal line.

    y: its height.
    kind: class in page.css.
    label: what the line means.
    """

    y: float
    kind: str
    label: str


class _Scale(NamedTuple):
    """Maps values to coordinates of the drawing.

    low: value at `start`; of a logarithmic scale, its log10.
    high: value at `end`; of a logarithmic scale, its log10.
    start: coordinate of `low`.
    end: coordinate of `high`.
    log: whether the scale is logarithmic.
    """

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        value = math.log10(value) if self.log else value
        share = (value - self.low) / (self.high - self.low)
        return round(self.start + share * (self.end - self.start), 1)


def line_chart(
    title: str,
    series: Sequence[Series],
    *,
    x_title: str,
    bands: Sequence[Band] = (),
    levels: Sequence[Level] = (),
    zero: bool = False,
    log: bool = False,
) -> Markup:
    """A figure with one or more lines, and a legend that gives their last values.

    Args:
      title: of the chart and its y axis.
      series: the lines, at least one of which has a point; y > 0 on a logarithmic axis.
      x_title: of the x axis.
      bands: expected ranges of y; they do not extend the y axis.
      levels: expected values of y; they do not extend the y axis.
      zero: whether the y axis starts at 0.
      log: whether the y axis is logarithmic.
    """
    drawn = [_thinned(line) for line in series if len(line.xs)]
    x = _Scale(*_limits([v for line in drawn for v in line.xs]), LEFT, RIGHT)
    values = [math.log10(v) if log else v for line in drawn for v in line.ys]
    low, high = _limits(values, margin=0.05)
    y = _Scale(0.0 if zero else low, high, BOTTOM, TOP, log)
    shown = [band for band in bands if band.high > y.low and band.low < y.high]
    svg = tag(
        "svg",
        [_band(band, y) for band in shown],
        _grid(x, y, x_title),
        [_level(level, y) for level in levels if y.low <= level.y <= y.high],
        [_line(line, x, y) for line in drawn],
        tag("line", class_="cursor", x1=LEFT, x2=LEFT, y1=TOP, y2=BOTTOM),
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        role="img",
        tabindex=0,
        aria_label=f"{title}, by {x_title}. {'. '.join(map(_alt_text, drawn))}",
    )
    marks = dict.fromkeys((mark.kind, mark.label) for mark in [*shown, *levels])  # each once
    return tag(
        "figure",
        tag("figcaption", tag("b", title), " ", tag("output", class_="at")),
        svg,
        tag("ul", map(_legend_entry, drawn), class_="legend"),
        tag("p", [_mark_entry(*mark) for mark in marks], class_="meanings") if marks else None,
        class_="chart",
        data_x=x_title,
    )


def _thinned(line: Series) -> Series:
    """The line reduced to at most MAX_POINTS points, including its last."""
    stride = -(-len(line.xs) // MAX_POINTS)
    kept = range((len(line.xs) - 1) % stride, len(line.xs), stride)
    return line._replace(xs=[line.xs[i] for i in kept], ys=[line.ys[i] for i in kept])


def _limits(values: Sequence[float], margin: float = 0.0) -> tuple[float, float]:
    """Both ends of an axis that fits all values; they differ even where all values are equal."""
    low, high = min(values), max(values)
    if high - low < 1e-9 * max(1.0, abs(high)):
        room = 0.5 * abs(high) or 0.5
        return low - room, high + room
    return low - margin * (high - low), high + margin * (high - low)


def ticks(low: float, high: float, intervals: int) -> list[float]:
    """Round numbers from `low` to `high`, 1, 2 or 5 times a power of ten apart.

    Args:
      low: lower end of the axis.
      high: upper end of the axis.
      intervals: that many of them at most.
    """
    power = 10.0 ** math.floor(math.log10((high - low) / intervals))
    step = next(
        s for s in (power, 2 * power, 5 * power, 10 * power) if (high - low) / s <= intervals
    )
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [i * step for i in range(first, last + 1)]


def _grid(x: _Scale, y: _Scale, x_title: str) -> Markup:
    parts = []
    for value in ticks(y.low, y.high, 5):
        if y.log and value != round(value):
            continue
        place = y(10**value if y.log else value)
        parts.append(tag("line", class_="grid", x1=LEFT, x2=RIGHT, y1=place, y2=place))
        text = f"1e{value:.0f}" if y.log else f"{value:.5g}"
        parts.append(tag("text", text, class_="tick y", x=LEFT - 6, y=place + 3.5))
    for value in ticks(x.low, x.high, 9):
        parts.append(tag("text", f"{value:.5g}", class_="tick x", x=x(value), y=BOTTOM + 15))
    middle = (LEFT + RIGHT) / 2
    parts.append(tag("line", class_="axis", x1=LEFT, x2=RIGHT, y1=BOTTOM, y2=BOTTOM))
    parts.append(tag("text", x_title, class_="tick x", x=middle, y=HEIGHT - 4))
    return fragment(parts)


def _band(band: Band, y: _Scale) -> Markup:
    top, bottom = y(min(band.high, y.high)), y(max(band.low, y.low))
    size = {"width": RIGHT - LEFT, "height": round(bottom - top, 1)}
    return tag("rect", class_=f"band {band.kind}", x=LEFT, y=top, **size)


def _level(level: Level, y: _Scale) -> Markup:
    place = y(level.y)
    return tag("line", class_=f"level {level.kind}", x1=LEFT, x2=RIGHT, y1=place, y2=place)


def _line(line: Series, x: _Scale, y: _Scale) -> Markup:
    """A line; data-points has [x, y in the drawing, x, y as text] of each point for page.js."""
    points = [
        (x(a), y(b), format_number(a), format_number(b))
        for a, b in zip(line.xs, line.ys, strict=True)
    ]
    dots = points if len(points) < MAX_DOTS else []
    return tag(
        "g",
        tag("polyline", points=" ".join(f"{a},{b}" for a, b, *_ in points)),
        [tag("circle", cx=a, cy=b, r=2.2) for a, b, *_ in dots],
        tag("circle", class_="marker", r=4),
        class_=f"line {colour_class(line.colour)}",
        data_points=json.dumps(points),
    )


def _legend_entry(line: Series) -> Markup:
    name = tag("span", line.name, class_="name")
    value = tag("output", format_number(line.ys[-1]))
    return tag("li", swatch(line.colour), name, " ", value)


def _mark_entry(kind: str, label: str) -> Markup:
    return tag("span", tag("span", class_=f"swatch {kind}"), label)


def _alt_text(line: Series) -> str:
    return (
        f"{line.name}: {format_number(line.ys[0])} at {format_number(line.xs[0])}, "
        f"{format_number(line.ys[-1])} at {format_number(line.xs[-1])}"
    )


def swatch(colour: int) -> Markup:
    """A spot in the colour of run number `colour`."""
    return tag("span", class_=f"swatch {colour_class(colour)}")


def colour_class(colour: int) -> str:
    """The class to which page.css gives the colour of run number `colour`."""
    return f"s{colour % COLOURS}"


def format_number(value: float) -> str:
    """A number with four significant digits."""
    return f"{value:.4g}"
