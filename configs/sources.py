"""What published recipes fix: parts of the `SOURCES` that stand beside the `VARIANTS` of a config.

`SOURCES` says of variants which of their settings come from where: by (origin, place), the values
by key, where "augment.*" are all views. The values are written a second time on purpose: a test
compares them with those of the variants, so that a change shows, and docs/fidelity.md is made of
them by `python -m experiments fidelity`. Settings that are not mentioned are ours.

Origins: "paper"; "official code", of the paper's authors; "recipe", of others who published numbers
for it; "ours", with the reason; "differs", ours where the place says that the source has something
else.
"""

import itertools
from collections.abc import Mapping
from typing import Any

Values = Mapping[str, Any]
OfVariant = Mapping[tuple[str, str], Values]
Sources = Mapping[tuple[str, ...], OfVariant]


def views(place: str = "*", **values: Any) -> Values:
    """Settings of all views, or of those of one place."""
    return {f"augment.{place}.{key}": value for key, value in values.items()}


def jitter(brightness: float, saturation: float, hue: float, **values: Any) -> Values:
    """Crops, flips, colours of the usual probabilities, and grey; contrast is as brightness."""
    strengths = {"brightness": brightness, "contrast": brightness, "saturation": saturation}
    usual = {"crop_scale": (0.08, 1.0), "flip": 0.5, "jitter_probability": 0.8, "grey": 0.2}
    return views(**{**usual, **strengths, "hue": hue, **values})


def without(values: Values, *endings: str) -> Values:
    """The values but those whose keys end like this."""
    return {key: value for key, value in values.items() if not key.endswith(endings)}


# BYOL, Table 6; MoCo v3, Barlow Twins and others have it from there.
BYOL_VIEWS = {
    **jitter(0.4, 0.2, 0.1),
    **views("view0", solarize=0.0),
    **views("view1", solarize=0.2),
}
BYOL_BLUR = {**views("view0", blur=1.0), **views("view1", blur=0.1)}
# MoCo v2, SimSiam.
MOCO_VIEWS = jitter(0.4, 0.4, 0.1)
MOCO_BLUR = views(blur=0.5)
# SimCLR, strength 1.
SIMCLR_VIEWS = jitter(0.8, 0.8, 0.2)

# solo-learn, solo/methods/base.py and scripts/pretrain.
SOLO = {
    "batch_size": 256,
    "optimizer.base_batch": 256,
    "optimizer.momentum": 0.9,
    "optimizer.warmup_epochs": 10.0,
    "optimizer.schedule": "cosine",
    "optimizer.final_rate": 0.0,
    "network.name": "resnet18",
    **views(interpolation="bicubic"),
}
SOLO_CIFAR = {**SOLO, "epochs": 1000, "network.stem": "cifar", "network.stem_padding": 2}
SOLO_IMAGENET100 = {**SOLO, "epochs": 400, "network.stem": "imagenet"}
SOLO_LARS = {
    "optimizer.name": "larc",
    "optimizer.trust_coefficient": 0.02,
    "optimizer.decay_all": False,
}
SOLO_SGD = {"optimizer.name": "sgd", "optimizer.decay_all": True}

# The LARS of Barlow Twins, VICReg, MoCo v3 and BYOL.
LARS = {
    "optimizer.name": "lars",
    "optimizer.base_batch": 256,
    "optimizer.momentum": 0.9,
    "optimizer.trust_coefficient": 0.001,
    "optimizer.decay_all": False,
    "optimizer.warmup_epochs": 10.0,
    "optimizer.schedule": "cosine",
}
SGD = {"optimizer.name": "sgd", "optimizer.momentum": 0.9, "optimizer.decay_all": True}

# What all methods in Table 1 of the Multi-network paper share.
MULTI_NETWORK = {
    ("paper", "Multi-network, section 4.1"): {
        "epochs": 200,
        "batch_size": 256,
        "learning_rate": 0.1,
        "optimizer.name": "sgd",
        "optimizer.momentum": 0.9,
        "optimizer.weight_decay": 1e-4,
        "optimizer.schedule": "cosine",
        "optimizer.final_rate": 0.0,
        "optimizer.warmup_epochs": 0.0,
        "network.name": "resnet18",
    },
    ("ours", "the paper names crops, flips, colours and blur; SimCLR's with strength 0.5"): {
        **jitter(0.4, 0.4, 0.1),
        **views(blur=0.5),
    },
    ("ours", "PyTorch's SGD, as in the official code of the methods"): {
        "optimizer.decay_all": True
    },
}

PATCHES = {"cifar": 4, "tiny_imagenet": 8, "stl10": 8, "imagenet": 16}


def fused(sources: Sources) -> Sources:
    """The same behind batch fusion, variants with patches of other sizes apart."""
    return {
        tuple(same): {**found, **fusion(patch)}
        for names, found in sources.items()
        for patch, same in itertools.groupby(sorted(names, key=patch_of), key=patch_of)
    }


def patch_of(variant: str) -> int:
    """Side of the patches of batch fusion in a variant of this name."""
    return next(size for start, size in PATCHES.items() if variant.startswith(start))


def fusion(patch: int) -> OfVariant:
    """Of batch fusion."""
    at_224 = ("paper", "BA-SSL, section 3.2: 16 at 224 pixels")
    smaller = ("ours", "16 would leave few patches of a small image")
    return {
        ("paper", "BA-SSL, section 3.2 and Algorithm 1"): {
            "fusion.enabled": True,
            "fusion.views": (1,),
            "fusion.group_size": 0,
        },
        ("paper", "BA-SSL, Eq. 5; Algorithm 1 has no ReLU"): {"fusion.restore_activation": "relu"},
        ("paper", "BA-SSL, section 4.4: the best of Table 4"): {"fusion.depth": 1},
        at_224 if patch == 16 else smaller: {"fusion.patch_size": patch},
        ("ours", "BA-SSL's Figure 3 is not in its text"): {
            "fusion.width": 0,
            "fusion.pointwise_layers": 2,
            "fusion.residual": "conv",
            "fusion.identity_start": False,
            "fusion.fuse_before_normalize": False,
        },
    }
