"""MoCo v3 with BA-MoCo's settings: the same run without batch fusion.

Chen, Xie and He, arXiv 2104.02057, in the setting of Zhang and Liu ("From Pretext to Purpose:
Batch-Adaptive Self-Supervised Learning", section 4.1), so that the two differ in the fusion only.

    python -m ssl_jax.main --config=configs/moco_v3.py
"""

from ml_collections import ConfigDict
from ssl_jax.configs import ba_moco, common


def get_config(variant: str = "") -> ConfigDict:
    return common.choose(variant, VARIANTS)


def unfused(config: ConfigDict) -> ConfigDict:
    config.fusion.enabled = False
    return config


VARIANTS = common.changed(ba_moco.VARIANTS, unfused)
