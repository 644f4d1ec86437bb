"""Linear classifiers on a frozen encoder, on images that are easy to tell apart."""

from ssl_jax.evaluation.protocols import linear
from tests.evaluation.tasks import separable_task


def test_the_classifier_separates_colours() -> None:
    found = linear.moco(separable_task(), 0)
    assert found["top1"] > 0.9
    assert found["top5"] is None
    settings = found["settings"]
    assert settings["batch_size"] == 40
    assert settings["batch_size_cut"] == "256 in the recipe; there are 40 training images"
    assert settings["augmentation"] == "random resized crop 0.08 to 1 and flip"
    assert settings["labels"] == "all 40 training images"
