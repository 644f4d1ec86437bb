"""The map of images as SVG: page.js shows the image of the point that one clicks or focuses."""

from typing import Any

import numpy as np

from ssl_jax.page.exhibits import Look, Points
from ssl_jax.page.markup import Markup, tag
from ssl_jax.page.pictures import EXACT, Atlas

SIDE, MARGIN = 420, 12
NAMED_CLASSES = 20  # more of them make no legend that one could read
COLOURED = 10  # classes that page.css has colours for; more get hues


def scatter(look: Look, points: Points, atlas: Atlas, number: int) -> Markup:
    """A figure of the map of one run.

    atlas: the pictures of its points. number: of that atlas on the page; points of several maps
    are the same images where it is the same.
    """
    places = _placed(points.places)
    dots = [_dot(look, points, index, place) for index, place in enumerate(places)]
    kind = "JPEG" if max(atlas.width, atlas.height) > EXACT else "pixels"
    return tag(
        "figure",
        tag(
            "svg",
            dots,
            viewBox=f"0 0 {SIDE} {SIDE}",
            role="group",
            aria_label=f"Map of {len(places)} {look.kind}. Arrow keys go from point to point.",
        ),
        tag(
            "div",
            tag("canvas", width=128, height=128, role="img", aria_label="no image chosen"),
            tag("p", "Click a point to see its image.", class_="told", aria_live="polite"),
            _legend(look, points),
            class_="side",
        ),
        class_="map",
        data_atlas=number,
        data_columns=atlas.columns,
        data_width=atlas.width,
        data_height=atlas.height,
        data_smooth=kind == "JPEG",
    )


def describe(look: Look, points: Points, index: int) -> str:
    """What is known of one image, in words."""
    if points.labels is None or points.predicted is None:
        return f"image {index}"
    true, taken = (int(classes[index]) for classes in (points.labels, points.predicted))
    verdict = "right" if true == taken else "wrong"
    return f"image {index}: class {look.classes[true]}, predicted {look.classes[taken]} ({verdict})"


def _placed(places: np.ndarray) -> np.ndarray:
    """Places in the drawing, one scale for both axes."""
    low, high = places.min(axis=0), places.max(axis=0)
    scale = (SIDE - 2 * MARGIN) / max(float((high - low).max()), 1e-12)
    return np.round(SIDE / 2 + scale * (places - (low + high) / 2), 1)


def _dot(look: Look, points: Points, index: int, place: np.ndarray) -> Markup:
    colour: dict[str, Any] = {"class_": "dot c0"}
    if points.labels is not None and points.predicted is not None:
        true = int(points.labels[index])
        wrong = " wrong" if true != points.predicted[index] else ""
        colour = _colour(true, len(look.classes), wrong) | {"data_class": true}
    return tag(
        "circle",
        cx=float(place[0]),
        cy=float(place[1]),
        r=4,
        role="button",
        tabindex=0 if index == 0 else -1,
        aria_label=describe(look, points, index),
        data_index=index,
        **colour,
    )


def _colour(number: int, classes: int, more: str = "") -> dict[str, Any]:
    if classes <= COLOURED:
        return {"class_": f"dot c{number}{more}"}
    # Steps of the golden angle keep hues of neighbouring numbers apart.
    return {"class_": f"dot{more}", "fill": f"hsl({137.5 * number % 360:.0f} 60% 50%)"}


def _legend(look: Look, points: Points) -> Markup | None:
    if points.labels is None:
        return None
    ring = tag("p", "A ring: the prediction is wrong.", class_="note")
    if len(look.classes) > NAMED_CLASSES:
        return tag("div", ring, tag("p", f"{len(look.classes)} classes, coloured by number."))
    entries = []
    for number, name in enumerate(look.classes):
        spot = tag("circle", cx=6, cy=6, r=5, **_colour(number, len(look.classes)))
        icon = tag("svg", spot, viewBox="0 0 12 12", class_="spot", aria_hidden="true")
        button = {"type": "button", "aria_pressed": "false", "data_class": number}
        entries.append(tag("button", icon, tag("span", name, class_="name"), **button))
    return tag("div", ring, tag("div", entries, class_="classes"))
