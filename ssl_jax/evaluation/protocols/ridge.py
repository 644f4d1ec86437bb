"""Protocol `ridge`: ridge regression in closed form, lambda chosen on the held-out images."""

from typing import Any

from ssl_jax.evaluation.classifiers.linear_head import CHOSEN
from ssl_jax.evaluation.classifiers.ridge import ridge_probe
from ssl_jax.evaluation.task import NOT_AUGMENTED, PARTS, Task


def ridge(task: Task, seed: int) -> dict[str, Any]:
    """Accuracy of ridge regression; see `classifiers.ridge.ridge_probe`.

    Args:
      task: the encoder and the images.
      seed: has no effect.

    Returns:
      top1 and top5 on the test images; settings, including the chosen lambda.
    """
    del seed
    parts = [task.features(part) for part in PARTS]
    probe = ridge_probe(*parts, num_classes=task.num_classes)
    settings = {
        "classifier": "ridge regression to one-hot labels",
        "features": "standardised",
        "augmentation": NOT_AUGMENTED,
        **probe.chosen,
        "chosen": CHOSEN,
    }
    return {**probe.accuracy._asdict(), "settings": settings}
