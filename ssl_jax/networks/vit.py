"""Vision Transformer, with the positions and the initialisation of MoCo v3.

Dosovitskiy et al., "An Image is Worth 16x16 Words", arXiv 2010.11929:

    z_0  = [class; patches E] + positions                           Eq. 1
    z'_l = z_{l-1} + Attention(LN(z_{l-1}))                         Eq. 2
    z_l  = z'_l + MLP(LN(z'_l))                                     Eq. 3
    y    = LN(z_L), the class token or the mean over the patches    Eq. 4

Chen, Xie and He, arXiv 2104.02057 (MoCo v3), and its official code: fixed 2-d sin-cos positions;
weights Xavier uniform, where queries, keys and values count as three layers and the patch
projection as a linear layer; biases zero; class token normal with standard deviation 1e-6.
"""

from collections.abc import Iterator, Sequence
from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from ssl_jax.errors import Problem, refuse, require
from ssl_jax.networks.patches import patch_problems, patchify
from ssl_jax.networks.pixels import normalize_images

Tokens = Float[Array, "n l d"]
xavier = nn.initializers.xavier_uniform()
# Statistics are float32; the variance is that of x minus its mean: E[x^2] - E[x]^2 loses digits.
LayerNorm = partial(nn.LayerNorm, epsilon=1e-6, use_fast_variance=False)


def sincos_positions(rows: int, columns: int, width: int) -> Float[np.ndarray, "r c d"]:
    """Fixed positions of patches.

    Sines and then cosines of width / 4 frequencies, from 1 down to almost 1 / 10000, first for the
    row y, then for the column x: sin(w y), cos(w y), sin(w x), cos(w x). MAE (arXiv 2111.06377) has
    columns first.

    Args:
      rows: of patches.
      columns: of patches.
      width: of the tokens.

    Returns:
      The table [rows, columns, width], float32.

    Raises:
      UserError: if 4 does not divide the width.

    Example:
      >>> sincos_positions(1, 1, 4).tolist()  # the sines and cosines of 0
      [[[0.0, 1.0, 0.0, 1.0]]]
    """
    require(width % 4 == 0, "width", width, "must be a multiple of 4 for sincos positions")
    frequencies = 10_000.0 ** (-np.arange(width // 4) / (width // 4))
    y, x = np.meshgrid(np.arange(rows), np.arange(columns), indexing="ij")
    y, x = y[..., None] * frequencies, x[..., None] * frequencies
    table = np.concatenate([np.sin(y), np.cos(y), np.sin(x), np.cos(x)], axis=-1)
    return table.astype(np.float32)


class Block(nn.Module):
    """Attention and an MLP, each with a LayerNorm in front and a shortcut around (Eq. 2 and 3).

    Attributes:
      heads: of the attention.
      hidden: width of the MLP.
      dropout: of the outputs of the attention and of each layer of the MLP.
      dtype: the block computes in it; the softmax of the attention is in float32.
    """

    heads: int
    hidden: int
    dropout: float = 0.0
    dtype: DTypeLike = jnp.float32

    @nn.compact
    def __call__(self, z: Tokens, train: bool) -> Tokens:
        """Tokens [N, L, D] to tokens [N, L, D]."""
        norm = partial(LayerNorm, dtype=self.dtype)
        linear = partial(nn.Dense, kernel_init=xavier, dtype=self.dtype)
        dropout = nn.Dropout(self.dropout, deterministic=not train)
        *_, width = z.shape
        y = self._attention(norm(name="norm1")(z))
        z = z + dropout(linear(width, name="proj")(y))
        y = nn.gelu(linear(self.hidden, name="fc1")(norm(name="norm2")(z)), approximate=False)
        return z + dropout(linear(width, name="fc2")(dropout(y)))

    def _attention(self, z: Tokens) -> Tokens:
        """The outputs of the heads, side by side."""
        n, length, width = z.shape
        # One product for all three. nn.MultiHeadDotProductAttention has biases [heads, D / heads],
        # which `optimizers.is_kernel` would take for weights. Scaling by the fan-in of the three
        # together is Xavier for each of them.
        init = nn.initializers.variance_scaling(1.0, "fan_in", "uniform")
        qkv = nn.Dense(3 * width, kernel_init=init, dtype=self.dtype, name="qkv")(z)
        qkv = qkv.reshape(n, length, 3, self.heads, width // self.heads)
        y = jax.nn.dot_product_attention(qkv[:, :, 0], qkv[:, :, 1], qkv[:, :, 2])
        return y.reshape(n, length, width)


POSITIONS = ("sincos", "learned")
POOLINGS = ("class", "mean")


class VisionTransformer(nn.Module):
    """Maps images in [0, 1] to features; `patch_size` must divide the sides of the images.

    Attributes:
      patch_size: side of the patches in pixels.
      width: of the tokens and of the features.
      depth: number of blocks.
      heads: of the attention; must divide `width`.
      mlp_ratio: width of the MLPs, divided by `width`.
      dropout: in training, after the positions, the attention and each layer of the MLPs.
      positions: "sincos" are fixed, that of the class token is zero; "learned" are parameters for
        the image size seen at initialisation, bicubically resized for other sizes as in DINO (arXiv
        2104.14294), and the class token has a position of its own.
      pooling: "class" is the class token, "mean" the mean over the patches, without a class token.
      dtype: the layers compute in it; parameters and results are float32.
      mean: of the training images, one value or one per channel. Normalising is the first thing
        that the network does.
      std: of the training images, likewise.
    """

    patch_size: int
    width: int
    depth: int
    heads: int
    mlp_ratio: float = 4.0
    dropout: float = 0.0
    positions: str = "sincos"
    pooling: str = "class"
    dtype: DTypeLike = jnp.float32
    mean: Sequence[float] = (0.0,)
    std: Sequence[float] = (1.0,)

    @property
    def features(self) -> int:
        """Width of the features."""
        return self.width

    @nn.nowrap
    def problems(self, sides: Sequence[int] = ()) -> Iterator[Problem]:
        """Sizes that do not fit together or into images with these sides; unknown options."""
        if self.width % self.heads:
            yield Problem("heads", self.heads, f"must divide the width {self.width}")
        if self.positions == "sincos" and self.width % 4:
            yield Problem("width", self.width, "must be a multiple of 4 for sincos positions")
        for key, known in (("pooling", POOLINGS), ("positions", POSITIONS)):
            if (value := getattr(self, key)) not in known:
                yield Problem(key, value, f"must be {' or '.join(known)}")
        yield from patch_problems(self.patch_size, sides)

    @nn.compact
    def __call__(self, images: Float[Array, "n h w c"], train: bool) -> Float[Array, "n d"]:
        """Encodes images.

        Args:
          images: [N, H, W, C] in [0, 1].
          train: use dropout, which needs the key "dropout".

        Returns:
          Features [N, width], float32.

        Raises:
          UserError: if patches do not divide the image or heads the width, if 4 does not divide the
            width of sincos positions, if there are no such positions or pooling, or if mean and
            std do not suit the channels.
        """
        refuse(self.problems())
        z = self._embed(normalize_images(images, self.mean, self.std))
        z = nn.Dropout(self.dropout, deterministic=not train)(z)
        for index in range(self.depth):
            z = Block(
                heads=self.heads,
                hidden=round(self.mlp_ratio * self.width),
                dropout=self.dropout,
                dtype=self.dtype,
                name=f"block{index}",
            )(z, train)
        z = LayerNorm(name="norm")(z.astype(jnp.float32))
        return z[:, 0] if self.pooling == "class" else z.mean(axis=1)

    def _embed(self, images: Float[Array, "n h w c"]) -> Tokens:
        """Projected patches with positions, preceded by the class token if there is one (Eq. 1)."""
        n, height, width, _ = images.shape
        patches = patchify(images, self.patch_size).astype(self.dtype)
        project = nn.Dense(
            self.width, kernel_init=xavier, dtype=self.dtype, name="patch_projection"
        )
        positions = self._positions(height // self.patch_size, width // self.patch_size)
        z = project(patches) + positions.reshape(1, -1, self.width).astype(self.dtype)
        if self.pooling == "mean":
            return z
        token = self.param("class_token", nn.initializers.normal(1e-6), (self.width,))
        if self.positions == "learned":
            token += self.param("class_position", nn.initializers.normal(0.02), (self.width,))
        tokens = jnp.broadcast_to(token.astype(self.dtype), (n, 1, self.width))
        return jnp.concatenate([tokens, z], axis=1)

    def _positions(self, rows: int, columns: int) -> Float[Array, "{rows} {columns} d"]:
        shape = (rows, columns, self.width)
        if self.positions == "sincos":
            return jnp.asarray(sincos_positions(*shape))
        if self.has_variable("params", "positions"):  # self.param would insist on its shape
            return jax.image.resize(self.get_variable("params", "positions"), shape, "bicubic")
        return self.param("positions", nn.initializers.normal(0.02), shape)


# MoCo v3's ViT-S has 12 heads.
vit_tiny = partial(VisionTransformer, patch_size=16, width=192, depth=12, heads=3)
vit_small = partial(VisionTransformer, patch_size=16, width=384, depth=12, heads=6)
vit_base = partial(VisionTransformer, patch_size=16, width=768, depth=12, heads=12)
