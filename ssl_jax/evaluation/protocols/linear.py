"""Linear classifiers on a frozen encoder, trained with all labels as papers do; see `recipes`."""

from functools import partial

from ssl_jax.evaluation import recipes
from ssl_jax.evaluation.train_by_recipe import train_by_recipe, train_cached

ba_ssl = partial(train_by_recipe, recipe=recipes.BA_SSL)
multi_network = partial(train_by_recipe, recipe=recipes.MULTI_NETWORK)
msbreg = partial(train_by_recipe, recipe=recipes.MSBREG)
moco = partial(train_by_recipe, recipe=recipes.MOCO)
places205 = partial(train_by_recipe, recipe=recipes.PLACES205)
inat18 = partial(train_by_recipe, recipe=recipes.INAT18)

# The same on features that are computed once, without augmentation: far faster, but not the same
# protocols.
multi_network_cached = partial(multi_network, cached=True)
msbreg_cached = partial(msbreg, cached=True)
moco_cached = partial(moco, cached=True)

# The same for several seeds at once; see `protocol_names.Protocol`.
ba_ssl_seeds = partial(train_cached, recipe=recipes.BA_SSL)
multi_network_cached_seeds = partial(train_cached, recipe=recipes.MULTI_NETWORK)
msbreg_cached_seeds = partial(train_cached, recipe=recipes.MSBREG)
moco_cached_seeds = partial(train_cached, recipe=recipes.MOCO)
