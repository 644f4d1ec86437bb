"""The figures of a case as lines of text."""

from collections.abc import Mapping, Sequence
from typing import Any

from comparison.sides import AUGMENTED, KINDS

LEGEND = "three figures: ssl_jax, PyTorch eager, PyTorch compiled; two: ssl_jax / either of these"


def lines(name: str, row: Mapping[str, Any]) -> list[str]:
    """A line for each kind of step."""
    compiled = [side for side in ("compiled", "captured") if side in row]
    fastest = min(compiled, key=lambda side: row[side][AUGMENTED]["ms"], default="compiled")
    memory = [row.get(side, {}).get("memory, MiB") for side in ("ssl_jax", "eager", "compiled")]
    text = []
    for kind in KINDS:
        of = [row.get(side, {}).get(kind, {}) for side in ("ssl_jax", "eager", fastest)]
        ours, *others = rates = [figures.get("images/s") for figures in of]
        ratios = [ours and other and ours / other for other in others]
        shares = [figures.get("share of peak") for figures in of]
        text.append(
            f"{name:22} {kind:18} images/s {_show(rates, '9,.0f')}  ratios {_show(ratios, '5.2f')}"
            f"  of peak {_show(shares, '5.3f')}"
        )
    gib = [value and value / 1024 for value in memory]
    text[0] += f"  GiB {_show(gib, '5.1f')}"
    losses = [row.get(side, {}).get("first loss") for side in ("ssl_jax", "eager", "compiled")]
    text[1] += f"  first loss {_show(losses, '6.4f')}"
    return text


def _show(values: Sequence[float | None], form: str) -> str:
    width = int(form.split(".")[0].rstrip(","))
    return " ".join("-".rjust(width) if v is None else format(v, form) for v in values)
