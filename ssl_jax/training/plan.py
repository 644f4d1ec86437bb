"""How long a run is, and what happens when."""

from typing import NamedTuple


class Plan(NamedTuple):
    """Lengths and intervals of a run, all in steps; an interval of 0 means never.

    steps: in all. steps_per_epoch: whole batches in the training images.
    batch_size: images per step, over all devices.
    log_every: a line of metrics. probe_every: metrics on held-out images. save_every: a checkpoint.
    steps_per_call: steps in one program.
    encode_batch: images that evaluation encodes at a time, over all devices.
    """

    steps: int
    steps_per_epoch: int
    batch_size: int
    log_every: int
    probe_every: int
    save_every: int
    steps_per_call: int = 1
    encode_batch: int = 256
