"""SimSiam behind batch fusion: simsiam.py with the second view fused.

Zhang and Liu, "From Pretext to Purpose: Batch-Adaptive Self-Supervised Learning", section 4.3, in
which each method keeps its settings; the paper does not list them.

    python -m ssl_jax.main --config=configs/ba_simsiam.py         digits, a minute on two cores
    python -m ssl_jax.main --config=configs/ba_simsiam.py:imagenet100 --config.data.path=DIR

and the other variants of simsiam.py.

Published, linear top-1 on ImageNet-100, 400 epochs, the best of 10 runs: 66.97, without fusion
66.25 (Table 3). What was measured with this code stands in the README.
"""

from ml_collections import ConfigDict
from ssl_jax.configs import common, simsiam


def get_config(variant: str = "") -> ConfigDict:
    return common.choose(variant, VARIANTS)


VARIANTS = common.changed(simsiam.VARIANTS, common.fused)
