"""MSBReg: its tables, one file each, and what several of them share.

ENCODERS are the ResNet-50s of Tables 3, 4, 5 and 10, trained on ImageNet, by the method's name.
"""

from ssl_jax.configs import swav

from experiments.engine.table import Row

# W-MSE with 4 views, where a config has 2.
THREE = {"augment.view0.copies": 3}  # and another one in view1
W_MSE_4 = {"gpu": {"augment.view0.copies": 4}, "small": THREE, "smoke": THREE}
# Two large and six small views of CIFAR-10; the bare config of SwAV has two views.
MULTICROP = {"augment": swav.get_config("cifar10_multicrop").augment}

ENCODERS = {
    row.name: row
    for row in (
        Row("SimCLR", "simclr", paper="imagenet", at={"paper": {"epochs": 1000}}),
        Row("MoCo v2", "moco_v2", paper="imagenet", at={"paper": {"epochs": 800}}),
        Row("BYOL", "byol", paper="imagenet_1000"),
        Row("SimSiam", "simsiam", paper="imagenet", at={"paper": {"epochs": 200}}),
        Row("VICReg", "vicreg", paper="imagenet"),
        Row("Barlow Twins", "barlow_twins", paper="imagenet"),
        Row(
            "SwAV",
            "swav",
            paper="imagenet",
            gpu="cifar10_multicrop",
            at={"paper": {"epochs": 800}, "small": MULTICROP},
        ),
        Row("Ours (K = 4)", "msbreg", paper="imagenet"),
    )
}
QUOTED = (
    "all rows but Ours are quoted from other papers; MSBReg does not say after how many epochs: "
    "ours are 1000, with SwAV and MoCo v2 800 and with SimSiam 200; Ours has 300 (section 7.1)"
)
