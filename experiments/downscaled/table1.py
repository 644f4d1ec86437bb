"""Downscaled SimCLR, Table 1: heads and layers of a Vision Transformer."""

from experiments.downscaled import EVERY_EPOCH
from experiments.engine.table import Column, Row, Table

FIRST, LAST = "loss, first epoch", "loss, last epoch"
PUBLISHED = {6: (3.26, 2.70), 8: (3.31, 2.71), 12: (3.45, 2.74)}
TEMPERATURES = (0.1, 0.5)


def row(count: int, temperature: float) -> Row:
    """A transformer with as many heads as layers."""
    sizes = {"network.depth": count, "network.heads": count}
    first, last = PUBLISHED[count]
    return Row(
        f"{count} heads and layers: T = {temperature:g}",
        "simclr_vit",
        paper=f"imagenet4_{count}",
        changes={**EVERY_EPOCH, "method.temperature": temperature},
        at={
            "paper": {"data.classes": "imagenet4.txt"},
            "gpu": sizes,
            "small": {**sizes, "network.width": 48},  # 64 is no multiple of 6 and 12
        },
        published={FIRST: first, LAST: last},
    )


TABLE = Table(
    source="Downscaled SimCLR, Table 1",
    about="loss before and after 100 epochs by heads and layers of a ViT; four classes of "
    "ImageNet, batch 40",
    columns=(
        Column(FIRST, "curve", "first_loss", percent=False),
        Column(LAST, "curve", "last_loss", percent=False),
    ),
    rows=[row(count, temperature) for temperature in TEMPERATURES for count in PUBLISHED],
    readings=(
        "the temperature is not given: 0.1 as in the notebooks of the released code, or 0.5 as in "
        "its run.py, which trains the ViT. At 0.5 the loss of batch 40 cannot fall far below 2.4, "
        "that of the code, which counts the positive twice, below 2.5: the published 2.7 fits 0.5",
        "the two losses are read as those of the first and of the last epoch",
        "imagenet4.txt, in the root of the repository, lists the folders of four classes; the "
        "paper does not name its own",
        "the training times (10 h 52 min, 11 h 41 min, 13 h 28 min) are of another machine; the "
        "fine-tuning on CIFAR-10 that section 7 announces is only a picture",
        "below the scale paper images are of CIFAR-10 (smoke: digits); at small the ViT is 48 wide",
        "at smoke the sizes are those of the bare config",
    ),
)
