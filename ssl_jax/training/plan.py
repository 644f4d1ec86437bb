"""The length of a run, and the intervals at which things happen."""

from typing import Any, NamedTuple

import jax.numpy as jnp


class Schedules(NamedTuple):
    """Where the schedules of a run begin, and how long they are; beyond their end they stay.

    start: step of the run at which learning rate and target momentum begin.
    length: their steps.
    first: steps that the run was planned for when it began, or was rewound; what a method starts
      up with in its loss is a share of them, counted from the first step of the run.
    """

    start: int
    length: int
    first: int

    def position(self, step: Any) -> Any:
        """The step of the schedules at a step of the run."""
        return jnp.clip(step - self.start, 0, self.length - 1)


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
    schedules: of a run whose length was changed; None: they are as long as the run.
    """

    steps: int
    steps_per_epoch: int
    batch_size: int
    log_every: int
    probe_every: int
    save_every: int
    steps_per_call: int = 1
    encode_batch: int = 256
    schedules: Schedules | None = None

    @property
    def schedule_steps(self) -> int:
        """Length of the schedules."""
        return self.schedules.length if self.schedules else self.steps

    def moved(self, schedule: Any) -> Any:
        """A schedule of that length, by step of the run; a number stays what it is."""
        moved = self.schedules
        if moved is None or not callable(schedule):
            return schedule
        return lambda step: schedule(moved.position(step))
