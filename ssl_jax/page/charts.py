"""Line charts as SVG, drawn with classes alone: page.css has the colours, page.js the hovering."""

import json
import math
from collections.abc import Sequence
from typing import NamedTuple

from ssl_jax.page.markup import Markup, join, tag

WIDTH, HEIGHT = 560, 250
LEFT, RIGHT, TOP, BOTTOM = 52, 552, 8, 216
MOST_POINTS = 400  # of a line; more of them nobody can see
DOTS = 30  # lines of fewer points show each of them
COLOURS = 8


class Series(NamedTuple):
    """name: of the run. colour: its number. xs, ys: of its points, finite, xs ascending."""

    name: str
    colour: int
    xs: Sequence[float]
    ys: Sequence[float]


class Band(NamedTuple):
    """A range of y that means something. kind: a class of page.css. label: what it means."""

    low: float
    high: float
    kind: str
    label: str


class Level(NamedTuple):
    """A dashed line at y. kind: a class of page.css."""

    y: float
    kind: str
    label: str


class _Scale(NamedTuple):
    """From values to places; logarithmic ones take log10 first."""

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
    """A figure of lines over each other, with a legend that gives their last values.

    Args:
      title: what y is.
      series: what to draw, at least one with a point; in logarithmic ones every y is above 0.
      x_title: what x is.
      bands, levels: what is expected of y; they do not move its limits.
      zero: y begins at 0.
      log: y is logarithmic.
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
        aria_label=f"{title}, by {x_title}. {'. '.join(map(_in_words, drawn))}",
    )
    meanings = dict.fromkeys(  # of each kind and label once
        (mark.kind, mark.label) for mark in [*shown, *levels]
    )
    return tag(
        "figure",
        tag("figcaption", tag("b", title), " ", tag("output", class_="at")),
        svg,
        tag("ul", map(_entry, drawn), class_="legend"),
        tag("p", [_meaning(*meaning) for meaning in meanings], class_="meanings")
        if meanings
        else None,
        class_="chart",
        data_x=x_title,
    )


def _thinned(line: Series) -> Series:
    """At most some hundred of its points, the last one among them."""
    stride = -(-len(line.xs) // MOST_POINTS)
    kept = range((len(line.xs) - 1) % stride, len(line.xs), stride)
    return line._replace(xs=[line.xs[i] for i in kept], ys=[line.ys[i] for i in kept])


def _limits(values: Sequence[float], margin: float = 0.0) -> tuple[float, float]:
    """Of an axis that shows all values, and has a length where they are all the same."""
    low, high = min(values), max(values)
    if high - low < 1e-9 * max(1.0, abs(high)):
        room = 0.5 * abs(high) or 0.5
        return low - room, high + room
    return low - margin * (high - low), high + margin * (high - low)


def ticks(low: float, high: float, most: int) -> list[float]:
    """Round numbers from `low` to `high`, 1, 2 or 5 times a power of ten apart, at most `most`."""
    power = 10.0 ** math.floor(math.log10((high - low) / most))
    step = next(s for s in (power, 2 * power, 5 * power, 10 * power) if (high - low) / s <= most)
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
    return join(parts)


def _band(band: Band, y: _Scale) -> Markup:
    top, bottom = y(min(band.high, y.high)), y(max(band.low, y.low))
    size = {"width": RIGHT - LEFT, "height": round(bottom - top, 1)}
    return tag("rect", class_=f"band {band.kind}", x=LEFT, y=top, **size)


def _level(level: Level, y: _Scale) -> Markup:
    place = y(level.y)
    return tag("line", class_=f"level {level.kind}", x1=LEFT, x2=RIGHT, y1=place, y2=place)


def _line(line: Series, x: _Scale, y: _Scale) -> Markup:
    """data-points: [x, y in the drawing, x, y as text] of every point, for page.js."""
    points = [(x(a), y(b), figure(a), figure(b)) for a, b in zip(line.xs, line.ys, strict=True)]
    dots = points if len(points) < DOTS else []
    return tag(
        "g",
        tag("polyline", points=" ".join(f"{a},{b}" for a, b, *_ in points)),
        [tag("circle", cx=a, cy=b, r=2.2) for a, b, *_ in dots],
        tag("circle", class_="marker", r=4),
        class_=f"line {colour_class(line.colour)}",
        data_points=json.dumps(points),
    )


def _entry(line: Series) -> Markup:
    name = tag("span", line.name, class_="name")
    value = tag("output", figure(line.ys[-1]))
    return tag("li", swatch(line.colour), name, " ", value)


def _meaning(kind: str, label: str) -> Markup:
    return tag("span", tag("span", class_=f"swatch {kind}"), label)


def _in_words(line: Series) -> str:
    return (
        f"{line.name}: {figure(line.ys[0])} at {figure(line.xs[0])}, "
        f"{figure(line.ys[-1])} at {figure(line.xs[-1])}"
    )


def swatch(colour: int) -> Markup:
    """A spot in the colour of a run."""
    return tag("span", class_=f"swatch {colour_class(colour)}")


def colour_class(colour: int) -> str:
    """The class that page.css colours for run number `colour`."""
    return f"s{colour % COLOURS}"


def figure(value: float) -> str:
    """A number for people."""
    return f"{value:.4g}"
