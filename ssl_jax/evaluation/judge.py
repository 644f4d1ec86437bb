"""One protocol on one task: its figures, those of several seeds put together."""

import statistics
from collections.abc import Sequence
from typing import Any

from ssl_jax.evaluation.by_name import PROTOCOLS
from ssl_jax.evaluation.task import PARTS, Task


def judge(name: str, task: Task, *, seeds: Sequence[int] = (0,)) -> dict[str, Any]:
    """The figures of the protocol `name`.

    Returns:
      What the protocol returns, of several seeds the mean of every figure and the standard
      deviation of a sample (`top1_std`), and what is no figure of the first seed; "runs", what it
      returned for each of several seeds; "protocol", "seeds" (empty where none matters) and
      "splits", the number of images in each part.
    """
    protocol = PROTOCOLS[name]
    used = tuple(dict.fromkeys(seeds)) if protocol.seeded else ()
    runs = [protocol.run(task, seed) for seed in used or (0,)]
    found = dict(runs[0])
    if len(runs) > 1:
        for key in [key for key, value in runs[0].items() if isinstance(value, float)]:
            values = [run[key] for run in runs]
            found |= {key: statistics.mean(values), f"{key}_std": statistics.stdev(values)}
    return {
        "protocol": name,
        **found,
        "runs": runs if len(runs) > 1 else [],
        "seeds": list(used),
        "splits": {part: len(task.part(part).images) for part in PARTS},
    }
