"""One protocol on one task: its figures, those of several seeds put together."""

import statistics
from collections.abc import Sequence
from typing import Any

from ssl_jax.evaluate.by_name import PROTOCOLS
from ssl_jax.evaluate.task import PARTS, Task

MEANT = ("top1", "top5", "map")


def judge(name: str, task: Task, *, seeds: Sequence[int] = (0,)) -> dict[str, Any]:
    """The figures of the protocol `name`.

    Returns:
      What the protocol returns for the first seed; of top1, top5 and map the mean over the seeds
      and, of several, the standard deviation of a sample (`top1_std`); "runs", what it returned
      for each seed; "protocol", "seeds" (empty where none matters) and "splits", the number of
      images in each part.
    """
    protocol = PROTOCOLS[name]
    used = tuple(dict.fromkeys(seeds)) if protocol.seeded else ()
    runs = [protocol.run(task, seed) for seed in used or (0,)]
    found = dict(runs[0])
    for key in MEANT:
        values = [run[key] for run in runs if run.get(key) is not None]
        if values:
            found[key] = statistics.mean(values)
        if len(values) > 1:
            found[f"{key}_std"] = statistics.stdev(values)
    return {
        "protocol": name,
        **found,
        "runs": runs if len(runs) > 1 else [],
        "seeds": list(used),
        "splits": {part: len(task.part(part).images) for part in PARTS},
    }
