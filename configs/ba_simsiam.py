"""SimSiam behind batch fusion: simsiam.py with the second view fused.

Zhang and Liu, "From Pretext to Purpose: Batch-Adaptive Self-Supervised Learning", section 4.3,
where each method keeps its own settings; the paper does not list them.

    python -m ssl_jax.main --config=ba_simsiam    # digits
    python -m ssl_jax.main --config=ba_simsiam:imagenet100 --config.data.path=DIR

The other variants are those of simsiam.py.

Published, linear top-1 on ImageNet-100, 400 epochs, the best of 10 runs: 66.97, and 66.25 without
fusion (Table 3).

Measured with this code: digits, seed 0, 84 s on one CPU core: kNN 94.44 %, linear 94.17 %
(experiments/ours/methods.py). See docs/results.md; no published recipe has been trained to its
end.
"""

from ml_collections import ConfigDict
from ssl_jax.configs import common, simsiam, sources


def get_config(variant: str = "") -> ConfigDict:
    return common.choose(variant, VARIANTS)


VARIANTS = common.changed(simsiam.VARIANTS, common.fused)

SOURCES = sources.fused(simsiam.SOURCES)
