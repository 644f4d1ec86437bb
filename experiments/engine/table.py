"""What a table of a paper is: rows, columns, and what was published in each cell."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

NOTHING: Mapping[str, Any] = {}


class Column(NamedTuple):
    """A column of a table.

    title: its heading, and the key of its published numbers.
    protocol: a name of `ssl_jax.evaluate`; scales that have no time for it put another in place.
      Or "curve", what was logged while training; "" is published only, as it needs another
      package.
    metric: of the protocol's result, a share in [0, 1] unless `percent` is false; of a curve
      "first_loss", "last_loss" and so on.
    percent: whether it is shown in per cent.
    data: another data set on which the encoder is evaluated, a name of `ssl_jax.evaluate --data` or
      that of a folder with train/ and val/; empty: the row's own. Scales have others in its place.
    at: share of the row's epochs after which the encoder is evaluated; below 1 that of an earlier
      checkpoint of the same run.
    """

    title: str
    protocol: str = ""
    metric: str = "top1"
    percent: bool = True
    data: str = ""
    at: float = 1.0


class Row(NamedTuple):
    """A row of a table: a config, what is changed in it, and what was published.

    name: as the table has it.
    config: name of a config of ssl_jax.
    paper, gpu: its variant at these scales; the others have settings of their own.
    changes: values by dotted key, at every scale.
    at: further changes, by scale.
    against: the row that the paper compares this one with; empty: none.
    scales: where the row says something of its own; at the others it would be the run of another
      row, as one on another data set is where all train on CIFAR-10.
    published: numbers by the title of the column, as the paper prints them.
    """

    name: str
    config: str
    paper: str = "cifar10"
    gpu: str = "cifar10"
    changes: Mapping[str, Any] = NOTHING
    at: Mapping[str, Mapping[str, Any]] = NOTHING
    against: str = ""
    published: Mapping[str, float | None] = NOTHING
    scales: Sequence[str] = ("smoke", "small", "gpu", "paper")


class Table(NamedTuple):
    """A table or figure of a paper.

    source: paper and number.
    about: what it shows, in a sentence.
    columns: what is measured of each row.
    rows: in the paper's order.
    seeds: of every row.
    readings: what was read where the paper is silent or contradicts itself.
    """

    source: str
    about: str
    columns: Sequence[Column]
    rows: Sequence[Row]
    seeds: Sequence[int] = (0, 1, 2)
    readings: Sequence[str] = ()

    def row(self, name: str) -> Row:
        """The row of this name; `KeyError` where there is none."""
        return {row.name: row for row in self.rows}[name]
