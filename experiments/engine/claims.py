"""What a paper claims, as the sign of a difference in a table, and whether it held here."""

from collections.abc import Sequence
from typing import NamedTuple

from experiments.engine import catalogue
from experiments.engine.render import Measured, measured, values
from experiments.engine.statistics import Difference, difference
from experiments.engine.store import Store
from experiments.engine.table import Column, Table

# The scale smoke shows that a row runs, and nothing about it.
SCALES = ("small", "gpu", "paper")
NOT_MEASURED = "not measured"


class Claim(NamedTuple):
    """A row of a table is better than another row.

    text: in words.
    table: name of the table.
    row: of the table.
    than: the other row; empty: the one that the table compares it with.
    column: title of a column; empty: the first.
    """

    text: str
    table: str
    row: str
    than: str = ""
    column: str = ""


def page(claims: Sequence[Claim], store: Store) -> str:
    """All claims as a Markdown table, with what was published and what was found at the scales."""
    lines = [
        f"| claim | table | published | {' | '.join(SCALES)} |",
        "|" + "---|" * (3 + len(SCALES)),
    ]
    for claim in claims:
        table = catalogue.table(claim.table)
        found = [verdict(claim, table, scale, store) for scale in SCALES]
        cells = [claim.text, f"`{claim.table}`", published(claim, table), *found]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def published(claim: Claim, table: Table) -> str:
    """The paper's difference, as +1.25."""
    row, than, column = _places(claim, table)
    theirs = [table.row(name).published[column.title] for name in (row, than)]
    assert None not in theirs, f"{claim.table}: {row} or {than} was not published"
    better, worse = [number or 0.0 for number in theirs]
    return f"{better - worse:+.2f}"


def verdict(claim: Claim, table: Table, scale: str, store: Store) -> str:
    """Whether a claim held at a scale: only if the interval of the difference leaves out zero."""
    name, other, column = _places(claim, table)
    rows = {row.row.name: row for row in measured(table, scale, store)}
    found = _difference(rows[name], rows[other], column, scale)
    if found is None or found.low is None:
        return NOT_MEASURED
    word = "undecided"
    if found.clear:
        word = "held" if found.mean > 0 else "did not hold"
    return f"{word}: {found.mean:+.2f} [{found.low:+.2f}, {found.high:+.2f}]"


def _places(claim: Claim, table: Table) -> tuple[str, str, Column]:
    """The two rows, and the column."""
    columns = {column.title: column for column in table.columns}
    column = columns[claim.column] if claim.column else table.columns[0]
    return claim.row, claim.than or table.row(claim.row).against, column


def _difference(row: Measured, other: Measured, column: Column, scale: str) -> Difference | None:
    return difference(values(row, column, scale), values(other, column, scale))
