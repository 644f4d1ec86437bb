"""MSBReg, Table 4: nearest neighbours on ImageNet."""

from experiments.engine.table import Column, Table
from experiments.msbreg import ENCODERS, QUOTED

PUBLISHED = {"VICReg": (64.5, 62.8), "SwAV": (65.7, 62.7), "Ours (K = 4)": (66.2, 63.0)}

TABLE = Table(
    source="MSBReg, Table 4",
    about="20-NN and 200-NN accuracy on ImageNet; ResNet-50",
    columns=(
        Column("20-NN", "knn", "k20_t0.07_top1"),
        Column("200-NN", "knn", "k200_t0.07_top1"),
    ),
    rows=[
        ENCODERS[name]._replace(published=dict(zip(("20-NN", "200-NN"), accuracies, strict=True)))
        for name, accuracies in PUBLISHED.items()
    ],
    readings=(
        QUOTED,
        "the paper's rows NPID (200-NN 46.5), LA (200-NN 49.4) and PCL (20-NN 54.5) have no config "
        "in this package; SwAV is the one with multi-crop",
        "the vote is that of [35] (NPID): cosine similarity s, weights exp(s / 0.07)",
    ),
)
