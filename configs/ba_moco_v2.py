"""MoCo v2 behind batch fusion: moco_v2.py with the second view fused, or the query if one-sided.

Zhang and Liu, "From Pretext to Purpose: Batch-Adaptive Self-Supervised Learning", sections 4.3 and
4.4, where each method keeps its own settings; the paper does not list them.

    python -m ssl_jax.main --config=ba_moco_v2    # digits
    python -m ssl_jax.main --config=ba_moco_v2:imagenet100 --config.data.path=DIR

The other variants are those of moco_v2.py. On ImageNet the network is the paper's ResNet-18, with
a head as wide as its features, and the epochs are the 300 of its section 4.1.

Published, linear top-1: ImageNet-100, 400 epochs, the best of 10 runs: 67.54, and 66.29 without
fusion (Table 3); ImageNet with --config.fusion.depth=0, 1, 2, 3: 52.50, 53.35, 52.62, 53.17
(Table 4).

Measured with this code: digits, seed 0, 97 s on one CPU core: kNN 98.61 %, linear 97.50 %
(experiments/ours/methods.py). See docs/results.md; no published recipe has been trained to its
end.
"""

from ml_collections import ConfigDict
from ssl_jax.configs import common, moco_v2, sources


def get_config(variant: str = "") -> ConfigDict:
    return common.choose(variant, VARIANTS)


def imagenet() -> ConfigDict:
    config = common.fused(moco_v2.imagenet())
    config.epochs = 300
    config.network.name = "resnet18"
    config.method.hidden = 512
    return config


VARIANTS = {**common.changed(moco_v2.VARIANTS, common.fused), "imagenet": imagenet}

RESNET18 = {
    ("paper", "BA-SSL, section 4.1, also for its section 4.4"): {
        "epochs": 300,
        "network.name": "resnet18",
    },
    ("ours", "a head as wide as the features"): {"method.hidden": 512},
}
SOURCES = {
    **sources.fused(moco_v2.SOURCES),
    ("imagenet",): {
        ("official code", "moco, README and main_moco.py"): moco_v2.OFFICIAL,
        **RESNET18,
        **sources.fusion(patch=16),
    },
}
