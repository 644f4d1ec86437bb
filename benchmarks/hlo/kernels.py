"""From the computations of a module to the kernels that it launches."""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from hlo import products, traffic
from hlo.text import Computation, Instruction, Shape, parse


class Kernel(NamedTuple):
    """What runs as one unit: one launch, or the few launches of a library call.

    name: of the instruction, which profiles use too. opcode: "fusion", "custom-call", "copy", ...
    kind: of a fusion, kLoop, kInput, kOutput, or kCustom with its backend ("kCustom
    __triton_gemm"). target: of a custom call. inner: the opcodes inside a fusion, each once.
    operands, outputs: arrays, those of a tuple one by one; without the scratch space of libraries.
    read, written: bytes. flop: of convolutions and products, with padding counted as data, else 0.
    product: the kind of convolution, or MATRIX, or "". op_name: the path in the source program; a
    fusion without one has that of its last instruction that has one, anything else that of its
    nearest operand. count: how often it runs in the program; in a loop of unknown length, whose
    name is `loop`, as if the loop ran once.
    """

    name: str
    opcode: str
    kind: str
    target: str
    inner: tuple[str, ...]
    operands: tuple[Shape, ...]
    outputs: tuple[Shape, ...]
    read: int
    written: int
    flop: int
    product: str
    op_name: str
    count: int
    loop: str

    @property
    def bytes(self) -> int:
        """Moved in one run."""
        return self.read + self.written


_TRIPS = re.compile(r'"known_trip_count":\{"n":"(\d+)"')
_NO_KERNELS = {
    "parameter",
    "constant",
    "tuple",
    "get-tuple-element",
    "bitcast",
    "after-all",
    "add-dependency",
    "opt-barrier",
    "partition-id",
    "replica-id",
}


def kernels(text: str) -> tuple[Kernel, ...]:
    """All kernels of a module, in the order of its text (the schedule, if it has one).

    text: of an optimized module, `compiled.as_text()`.

    Raises:
      ValueError: if the text has no entry computation.
    """
    computations, entry = parse(text)
    found: dict[str, Kernel] = {}
    for kernel in _walk(computations, entry, 1, ""):
        before = found.get(kernel.name)  # if its computation is called from several places
        found[kernel.name] = (
            kernel._replace(count=kernel.count + before.count) if before else kernel
        )
    return tuple(found.values())


def _walk(
    computations: dict[str, Computation], name: str, count: int, loop: str
) -> Iterator[Kernel]:
    """The kernels of a computation and of those that it runs."""
    computation = computations[name]
    for instruction in computation.values():
        opcode = instruction.opcode
        if opcode == "while":
            trips = _TRIPS.search(instruction.attributes)
            turns = count * int(trips[1]) if trips else count
            inside = loop if trips else instruction.name
            for part in ("condition", "body"):
                called = instruction.attribute(rf"{part}=%?([\w.\-]+)")
                yield from _walk(computations, called, turns, inside)
        elif opcode in ("call", "async-start"):
            called = instruction.attribute(r"to_apply=%?([\w.\-]+)") or instruction.called
            yield from _walk(computations, called, count, loop)
        elif opcode == "conditional":  # count every branch as if it were taken
            listed = instruction.attribute(r"branch_computations=\{([^}]*)\}")
            branches = re.findall(r"[\w.\-]+", listed) or re.findall(
                r"(?:true|false)_computation=%?([\w.\-]+)", instruction.attributes
            )
            for branch in branches:
                yield from _walk(computations, branch, count, loop)
        elif opcode not in _NO_KERNELS and not opcode.endswith(("-done", "-update")):
            yield _kernel(computations, computation, instruction, count, loop)


def _kernel(
    computations: dict[str, Computation],
    computation: Computation,
    instruction: Instruction,
    count: int,
    loop: str,
) -> Kernel:
    fused = list(_fused(computations, instruction))
    backend = instruction.attribute(r'"kind":\s*"(__[^"]*)"')
    own = _own_path(instruction, fused)
    outputs = instruction.shapes
    scratch = len(outputs) > 1 and outputs[-1].dtype in ("u8", "s8")
    if instruction.target.startswith("__cu") and scratch:
        outputs = outputs[:-1]
    sources = [computation[name] for name in instruction.operands if name in computation]
    work = [
        (products.product(i, i.op_name or own), products.flop(inner, i))
        for inner, i in [(computation, instruction), *fused]
    ]
    body = computations.get(instruction.called, {}) if instruction.opcode == "fusion" else {}
    return Kernel(
        name=instruction.name,
        opcode=instruction.opcode,
        kind=" ".join(filter(None, [instruction.attribute(r"kind=(k\w+)"), backend])),
        target=instruction.target,
        inner=tuple(dict.fromkeys(i.opcode for _, i in fused if i.opcode not in _NO_KERNELS)),
        operands=tuple(shape for source in sources for shape in source.shapes),
        outputs=outputs,
        read=traffic.read(instruction, sources, body),
        written=traffic.written(instruction, computation, outputs, body),
        flop=sum(flop for _, flop in work),
        product=next((product for product, _ in work if product), ""),
        op_name=own or _path(computations, computation, sources),
        count=count,
        loop=loop,
    )


def _own_path(instruction: Instruction, fused: Sequence[tuple[Computation, Instruction]]) -> str:
    return instruction.op_name or next((i.op_name for _, i in reversed(fused) if i.op_name), "")


def _path(
    computations: dict[str, Computation],
    computation: Computation,
    sources: Sequence[Instruction],
    depth: int = 4,
) -> str:
    """The path of the nearest of `sources` or of their own operands; "" if all are too far."""
    for source in sources:
        path = _own_path(source, list(_fused(computations, source)))
        if "/" in path:  # for a parameter, the path is just its name
            return path
    further = [computation[name] for s in sources for name in s.operands if name in computation]
    return _path(computations, computation, further, depth - 1) if further and depth else ""


def _fused(
    computations: dict[str, Computation], instruction: Instruction
) -> Iterator[tuple[Computation, Instruction]]:
    """All instructions inside a fusion and the fusions in it, each with its computation."""
    if instruction.opcode != "fusion":
        return
    inner = computations.get(instruction.called, {})
    for part in inner.values():
        yield inner, part
        yield from _fused(computations, part)
