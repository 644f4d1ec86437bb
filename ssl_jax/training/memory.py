"""Memory that a program will need, from the shapes of its values: seconds, nothing is compiled.

A value lives from the equation that makes it to the last one that uses it. What a compiler fuses
into its consumers takes no memory, but keeps alive what it is computed from: elementwise results
with one consumer, broadcasts and reshapes. The rest does: operands and results of convolutions,
products, sorts and the like, results of reductions, and elementwise results that are used again, in
the backward pass for instance.
"""

import math
from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
from jax.extend.core import ClosedJaxpr, Jaxpr, Literal

# Compiled programs need this much more than the peak: copies in other layouts, space of library
# calls, gaps. Fitted to six train steps compiled for CPU; see docs/scaling.md for how well.
OVERHEAD = 1.28

# fmt: off
_OPERANDS_IN_MEMORY = frozenset((
    "conv_general_dilated", "dot_general", "sort", "gather", "scatter", "scatter-add", "top_k",
    "cholesky", "eigh", "svd", "qr", "lu", "triangular_solve", "cumsum", "cumprod", "cummax",
    "reduce_window", "reduce_window_max", "reduce_window_sum", "select_and_scatter_add", "while",
    "scan", "cond", "concatenate", "dynamic_update_slice", "fft",
))
_RESULTS_IN_MEMORY = frozenset((
    "reduce_sum", "reduce_max", "reduce_min", "reduce_and", "reduce_or", "reduce_prod", "argmax",
    "argmin",
))
_FREE = frozenset((
    "broadcast_in_dim", "reshape", "convert_element_type", "iota", "squeeze", "transpose", "slice",
))
_CALLS = frozenset((
    "jit", "pjit", "closed_call", "core_call", "custom_jvp_call", "custom_vjp_call", "remat2",
    "checkpoint",
))
# fmt: on


class Memory(NamedTuple):
    """Bytes.

    arguments: of the program.
    temporary: at its peak, besides the arguments; results count.
    """

    arguments: float
    temporary: float


class _Value:
    """A value of a program, an identity with a size; calls are inlined, so names would clash."""

    def __init__(self, variable: Any, batch: int, devices: int):
        shape, dtype = variable.aval.shape, variable.aval.dtype
        size = float(math.prod(shape) * getattr(dtype, "itemsize", 8))
        split = any(side and side % batch == 0 for side in shape)
        self.size = size / devices if split else size


class _Equation(NamedTuple):
    name: str
    reads: list[_Value]
    makes: list[_Value]
    inside: float  # what a loop needs within


def predict(
    function: Callable[..., Any], *arguments: Any, batch: int = 1, devices: int = 1
) -> Memory:
    """Memory that a program will need on each device.

    Args:
      function: to be compiled.
      *arguments: arrays or `jax.ShapeDtypeStruct`s.
      batch: images per step. With several devices, a value with an axis of this length, or of a
        multiple of it, is taken to be split between them.
      devices: number of devices.
    """
    program = jax.make_jaxpr(function)(*arguments).jaxpr
    make = _Maker(batch, devices) if devices > 1 else _Maker(1, 1)
    given, temporary = _peak(program, make)
    return Memory(given, OVERHEAD * temporary)


class _Maker(NamedTuple):
    batch: int
    devices: int

    def __call__(self, variable: Any) -> _Value:
        return _Value(variable, self.batch, self.devices)


def _peak(program: Jaxpr, make: _Maker) -> tuple[float, float]:
    """(bytes of the arguments, largest sum of the bytes of other values alive at a time)."""
    known = {v: make(v) for v in (*program.invars, *program.constvars)}
    arguments = set(known.values())
    equations: list[_Equation] = []
    _inline(program, known, equations, make)
    results = {known[v] for v in program.outvars if not isinstance(v, Literal)}
    equations = _needed(equations, results)
    stored = _in_memory(equations) | arguments | results
    last = _last_uses(equations, stored) | dict.fromkeys(results, len(equations))
    ending: dict[int, list[_Value]] = {}
    for value, index in last.items():
        ending.setdefault(index, []).append(value)
    alive: set[_Value] = set()
    now = peak = 0.0
    for index, equation in enumerate(equations):
        for value in equation.makes:
            if value in stored and value not in arguments:
                alive.add(value)
                now += value.size
        peak = max(peak, now + equation.inside)
        for value in ending.get(index, ()):
            if value in alive:
                alive.remove(value)
                now -= value.size
    return sum((value.size for value in arguments), 0.0), peak


def _inline(program: Jaxpr, known: dict[Any, _Value], found: list[_Equation], make: _Maker) -> None:
    """Adds the equations of a program to `found`, those of functions that it calls in place."""
    for equation in program.eqns:
        name, inner = equation.primitive.name, _programs(equation.params)
        reads = [known[v] for v in equation.invars if not isinstance(v, Literal)]
        if inner and name in _CALLS:
            called = inner[0]
            given = {
                own: known[v] if not isinstance(v, Literal) else make(own)
                for own, v in zip(called.invars, equation.invars, strict=False)
            }
            given |= {v: make(v) for v in called.constvars}
            _inline(called, given, found, make)
            for out, own in zip(equation.outvars, called.outvars, strict=True):
                known[out] = make(out) if isinstance(own, Literal) else given[own]
            continue
        inside = max((sum(_peak(each, make)[1:]) for each in inner), default=0.0)
        makes = [make(v) for v in equation.outvars]
        known |= dict(zip(equation.outvars, makes, strict=True))
        found.append(_Equation(name, reads, makes, inside))


def _programs(params: dict[str, Any]) -> list[Jaxpr]:
    flat = [each for v in params.values() for each in (v if isinstance(v, list | tuple) else [v])]
    programs = [each.jaxpr if isinstance(each, ClosedJaxpr) else each for each in flat]
    return [each for each in programs if isinstance(each, Jaxpr)]


def _needed(equations: list[_Equation], results: set[_Value]) -> list[_Equation]:
    """The equations that the results depend on."""
    wanted, kept = set(results), []
    for equation in reversed(equations):
        if not wanted.isdisjoint(equation.makes):
            kept.append(equation)
            wanted.update(equation.reads)
    return kept[::-1]


def _in_memory(equations: list[_Equation]) -> set[_Value]:
    """The values that are not fused into their consumers."""
    uses = Counter(value for equation in equations for value in set(equation.reads))
    stored: set[_Value] = set()
    for name, reads, makes, _ in equations:
        if name in _OPERANDS_IN_MEMORY:
            stored.update(reads)
        if name in _OPERANDS_IN_MEMORY | _RESULTS_IN_MEMORY:
            stored.update(makes)
        elif name not in _FREE:
            stored.update(value for value in makes if uses[value] > 1)
    return stored


def _last_uses(equations: list[_Equation], stored: set[_Value]) -> dict[_Value, int]:
    """The last equation that needs each value in memory, itself or through what is fused."""
    sources: dict[_Value, frozenset[_Value]] = {}
    last: dict[_Value, int] = {}
    for index, equation in enumerate(equations):
        every = [
            frozenset([value]) if value in stored else sources.get(value, frozenset())
            for value in equation.reads
        ]
        needed = frozenset().union(*every)
        for value in equation.makes:
            if value not in stored:
                sources[value] = needed
        if not stored.isdisjoint(equation.makes):
            last |= dict.fromkeys(needed, index)
    return last
