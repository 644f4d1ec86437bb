"""BYOL behind batch fusion: byol.py with the second view fused.

Zhang and Liu, "From Pretext to Purpose: Batch-Adaptive Self-Supervised Learning", section 4.3,
where each method keeps its own settings; the paper does not list them.

    python -m ssl_jax.main --config=ba_byol    # digits
    python -m ssl_jax.main --config=ba_byol:imagenet100 --config.data.path=DIR

The other variants are those of byol.py. With its batch of 4096, set --config.fusion.group_size.

Published, linear top-1 on ImageNet-100, 400 epochs, the best of 10 runs: 68.76, and 67.95 without
fusion (Table 3).

Measured with this code: digits, seed 0, 95 s on one CPU core: kNN 90.56 %, linear 91.67 %
(experiments/ours/methods.py). See docs/results.md; no published recipe has been trained to its
end.
"""

from ml_collections import ConfigDict
from ssl_jax.configs import byol, common, sources


def get_config(variant: str = "") -> ConfigDict:
    return common.choose(variant, VARIANTS)


VARIANTS = common.changed(byol.VARIANTS, common.fused)

SOURCES = sources.fused(byol.SOURCES)
