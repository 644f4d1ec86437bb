"""BA-SSL, Table 4: the number of embedding layers."""

from experiments.ba_ssl import BELOW_PAPER, LINEAR
from experiments.engine.table import Column, Row, Table

AT = {"gpu": {"batch_size": 256}}
# Without layers: MoCo v2, with the settings that ba_moco_v2 has on ImageNet.
BARE = {"epochs": 300, "batch_size": 256, "network.name": "resnet18", "method.hidden": 512}
PUBLISHED = {1: 53.35, 2: 52.62, 3: 53.17}

TABLE = Table(
    source="BA-SSL, Table 4",
    about="number of embedding layers in front of MoCo v2; ImageNet-1k, ResNet-18",
    columns=(Column("linear", "ba_ssl"), Column("kNN", "knn")),
    rows=[
        Row(
            "0 layers",
            "moco_v2",
            paper="imagenet",
            at={"paper": BARE, **AT},
            published={"linear": 52.50},
        ),
        *(
            Row(
                f"{depth} layer{'s' * (depth > 1)}",
                "ba_moco_v2",
                paper="imagenet",
                changes={"fusion.depth": depth},
                at=AT,
                against="0 layers",
                published={"linear": published},
            )
            for depth, published in PUBLISHED.items()
        ),
    ],
    readings=(
        "epochs and batch are not given: the 300 and 256 of section 4.1",
        "0 layers is MoCo v2 itself, the row ImageNet-1k: MoCo-v2 of Table 2",
        LINEAR,
        BELOW_PAPER,
    ),
)
