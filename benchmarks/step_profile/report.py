"""A profile as text."""

from collections.abc import Mapping
from typing import Any

from step_profile.figures import rates
from step_profile.trace import LONG_GAP


def report(result: Mapping[str, Any]) -> str:
    """The result of `profile_step.profile` as text."""
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
    together = {"kernels": count, **rates(ms * 1e-3, gigabytes * 1e9, gflop * 1e9)}
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
