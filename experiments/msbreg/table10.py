"""MSBReg, Table 10: instance segmentation on COCO."""

from experiments.engine.table import Column, Table
from experiments.msbreg import ENCODERS, QUOTED

TITLES = ("box AP", "mask AP")
PUBLISHED = {
    "SimCLR": (39.7, 35.8),
    "MoCo v2": (40.4, 36.4),
    "BYOL": (41.6, 37.2),
    "VICReg": (39.4, 36.4),
    "SwAV": (41.6, 37.8),
    "Barlow Twins": (40.0, 36.7),
    "Ours (K = 4)": (41.8, 37.8),
}

TABLE = Table(
    source="MSBReg, Table 10",
    about="Mask R-CNN on COCO from the encoder, box and mask AP on val2017; ResNet-50",
    columns=[Column(title, protocol="") for title in TITLES],
    rows=[
        ENCODERS[name]._replace(
            against="BYOL" if name.startswith("Ours") else "",
            published=dict(zip(TITLES, published, strict=True)),
        )
        for name, published in PUBLISHED.items()
    ],
    readings=(
        "no column is measured by this package: python -m ssl_jax.export --workdir=RUN "
        "--format=detectron2 --output=encoder.pkl, then Mask R-CNN as in docs/detection.md",
        QUOTED,
        "the paper's row OBoW (40.8, 36.4) has no config in this package",
        "its MoCo is read as MoCo v2, its SwAV as the one with multi-crop",
    ),
)
