"""MSBReg, Table 5: transfer to other data sets, and detection."""

from experiments.engine.table import Column, Table
from experiments.msbreg import ENCODERS, QUOTED

COLUMNS = (
    Column("VOC07 mAP", "svm", "map", data="voc07"),
    Column("Places", "places205", data="places205"),
    Column("iNat18", "inat18", data="inat18"),
    Column("VOC AP50"),
    Column("VOC AP75"),
    Column("VOC AP"),
)
TITLES = [column.title for column in COLUMNS]
PUBLISHED = {
    "MoCo v2": (86.4, 51.8, 38.6, 82.4, 63.6, 57.0),
    "BYOL": (86.6, 54.0, 47.6, 81.4, 61.1, 55.3),
    "SimSiam": (None, None, None, 82.4, 63.7, 57.0),
    "Barlow Twins": (86.2, 54.1, 46.5, 82.6, 63.4, 56.8),
    "SwAV": (88.9, 56.5, 48.6, 82.6, 62.7, 56.1),
    "Ours (K = 4)": (87.8, 56.4, 47.9, 83.0, 63.5, 56.7),
}

TABLE = Table(
    source="MSBReg, Table 5",
    about="linear classification on other data sets, and detection by fine-tuning; ResNet-50",
    columns=COLUMNS,
    rows=[
        ENCODERS[name]._replace(
            against="BYOL" if name.startswith("Ours") else "",
            published=dict(zip(TITLES, published, strict=True)),
        )
        for name, published in PUBLISHED.items()
    ],
    readings=(
        "Places205 and iNaturalist 2018 are folders with train/ and val/: --data=places205=DIR "
        "--data=inat18=DIR, and VOC 2007 as it is distributed, --data=voc07=DIR",
        "below the scale paper there is one other data set in place of the three, with one label "
        "per image: top-1 in place of mAP; at small there is none",
        "VOC AP: python -m ssl_jax.export --workdir=RUN --format=detectron2 --output=encoder.pkl, "
        "then Faster R-CNN as in docs/detection.md",
        QUOTED,
        "the paper's rows BoWNet (79.3, 51.1, -, 81.3, 61.1, 53.5), PIRL (81.1, 49.8, -, 80.7, "
        "59.7, 54.0), OBoW (89.3, 56.8, -, 82.9, 64.8, 57.9) and PixPro (-, -, -, 83.8, 67.7, "
        "60.2) have no config in this package",
        "SwAV is read as the one with multi-crop, which this table does not say",
    ),
)
