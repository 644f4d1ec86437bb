"""Does the Brownian loss keep BYOL from collapse without BatchNorm? MSBReg's Table 6 on digits."""

from experiments.engine.table import Column, Row, Table

# (name, config, normalisation of the heads, weight of the Brownian loss, published)
ROWS = (
    ("BYOL: BatchNorm", "byol", "batch", 0.0, 89.5),
    ("MSBReg: BatchNorm 5e-2", "msbreg", "batch", 5e-2, 91.4),
    ("BYOL: LayerNorm", "byol", "layer", 0.0, 10.6),
    ("BYOL: LayerNorm 5e-3", "byol", "layer", 5e-3, 75.3),
    ("BYOL: LayerNorm 5e-2", "byol", "layer", 5e-2, None),
    ("MSBReg: LayerNorm 5e-4", "msbreg", "layer", 5e-4, 80.7),
    ("MSBReg: LayerNorm 5e-3", "msbreg", "layer", 5e-3, 82.3),
    ("MSBReg: LayerNorm 5e-2", "msbreg", "layer", 5e-2, 78.7),
)
WEIGHT = {"byol": "penalty.brownian", "msbreg": "method.lambda_b"}

TABLE = Table(
    source="Ours, MSBReg's Tables 6 and 13 on digits",
    about="BatchNorm or LayerNorm in the heads, by the weight of the Brownian loss",
    columns=(
        Column("linear", "ridge"),
        Column("kNN", "knn"),
        Column("effective rank", "curve", "last_effective_rank", percent=False),
        Column("std of embeddings", "curve", "last_embedding_std_ratio", percent=False),
    ),
    rows=[
        Row(
            name,
            config,
            changes={"method.head_norm": norm, WEIGHT[config]: weight},
            published={"linear": published},
            scales=("smoke", "digits"),
        )
        for name, config, norm, weight, published in ROWS
    ],
    readings=(
        "the bare configs but for norm and weight, so AdamW for the paper's LARS and BYOL's sum "
        "over both directions; the paper's row of batch 1024 is nearly all of digits and left out",
        "published is linear top-1 on STL-10; the row 5e-2 of BYOL is ours",
        "a collapse shows in the std of the embeddings, of 1 / sqrt(d), 0 where all are the same; "
        "features stay spread, as the backbone keeps its BatchNorm",
    ),
)
