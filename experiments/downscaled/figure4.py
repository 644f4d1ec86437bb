"""Downscaled SimCLR, Figure 4: random crops."""

from experiments.downscaled import REPORT, SETTINGS, SIMCLR
from experiments.engine.table import Column, Table

TABLE = Table(
    source="Downscaled SimCLR, Figure 4",
    about="images beside their random crops (Algorithm 1, first branch); here what an encoder "
    "learns from crops alone",
    columns=(Column("linear", "ridge"), Column("kNN", "knn")),
    rows=[
        SIMCLR,
        SIMCLR._replace(
            name="crops only",
            changes={
                **SIMCLR.changes,
                "augment.view0.crop_or_jitter": False,
                "augment.view0.crop_probability": 1.0,
                "augment.view0.jitter_probability": 0.0,
            },
            against=SIMCLR.name,
        ),
    ],
    readings=(
        f"the figure is a picture without numbers; {REPORT} draws images beside their views: of "
        "the row crops only",
        "the accuracies are ours: the abstract announces an investigation of the augmentations, "
        "and the text has none",
        SETTINGS,
    ),
)
