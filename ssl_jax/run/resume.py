"""Whether a run may resume, and the state that it resumes from."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ssl_jax.errors import UserError
from ssl_jax.setup.build import Setup
from ssl_jax.storage import atomic
from ssl_jax.storage.checkpoint import Checkpoints
from ssl_jax.storage.differences import differences
from ssl_jax.training.clock import Clock
from ssl_jax.training.step import TrainState

# What only the evaluation depends on may change between the commands of a run.
EVALUATION = tuple(f"evaluation.{key}" for key in ("at_end", "batch_size", "dtype", "pixels"))


def differing(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Names of the settings that differ, without those that only the evaluation depends on."""
    return [name for name in differences(old, new) if name not in EVALUATION]


def check_same_run(workdir: Path, settings: dict[str, Any], checkpoints: Checkpoints) -> None:
    """A run resumes with the settings that it began with; only `epochs` may be raised.

    How it is evaluated may change.

    Raises:
      UserError: naming what differs.
    """
    old = atomic.read_json(workdir / "config.json")
    if old is None or not checkpoints.steps():
        return
    changed = [name for name in differing(old, settings) if name != "epochs"]
    if changed:
        raise UserError(
            f"{workdir} was trained with another {', '.join(changed)}; "
            "choose another --workdir, or restore the old values"
        )
    if settings["epochs"] < old["epochs"]:
        raise UserError(
            f"{workdir} was planned for {old['epochs']} epochs; epochs {settings['epochs']} "
            "is fewer, and it can only be raised"
        )


def restore(
    setup: Setup,
    checkpoints: Checkpoints,
    *,
    step: int | None = None,
    report: Callable[[str], None] = print,
) -> tuple[TrainState, Clock]:
    """The latest intact checkpoint, or that of `step`, and the time spent until then.

    Args:
      setup: of the run.
      checkpoints: of the run; without any, the result is the initial state.
      step: which checkpoint to read.
      report: gets one line for every damaged checkpoint.

    Raises:
      UserError: if the training images are not those that the run began with.
    """
    found = checkpoints.restore(setup.trainer.shapes(), step=step, report=report)
    if found is None:
        return setup.trainer.init(), Clock()
    if found.meta["fingerprint"] != setup.data.fingerprint:
        raise UserError("the training images are not those that this run began with")
    return found.state, Clock(**found.meta["clock"])
