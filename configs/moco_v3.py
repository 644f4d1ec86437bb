"""MoCo v3 with BA-MoCo's settings: the same run without batch fusion.

Chen, Xie and He, arXiv 2104.02057, in the setting of Zhang and Liu ("From Pretext to Purpose:
Batch-Adaptive Self-Supervised Learning", section 4.1), so that the two differ in the fusion only.

    python -m ssl_jax.main --config=configs/moco_v3.py
"""

from ml_collections import ConfigDict

from configs import ba_moco


def get_config(variant: str = "") -> ConfigDict:
    config = ba_moco.get_config(variant)
    config.fusion.enabled = False
    return config
