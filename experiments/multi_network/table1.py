"""Multi-network, Table 1: linear evaluation on three data sets."""

from experiments.engine.table import Column, Row, Table

OURS = "Multi-network"
EVERYWHERE = ("smoke", "small", "gpu", "paper")
# (data set, variant of most configs, variant of the two last ones, scales that have the data set)
DATA = (
    ("CIFAR-10", "cifar10_multi_network", "cifar10", EVERYWHERE),
    ("CIFAR-100", "cifar100_multi_network", "cifar100", ("gpu", "paper")),
    ("Tiny ImageNet", "tiny_imagenet", "tiny_imagenet", ("paper",)),
)
# By method and config, published top-1 and top-5 on each data set.
PUBLISHED = {
    ("MoCo v2", "moco_v2"): ((84.03, 99.53), (50.49, 80.28), (26.01, 51.92)),
    ("SimSiam", "simsiam"): ((84.16, 99.45), (48.19, 78.41), (25.28, 50.63)),
    ("SimCLR", "simclr"): ((87.11, 99.64), (59.20, 86.41), (31.39, 59.08)),
    ("BYOL", "byol"): ((85.58, 99.58), (57.12, 84.83), (32.76, 59.55)),
    ("NNCLR", "nnclr"): ((87.66, 99.63), (60.91, 87.50), (40.46, 67.05)),
    ("Fast-MoCo", "fast_moco"): ((85.93, 99.57), (61.39, 87.31), (39.91, 66.26)),
    (OURS, "multi_network"): ((90.18, 99.78), (65.20, 89.72), (41.70, 68.36)),
}


def row(place: int, method: str, config: str) -> Row:
    """A method on the data set at this place."""
    data, *variants, scales = DATA[place]
    variant = variants[config in ("fast_moco", "multi_network")]
    top1, top5 = PUBLISHED[method, config][place]
    return Row(
        f"{data}: {method}",
        config,
        paper=variant,
        gpu=variant,
        against="" if method == OURS else f"{data}: {OURS}",
        published={"top-1": top1, "top-5": top5},
        scales=scales,
    )


TABLE = Table(
    source="Multi-network, Table 1",
    about="linear evaluation on three data sets; ResNet-18, 200 epochs, batch 256",
    columns=(Column("top-1", "multi_network"), Column("top-5", "multi_network", "top5")),
    rows=[row(place, *method) for place in range(len(DATA)) for method in PUBLISHED],
    readings=(
        "the paper does not say how many runs a number is of; ours are means over seeds",
        "optimizer, temperature 1, momentum 0.99 and a queue of 16384 are read as those of all "
        "methods; the heads of the others are not given, and the docstrings of their configs say "
        "what ours are",
        "strengths of colours and blur are not given: SimCLR's with 0.5, blur for half of the "
        "views",
        "2 % of the training images are held out of pre-training for kNN while training; the "
        "linear classifier learns from them too",
        "at smoke and small the others have temperatures and queues of their own bare configs",
    ),
)
