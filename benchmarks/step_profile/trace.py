"""What the device did and when, from a trace of the profiler."""

import re
from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import jax

LONG_GAP = 50e-6  # seconds; launches of kernels are closer together


class Event(NamedTuple):
    """A piece of work on the device, in seconds. op: the instruction it says it is for, or ""."""

    name: str
    op: str
    start: float
    end: float


@contextmanager
def traced(folder: Path) -> Iterator[None]:
    """Profiles what runs inside, without the calls of Python, which would slow down the host."""
    options = jax.profiler.ProfileOptions()
    options.python_tracer_level = 0
    jax.profiler.start_trace(folder, profiler_options=options)
    try:
        yield
    finally:
        jax.profiler.stop_trace()


def read_trace(folder: Path, module: str, kernels: Container[str]) -> list[Event]:
    """What the first device did, sorted by start; on CPU what its threads ran of `kernels`."""
    files = sorted(folder.rglob("*.xplane.pb"), key=lambda file: file.stat().st_mtime)
    planes, found = {}, []
    for file in files[-1:]:  # the folder may hold older traces
        planes = {p.name: p for p in jax.profiler.ProfileData.from_file(str(file)).planes}
    if jax.default_backend() == "cpu":
        for line in planes["/host:CPU"].lines:
            for event in line.events:
                stats = dict(event.stats)
                # Loops and calls are events too, and contain those of their kernels.
                own = stats.get("hlo_module") == module and stats.get("hlo_op", "") in kernels
                if own and not stats.get("device_ordinal"):
                    found.append(_event(event, stats))
    else:
        devices = sorted(name for name in planes if re.match(r"/device:(GPU|TPU):\d", name))
        lines = list(planes[devices[0]].lines) if devices else []
        # On a GPU, lines that are not streams repeat the same work. A TPU has "XLA Ops" instead.
        streams = [line for line in lines if line.name.startswith("Stream")]
        for line in streams or [line for line in lines if line.name == "XLA Ops"]:
            found += [_event(event, dict(event.stats)) for event in line.events]
    return sorted(found, key=lambda event: event.start)


def _event(event: Any, stats: Mapping[str, Any]) -> Event:
    start = event.start_ns * 1e-9
    return Event(event.name, str(stats.get("hlo_op", "")), start, start + event.duration_ns * 1e-9)


def timeline(events: Sequence[Event], steps: int) -> dict[str, float]:
    """When the device worked and when it waited, in milliseconds per step."""
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
