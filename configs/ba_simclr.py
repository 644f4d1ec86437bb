"""SimCLR behind batch fusion: simclr.py with the second view fused.

Zhang and Liu, "From Pretext to Purpose: Batch-Adaptive Self-Supervised Learning", section 4.3,
where each method keeps its own settings; the paper does not list them.

    python -m ssl_jax.main --config=ba_simclr    # digits
    python -m ssl_jax.main --config=ba_simclr:imagenet100 --config.data.path=DIR

The other variants are those of simclr.py. With its batch of 4096, set --config.fusion.group_size.

Published, linear top-1 on ImageNet-100, 400 epochs, the best of 10 runs: 64.02, and 63.34 without
fusion (Table 3).

Measured with this code: digits, seed 0, 87 s on one CPU core: kNN 96.94 %, linear 97.78 %
(experiments/ours/methods.py). See docs/results.md; no published recipe has been trained to its
end.
"""

from ml_collections import ConfigDict
from ssl_jax.configs import common, simclr, sources


def get_config(variant: str = "") -> ConfigDict:
    return common.choose(variant, VARIANTS)


VARIANTS = common.changed(simclr.VARIANTS, common.fused)

SOURCES = sources.fused(simclr.SOURCES)
