"""Downscaled SimCLR, Figure 8: t-SNE of the features."""

from experiments.downscaled import REPORT, SETTINGS, SIMCLR
from experiments.engine.table import Column, Table

TABLE = Table(
    source="Downscaled SimCLR, Figure 8",
    about="a map of the features by t-SNE, in which the paper finds no clear clusters; here how "
    "well an MLP tells classes apart on the map",
    columns=(
        Column("MLP on t-SNE", "downscaled", "tsne_top1"),
        Column("MLP on features", "downscaled", "features_top1"),
    ),
    rows=[SIMCLR],
    readings=(
        f"the figure is a picture without numbers; {REPORT} draws the map",
        "what is measured is ours: an MLP on the points of t-SNE, beside one on the features "
        "themselves, as in Figure 10",
        SETTINGS,
    ),
)
