"""Embeddings of an image from some of its patches, as in Fast-MoCo and Multi-network.

Ci et al., "Fast-MoCo: Boost Momentum-Based Contrastive Learning with Combinatorial Patches",
arXiv 2207.08220, section 3.2: an image is divided into 2 x 2 patches, each of which is encoded by
itself, and every mean of k of the 4 patch embeddings is one combined embedding of the image.
"""

from collections.abc import Iterator
from itertools import combinations

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ssl_jax.errors import Problem, UserError, refuse
from ssl_jax.losses import info_nce
from ssl_jax.methods.parts.base import KeyArray, RunFacts
from ssl_jax.methods.parts.chain import Chain, apply_chain
from ssl_jax.types import Embeddings, Params, State

# One [N, d] per combination, s of them.
Combined = Float[Array, "n s d"]
PATCHES = 4


def patch_problems(run: RunFacts, k: int) -> Iterator[Problem]:
    """Views that cannot be divided into 2 x 2 patches, and combinations that do not exist."""
    for side in run.views:
        if side % 2:
            what = f"makes views of {side} pixels, which cannot be divided into 2 x 2 patches"
            yield Problem("/augment", None, what, "give every view an even size")
    yield from combination_problems(k)


def combination_problems(k: int) -> Iterator[Problem]:
    """A number of patches per combination that is impossible."""
    if not 1 <= k <= PATCHES:
        yield Problem("k", k, f"must be 1 to {PATCHES}, as an image has {PATCHES} patches")


def divide(images: Float[Array, "n h w c"]) -> Float[Array, "4*n h/2 w/2 c"]:
    """Cuts each image into 2 x 2 patches, row by row.

    The patches of one image are adjacent, so that every device keeps its own images where the batch
    is split over devices.

    Raises:
      UserError: for images with an odd side.
    """
    n, height, width, channels = images.shape
    if height % 2 or width % 2:
        raise UserError(f"views of {height} x {width} pixels cannot be divided into 2 x 2 patches")
    patches = images.reshape(n, 2, height // 2, 2, width // 2, channels).swapaxes(2, 3)
    return patches.reshape(PATCHES * n, height // 2, width // 2, channels)


def combine(embeddings: Float[Array, "m d"], k: int) -> Combined:
    """All C(4, k) means of k of the four patch embeddings of each image.

    They are in the order of itertools.combinations.

    Raises:
      UserError: if k is not 1, 2, 3 or 4.
    """
    refuse(combination_problems(k))
    patches = embeddings.reshape(-1, PATCHES, embeddings.shape[1])
    chosen = [np.isin(range(PATCHES), some) for some in combinations(range(PATCHES), k)]
    # A product, because GPUs would sum up the gradient of indexing in no fixed order.
    return jnp.einsum("sp,npd->nsd", np.array(chosen) / k, patches, precision="highest")


def apply_to_combinations(
    chain: Chain,
    params: Params,
    stats: State,
    images: Float[Array, "n h w c"],
    k: int,
    key: KeyArray,
) -> tuple[Combined, State]:
    """Applies the chain's backbone to patches and its heads to combined embeddings, in train mode.

    Every network sees its 4N patches or s N combinations as one batch with its own statistics.

    Returns:
      The outputs, and the new batch statistics.
    """
    heads = {name: network for name, network in chain.items() if name != "backbone"}
    backbone_key, heads_key = jax.random.split(key)
    patches, stats = apply_chain(
        {"backbone": chain["backbone"]}, params, stats, divide(images), backbone_key
    )
    v = combine(patches, k)
    outputs, stats = apply_chain(heads, params, stats, v.reshape(-1, v.shape[-1]), heads_key)
    return outputs.reshape(*v.shape[:2], -1), stats


def combined_info_nce(queries: Combined, keys: Embeddings, temperature: float) -> Float[Array, ""]:
    """InfoNCE of each combination with the keys [N, d] of the batch, mean over the combinations."""
    losses = jax.vmap(info_nce, in_axes=(1, None, None))(queries, keys, temperature)
    return jnp.mean(losses)
