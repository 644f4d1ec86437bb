"""What the figures of a run say of its health, in words."""

import math
from collections.abc import Mapping

from ssl_jax.methods.parts.base import Expectation

# An even spread of embeddings has a std of 1 / sqrt(d); below this part of it they have collapsed.
COLLAPSED_STD = 0.1
# Features that use so few dimensions have collapsed into them.
COLLAPSED_RANK = 2.0
# A loss that has come by less than this share of the way from chance to its lowest value says that
# nothing has been learned.
AT_CHANCE = 0.01
# Parts of a run: before the first nothing is judged, before the second a loss may be at chance or
# above it.
EARLY, LATE = 0.05, 0.25


def warnings(
    values: Mapping[str, float], expectation: Expectation, *, progress: float
) -> dict[str, str]:
    """What is wrong, by a short name; empty where nothing is, or where it is too early to say.

    Args:
      values: loss, embedding_std_ratio and effective_rank; what is missing is not judged.
      expectation: of the method.
      progress: part of the run that is over, in [0, 1].
    """
    if progress < EARLY:
        return {}
    found = {}
    causes = f"; look first at: {expectation.causes}" if expectation.causes else ""
    std, rank = values.get("embedding_std_ratio"), values.get("effective_rank")
    if std is not None and std < COLLAPSED_STD:
        found["collapse"] = (
            f"collapse: embeddings of different images are nearly the same, their std is {std:.3f} "
            f"of 1 / sqrt(d), where 1 is an even spread{causes}"
        )
    if rank is not None and rank < COLLAPSED_RANK:
        found["dimensional collapse"] = (
            f"dimensional collapse: features use {rank:.1f} dimensions (effective rank){causes}"
        )
    return found | _of_the_loss(values["loss"], expectation, progress)


def _of_the_loss(loss: float, expectation: Expectation, progress: float) -> dict[str, str]:
    chance, low, high = expectation.chance, expectation.low, expectation.high
    way = math.inf if chance is None else chance - low
    if chance and progress > LATE and abs(loss - chance) < AT_CHANCE * min(way, abs(chance)):
        return {
            "chance": f"the loss {loss:.4g} is still where it is by chance, {chance:.4g}: nothing "
            "has been learned; look first at the learning rate and the augmentation"
        }
    if loss < low or (loss > high and progress > LATE):
        return {
            "loss": f"the loss {loss:.4g} is outside of {low:.4g} to {high:.4g}, where a healthy "
            "run has it"
        }
    return {}
