"""SimCLR behind batch fusion: simclr.py with the second view fused.

Zhang and Liu, "From Pretext to Purpose: Batch-Adaptive Self-Supervised Learning", section 4.3, in
which each method keeps its settings; the paper does not list them.

    python -m ssl_jax.main --config=configs/ba_simclr.py          digits, a minute on two cores
    python -m ssl_jax.main --config=configs/ba_simclr.py:imagenet100 --config.data.path=DIR

and the other variants of simclr.py; with its batch of 4096 give --config.fusion.group_size.

Published, linear top-1 on ImageNet-100, 400 epochs, the best of 10 runs: 64.02, without fusion
63.34 (Table 3). What was measured with this code stands in the README.
"""

from ml_collections import ConfigDict
from ssl_jax.configs import common, simclr


def get_config(variant: str = "") -> ConfigDict:
    return common.choose(variant, VARIANTS)


VARIANTS = common.changed(simclr.VARIANTS, common.fused)
