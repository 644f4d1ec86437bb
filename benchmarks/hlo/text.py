"""Parsing the text of an HLO module into computations and their instructions."""

import math
import re
from typing import NamedTuple


class Shape(NamedTuple):
    dtype: str
    dims: tuple[int, ...]

    @property
    def elements(self) -> int:
        return math.prod(self.dims)

    @property
    def bytes(self) -> int:
        bits = 8 if self.dtype == "pred" else int((re.findall(r"\d+", self.dtype) or [0])[0])
        return math.ceil(self.elements * bits / 8)  # tokens have none

    def __str__(self) -> str:
        return f"{self.dtype}[{','.join(map(str, self.dims))}]"


class Instruction(NamedTuple):
    """One line of a computation.

    shapes: of the result; several for a tuple. opcode: without the "-start" of asynchronous
    operations. arguments: the text between the parentheses. attributes: the text after them.
    """

    name: str
    root: bool
    shapes: tuple[Shape, ...]
    opcode: str
    arguments: str
    attributes: str

    @property
    def operands(self) -> list[str]:
        """The names of its operands, each once."""
        return list(dict.fromkeys(re.findall(r"%([\w.\-]+)", self.arguments)))

    def attribute(self, pattern: str) -> str:
        """The first group of `pattern` in the attributes, or ""."""
        match = re.search(pattern, self.attributes)
        return match[1] if match else ""

    @property
    def op_name(self) -> str:
        return self.attribute(r'op_name="((?:[^"\\]|\\.)*)"').replace("\\'", "'")

    @property
    def target(self) -> str:
        """The function that a custom call calls."""
        return self.attribute(r'custom_call_target="([^"]*)"')

    @property
    def called(self) -> str:
        """The computation that a fusion consists of."""
        return self.attribute(r"calls=%?([\w.\-]+)")

    @property
    def bytes(self) -> int:
        return sum(shape.bytes for shape in self.shapes)


Computation = dict[str, Instruction]

_COMMENT = re.compile(r"/\*.*?\*/")
_HEADER = re.compile(r"^(ENTRY )?%?([\w.\-]+) .*\{$")
_LINE = re.compile(r"^\s+(ROOT )?%?([\w.\-]+) = (.*)$")
_ARRAY = re.compile(r"\b([a-z]\w*)\[([\d,<=]*)\]")


def module_name(text: str) -> str:
    """The module's name, which profiles use too."""
    match = re.match(r"HloModule ([\w.\-]+)", text)
    return match[1] if match else ""


def parse(text: str) -> tuple[dict[str, Computation], str]:
    """All computations by name, and the name of the entry computation.

    Raises:
      ValueError: if the text has no entry computation.
    """
    computations: dict[str, Computation] = {}
    entry, current = "", None
    for line in text.splitlines():
        if current is None:
            # The line that starts the module may end in a brace as well.
            if (match := _HEADER.match(line)) and not line.startswith("HloModule"):
                current = computations.setdefault(match[2], {})
                entry = match[2] if match[1] else entry
        elif line.startswith("}"):
            current = None
        elif match := _LINE.match(_COMMENT.sub("", line)):
            instruction = _instruction(match[2], bool(match[1]), match[3])
            current[instruction.name] = instruction
    if not entry:
        raise ValueError("the text has no ENTRY computation: is it an HLO module?")
    return computations, entry


def _instruction(name: str, root: bool, text: str) -> Instruction:
    """Parses `type opcode(arguments), attributes`."""
    end = _closing(text, 0) if text.startswith("(") else text.index(" ")
    opening = text.index("(", end)
    closing = _closing(text, opening)
    return Instruction(
        name,
        root,
        _arrays(text[:end]),
        re.sub("(?<!async)-start$", "", text[end:opening].strip()),
        text[opening + 1 : closing - 1],
        text[closing:],
    )


def _closing(text: str, start: int) -> int:
    """The index after the parenthesis that closes the one at `start`."""
    depth = 0
    for place in range(start, len(text)):
        depth += (text[place] == "(") - (text[place] == ")")
        if depth == 0:
            return place + 1
    raise ValueError(f"parentheses do not match in {text[start : start + 80]!r}")


def _arrays(text: str) -> tuple[Shape, ...]:
    return tuple(
        Shape(dtype, tuple(int(d.lstrip("<=")) for d in dims.split(",") if d))
        for dtype, dims in _ARRAY.findall(text)
    )
