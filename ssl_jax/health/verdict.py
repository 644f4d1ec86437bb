"""Warnings, in plain language, about problems that the metrics of a run reveal."""

import math
from collections.abc import Mapping

from ssl_jax.methods.parts.base import Expectation

# Embeddings that spread evenly have a std of 1 / sqrt(d). Below this share of it, they have
# collapsed.
COLLAPSED_STD = 0.1
# Features that use fewer dimensions than this have collapsed into them.
COLLAPSED_RANK = 2.0
# A loss that has fallen from chance level by less than this share of the distance to its lowest
# value shows that nothing has been learned.
AT_CHANCE = 0.01
# Parts of a run: before the first nothing is judged; before the second a loss may still be at
# chance level or above its range.
EARLY, LATE = 0.05, 0.25


def warnings(
    values: Mapping[str, float], expectation: Expectation, *, progress: float
) -> dict[str, str]:
    """Judges a run by its metrics.

    Args:
      values: loss, embedding_std_ratio and effective_rank; the last two may be absent and are then
        not judged.
      expectation: what the method expects of its loss.
      progress: part of the run that is over, in [0, 1].

    Returns:
      Messages by a short name: "collapse", "dimensional collapse", "chance" or "loss". Empty where
      nothing is wrong, or where it is too early to tell.

    Example:
      >>> healthy, stuck = Expectation(chance=5.5, low=0.0, high=5.5), {"loss": 5.5}
      >>> warnings(stuck, healthy, progress=0.5)["chance"]
      'the loss (5.5) is still at chance level (5.5): nothing has been learned; ...'
    """
    if progress < EARLY:
        return {}
    found = {}
    causes = f"; look first at: {expectation.causes}" if expectation.causes else ""
    std, rank = values.get("embedding_std_ratio"), values.get("effective_rank")
    if std is not None and std < COLLAPSED_STD:
        found["collapse"] = (
            "collapse: embeddings of different images are nearly the same; their std is "
            f"{std:.3f} times that of an even spread, 1 / sqrt(d){causes}"
        )
    if rank is not None and rank < COLLAPSED_RANK:
        found["dimensional collapse"] = (
            f"dimensional collapse: the effective rank of the features is only {rank:.1f}{causes}"
        )
    return found | _about_the_loss(values["loss"], expectation, progress)


def _about_the_loss(loss: float, expectation: Expectation, progress: float) -> dict[str, str]:
    chance, low, high = expectation.chance, expectation.low, expectation.high
    distance = math.inf if chance is None else chance - low
    if chance and progress > LATE and abs(loss - chance) < AT_CHANCE * min(distance, abs(chance)):
        return {
            "chance": f"the loss ({loss:.4g}) is still at chance level ({chance:.4g}): nothing has "
            "been learned; look first at the learning rate and the augmentation"
        }
    if loss < low or (loss > high and progress > LATE):
        return {
            "loss": f"the loss ({loss:.4g}) is outside the range of a healthy run, "
            f"{low:.4g} to {high:.4g}"
        }
    return {}
