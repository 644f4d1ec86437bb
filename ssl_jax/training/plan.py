"""The length of a run, and the intervals at which things happen."""

from typing import NamedTuple


class Plan(NamedTuple):
    """Length and intervals of a run; an interval of 0 means never.

    steps: length of the run.
    steps_per_epoch: number of complete batches in the training images.
    batch_size: images per step, over all devices.
    log_every: steps between lines of metrics.
    probe_every: steps between probes on held-out images.
    save_every: steps between checkpoints.
    steps_per_call: steps in one compiled program.
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
