"""Types for signatures that say which values an option may have.

    def make(backbone, steps, *, hidden: Width = 2048, temperature: Temperature = 0.2): ...

A range stands here or in the signature and nowhere else; `options.judge` reads it from there. An
option without one is covered as well: see `judge.bare`.
"""

from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple

Number = float | int
INT32 = 2**31 - 1  # what a step is counted in
FLOAT32 = 3.4e38


class Range(NamedTuple):
    """Numbers from `least` to `most`; with `above` or `below`, not that end itself.

    >>> Range(0, 1, above=True).rule
    'must be in (0, 1]'
    >>> [Range(0, 1).holds(value) for value in (0, 1.5, float("nan"))]
    [True, False, False]
    """

    least: Number
    most: Number
    above: bool = False
    below: bool = False

    def holds(self, value: Number) -> bool:
        """Whether a number is one of them; NaN is not."""
        low = value > self.least if self.above else value >= self.least
        high = value < self.most if self.below else value <= self.most
        return low and high

    @property
    def rule(self) -> str:
        """A clause that follows "key=value"."""
        first, last = "(" if self.above else "[", ")" if self.below else "]"
        return f"must be in {first}{_text(self.least)}, {_text(self.most)}{last}"


class OneOf(NamedTuple):
    """Some values and no others."""

    values: tuple[Any, ...]

    def holds(self, value: Any) -> bool:
        """Whether a value is one of them; True is not 1."""
        return any(value == known and type(value) is type(known) for known in self.values)

    @property
    def rule(self) -> str:
        """A clause that follows "key=value"."""
        *most, last = map(str, self.values)
        return f"must be {', '.join(most)} or {last}" if most else f"must be {last}"


class Length(NamedTuple):
    """Sequences of `least` to `most` values; with `or_none`, empty ones as well."""

    least: int
    most: int
    or_none: bool = False

    def holds(self, value: Sequence[Any]) -> bool:
        """Whether a sequence is neither too short nor too long."""
        return self.least <= len(value) <= self.most or (self.or_none and not value)

    @property
    def rule(self) -> str:
        """A clause that follows "key=value"."""
        count = f"{self.least}" if self.least == self.most else f"{self.least} to {self.most}"
        return f"must have {count} values{' or none' if self.or_none else ''}"


class Ascending(NamedTuple):
    """Sequences in which no value is below the one before it; with `strict`, or equal to it."""

    strict: bool = False

    def holds(self, value: Sequence[Number]) -> bool:
        """Whether the values ascend."""
        return list(value) == sorted(set(value) if self.strict else value)

    @property
    def rule(self) -> str:
        """A clause that follows "key=value"."""
        return "must have the lower bound first"


def one_of(*values: Any) -> OneOf:
    """The rule of an option with a menu."""
    return OneOf(values)


def _text(number: Number) -> str:
    return str(number) if isinstance(number, int) else f"{number:g}"


# Numbers of things.
Count = Annotated[int, Range(1, INT32)]
CountOrNone = Annotated[int, Range(0, INT32)]  # 0 has a meaning of its own
Width = Annotated[int, Range(1, 2**20)]
WidthOrNone = Annotated[int, Range(0, 2**20)]
Layers = Annotated[int, Range(1, 100)]
LayersOrNone = Annotated[int, Range(0, 100)]
QueueSize = Annotated[int, Range(1, 2**22)]
Iterations = Annotated[int, Range(1, 100)]
Copies = Annotated[int, Range(1, 100)]
Pixels = Annotated[int, Range(1, 4096)]
PixelsOrNone = Annotated[int, Range(0, 4096)]
# Of a ResNet: the width doubles from one stage to the next.
Stages = Annotated[Sequence[Annotated[int, Range(1, 1000)]], Length(0, 8)]

BatchSize = Annotated[int, Range(1, 2**20)]
Seed = Annotated[int, Range(0, 2**32 - 1)]

# Numbers.
Share = Annotated[Number, Range(0.0, 1.0)]  # shares, probabilities, decays
ShareBelowOne = Annotated[Number, Range(0.0, 1.0, below=True)]
ShareAboveZero = Annotated[Number, Range(0.0, 1.0, above=True)]
Crop = Annotated[Number, Range(0.01, 1.0)]  # central share of a side
Temperature = Annotated[Number, Range(1e-3, 1e3)]
# Of a term of a loss, or any other factor.
Weight = Annotated[Number, Range(0.0, 1e6)]
Factor = Annotated[Number, Range(0.0, 1e6, above=True)]
Exponent = Annotated[Number, Range(0.0, 100.0, above=True)]
Epochs = Annotated[Number, Range(0.0, 1e6)]
