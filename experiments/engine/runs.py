"""The runs of a table: which there are, and what is missing of each."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ml_collections import ConfigDict

from experiments.engine import scales
from experiments.engine.cells import Cell, cell_of
from experiments.engine.table import NOTHING, Row, Table
from ssl_jax.errors import UserError


class Run(NamedTuple):
    """A row with a seed at a scale.

    config: resolved.
    cells: what its checkpoints are evaluated for.
    folders: of images by the name of a data set; "" is that of all others.
    """

    row: Row
    seed: int
    config: ConfigDict
    cells: tuple[Cell, ...]
    folders: Mapping[str, str] = NOTHING


def runs_of(
    table: Table,
    scale: str,
    *,
    rows: Sequence[str] = (),
    seeds: Sequence[int] = (),
    data: Mapping[str, str] = NOTHING,
) -> list[Run]:
    """The runs of a table, the first seed of all rows first, so that it is whole early.

    Args:
      table: of a paper.
      scale: a key of `scales.SCALES`.
      rows: names of rows; empty: all.
      seeds: empty: the table's.
      data: folders by the name of a data set; "" is that of all others.

    Raises:
      UserError: for a row that does not exist.
    """
    names = [row.name for row in table.rows]
    if unknown := [name for name in rows if name not in names]:
        raise UserError(f"there is no row {unknown[0]!r}; there are {', '.join(names)}")
    cells = [cell_of(column, scale) for column in table.columns]
    asked = tuple(dict.fromkeys(cell for cell in cells if cell))
    return [
        Run(row, seed, scales.resolve(row, scale, seed=seed, data=data), asked, data)
        for seed in seeds or table.seeds
        for row in table.rows
        if scale in row.scales and (not rows or row.name in rows)
    ]


def missing(run: Run, result: Mapping[str, Any] | None) -> list[str]:
    """Evaluations that a run does not have; all of them if it was not trained."""
    return list(dict.fromkeys(cell.evaluation for cell in missing_cells(run, result)))


def missing_cells(run: Run, result: Mapping[str, Any] | None) -> list[Cell]:
    """Cells that a run was not evaluated for; all of them if it was not trained."""
    if result is None:
        return list(run.cells)
    return [
        cell
        for cell in run.cells
        if cell.evaluation not in result["evaluations"] and cell.final(result) is None
    ]
