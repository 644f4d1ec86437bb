"""MSBReg, Table 5: transfer to other data sets, and detection."""

from experiments.engine.table import Column, Table
from experiments.msbreg import ENCODERS, QUOTED

TITLES = ("VOC07 mAP", "Places", "iNat18", "VOC AP50", "VOC AP75", "VOC AP")
PUBLISHED = {
    "MoCo v2": (86.4, 51.8, 38.6, 82.4, 63.6, 57.0),
    "BYOL": (86.6, 54.0, 47.6, 81.4, 61.1, 55.3),
    "SimSiam": (None, None, None, 82.4, 63.7, 57.0),
    "Barlow Twins": (86.2, 54.1, 46.5, 82.6, 63.4, 56.8),
    "SwAV": (88.9, 56.5, 48.6, 82.6, 62.7, 56.1),
    "Ours (K = 4)": (87.8, 56.4, 47.9, 83.0, 63.5, 56.7),
}
EVALUATE = "python -m ssl_jax.evaluate --workdir=RUN --data_path=DIR"

TABLE = Table(
    source="MSBReg, Table 5",
    about="linear classification on other data sets, and detection by fine-tuning; ResNet-50",
    columns=[Column(title, protocol="") for title in TITLES],
    rows=[
        ENCODERS[name]._replace(
            against="BYOL" if name.startswith("Ours") else "",
            published=dict(zip(TITLES, published, strict=True)),
        )
        for name, published in PUBLISHED.items()
    ],
    readings=(
        "no column is measured by the run of a row: each needs other images than the row's own, "
        "and its command",
        f"VOC07: {EVALUATE} --protocol=svm --data=voc07, its map",
        f"Places: {EVALUATE} --protocol=places205 --data=folder, its top1; DIR has train/ and val/",
        f"iNat18: {EVALUATE} --protocol=inat18 --data=folder, its top1; likewise",
        "VOC AP: python -m ssl_jax.export --workdir=RUN --format=detectron2 --output=encoder.pkl, "
        "then Faster R-CNN as in docs/detection.md",
        QUOTED,
        "the paper's rows BoWNet (79.3, 51.1, -, 81.3, 61.1, 53.5), PIRL (81.1, 49.8, -, 80.7, "
        "59.7, 54.0), OBoW (89.3, 56.8, -, 82.9, 64.8, 57.9) and PixPro (-, -, -, 83.8, 67.7, "
        "60.2) have no config in this package",
        "SwAV is read as the one with multi-crop, which this table does not say",
    ),
)
