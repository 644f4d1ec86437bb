"""A table beside the paper's numbers: Markdown, and a figure."""

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from experiments.engine import scales
from experiments.engine.cells import CURVES, cell_of
from experiments.engine.runs import Run, missing, runs_of
from experiments.engine.statistics import difference, spread
from experiments.engine.store import Store
from experiments.engine.table import Column, Row, Table


class Measured(NamedTuple):
    """The finished runs of a row.

    row: of the table.
    results: by seed.
    """

    row: Row
    results: Mapping[int, Mapping[str, Any]]


def measured(table: Table, scale: str, store: Store) -> list[Measured]:
    """What there is of every row."""
    found: dict[str, dict[int, Mapping[str, Any]]] = {row.name: {} for row in table.rows}
    for run in runs_of(table, scale):
        for result in store.of_settings(run.config):
            if not missing(run, result):
                found[run.row.name][run.seed] = result
    return [Measured(row, found[row.name]) for row in table.rows]


def value_of(result: Mapping[str, Any], column: Column, scale: str) -> float | None:
    """The number of a run in a column; None where its protocol gives none."""
    if column.protocol == CURVES:
        place, _, key = column.metric.partition("_")
        points = result["curve"] or [{}]
        return points[{"first": 0, "last": -1}[place]].get(key)
    cell = cell_of(column, scale)
    return cell and cell.value(result)


def values(row: Measured, column: Column, scale: str) -> dict[int, float]:
    """The numbers of a row in a column, by seed."""
    found = {seed: value_of(result, column, scale) for seed, result in row.results.items()}
    factor = 100.0 if column.percent else 1.0
    return {seed: factor * value for seed, value in found.items() if value is not None}


def markdown(table: Table, scale: str, store: Store) -> str:
    """The table with published and measured numbers, and the difference to the compared row.

    A difference whose 95 % interval holds zero is marked "~"; of a single seed there is none. What
    is empty in all rows, as the published numbers of a study of ours, is left out.
    """
    rows = {row.row.name: row for row in measured(table, scale, store)}
    head = ["row"]
    shown = {column.title: _shown(table, column, scale) for column in table.columns}
    for column in table.columns:
        titles = (f"{column.title}, published", f"{column.title}, here", "difference")
        head += itertools.compress(titles, shown[column.title])
    lines = [f"| {' | '.join([*head, 'seeds'])} |", "|---" * (len(head) + 1) + "|"]
    for name, row in rows.items():
        cells = [name]
        for column in table.columns:
            published = row.row.published.get(column.title)
            here = _cells(row, rows.get(row.row.against), column, scale)
            texts = ("" if published is None else str(published), *here)
            cells += itertools.compress(texts, shown[column.title])
        absent = "not run" if scale in row.row.scales else "not at this scale"
        cells.append(str(len(row.results)) if row.results else absent)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*_heading(table, scale), "", *lines, "", *_footnotes(table, rows, scale)])


def _shown(table: Table, column: Column, scale: str) -> tuple[bool, bool, bool]:
    """Whether a column has (published numbers, measured ones, differences)."""
    published = any(row.published.get(column.title) is not None for row in table.rows)
    measured = column.protocol == CURVES or cell_of(column, scale) is not None
    return published, measured, measured and any(row.against for row in table.rows)


def _cells(row: Measured, other: Measured | None, column: Column, scale: str) -> tuple[str, str]:
    """(mean and deviation, difference to the other row)."""
    own = values(row, column, scale)
    if not own:
        return "", ""
    mean, deviation, _ = spread(list(own.values()))
    text = f"{mean:.2f}" + ("" if deviation is None else f" ± {deviation:.2f}")
    if other is None:
        return text, ""
    found = difference(own, values(other, column, scale))
    if found is None or found.low is None:
        return text, ""
    mark = "" if found.clear else "~ "
    return text, f"{mark}{found.mean:+.2f} [{found.low:+.2f}, {found.high:+.2f}]"


def _heading(table: Table, scale: str) -> list[str]:
    return [
        f"**{table.source}**: {table.about}",
        "",
        f"Scale `{scale}`: {scales.SCALES[scale].about}.",
    ]


def _protocol(column: Column, scale: str) -> str:
    """How a column is measured at a scale, and what that replaces."""
    if column.protocol == CURVES:
        return f"`{CURVES}`"
    cell, own = cell_of(column, scale), cell_of(column, "paper")
    assert own
    if cell is None:
        return f"not at this scale; `{own.evaluation}`"
    replaced = "" if cell.evaluation == own.evaluation else f" in place of `{own.evaluation}`"
    return f"`{cell.evaluation}`{replaced}"


def _footnotes(table: Table, rows: Mapping[str, Measured], scale: str) -> list[str]:
    """Protocols, what was compared, readings, and what the numbers were made with."""
    named = [
        f"{column.title}: {_protocol(column, scale)}" for column in table.columns if column.protocol
    ]
    results = [result for row in rows.values() for result in row.results.values()]
    devices = sorted({result["device"] for result in results})
    commits = sorted({result["commit"] for result in results})
    lines = [f"Protocols: {'; '.join(named)}.", *_to_beat(table, rows, scale)]
    if any(row.against for row in table.rows):
        pairs = {row.against: None for row in table.rows if row.against}
        lines.append(
            f"Differences are to: {', '.join(pairs)}; in brackets the 95 % bootstrap interval over "
            "the seeds, ~ where it holds zero."
        )
    lines += [f"Reading: {reading}" for reading in table.readings]
    if results:
        lines.append(f"Made on {', '.join(devices)} with {', '.join(commits)}.")
    return lines


def _to_beat(table: Table, rows: Mapping[str, Measured], scale: str) -> list[str]:
    """What an untrained encoder and raw pixels have in the columns, beside the first row."""
    first = next((row for row in rows.values() if row.results), None)
    if first is None:
        return []
    lines = []
    for who, name in (("untrained", "the untrained encoder"), ("pixels", "raw pixels")):
        numbers = []
        for column in table.columns:
            cell = cell_of(column, scale)
            own = [cell.final(result, who) for result in first.results.values() if cell]
            found = [100 * value for value in own if value is not None]
            numbers += [f"{column.title} {spread(found).mean:.2f}"] if found else []
        if numbers:
            lines.append(f"To beat: {', '.join(numbers)} of {name} ({first.row.name}).")
    return lines


def figure(table: Table, scale: str, store: Store, path: Path) -> None:
    """Published and measured numbers of every row, one panel per column."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    rows = measured(table, scale, store)
    size = (1.5 + 4.0 * len(table.columns), 1.2 + 0.32 * len(rows))
    figure, panels = plt.subplots(
        1, len(table.columns), figsize=size, layout="constrained", sharey=True, squeeze=False
    )
    for axes, column in zip(panels[0], table.columns, strict=True):
        for place, row in enumerate(rows):
            own = list(values(row, column, scale).values())
            axes.plot(own, [place] * len(own), "o", color="tab:blue", alpha=0.6)
            published = row.row.published.get(column.title)
            if published is not None:
                axes.plot([published], [place], "|", color="tab:orange", markersize=14)
        axes.set(title=column.title, yticks=range(len(rows)))
        axes.set_yticklabels([row.row.name for row in rows])
        axes.grid(axis="x", alpha=0.3)
    panels[0][0].invert_yaxis()
    figure.suptitle(f"{table.source}; blue: here, {scale}; orange: published", fontsize="small")
    figure.savefig(path, dpi=110)
    plt.close(figure)


def state(table: Table, scale: str, store: Store) -> str:
    """How much of a table is there, as "3/15"."""
    runs: Sequence[Run] = runs_of(table, scale)
    done = sum(
        any(not missing(run, result) for result in store.of_settings(run.config)) for run in runs
    )
    return f"{done}/{len(runs)}" if runs else "-"
