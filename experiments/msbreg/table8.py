"""MSBReg, Table 8: each of the three losses on and off."""

from experiments.engine.table import Column, Row, Table
from experiments.msbreg.table11 import row

LAMBDA_S, LAMBDA_B = 4e-3, 0.5
# (views, L_b, L_s, published); L_c is on except in BYOL, K = 2.
ROWS = (
    (2, False, False, 71.92),
    (2, False, True, 72.84),
    (2, True, False, 72.84),
    (2, True, True, 72.41),
    (4, False, False, 78.24),
    (4, False, True, 79.68),
    (4, True, False, 79.74),
    (4, True, True, 80.38),
    (8, False, False, 79.54),
    (8, False, True, 79.96),
    (8, True, False, 80.28),
    (8, True, True, 81.56),
)


def name(views: int, brownian: bool, singular: bool) -> str:
    method = "BYOL" if views == 2 else f"Ours (K = {views})"
    return method + " + L_b" * brownian + " + L_s" * singular


def switched(views: int, brownian: bool, singular: bool, top1: float | None) -> Row:
    """The row of Table 11 with these losses."""
    found = row(views, LAMBDA_S * singular, LAMBDA_B * brownian, top1)
    own = name(views, brownian, singular)
    base = name(views, False, False) if brownian or singular else name(2, False, False)
    return found._replace(name=own, against="" if own == base else base)


def reading(title: str, views: int, on: bool, **options) -> Row:
    """Another reading of a row, all losses on or off; it has no number of its own."""
    found = switched(views, on, on, None)
    changed = {f"method.{key}": value for key, value in options.items()}
    return found._replace(
        name=f"{found.name}: {title}", against=found.name, changes={**found.changes, **changed}
    )


TABLE = Table(
    source="MSBReg, Table 8",
    about="multiview, Brownian and singular value loss on and off; ImageNet-100, ResNet-18",
    columns=(Column("top-1", "msbreg"),),
    rows=[
        *(switched(*each) for each in ROWS),
        reading("sum over pairs", 2, True, attraction="pairs"),
        reading("centroid", 2, False, attraction="centroid"),
        reading("centroid", 2, True, attraction="centroid"),
        reading("S of normalized p", 4, True, singular_value_on="normalized"),
        reading("bias-corrected target", 4, True, bias_corrected=True),
    ],
    readings=(
        "the rows are rows of Table 11, where they are rounded; it says 300 epochs, this table "
        "says nothing; Ours with all losses has the numbers of Table 1, which is after 320",
        "BYOL without L_c has pairs of unlike views for the centroid. Eq. 1 is of one pair, read "
        "as the mean over the 2 ordered pairs: attraction=mean_pairs. BYOL's own is their sum, "
        "beside which the lambdas weigh half as much: the row sum over pairs; BYOL: centroid is "
        "Eq. 3 at K = 2",
        "the covariance S is that of the predictions p, Eq. 5; the text has the normalized p too: "
        "the row S of normalized p",
        "the target is an average by BYOL's cosine, section 3.1 calls it bias-corrected without a "
        "formula: the row bias-corrected target",
    ),
)
