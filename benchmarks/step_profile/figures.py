"""Kernels of the program with the time that events of the trace say they took."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hlo import categories
from hlo.categories import category
from hlo.findings import findings
from hlo.kernels import Kernel

from step_profile.trace import Event

TOP = 20

# Seconds by the name of a kernel of the program, and within it by the names of the events.
Spent = Mapping[str, Mapping[str, float]]

# What cuDNN and others run before and after the convolution that was asked for.
_LAYOUT = re.compile(r"nchwToNhwc|nhwcToNchw|nchw2nhwc|nhwc2nchw|transpose_readWrite", re.I)
# For kernels of libraries whose event names no instruction: what their own names tell.
_LIBRARIES = (
    (re.compile("wgrad", re.I), categories.FILTER),
    (re.compile("dgrad", re.I), categories.DATA),
    (re.compile("fprop|cudnn|conv(?!ert)", re.I), categories.FORWARD),
    (re.compile("gemm|cublas|cutlass|nvjet", re.I), categories.MATRIX),
    (re.compile("threefry", re.I), categories.RANDOM),
    (re.compile("nccl", re.I), categories.COLLECTIVES),
)


def figures(
    kernels: Sequence[Kernel],
    events: Sequence[Event],
    *,
    steps: int,
    activation: int,
    compute: str,
) -> dict[str, Any]:
    """The program's kernels with their times, by category and one by one; JSON values.

    activation, compute: see `hlo.findings.findings`.
    """
    spent, strangers = attribute(events, kernels)
    found = findings(kernels, activation=activation, compute=compute)
    seconds: dict[str, float] = defaultdict(float)
    for kernel in kernels:
        seconds[category(kernel)] += sum(spent[kernel.name].values()) / steps
    for name, value in strangers.items():
        seconds[stranger(name)] += value / steps
    lines = [_line(kernel, spent[kernel.name], steps) for kernel in kernels]
    layout, float32 = (
        [line for line, kernel in zip(lines, kernels, strict=True) if kernel in part]
        for part in (found.layout, found.float32)
    )
    inside = sum(event.end - event.start for event in events if _LAYOUT.search(event.name))
    return {
        "categories": {
            name: {
                "kernels": found.kernels.get(name, 0),
                **rates(seconds[name], found.bytes.get(name, 0), found.flop.get(name, 0)),
            }
            for name in categories.CATEGORIES
            if found.kernels.get(name) or seconds[name]
        },
        "longest kernels": _largest(lines, "ms"),
        "not of the program": [
            {"name": name, "ms": strangers[name] / steps * 1e3}
            for name in sorted(strangers, key=lambda name: -strangers[name])[:TOP]
        ],
        "findings": {
            "kernels": sum(found.kernels.values()),
            "loops of unknown length": list(found.loops),
            "activation, elements": activation,
            "layout": _total(layout),
            "float32": _total(float32),
            "layout inside libraries, ms": inside / steps * 1e3,
        },
    }


def attribute(
    events: Iterable[Event], kernels: Iterable[Kernel]
) -> tuple[Spent, Mapping[str, float]]:
    """Seconds of each kernel of the program; seconds of all other events, by their names.

    Events in CUDA graphs name no instruction, but those of XLA's own kernels bear their names.
    """
    names = {kernel.name for kernel in kernels}
    symbols = {re.sub(r"\W", "_", name): name for name in names}
    spent: dict[str, dict[str, float]] = {name: defaultdict(float) for name in names}
    strangers: dict[str, float] = defaultdict(float)
    for event in events:
        name = event.op if event.op in names else symbols.get(event.name)
        seconds = strangers if name is None else spent[name]
        seconds[event.name] += event.end - event.start
    return spent, strangers


def stranger(name: str) -> str:
    """The category of an event that belongs to no instruction, as far as its name tells."""
    return next((kind for pattern, kind in _LIBRARIES if pattern.search(name)), categories.OTHER)


def rates(seconds: float, moved: float, flop: float) -> dict[str, float]:
    """Time, bytes and operations, and the rates that follow where there is a time."""
    row = {"ms": seconds * 1e3, "GB": moved / 1e9, "GFLOP": flop / 1e9}
    if seconds:
        row |= {"TB/s": moved / seconds / 1e12, "TFLOP/s": flop / seconds / 1e12}
    return row


def _line(kernel: Kernel, events: Mapping[str, float], steps: int) -> dict[str, Any]:
    """Everything known about a kernel. event: what took longest among its launches."""
    work = kernel.count * kernel.bytes, kernel.count * kernel.flop
    return {
        "name": kernel.name,
        "category": category(kernel),
        **rates(sum(events.values()) / steps, *work),
        "runs": kernel.count,
        "what": " ".join(filter(None, [kernel.opcode, kernel.kind, kernel.target])),
        "source": kernel.op_name,
        "inner": list(kernel.inner),
        "operands": [str(shape) for shape in kernel.operands],
        "outputs": [str(shape) for shape in kernel.outputs],
        "event": max(events, key=lambda name: events[name], default=""),
    }


def _largest(lines: Iterable[dict[str, Any]], key: str) -> list[dict[str, Any]]:
    return sorted(lines, key=lambda line: line[key], reverse=True)[:TOP]


def _total(lines: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The sums over these kernels, and the largest of them."""
    return {
        "kernels": sum(line["runs"] for line in lines),
        "ms": sum(line["ms"] for line in lines),
        "GB": sum(line["GB"] for line in lines),
        "largest": _largest(lines, "GB"),
    }
