"""What all kernels of a step do together, and which of them do what a fast step avoids."""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from hlo.categories import category
from hlo.kernels import Kernel


class Findings(NamedTuple):
    """What one step does, by category, and what it should not do.

    kernels, bytes, flop: by category, in one run of the program. loops: those whose length XLA
    does not know; on a GPU the host waits in every turn. layout: kernels that write activations
    and transpose or copy, with or without other work. float32: kernels that write activations as
    float32 although the program computes in bfloat16.
    """

    kernels: dict[str, int]
    bytes: dict[str, int]
    flop: dict[str, int]
    loops: tuple[str, ...]
    layout: tuple[Kernel, ...]
    float32: tuple[Kernel, ...]


def findings(parts: Iterable[Kernel], *, activation: int, compute: str) -> Findings:
    """See `Findings`.

    activation: arrays with at least this many elements count as activations; one more than the
    largest parameter has is a good choice. compute: the dtype in which the networks compute, as
    jnp.dtype names it.
    """
    parts = tuple(parts)
    count, moved, flop = Counter(), Counter(), Counter()
    for kernel in parts:
        name = category(kernel)
        count[name] += kernel.count
        moved[name] += kernel.count * kernel.bytes
        flop[name] += kernel.count * kernel.flop
    large = [k for k in parts if any(o.elements >= activation for o in k.outputs)]
    moves = {"copy", "transpose"}
    return Findings(
        kernels=dict(count),
        bytes=dict(moved),
        flop=dict(flop),
        loops=tuple(dict.fromkeys(k.loop for k in parts if k.loop)),
        layout=tuple(k for k in large if moves & {k.opcode, *k.inner}),
        float32=tuple(
            k
            for k in large
            if compute in ("bfloat16", "float16")
            and any(o.dtype == "f32" and o.elements >= activation for o in k.outputs)
        ),
    )
