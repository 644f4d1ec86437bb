"""The bytes that a kernel would move if nothing stayed in a cache.

Every operand and result counts once, but gathers, slices and updates of slices count only the part
that they touch.

body: the computation of a fusion; empty for all other instructions.
"""

from collections.abc import Sequence

from hlo.text import Computation, Instruction, Shape

_TAKES = ("gather", "slice", "dynamic-slice")


def read(instruction: Instruction, sources: Sequence[Instruction], body: Computation) -> int:
    """The bytes read from `sources`, the operands."""
    if body:
        return sum(_taken(body, p) for p in body.values() if p.opcode == "parameter")
    sizes = [source.bytes for source in sources]
    if instruction.opcode in _TAKES:
        sizes[0] = min(sizes[0], instruction.bytes)
    if instruction.opcode == "dynamic-update-slice":
        sizes[0] = 0
    return sum(sizes)


def _taken(body: Computation, source: Instruction) -> int:
    """The bytes of `source`, an operand of a fusion or a view of it, that the fusion reads."""
    taken = 0
    for user in body.values():
        if source.name not in user.operands:
            continue
        first = user.operands[0] == source.name
        if user.opcode in ("bitcast", "reshape"):
            taken += _taken(body, user)
        elif first and user.opcode in _TAKES:
            taken += user.bytes
        elif not (first and user.opcode == "dynamic-update-slice"):
            return source.bytes
    return min(taken, source.bytes)


def written(
    instruction: Instruction,
    computation: Computation,
    outputs: Sequence[Shape],
    body: Computation,
) -> int:
    """The bytes written to `outputs`. computation: the one that the instruction stands in."""
    results = [instruction]
    if body:
        computation = body
        results = [i for i in body.values() if i.root]
        if results[0].opcode == "tuple":
            results = [body[name] for name in results[0].operands]
    updates = [r for r in results if r.opcode == "dynamic-update-slice"]
    saved = sum(r.bytes - computation[r.operands[1]].bytes for r in updates)
    return sum(shape.bytes for shape in outputs) - saved
