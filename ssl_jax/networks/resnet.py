"""ResNet, equal to torchvision's.

He et al., "Deep Residual Learning for Image Recognition", arXiv 1512.03385; with the stride of a
bottleneck on its 3x3 convolution ("v1.5") as in torchvision. `torch_names` maps the parameters.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, ClassVar

import flax.linen as nn
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Float

from ssl_jax.errors import Problem, refuse
from ssl_jax.networks import torch_init
from ssl_jax.networks.norm import BatchNorm
from ssl_jax.networks.pixels import normalize_images

Layer = Callable[..., Any]


class BasicBlock(nn.Module):
    """Two 3x3 convolutions with a shortcut around them; the first has the stride."""

    conv: Layer
    norm: Layer
    width: int
    stride: int
    zero_init_residual: bool
    expansion: ClassVar[int] = 1

    @nn.compact
    def __call__(self, x: Float[Array, "n h w c"], train: bool) -> Float[Array, "n _h _w d"]:
        y = self.conv(self.width, 3, self.stride, name="conv1")(x)
        y = nn.relu(self.norm(name="bn1")(y, train))
        y = self.conv(self.width, 3, name="conv2")(y)
        y = self.norm(scale_init=_last_scale(self.zero_init_residual), name="bn2")(y, train)
        return nn.relu(y + _shortcut(self, x, y, train))


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions with a shortcut around them; the 3x3 has the stride."""

    conv: Layer
    norm: Layer
    width: int
    stride: int
    zero_init_residual: bool
    expansion: ClassVar[int] = 4

    @nn.compact
    def __call__(self, x: Float[Array, "n h w c"], train: bool) -> Float[Array, "n _h _w d"]:
        y = self.conv(self.width, 1, name="conv1")(x)
        y = nn.relu(self.norm(name="bn1")(y, train))
        y = self.conv(self.width, 3, self.stride, name="conv2")(y)
        y = nn.relu(self.norm(name="bn2")(y, train))
        y = self.conv(self.width * self.expansion, 1, name="conv3")(y)
        y = self.norm(scale_init=_last_scale(self.zero_init_residual), name="bn3")(y, train)
        return nn.relu(y + _shortcut(self, x, y, train))


def _last_scale(zero: bool) -> nn.initializers.Initializer:
    return nn.initializers.zeros if zero else nn.initializers.ones


def _shortcut(block: BasicBlock | Bottleneck, x: Array, y: Array, train: bool) -> Array:
    """x itself, or a strided 1x1 convolution of it where the shapes differ."""
    if x.shape == y.shape:
        return x
    x = block.conv(y.shape[-1], 1, block.stride, name="downsample_conv")(x)
    return block.norm(name="downsample_bn")(x, train)


def _conv(features: int, size: int, stride: int = 1, padding: int | None = None, **options):
    # Explicit padding, equal on both sides: flax pads a strided convolution on one side only.
    pad = size // 2 if padding is None else padding
    return nn.Conv(
        features,
        (size, size),
        (stride, stride),
        padding=((pad, pad), (pad, pad)),
        use_bias=False,
        kernel_init=nn.initializers.variance_scaling(2.0, "fan_out", "normal"),
        **options,
    )


STEMS = ("imagenet", "cifar", "small")


class ResNet(nn.Module):
    """Maps images in [0, 1] to features, or to class scores if `num_classes` is given.

    Attributes:
      stage_sizes: blocks in each stage; every stage after the first halves the resolution and
        doubles the width.
      block: `BasicBlock` or `Bottleneck`.
      width: channels of the stem and of the first stage.
      stem: "imagenet" is a 7x7 convolution of stride 2 and a max-pool of stride 2, "cifar" a 3x3
        convolution of stride 1, "small" the same with the max-pool (for 64 to 96 pixels).
      stem_padding: of a 3x3 stem; some CIFAR recipes use 2, which enlarges the maps.
      zero_init_residual: start every block as its shortcut.
      norm: a BatchNorm module class with its options, such as partial(BatchNorm, groups=8).
      dtype: the layers compute in it; parameters and results are float32.
      mean: of the training images, one value or one per channel. Normalising is the first thing
        that the network does.
      std: of the training images, likewise.
      num_classes: of the scores; 0 for features.
    """

    stage_sizes: Sequence[int]
    block: type[BasicBlock] | type[Bottleneck]
    width: int = 64
    stem: str = "imagenet"
    stem_padding: int = 1
    zero_init_residual: bool = False
    norm: Layer = BatchNorm
    dtype: DTypeLike = jnp.float32
    mean: Sequence[float] = (0.0,)
    std: Sequence[float] = (1.0,)
    num_classes: int = 0

    @property
    def features(self) -> int:
        """Width of the pooled features."""
        return self.width * 2 ** (len(self.stage_sizes) - 1) * self.block.expansion

    @nn.nowrap
    def problems(self) -> Iterator[Problem]:
        """Options that do not exist."""
        if self.stem not in STEMS:
            yield Problem("stem", self.stem, f"must be one of {', '.join(STEMS)}")

    @nn.compact
    def __call__(self, images: Float[Array, "n h w c"], train: bool) -> Float[Array, "n d"]:
        """Encodes images.

        Args:
          images: [N, H, W, C] in [0, 1].
          train: normalise by the statistics of the batch and update the running averages.

        Returns:
          Average-pooled features [N, features], or scores [N, num_classes]; float32.

        Raises:
          UserError: if there is no such stem, or if mean and std do not suit the channels.
        """
        refuse(self.problems())
        conv = partial(_conv, dtype=self.dtype)
        norm = partial(self.norm, dtype=self.dtype)
        x = normalize_images(images, self.mean, self.std).astype(self.dtype)
        x = self._stem(x, conv, norm, train)
        for stage, blocks in enumerate(self.stage_sizes):
            for index in range(blocks):
                x = self.block(
                    conv=conv,
                    norm=norm,
                    width=self.width * 2**stage,
                    stride=2 if stage > 0 and index == 0 else 1,
                    zero_init_residual=self.zero_init_residual,
                    name=f"layer{stage + 1}_{index}",
                )(x, train)
        x = x.mean(axis=(1, 2), dtype=jnp.float32)
        if not self.num_classes:
            return x
        return nn.Dense(
            self.num_classes,
            kernel_init=torch_init.kernel_init,
            bias_init=torch_init.bias_init(self.features),
            name="fc",
        )(x)

    def _stem(self, x: Array, conv: Layer, norm: Layer, train: bool) -> Array:
        if self.stem == "imagenet":
            x = conv(self.width, 7, 2, name="conv1")(x)
        else:
            x = conv(self.width, 3, 1, self.stem_padding, name="conv1")(x)
        x = nn.relu(norm(name="bn1")(x, train))
        if self.stem != "cifar":
            padding = ((1, 1), (1, 1))
            x = nn.max_pool(x, (3, 3), (2, 2), padding)  # pyright: ignore[reportArgumentType]
        return x


resnet18 = partial(ResNet, stage_sizes=(2, 2, 2, 2), block=BasicBlock)
resnet34 = partial(ResNet, stage_sizes=(3, 4, 6, 3), block=BasicBlock)
resnet50 = partial(ResNet, stage_sizes=(3, 4, 6, 3), block=Bottleneck)
