"""MSBReg, Table 12: alignment and uniformity."""

from experiments.engine.table import Column, Row, Table
from experiments.msbreg.table11 import row

TITLES = ("top-1", "alignment", "uniformity")


def cells(found: Row, name: str, *published: float) -> Row:
    """A row of Table 11 with what this table says of it."""
    numbers = dict(zip(TITLES, published, strict=True))
    return found._replace(name=name, against="" if name == "BYOL" else "BYOL", published=numbers)


BYOL = row(2, 0.0, 0.0, None)
UNIFORM = BYOL._replace(changes={**BYOL.changes, "penalty.uniformity": 1.0})

TABLE = Table(
    source="MSBReg, Table 12",
    about="linear accuracy, alignment and uniformity of test images; ImageNet-100, ResNet-18",
    columns=(
        Column("top-1", "msbreg"),
        Column("alignment", "geometry", "alignment", percent=False),
        Column("uniformity", "geometry", "uniformity", percent=False),
    ),
    rows=[
        cells(BYOL, "BYOL", 71.9, 0.25, -1.52),
        cells(UNIFORM, "BYOL + L_uniform", 72.1, 0.27, -2.95),
        cells(row(2, 4e-3, 0.5, None), "BYOL + L_b + L_s", 72.8, 0.26, -2.92),
        cells(row(4, 4e-3, 0.5, None), "Ours (K = 4)", 80.4, 0.36, -3.8),
    ],
    readings=(
        "BYOL with L_b and L_s has 72.8 here, 72.41 in Table 8 and 72.4 in Table 11, where 72.8 is "
        "that of either of them alone: both are on here, as the row is called",
        "the weight of L_uniform is not given: 1, on the predictions, t = 2; BYOL's loss beside it "
        "is the mean over both directions, as in Table 11",
        "it is not said of which views and embeddings the two losses are: of the features, "
        "alignment on random resized crops and flips, uniformity on whole images",
        "epochs are Table 11's 300, whose 71.9 and 80.4 are in this table",
    ),
)
