"""MoCo v3 with BA-MoCo's settings: the same run without batch fusion.

Chen, Xie and He, arXiv 2104.02057, with the settings of Zhang and Liu ("From Pretext to Purpose:
Batch-Adaptive Self-Supervised Learning", section 4.1), so that the two differ only in the fusion.

    python -m ssl_jax.main --config=moco_v3    # digits

The other variants are those of ba_moco.py.

Measured with this code: digits, seed 0, 107 s on one CPU core: kNN 96.94 %, linear 98.33 %
(experiments/results/digits.json). See docs/results.md; no published recipe has been trained to its
end.
"""

from ml_collections import ConfigDict
from ssl_jax.configs import ba_moco, common


def get_config(variant: str = "") -> ConfigDict:
    return common.choose(variant, VARIANTS)


def unfused(config: ConfigDict) -> ConfigDict:
    config.fusion.enabled = False
    return config


VARIANTS = common.changed(ba_moco.VARIANTS, unfused)
