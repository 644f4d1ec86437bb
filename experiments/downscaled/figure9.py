"""Downscaled SimCLR, Figure 9: nearest neighbours."""

from experiments.downscaled import REPORT, SETTINGS, SIMCLR
from experiments.engine.table import Column, Table

TABLE = Table(
    source="Downscaled SimCLR, Figure 9",
    about="images beside their nearest neighbours, which the paper finds not always of the same "
    "class; here how often they are",
    columns=(
        Column("nearest neighbour", "geometry", "nearest_neighbour_top1"),
        Column("kNN", "knn"),
    ),
    rows=[SIMCLR],
    readings=(
        f"the figure is a picture without numbers; {REPORT} draws images beside their neighbours",
        "nearest neighbour: among the other test images, by cosine; kNN: the vote of 20 training "
        "images",
        SETTINGS,
    ),
)
