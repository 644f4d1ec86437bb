"""Time spent on a run, accumulated over all its sessions."""

import dataclasses
import time


@dataclasses.dataclass
class Clock:
    """Seconds spent on a run, accumulated over all its sessions.

    total: everything since the first step.
    training: time in train steps, excluding compilation, probes and saves; the basis of images per
      second.
    timed_steps: number of steps that `training` covers.
    """

    total: float = 0.0
    training: float = 0.0
    timed_steps: int = 0

    def __post_init__(self) -> None:
        self._mark = self._lap = time.monotonic()
        self.lap_steps = 0

    def start(self) -> None:
        """Begins a session."""
        self._mark = time.monotonic()

    def tick(self) -> None:
        """Adds to `total` the time since the last tick or start."""
        now = time.monotonic()
        self.total += now - self._mark
        self._mark = now

    def start_lap(self) -> None:
        """Begins a stretch of timed steps; the caller counts them in `lap_steps`."""
        self._lap, self.lap_steps = time.monotonic(), 0

    def end_lap(self) -> float:
        """Ends it and returns its steps per second; 0 if there were no steps."""
        if not self.lap_steps:
            return 0.0
        seconds, steps = time.monotonic() - self._lap, self.lap_steps
        self.training += seconds
        self.timed_steps += steps
        self.lap_steps = 0
        return steps / seconds

    def images_per_second(self, batch_size: int) -> float:
        """Images per second of training, excluding compilation and probes; 0 if never timed."""
        if self.timed_steps <= 0 or self.training <= 0:
            return 0.0
        return self.timed_steps * batch_size / self.training
