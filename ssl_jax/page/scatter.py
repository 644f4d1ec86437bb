"""The feature map as SVG; page.js shows the image of the point that is clicked or focused."""

from typing import Any

import numpy as np

from ssl_jax.page.markup import Markup, tag
from ssl_jax.page.pictures import MAX_LOSSLESS_SIDE, Atlas
from ssl_jax.page.run_view import FeatureMap, FeatureView

SIDE, MARGIN = 420, 12
MAX_LEGEND_CLASSES = 20  # a legend of more would be unreadable
CSS_COLOURS = 10  # classes that page.css has colours for; with more classes, each gets a hue


def scatter(view: FeatureView, feature_map: FeatureMap, atlas: Atlas, number: int) -> Markup:
    """A figure with the map of one run.

    Args:
      view: the features of the run.
      feature_map: their map.
      atlas: pictures of the points.
      number: of that atlas on the page; maps that share it show the same images.
    """
    coordinates = _scaled(feature_map.points)
    dots = [_dot(view, feature_map, index, xy) for index, xy in enumerate(coordinates)]
    return tag(
        "figure",
        tag(
            "svg",
            dots,
            viewBox=f"0 0 {SIDE} {SIDE}",
            role="group",
            aria_label=f"Map of {len(dots)} {view.query_kind}. Arrow keys move between points.",
        ),
        tag(
            "div",
            tag("canvas", width=128, height=128, role="img", aria_label="no image chosen"),
            tag("p", "Click a point to see its image.", class_="told", aria_live="polite"),
            _legend(view, feature_map),
            class_="side",
        ),
        class_="map",
        data_atlas=number,
        data_columns=atlas.columns,
        data_width=atlas.width,
        data_height=atlas.height,
        data_smooth=max(atlas.width, atlas.height) > MAX_LOSSLESS_SIDE,
    )


def image_caption(view: FeatureView, feature_map: FeatureMap, index: int) -> str:
    """Number, class and prediction of one image."""
    if feature_map.labels is None or feature_map.predicted is None:
        return f"image {index}"
    true, taken = (int(classes[index]) for classes in (feature_map.labels, feature_map.predicted))
    verdict = "right" if true == taken else "wrong"
    return f"image {index}: class {view.classes[true]}, predicted {view.classes[taken]} ({verdict})"


def _scaled(points: np.ndarray) -> np.ndarray:
    """Coordinates in the drawing, with the same scale on both axes."""
    low, high = points.min(axis=0), points.max(axis=0)
    scale = (SIDE - 2 * MARGIN) / max(float((high - low).max()), 1e-12)
    return np.round(SIDE / 2 + scale * (points - (low + high) / 2), 1)


def _dot(view: FeatureView, feature_map: FeatureMap, index: int, xy: np.ndarray) -> Markup:
    colour: dict[str, Any] = {"class_": "dot c0"}
    if feature_map.labels is not None and feature_map.predicted is not None:
        true = int(feature_map.labels[index])
        wrong = " wrong" if true != feature_map.predicted[index] else ""
        colour = _colour(true, len(view.classes), wrong) | {"data_class": true}
    return tag(
        "circle",
        cx=float(xy[0]),
        cy=float(xy[1]),
        r=4,
        role="button",
        tabindex=0 if index == 0 else -1,
        aria_label=image_caption(view, feature_map, index),
        data_index=index,
        **colour,
    )


def _colour(number: int, classes: int, more_classes: str = "") -> dict[str, Any]:
    if classes <= CSS_COLOURS:
        return {"class_": f"dot c{number}{more_classes}"}
    # Steps by the golden angle give consecutive numbers distinct hues.
    return {"class_": f"dot{more_classes}", "fill": f"hsl({137.5 * number % 360:.0f} 60% 50%)"}


def _legend(view: FeatureView, feature_map: FeatureMap) -> Markup | None:
    if feature_map.labels is None:
        return None
    ring = tag("p", "A ring marks a wrong prediction.", class_="note")
    if len(view.classes) > MAX_LEGEND_CLASSES:
        return tag("div", ring, tag("p", f"{len(view.classes)} classes, coloured by number."))
    entries = []
    for number, name in enumerate(view.classes):
        spot = tag("circle", cx=6, cy=6, r=5, **_colour(number, len(view.classes)))
        icon = tag("svg", spot, viewBox="0 0 12 12", class_="spot", aria_hidden="true")
        button = {"type": "button", "aria_pressed": "false", "data_class": number}
        entries.append(tag("button", icon, tag("span", name, class_="name"), **button))
    return tag("div", ring, tag("div", entries, class_="classes"))
