"""Fine-tuning with all labels or with a share of them; see `recipes`.

`finetune_1` keeps the encoder frozen, as MSBReg does with 1 % of the labels.
"""

from functools import partial

from ssl_jax.evaluation import recipes
from ssl_jax.evaluation.train_by_recipe import train_by_recipe

finetune_1 = partial(train_by_recipe, recipe=recipes.FINETUNE_1)
finetune_10 = partial(train_by_recipe, recipe=recipes.FINETUNE_10)
finetune = partial(train_by_recipe, recipe=recipes.FINETUNE)
