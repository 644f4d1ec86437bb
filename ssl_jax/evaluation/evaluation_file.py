"""The file of an evaluation, DIR/evaluations/<protocol>-<data>.json, and its line of output."""

from pathlib import Path
from typing import Any

from ssl_jax.storage import atomic

_SHARES = {"top1": "top-1", "top5": "top-5", "map": "mAP"}
_NUMBERS = {"alignment": "alignment", "uniformity": "uniformity", "effective_rank": "rank"}


def write_evaluation(folder: Path, evaluation: dict[str, Any]) -> str:
    """Writes an evaluation to its file.

    Args:
      folder: where the file goes.
      evaluation: the result of `run_protocol`, with "data", "data_fingerprint" and "step".

    Returns:
      A line to print: the metrics, the file, and whether it replaces the evaluation of another
      checkpoint or of other images.
    """
    file = folder / f"{evaluation['protocol']}-{evaluation['data']}.json"
    note = _replaced(atomic.read_object(file), evaluation)
    atomic.write_json(file, evaluation)
    return f"{summary(evaluation)}; written: {file}{note}"


def summary(evaluation: dict[str, Any]) -> str:
    """An evaluation in one line: protocol, data, metrics and, where there are some, seeds."""
    metrics = [
        f"{name} {evaluation[key]:{form}}"
        + (f" ± {evaluation[f'{key}_std']:{form}}" if f"{key}_std" in evaluation else "")
        for names, form in ((_SHARES, ".2%"), (_NUMBERS, ".2f"))
        for key, name in names.items()
        if evaluation.get(key) is not None
    ]
    seeds = f" (seeds {', '.join(map(str, evaluation['seeds']))})" if evaluation["seeds"] else ""
    return f"{evaluation['protocol']} on {evaluation['data']}: {', '.join(metrics)}{seeds}"


def _replaced(old: dict[str, Any] | None, new: dict[str, Any]) -> str:
    """A note if the new evaluation is not a repetition of the old one."""
    if old is None:
        return ""
    changed = [key for key in ("step", "data_fingerprint") if old.get(key) != new[key]]
    return f", replacing one of another {' and '.join(changed)}" if changed else ""
