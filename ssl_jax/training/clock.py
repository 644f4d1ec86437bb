"""The time that a run takes, over all its sittings."""

import dataclasses
import time


@dataclasses.dataclass
class Clock:
    """Seconds of a run over all its sittings.

    total: everything from the first step on.
    training: without compiling, probes and saves; images per second are computed from it.
    timed_steps: the steps that `training` covers.
    """

    total: float = 0.0
    training: float = 0.0
    timed_steps: int = 0

    def __post_init__(self) -> None:
        self._mark = self._lap = time.monotonic()
        self.lap_steps = 0

    def start(self) -> None:
        """A sitting begins."""
        self._mark = time.monotonic()

    def tick(self) -> None:
        """Brings `total` up to now."""
        now = time.monotonic()
        self.total += now - self._mark
        self._mark = now

    def start_lap(self) -> None:
        """Steps that are timed begin; `lap_steps` counts them."""
        self._lap, self.lap_steps = time.monotonic(), 0

    def end_lap(self) -> float:
        """They end. Returns steps per second; 0 where there were none."""
        if not self.lap_steps:
            return 0.0
        seconds, steps = time.monotonic() - self._lap, self.lap_steps
        self.training += seconds
        self.timed_steps += steps
        self.lap_steps = 0
        return steps / seconds

    def images_per_second(self, batch_size: int) -> float:
        """Dataset images per second of training, without compiling and probes; 0 if not timed."""
        if self.timed_steps <= 0 or self.training <= 0:
            return 0.0
        return self.timed_steps * batch_size / self.training
