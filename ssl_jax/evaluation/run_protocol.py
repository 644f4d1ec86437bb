"""Runs a protocol over seeds and takes the mean and standard deviation of its metrics."""

import statistics
from collections.abc import Sequence
from typing import Any

from ssl_jax.evaluation.protocol_names import PROTOCOLS
from ssl_jax.evaluation.task import PARTS, Task


def run_protocol(name: str, task: Task, *, seeds: Sequence[int] = (0,)) -> dict[str, Any]:
    """Runs a protocol once per seed.

    Args:
      name: a key of `PROTOCOLS`.
      task: the encoder and the images.
      seeds: duplicates are ignored; a protocol that is not seeded runs once.

    Returns:
      The protocol's result. With several seeds, every metric is the mean and comes with its sample
      standard deviation (`top1_std`); everything else is that of the first seed.
      runs: the protocol's result for each of several seeds; empty for a single run.
      protocol: its name.
      seeds: those that were used; empty where the protocol is not seeded.
      splits: number of images in each part.
    """
    protocol = PROTOCOLS[name]
    used = tuple(dict.fromkeys(seeds)) if protocol.seeded else ()
    if protocol.together:
        runs = protocol.load_together()(task, used)
    else:
        run = protocol.load()
        runs = [run(task, seed) for seed in used or (0,)]
    result = dict(runs[0])
    if len(runs) > 1:
        for key in [key for key, value in runs[0].items() if isinstance(value, float)]:
            values = [metrics[key] for metrics in runs]
            result |= {key: statistics.mean(values), f"{key}_std": statistics.stdev(values)}
    return {
        "protocol": name,
        **result,
        "runs": runs if len(runs) > 1 else [],
        "seeds": list(used),
        "splits": {part: len(task.part(part).images) for part in PARTS},
    }
