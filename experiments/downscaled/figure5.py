"""Downscaled SimCLR, Figure 5: colour jitter and flips."""

from experiments.downscaled import REPORT, SETTINGS, SIMCLR
from experiments.engine.table import Column, Table

TABLE = Table(
    source="Downscaled SimCLR, Figure 5",
    about="images beside their jittered and flipped views (Algorithm 1, second branch); here what "
    "an encoder learns from these alone",
    columns=(Column("linear", "ridge"), Column("kNN", "knn")),
    rows=[
        SIMCLR,
        SIMCLR._replace(
            name="jitter and flips only",
            changes={**SIMCLR.changes, "augment.view0.crop_probability": 0.0},
            against=SIMCLR.name,
        ),
    ],
    readings=(
        f"the figure is a picture without numbers; {REPORT} draws images beside their views: of "
        "the row jitter and flips only",
        "the accuracies are ours, as in Figure 4",
        "digits are not flipped at smoke",
        SETTINGS,
    ),
)
