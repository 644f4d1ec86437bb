"""Every method with one budget: on digits, on a part of CIFAR-10, and on all of it. Ours."""

from experiments.engine.table import Column, Row, Table

# By config, what it is called.
METHODS = {
    "ba_moco": "BA-MoCo",
    "moco_v3": "MoCo v3 (BA-MoCo without fusion)",
    "msbreg": "MSBReg: 4 views",
    "byol": "BYOL",
    "multi_network": "Multi-network",
    "nnclr": "NNCLR",
    "fast_moco": "Fast-MoCo",
    "moco_v2": "MoCo v2",
    "ba_moco_v2": "BA + MoCo v2",
    "ba_byol": "BA + BYOL",
    "simclr": "SimCLR",
    "ba_simclr": "BA + SimCLR",
    "simclr_downscaled": "Downscaled SimCLR",
    "simclr_vit": "Downscaled SimCLR with a ViT",
    "simsiam": "SimSiam",
    "ba_simsiam": "BA + SimSiam",
    "byol_multicrop": "BYOL: multi-crop",
    "w_mse": "W-MSE",
    "barlow_twins": "Barlow Twins",
    "vicreg": "VICReg",
    "align_uniform": "alignment + uniformity",
    "swav": "SwAV",
    "dino": "DINO",
    "ressl": "ReSSL",
    "lejepa": "LeJEPA",
    "supcon": "SupCon",
    "supervised": "supervised",
}

TABLE = Table(
    source="Ours, all methods",
    about="every method, none tuned for the comparison",
    columns=(
        Column("linear", "ridge"),
        Column("kNN", "knn"),
        Column("loss", "curve", "last_loss", percent=False),
        Column("effective rank", "curve", "last_effective_rank", percent=False),
    ),
    rows=[
        Row(
            name,
            config,
            at={"small": {"data.limit": 5000}},
            scales=("smoke", "digits", "small", "gpu"),
        )
        for config, name in METHODS.items()
    ],
    readings=(
        "what was published on CIFAR-10 with the variants cifar10, which the scale gpu trains, "
        "is in the docstrings of the configs",
        "at small 5,000 images of CIFAR-10; learning rate and heads were set once, nearly alike "
        "for all methods, so that one seed and small differences do not rank them",
        "the effective rank is that of the features of held-out images",
    ),
)
