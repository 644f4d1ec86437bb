"""The parts of the page that show images and features, one panel a run; none computes anything."""

from collections.abc import Callable, Sequence

import numpy as np

from ssl_jax.page.charts import Series, line_chart, swatch
from ssl_jax.page.exhibits import Exhibit, Look, largest_confusions
from ssl_jax.page.markup import Markup, join, tag
from ssl_jax.page.pictures import EXACT, atlas, data_uri
from ssl_jax.page.scatter import scatter

CELLS = 20  # classes of which a table can show every pair
LISTED = 8  # mistakes in words
SHADES = 9


def views(runs: Sequence[Exhibit]) -> Markup | None:
    """Training images, their augmented views, and what batch fusion makes of them."""

    def panel(run: Exhibit) -> Markup | None:
        if not run.columns:
            return None
        head = tag("tr", [tag("th", column.title, scope="col") for column in run.columns])
        rows = []
        for index in range(len(run.columns[0].pictures)):
            cells = [
                tag("td", _image(column.pictures[index], f"{column.title}, image {index}"))
                for column in run.columns
            ]
            rows.append(tag("tr", cells))
        return _scrolled(tag("table", tag("thead", head), tag("tbody", rows), class_="pictures"))

    return _by_run(runs, panel)


def neighbours(runs: Sequence[Exhibit]) -> Markup | None:
    """Some images and the training images nearest to them."""
    return _by_run(runs, lambda run: run.look and _scrolled(_neighbour_table(run.look)))


def _neighbour_table(look: Look) -> Markup:
    found = look.neighbours
    rows = []
    for q, query in enumerate(found.queries):
        true = None if found.labels is None else int(found.labels[q])
        name = None if true is None else look.classes[true]
        cells = [_pictured(query, name, "image asked about", None)]
        for k, picture in enumerate(found.nearest[q]):
            near = None if found.nearest_labels is None else int(found.nearest_labels[q, k])
            label = None if near is None else look.classes[near]
            right = None if near is None else near == true
            cells.append(
                _pictured(
                    picture, label, f"neighbour {k + 1}", right, float(found.similarities[q, k])
                )
            )
        rows.append(tag("tr", cells))
    head = tag(
        "tr",
        tag("th", look.kind.removesuffix("s"), scope="col"),
        tag("th", "nearest training images", scope="colgroup", colspan=len(found.nearest[0])),
    )
    return tag("table", tag("thead", head), tag("tbody", rows), class_="pictures")


def _pictured(
    picture: np.ndarray,
    label: str | None,
    what: str,
    right: bool | None,
    similarity: float | None = None,
) -> Markup:
    """A cell: the picture, the name of its class, whether it is the right one."""
    mark = {True: "\u2713 ", False: "\u2717 ", None: ""}[right]
    kind = {True: "right", False: "wrong", None: None}[right]
    near = None if similarity is None else tag("small", f"{similarity:.3f}")
    name = None if label is None else tag("span", mark, label, class_="name")
    alt = what if label is None else f"{what}, class {label}"
    return tag("td", _image(picture, alt), name, near, class_=kind)


def maps(runs: Sequence[Exhibit]) -> Markup | None:
    """The maps; images that several runs were asked about are on the page once."""
    sheets: dict[str, int] = {}

    def panel(run: Exhibit) -> Markup | None:
        if run.look is None:
            return None
        if run.look.points is None:
            return tag("p", "There is no map: too few images, or features that are all the same.")
        sheet = atlas(run.look.points.pictures)
        number = sheets.setdefault(sheet.uri, len(sheets))
        return scatter(run.look, run.look.points, sheet, number)

    panels = _by_run(runs, panel)
    images = [
        tag("img", class_="atlas", id=f"atlas{number}", src=uri, alt="", hidden=True)
        for uri, number in sheets.items()
    ]
    return panels and join([images, panels])


def confusions(runs: Sequence[Exhibit]) -> Markup | None:
    """Which classes the weighted kNN vote takes for which."""

    def panel(run: Exhibit) -> Markup | None:
        if run.look is None or run.look.confusion is None:
            return None
        counts, classes = run.look.confusion, run.look.classes
        right = np.trace(counts) / max(1, counts.sum())
        said = tag("p", f"{right:.2%} of {counts.sum():,} {run.look.kind} are right.")
        shown = _table(counts, classes) if len(classes) <= CELLS else _heatmap(counts)
        worst = [
            tag("li", f"{classes[true]} taken for {classes[taken]}: {number}")
            for true, taken, number in largest_confusions(counts, LISTED)
        ]
        listed = (tag("p", "Most frequent mistakes"), tag("ol", worst)) if worst else None
        return join([said, _scrolled(shown), listed])

    return _by_run(runs, panel)


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
    return tag("img", class_="heatmap", src=data_uri(grey, largest=len(grey)), alt=alt)


def spectra(runs: Sequence[Exhibit]) -> Markup | None:
    """How the variance of the features spreads over their dimensions."""
    series = []
    for index, run in enumerate(runs):
        values = run.look.spectrum if run.look else np.zeros(1)
        if values[0] > 0:
            kept = values[values > 1e-9 * values[0]] / values.sum()
            numbers = list(map(float, range(1, len(kept) + 1)))
            rank = f" (effective rank {run.look.rank:.1f})" if run.look else ""
            series.append(Series(run.record.name + rank, index, numbers, kept.tolist()))
    if not series:
        return None
    title = "eigenvalues of the covariance, as parts of their sum"
    return tag("div", line_chart(title, series, x_title="number", log=True), class_="charts")


def _by_run(runs: Sequence[Exhibit], panel: Callable[[Exhibit], Markup | None]) -> Markup | None:
    """The panels side by side, under the names of their runs; None where there is no panel."""
    shown = []
    for index, run in enumerate(runs):
        made = panel(run)
        if made is not None:
            name = tag("h3", swatch(index), run.record.name) if len(runs) > 1 else None
            shown.append(tag("div", name, made, class_="panel"))
    return tag("div", shown, class_="runs") if shown else None


def _image(picture: np.ndarray, alt: str) -> Markup:
    small = max(picture.shape[:2]) <= EXACT
    return tag("img", src=data_uri(picture), alt=alt, class_="pixels" if small else None)


def _scrolled(content: Markup) -> Markup:
    return tag("div", content, class_="scrolled")
