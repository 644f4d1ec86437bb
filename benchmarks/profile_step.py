"""Where the time of a training step goes, kernel by kernel, and what bounds it.

    python benchmarks/profile_step.py [--config=FILE[:VARIANT]] [--config.KEY=VALUE] [--steps=20]
        [--json=FILE] [--trace=DIR] [--command_buffers=on]

Run it in the root of the repository, with ssl_jax installed or on PYTHONPATH. It trains on random
images of the right size, with augmentation, and needs no data set. Times are those of a trace of
--steps steps; bytes and operations are read from the compiled program (see hlo.py), so that a
rate above that of the memory means that a kernel found its operands in a cache.

On a GPU, XLA bundles kernels into CUDA graphs ("command buffers"). A trace then calls them by
their graph, not by the instruction that they come from, so they are switched off here; the step
is a little slower for it, by the gaps between kernels that graphs would close. With
--command_buffers=on they stay, and kernels are told by their own names as well as that goes.

On CPU, kernels run on several threads at once: shares of the step may add up to more than one.
"""

import os
import sys

# Before jax is imported: XLA reads it once.
if __name__ == "__main__" and "--command_buffers=on" not in sys.argv:
    os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} --xla_gpu_enable_command_buffer="

import re
import tempfile
import time
from collections import defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import hlo
import jax

from ssl_jax.benchmark import random_images
from ssl_jax.command_line import config_flags
from ssl_jax.errors import UserError
from ssl_jax.setup.build import build
from ssl_jax.setup.components import compute_dtype
from ssl_jax.storage import atomic
from ssl_jax.training.feed import Advance
from ssl_jax.types import Config

NO_BUFFERS = "--xla_gpu_enable_command_buffer="
WARM_UP = 3
TOP = 20
LONG_GAP = 50e-6  # seconds; launches of kernels are closer together
BATCHES = 4


def main(argv: Sequence[str]) -> None:
    """Flags: --config --config.KEY=VALUE --steps=N --json=FILE --trace=DIR --command_buffers=on"""
    on_cpu = jax.default_backend() == "cpu"
    default = "configs/simclr.py" if on_cpu else "configs/simclr.py:cifar10"
    command = config_flags.parse(
        argv,
        default,
        steps="Steps to trace.",
        json="Where to write the figures, too.",
        trace="Folder that keeps the trace.",
        command_buffers="on: leave CUDA graphs as they are.",
    )
    steps = command.extra["steps"] or "20"
    if not steps.isdecimal() or int(steps) < 1:
        raise UserError(f"--steps={steps} must be a number of steps, at least 1")
    if command.extra["command_buffers"] not in (None, "on", "off"):
        raise UserError("--command_buffers must be on or off")
    # A program from the cache may have the paths of the source as it once was.
    jax.config.update("jax_enable_compilation_cache", False)
    with tempfile.TemporaryDirectory() as folder:
        result = profile(command.config, int(steps), Path(command.extra["trace"] or folder))
    if path := command.extra["json"]:
        atomic.write_json(Path(path), {"config": atomic.as_json(command.config), **result})
    print(report(result))


def profile(config: Config, steps: int, folder: Path) -> dict[str, Any]:
    """Times, bytes and operations of a training step; JSON values. The trace goes to `folder`."""
    run = build(config, splits=random_images(config, batches=BATCHES))
    source, train = run.source(), run.init()
    advance = Advance(run.step, source, run.shardings)
    # The program that runs is the one that is read: autotuning may name kernels otherwise
    # when it compiles once more.
    program = advance.lower(train, source.feed(0, 1)).compile()

    def call(count: int) -> tuple[float, float]:
        """Seconds a step until all were handed to the device, and until all were done."""
        nonlocal train
        start, metrics = time.perf_counter(), None
        for step in range(count):
            train, metrics = program(train, source.resident, source.feed(step, 1))
        handed = time.perf_counter()
        jax.block_until_ready((train, metrics))
        return (handed - start) / count, (time.perf_counter() - start) / count

    call(WARM_UP)
    handed, wall = call(steps)
    with _traced(folder):
        _, traced = call(steps)

    text = program.as_text() or ""
    kernels = hlo.kernels(text)
    events = read_trace(folder, hlo.module_name(text), {kernel.name for kernel in kernels})
    compute = compute_dtype(config).name
    return {
        "device": atomic.device_name(),
        "command buffers": NO_BUFFERS not in os.environ.get("XLA_FLAGS", "").split(),
        "jax": jax.__version__,
        "dtype": compute,
        "batch": config.batch_size,
        "steps": steps,
        "step": {
            "ms": wall * 1e3,
            "ms while traced": traced * 1e3,
            "ms until handed over": handed * 1e3,
            **timeline(events, steps),
        },
        # Gradients and momentum have the sizes of parameters; what is larger is an activation.
        **figures(
            kernels,
            events,
            steps=steps,
            activation=1 + max(leaf.size for leaf in jax.tree.leaves(train.params)),
            compute=compute,
        ),
    }


# ---------------------------------------------------------------------------------------- trace


class Event(NamedTuple):
    """A piece of work on the device, in seconds. op: the instruction it says it is for, or ""."""

    name: str
    op: str
    start: float
    end: float


# Seconds by the name of a kernel of the program, and within it by the names of the events.
Spent = Mapping[str, Mapping[str, float]]


@contextmanager
def _traced(folder: Path) -> Iterator[None]:
    """The profiler, without Python's own calls, which would slow down the host."""
    options = jax.profiler.ProfileOptions()
    options.python_tracer_level = 0
    jax.profiler.start_trace(folder, profiler_options=options)
    try:
        yield
    finally:
        jax.profiler.stop_trace()


def read_trace(folder: Path, module: str, kernels: Container[str]) -> list[Event]:
    """What the first device did, by start; on CPU what its threads ran of `kernels`."""
    files = sorted(folder.rglob("*.xplane.pb"), key=lambda file: file.stat().st_mtime)
    planes, found = {}, []
    for file in files[-1:]:  # the folder may hold older traces
        planes = {p.name: p for p in jax.profiler.ProfileData.from_file(str(file)).planes}
    if jax.default_backend() == "cpu":
        for line in planes["/host:CPU"].lines:
            for event in line.events:
                stats = dict(event.stats)
                # Loops and calls are events as well, around those of the kernels in them.
                own = stats.get("hlo_module") == module and stats.get("hlo_op", "") in kernels
                if own and not stats.get("device_ordinal"):
                    found.append(_event(event, stats))
    else:
        devices = sorted(name for name in planes if re.match(r"/device:(GPU|TPU):\d", name))
        lines = list(planes[devices[0]].lines) if devices else []
        # The streams of a GPU; other lines tell the same in other words. A TPU has "XLA Ops".
        streams = [line for line in lines if line.name.startswith("Stream")]
        for line in streams or [line for line in lines if line.name == "XLA Ops"]:
            found += [_event(event, dict(event.stats)) for event in line.events]
    return sorted(found, key=lambda event: event.start)


def _event(event: Any, stats: Mapping[str, Any]) -> Event:
    start = event.start_ns * 1e-9
    return Event(event.name, str(stats.get("hlo_op", "")), start, start + event.duration_ns * 1e-9)


def attribute(
    events: Iterable[Event], kernels: Iterable[hlo.Kernel]
) -> tuple[Spent, Mapping[str, float]]:
    """Seconds of each kernel of the program, and of what is none of them by its event's name.

    Events in CUDA graphs name no instruction; those of XLA's own kernels have their names.
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


def timeline(events: Sequence[Event], steps: int) -> dict[str, float]:
    """When the device worked and when it waited, in milliseconds a step."""
    if not events:
        return {}
    busy, gaps, reached = 0.0, [], events[0].start
    for event in events:
        if event.start > reached:
            gaps.append(event.start - reached)
        busy += max(0.0, event.end - max(event.start, reached))
        reached = max(reached, event.end)
    long = [gap for gap in gaps if gap >= LONG_GAP]
    return {
        "events": len(events) / steps,
        "ms busy": busy / steps * 1e3,
        "gaps": len(gaps) / steps,
        "ms in short gaps": (sum(gaps) - sum(long)) / steps * 1e3,
        "long gaps": len(long) / steps,
        "ms in long gaps": sum(long) / steps * 1e3,
    }


# -------------------------------------------------------------------------------------- figures

# What cuDNN and others do before and after the convolution that was asked for.
_LAYOUT = re.compile(r"nchwToNhwc|nhwcToNchw|nchw2nhwc|nhwc2nchw|transpose_readWrite", re.I)
# Kernels of libraries that no instruction was named for, by their own names.
_LIBRARIES = (
    (re.compile("wgrad", re.I), hlo.FILTER),
    (re.compile("dgrad", re.I), hlo.DATA),
    (re.compile("fprop|cudnn|conv(?!ert)", re.I), hlo.FORWARD),
    (re.compile("gemm|cublas|cutlass|nvjet", re.I), hlo.MATRIX),
    (re.compile("threefry", re.I), hlo.RANDOM),
    (re.compile("nccl", re.I), hlo.COLLECTIVES),
)


def stranger(name: str) -> str:
    """The category of work that belongs to no instruction, as far as its name tells."""
    return next((kind for pattern, kind in _LIBRARIES if pattern.search(name)), hlo.OTHER)


def figures(
    kernels: Sequence[hlo.Kernel],
    events: Sequence[Event],
    *,
    steps: int,
    activation: int,
    compute: str,
) -> dict[str, Any]:
    """The program's kernels with their times, by category and one by one; JSON values.

    activation, compute: see `hlo.findings`.
    """
    spent, strangers = attribute(events, kernels)
    found = hlo.findings(kernels, activation=activation, compute=compute)
    seconds: dict[str, float] = defaultdict(float)
    for kernel in kernels:
        seconds[hlo.category(kernel)] += sum(spent[kernel.name].values()) / steps
    for name, value in strangers.items():
        seconds[stranger(name)] += value / steps
    categories = {
        name: {
            "kernels": found.kernels.get(name, 0),
            **_rates(seconds[name], found.bytes.get(name, 0), found.flop.get(name, 0)),
        }
        for name in hlo.CATEGORIES
        if found.kernels.get(name) or seconds[name]
    }
    lines = [_line(kernel, spent[kernel.name], steps) for kernel in kernels]
    layout, float32 = (
        [line for line, kernel in zip(lines, kernels, strict=True) if kernel in part]
        for part in (found.layout, found.float32)
    )
    inside = sum(event.end - event.start for event in events if _LAYOUT.search(event.name))
    return {
        "categories": categories,
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


def _rates(seconds: float, moved: float, flop: float) -> dict[str, float]:
    rates = {"ms": seconds * 1e3, "GB": moved / 1e9, "GFLOP": flop / 1e9}
    if seconds:
        rates |= {"TB/s": moved / seconds / 1e12, "TFLOP/s": flop / seconds / 1e12}
    return rates


def _line(kernel: hlo.Kernel, events: Mapping[str, float], steps: int) -> dict[str, Any]:
    """All that there is to say of a kernel. event: what took longest of what it launched."""
    work = kernel.count * kernel.bytes, kernel.count * kernel.flop
    return {
        "name": kernel.name,
        "category": hlo.category(kernel),
        **_rates(sum(events.values()) / steps, *work),
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
    """Of these kernels together, and the largest of them."""
    return {
        "kernels": sum(line["runs"] for line in lines),
        "ms": sum(line["ms"] for line in lines),
        "GB": sum(line["GB"] for line in lines),
        "largest": _largest(lines, "GB"),
    }


# ------------------------------------------------------------------------------------- printing


def report(result: Mapping[str, Any]) -> str:
    """What `profile` found, to be read."""
    step, findings = result["step"], result["findings"]
    parts = [
        f"{result['device']}, jax {result['jax']}, {result['dtype']}, batch {result['batch']}, "
        f"{result['steps']} steps traced, command buffers "
        f"{'as XLA likes' if result['command buffers'] else 'off'}",
        "",
        *_by_category(result),
        *(["On CPU kernels run at the same time; shares overlap."] if _on_cpu(result) else []),
        "",
        *_waiting(step),
        "",
        f"The {len(result['longest kernels'])} longest kernels",
        *(line for kernel in result["longest kernels"] for line in _described(kernel, step["ms"])),
    ]
    if strangers := result["not of the program"]:
        parts += ["", "Not of the program"]
        parts += [f"{event['ms']:10.3f} ms  {event['name'][:100]}" for event in strangers]
    parts += [
        "",
        f"Kernels a step: {findings['kernels']}",
        f"Loops of unknown length, in which the host waits: "
        f"{', '.join(findings['loops of unknown length']) or 'none'}",
        f"Layout changes inside libraries: {findings['layout inside libraries, ms']:.3f} ms",
    ]
    size = f"{findings['activation, elements']:,} values or more"
    for key, title in (
        ("layout", f"Kernels that transpose or copy arrays of {size}"),
        ("float32", f"Kernels that write float32 arrays of {size} though it computes in less"),
    ):
        total = findings[key]
        parts += [f"{title}: {total['kernels']}, {total['GB']:.3f} GB, {total['ms']:.3f} ms"]
        parts += [line for k in total["largest"][:10] for line in _described(k, step["ms"])]
    return "\n".join(parts)


def _on_cpu(result: Mapping[str, Any]) -> bool:
    return result["device"].endswith(" cpu")


def _by_category(result: Mapping[str, Any]) -> list[str]:
    wall, rows = result["step"]["ms"], result["categories"]
    ms, gigabytes, gflop, count = (
        sum(row[key] for row in rows.values()) for key in ("ms", "GB", "GFLOP", "kernels")
    )
    together = {"kernels": count, **_rates(ms * 1e-3, gigabytes * 1e9, gflop * 1e9)}
    head = "".join(f"{name:>9}" for name in ("ms", "of step", "kernels", "GB", "TB/s"))
    return [
        f"{'':28}{head}{'GFLOP':>10}{'TFLOP/s':>9}",
        *(_row(name, row, wall) for name, row in {**rows, "together": together}.items()),
    ]


def _row(name: str, row: Mapping[str, float], wall: float) -> str:
    flop = f"{row['GFLOP']:10.2f}{row.get('TFLOP/s', 0):9.2f}" if row["GFLOP"] else ""
    return (
        f"{name:28}{row['ms']:9.3f}{row['ms'] / wall:9.1%}{row['kernels']:9}{row['GB']:9.3f}"
        f"{row.get('TB/s', 0):9.3f}{flop}"
    )


def _waiting(step: Mapping[str, float]) -> list[str]:
    lines = [
        f"A step takes {step['ms']:.3f} ms, {step['ms while traced']:.3f} ms while it is traced; "
        f"the host has handed it over after {step['ms until handed over']:.3f} ms."
    ]
    if "ms busy" not in step:
        return [*lines, "The trace has no work of the device: the driver may forbid profiling."]
    return [
        *lines,
        f"The device is busy for {step['ms busy']:.3f} ms, {step['ms busy'] / step['ms']:.1%} of "
        f"the step not traced, with {step['events']:.0f} kernels and copies.",
        f"While traced it waits for {step['ms in short gaps']:.3f} ms in "
        f"{step['gaps'] - step['long gaps']:.0f} short gaps, as launches make them, and for "
        f"{step['ms in long gaps']:.3f} ms in {step['long gaps']:.1f} of {LONG_GAP * 1e6:.0f} us "
        f"or more, in which it waits for the host.",
    ]


def _described(kernel: Mapping[str, Any], wall: float) -> list[str]:
    flop = f", {kernel.get('TFLOP/s', 0):.2f} TFLOP/s" if kernel["GFLOP"] else ""
    event = f"  [{kernel['event'][:80]}]" if kernel["event"] not in ("", kernel["name"]) else ""
    outputs = " ".join(kernel["outputs"][:4]) + (" ..." if len(kernel["outputs"]) > 4 else "")
    return [
        f"{kernel['ms']:10.3f} ms {kernel['ms'] / wall:6.1%}  {kernel['category']}: "
        f"{kernel['name']} x {kernel['runs']}, {kernel['GB']:.4f} GB, "
        f"{kernel.get('TB/s', 0):.3f} TB/s{flop}",
        f"{'':22}{kernel['what']} -> {outputs}  {kernel['source'] or '(no source)'}{event}",
    ]


if __name__ == "__main__":
    config_flags.run(main)
