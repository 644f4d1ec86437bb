"""Protocol `tuned`: SGD with the best of a grid of settings, chosen on the held-out images."""

from typing import Any

from ssl_jax.evaluation.classifiers.linear_head import CHOSEN
from ssl_jax.evaluation.classifiers.sgd import BATCH_SIZE, EPOCHS, MOMENTUM, sgd_probe
from ssl_jax.evaluation.task import NOT_AUGMENTED, PARTS, Task


def tuned(task: Task, seed: int) -> dict[str, Any]:
    """Accuracy of softmax regression by SGD; see `classifiers.sgd.sgd_probe`.

    Args:
      task: the encoder and the images.
      seed: of the order of the images.

    Returns:
      top1 and top5 on the test images; settings, including the chosen learning rate and weight
      decay.
    """
    parts = [task.features(part) for part in PARTS]
    probe = sgd_probe(
        *parts,
        num_classes=task.num_classes,
        seed=seed,
        progress=lambda epoch: task.progress("epochs of SGD on features", epoch, EPOCHS),
    )
    settings = {
        "classifier": "linear, softmax cross-entropy",
        "features": "standardised, divided by the root of their number",
        "augmentation": NOT_AUGMENTED,
        "optimizer": "sgd",
        "momentum": MOMENTUM,
        "schedule": "cosine to 0",
        "epochs": EPOCHS,
        "batch_size": BATCH_SIZE,
        **probe.chosen,
        "chosen": CHOSEN,
    }
    return {**probe.accuracy._asdict(), "settings": settings}
