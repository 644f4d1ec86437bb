"""What becomes of the schedules of a run whose epochs are raised.

Learning rate and target momentum depend on the length of the run: with another length they would
jump. What is meant must be said, and each way is exact:

* constant: every schedule goes on to its planned end, and stays at the value of that last step.
* restart: learning rate (its warm-up included) and target momentum begin again, at the step that
  the run has reached, and run once over all steps that are left.
* rewind: schedules are those of a run that was planned for the new length; at the step that the
  run has reached they jump to what such a run would have there.

What a method starts up with in its loss (DINO's teacher temperature, SwAV's queue) and frozen
layers count from the first step of the run; only rewind takes the new length for it.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from ssl_jax.training.plan import Schedules

WAYS = ("constant", "restart", "rewind")


class Extension(NamedTuple):
    """The epochs of a run were raised.

    step: that the run had reached.
    before: epochs until then.
    after: epochs from then on.
    way: one of WAYS.
    """

    step: int
    before: int
    after: int
    way: str


def schedules(epochs: int, steps_per_epoch: int, extensions: Sequence[Extension]) -> Schedules:
    """The length and the position of all schedules after some extensions.

    Args:
      epochs: of the whole run.
      steps_per_epoch: number of complete batches in the training images.
      extensions: the latest last.

    Example:
      >>> restarted = schedules(30, 10, [Extension(200, 20, 30, "restart")])
      >>> restarted.start, restarted.length, restarted.first
      (200, 100, 200)
    """
    first = extensions[0].before if extensions else epochs
    found = Schedules(0, first * steps_per_epoch, first * steps_per_epoch)
    for extension in extensions:
        steps = extension.after * steps_per_epoch
        if extension.way == "restart":
            found = found._replace(start=extension.step, length=steps - extension.step)
        if extension.way == "rewind":
            found = Schedules(0, steps, steps)
    return found


def as_extensions(stored: Any) -> tuple[Extension, ...]:
    """The extensions that a checkpoint holds as JSON."""
    return tuple(Extension(**one) for one in stored or ())
