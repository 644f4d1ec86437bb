"""The sections that show images and features, one panel per run; nothing is computed here."""

from collections.abc import Callable, Sequence

import numpy as np

from ssl_jax.page.charts import Series, line_chart, swatch
from ssl_jax.page.feature_analysis import largest_confusions
from ssl_jax.page.markup import Markup, fragment, scrollable, tag
from ssl_jax.page.pictures import MAX_LOSSLESS_SIDE, atlas, data_uri
from ssl_jax.page.run_view import FeatureView, RunView
from ssl_jax.page.scatter import scatter

MAX_TABLE_CLASSES = 20  # with more, the confusion matrix is a picture
MAX_LISTED_MISTAKES = 8
SHADES = 9


def augmented_views(runs: Sequence[RunView]) -> Markup | None:
    """Training images, their augmented views and their fused views."""

    def panel(run: RunView) -> Markup | None:
        if not run.image_columns:
            return None
        head = tag("tr", [tag("th", column.title, scope="col") for column in run.image_columns])
        rows = []
        for index in range(len(run.image_columns[0].pictures)):
            cells = [
                tag("td", _image(column.pictures[index], f"{column.title}, image {index}"))
                for column in run.image_columns
            ]
            rows.append(tag("tr", cells))
        return scrollable(tag("table", tag("thead", head), tag("tbody", rows), class_="pictures"))

    return _side_by_side(runs, panel)


def neighbours(runs: Sequence[RunView]) -> Markup | None:
    """Some query images, each with the training images that are nearest to it."""
    return _side_by_side(
        runs, lambda run: run.features and scrollable(_neighbour_table(run.features))
    )


def _neighbour_table(view: FeatureView) -> Markup:
    shown = view.neighbours
    rows = []
    for q, query in enumerate(shown.queries):
        true = None if shown.query_labels is None else int(shown.query_labels[q])
        name = None if true is None else view.classes[true]
        cells = [_image_cell(query, name, "query image", None)]
        for k, picture in enumerate(shown.nearest[q]):
            near = None if shown.nearest_labels is None else int(shown.nearest_labels[q, k])
            label = None if near is None else view.classes[near]
            right = None if near is None else near == true
            similarity = float(shown.similarities[q, k])
            cells.append(_image_cell(picture, label, f"neighbour {k + 1}", right, similarity))
        rows.append(tag("tr", cells))
    head = tag(
        "tr",
        tag("th", view.query_kind.removesuffix("s"), scope="col"),
        tag("th", "nearest training images", scope="colgroup", colspan=len(shown.nearest[0])),
    )
    return tag("table", tag("thead", head), tag("tbody", rows), class_="pictures")


def _image_cell(
    picture: np.ndarray,
    label: str | None,
    role: str,
    right: bool | None,
    similarity: float | None = None,
) -> Markup:
    """A cell with a picture, the name of its class, and whether that is the query's class."""
    mark = {True: "\u2713 ", False: "\u2717 ", None: ""}[right]
    kind = {True: "right", False: "wrong", None: None}[right]
    number = None if similarity is None else tag("small", f"{similarity:.3f}")
    name = None if label is None else tag("span", mark, label, class_="name")
    alt = role if label is None else f"{role}, class {label}"
    return tag("td", _image(picture, alt), name, number, class_=kind)


def maps(runs: Sequence[RunView]) -> Markup | None:
    """The feature maps; runs with the same query images share one copy of the pictures."""
    sheets: dict[str, int] = {}

    def panel(run: RunView) -> Markup | None:
        if run.features is None:
            return None
        if run.features.feature_map is None:
            return tag("p", "No map: there are too few images, or all features are the same.")
        sheet = atlas(run.features.feature_map.pictures)
        number = sheets.setdefault(sheet.uri, len(sheets))
        return scatter(run.features, run.features.feature_map, sheet, number)

    panels = _side_by_side(runs, panel)
    images = [
        tag("img", class_="atlas", id=f"atlas{number}", src=uri, alt="", hidden=True)
        for uri, number in sheets.items()
    ]
    return panels and fragment([images, panels])


def confusions(runs: Sequence[RunView]) -> Markup | None:
    """Which classes the weighted kNN vote mistakes for which."""

    def panel(run: RunView) -> Markup | None:
        if run.features is None or run.features.confusion is None:
            return None
        counts, classes = run.features.confusion, run.features.classes
        right = np.trace(counts) / max(1, counts.sum())
        kind = run.features.query_kind
        accuracy = tag("p", f"{right:.2%} of {counts.sum():,} {kind} are classified correctly.")
        few = len(classes) <= MAX_TABLE_CLASSES
        matrix = _table(counts, classes) if few else _heatmap(counts)
        mistakes = [
            tag("li", f"{classes[true]} mistaken for {classes[taken]}: {number}")
            for true, taken, number in largest_confusions(counts, MAX_LISTED_MISTAKES)
        ]
        listed = (tag("p", "Most frequent mistakes"), tag("ol", mistakes)) if mistakes else None
        return fragment([accuracy, scrollable(matrix), listed])

    return _side_by_side(runs, panel)


def _table(counts: np.ndarray, classes: Sequence[str]) -> Markup:
    upright = None if max(map(len, classes)) < 4 else "upright"
    heads = [tag("th", tag("span", name, title=name), scope="col") for name in classes]
    corner = tag("th", "true \\ predicted", scope="col", class_="corner")
    rows = []
    for name, row in zip(classes, counts, strict=True):
        shades = np.ceil(SHADES * row / max(1, row.sum())).astype(int)
        cells = [
            tag("td", n or "", class_=f"h{shade}") for n, shade in zip(row, shades, strict=True)
        ]
        rows.append(tag("tr", tag("th", tag("span", name, title=name), scope="row"), cells))
    return tag(
        "table",
        tag("thead", tag("tr", corner, heads), class_=upright),
        tag("tbody", rows),
        class_="confusion",
    )


def _heatmap(counts: np.ndarray) -> Markup:
    shares = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    grey = np.round(255 * (1 - np.sqrt(shares))).astype(np.uint8)[..., None]
    grey = grey.repeat(max(1, 300 // len(grey)), axis=0).repeat(max(1, 300 // len(grey)), axis=1)
    alt = f"confusion matrix of {len(counts)} classes, true by row and predicted by column"
    return tag("img", class_="heatmap", src=data_uri(grey, max_side=len(grey)), alt=alt)


def spectra(runs: Sequence[RunView]) -> Markup | None:
    """How the variance of the features is distributed over their dimensions."""
    series = []
    for index, run in enumerate(runs):
        values = run.features.spectrum if run.features else np.zeros(1)
        if values[0] > 0:
            kept = values[values > 1e-9 * values[0]] / values.sum()
            numbers = list(map(float, range(1, len(kept) + 1)))
            rank = f" (effective rank {run.features.effective_rank:.1f})" if run.features else ""
            series.append(Series(run.files.name + rank, index, numbers, kept.tolist()))
    if not series:
        return None
    title = "eigenvalues of the covariance, as fractions of their sum"
    return tag("div", line_chart(title, series, x_title="number", log=True), class_="charts")


def _side_by_side(
    runs: Sequence[RunView], panel: Callable[[RunView], Markup | None]
) -> Markup | None:
    """The panels side by side under the names of their runs; None if no run has one."""
    panels = []
    for index, run in enumerate(runs):
        content = panel(run)
        if content is not None:
            name = tag("h3", swatch(index), run.files.name) if len(runs) > 1 else None
            panels.append(tag("div", name, content, class_="panel"))
    return tag("div", panels, class_="runs") if panels else None


def _image(picture: np.ndarray, alt: str) -> Markup:
    small = max(picture.shape[:2]) <= MAX_LOSSLESS_SIDE
    return tag("img", src=data_uri(picture), alt=alt, class_="pixels" if small else None)
