"""BA-SSL, Table 3: batch fusion in front of four methods."""

from experiments.ba_ssl import BELOW_PAPER, LINEAR
from experiments.engine.table import Column, Row, Table

AT = {"paper": {"epochs": 400, "batch_size": 256}, "gpu": {"batch_size": 256}}
# (method, config, config with fusion, published without and with)
PAIRS = (
    ("MoCo-v2", "moco_v2", "ba_moco_v2", 66.29, 67.54),
    ("BYOL", "byol", "ba_byol", 67.95, 68.76),
    ("SimCLR", "simclr", "ba_simclr", 63.34, 64.02),
    ("SimSiam", "simsiam", "ba_simsiam", 66.25, 66.97),
)


def rows(name: str, bare: str, fused: str, without: float, with_fusion: float) -> list[Row]:
    """A method, and the same behind batch fusion."""
    return [
        Row(name, bare, paper="imagenet100", at=AT, published={"linear": without}),
        Row(
            f"{name} + BA",
            fused,
            paper="imagenet100",
            at=AT,
            against=name,
            published={"linear": with_fusion},
        ),
    ]


TABLE = Table(
    source="BA-SSL, Table 3",
    about="batch fusion in front of four methods; ImageNet-100, 400 epochs, batch 256",
    columns=(Column("linear", "ba_ssl"), Column("kNN", "knn")),
    rows=[row for pair in PAIRS for row in rows(*pair)],
    readings=(
        "the paper reports the best of 10 runs; ours are means",
        "it does not list the methods' settings; ours are those of solo-learn's recipes, which "
        "publishes 12 to 14 points more for the rows without fusion after as many epochs",
        LINEAR,
        BELOW_PAPER,
    ),
)
