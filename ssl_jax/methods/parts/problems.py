"""Problems of options that several methods have in common."""

from collections.abc import Iterator

from ssl_jax.errors import Number, Problem
from ssl_jax.methods.parts.base import RunFacts
from ssl_jax.networks.heads import MLP
from ssl_jax.networks.norm import batch_norm_problems


def view_count(run: RunFacts, least: int = 2, most: int | None = None) -> Iterator[Problem]:
    """Too few views, or too many; there is no upper limit if `most` is None."""
    count = len(run.views)
    if count < least or (most is not None and count > most):
        needed = f"{least}" if least == most else f"{least} or more"
        plural = "" if count == 1 else "s"
        yield Problem("/augment", None, f"makes {count} view{plural}; this method needs {needed}")


def heads(run: RunFacts, *networks: MLP) -> Iterator[Problem]:
    """BatchNorm over too few images in projectors and predictors."""
    for network in networks:
        yield from network.problems()
        if network.has_batch_norm:
            yield from batch_norm_problems(run.batch_size)


def flat_temperature(temperature: Number, *, by_paper: bool = False) -> Iterator[Problem]:
    """A temperature so high that logits hardly tell one image from another.

    Args:
      temperature: divides cosines, which are at most 1.
      by_paper: a temperature of exactly 1 is the paper's.

    Yields:
      At most one problem.
    """
    if temperature < 1.0:
        return
    what = "makes nearly flat logits of unit vectors"
    if by_paper and temperature == 1.0:
        yield Problem(
            "temperature", temperature, what, "it is the paper's; 0.2 may do better", "note"
        )
    else:
        yield Problem("temperature", temperature, what, "0.1 to 0.5 is usual", "warning")


def frozen_throughout(run: RunFacts, layer: str) -> Iterator[Problem]:
    """A layer of the group "frozen_at_first" that is left without an epoch to train in."""
    epochs, frozen = run.epochs, run.freeze_epochs
    if epochs is not None and frozen is not None and frozen >= epochs:
        what = f"would freeze the {layer} for all {epochs:g} epochs"
        remedy = "lower it, or train for longer"
        yield Problem("/optimizer.freeze_epochs", frozen, what, remedy, "warning")
