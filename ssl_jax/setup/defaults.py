"""Every key of a configuration, with its default and what else it may be.

Keys that belong to a component are options of the component's signature; the others are fields
here. See `options.kinds`.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, NamedTuple

from ml_collections import ConfigDict

from ssl_jax.augment.policy import ViewSpec
from ssl_jax.evaluation.protocol_names import AT_END, PROTOCOLS
from ssl_jax.methods.wrappers.penalties import regularized
from ssl_jax.networks.backbone import make_backbone
from ssl_jax.networks.batch_fusion import BatchFusion
from ssl_jax.optim import optimizers
from ssl_jax.optim.schedules import SCHEDULES
from ssl_jax.options.judge import Option, options_of
from ssl_jax.options.kinds import (
    Ascending,
    BatchSize,
    Count,
    CountOrNone,
    Crop,
    Epochs,
    Length,
    Number,
    OneOf,
    PixelsOrNone,
    Range,
    Seed,
    Share,
    ShareAboveZero,
    ShareBelowOne,
    Weight,
    WidthOrNone,
)
from ssl_jax.setup.components import DTYPES
from ssl_jax.setup.data import PIPELINES


class Run(NamedTuple):
    """What lies at the top of a configuration."""

    seed: Seed = 0
    epochs: Annotated[int, Range(1, 10**6)] = 100
    batch_size: BatchSize = 256
    # At `optimizer.base_batch` images per batch; the rate in use is scaled with the batch.
    learning_rate: Annotated[Number, Range(0.0, 1e4, above=True)] = 0.1
    log_every_steps: Count = 50
    probe_every_epochs: CountOrNone = 10  # kNN, feature std and effective rank; 0: never
    checkpoint_every_epochs: CountOrNone = 10
    keep_checkpoints: Count = 2
    steps_per_call: Annotated[int, Range(1, 10**4)] = 1  # in one program; accelerators only


class DataOptions(NamedTuple):
    """The section `data`."""

    # A file of ssl_jax/data/sources, as cifar10, stl10, folder, or the dotted path of a module
    # of your own.
    name: str = "digits"
    path: str = ""
    classes: str = ""  # file that lists the class folders to take; empty: all (folder only)
    # Folder of the set to test on, or list; train: a tenth of train; empty: what there is.
    test: str = ""
    limit: CountOrNone = 0  # number of training images, chosen by the seed; 0: all
    # Share of the training images to probe with instead of training on them.
    holdout: ShareBelowOne = 0.0
    # Side in pixels of the squares on which images of any size are evaluated; training crops whole
    # images. 0: what the encoder takes. Sets of one size must have it: 0 as well.
    image_size: PixelsOrNone = 0
    # 1 or 3, to which image files are converted, or those of arrays and TIFFs; 0: as they are,
    # files to RGB.
    channels: CountOrNone = 0
    # (black, white) of images of 16 bits and more, or of fractions; empty: see docs/data.md.
    value_range: Annotated[Sequence[float], Length(2, 2, or_none=True), Ascending(strict=True)] = ()
    max_pixels: CountOrNone = 0  # larger images are left out; 0: 100,000,000
    # device: all images in its memory, as squares; grain: streamed; auto: device where all are of
    # one size and fit.
    pipeline: Annotated[str, OneOf(PIPELINES)] = "auto"
    workers: Annotated[int, Range(0, 1024)] = 0  # processes that read for grain; 0: threads


class NetworkOptions(NamedTuple):
    """What the section `network` has besides the options of `networks.backbone.make_backbone`."""

    name: str = "resnet18"
    # The encoder to start from: a run's folder, an imported one, or an exported file.
    weights: str = ""
    # Of images in [0, 1], per channel; empty: those of weights, or the data set's own.
    mean: Sequence[float] = ()
    std: Sequence[float] = ()
    # Of the computation; parameters are always float32. auto: bfloat16 on accelerators.
    dtype: Annotated[str, OneOf(DTYPES)] = "auto"


class FusionOptions(NamedTuple):
    """What the section `fusion` has besides the options of `networks.batch_fusion.BatchFusion`."""

    enabled: bool = False
    # Which views are fused, counted from 0.
    views: Annotated[Sequence[Annotated[int, Range(0, 1000)]], Length(1, 1000)] = (1,)


class OptimizerOptions(NamedTuple):
    """What the section `optimizer` has besides the options of `optim.optimizers.make`.

    See `optim.schedules.learning_rate`.
    """

    name: Annotated[str, OneOf(optimizers.OPTIMIZERS)] = "sgd"
    base_batch: WidthOrNone = 256  # 0: the learning rate is not scaled with the batch
    warmup_epochs: Epochs = 0.0
    schedule: Annotated[str, OneOf(SCHEDULES)] = "cosine"
    final_rate: Share = 0.0  # where the cosine ends, as a share of the learning rate
    drops_before_end: Annotated[Sequence[Epochs], Length(0, 1000)] = ()  # epochs
    drop_factor: ShareAboveZero = 0.1
    freeze_epochs: Epochs = 0.0  # of SwAV's prototypes and DINO's last layer
    weight_decay: Annotated[Number, Range(0.0, 100.0)] = 0.0
    # Where weight decay ends by a cosine, as a multiple; 1.0: constant.
    final_decay: Annotated[Number, Range(0.0, 1000.0)] = 1.0
    clip_norm: Weight = 0.0  # largest norm of the whole gradient; 0.0: any
    clip_each_norm: Weight = 0.0  # largest norm of the gradient of each parameter; 0.0: any


class EvaluationOptions(NamedTuple):
    """The section `evaluation`.

    Images to encode are the central share `crop` of the side, resized to `size` pixels.
    """

    batch_size: BatchSize = 256
    size: PixelsOrNone = 0  # 0: as views
    crop: Crop = 1.0
    # Protocols at the end of the run; (): none. Any of `python -m ssl_jax.evaluate`.
    at_end: Annotated[Sequence[Annotated[str, OneOf(tuple(PROTOCOLS))]], Length(0, 100)] = AT_END
    # Raw pixels as well; auto: of images up to 96 pixels.
    pixels: Annotated[str, OneOf(("auto", "always", "never"))] = "auto"
    # In which features are kept; bfloat16 takes half the memory.
    dtype: Annotated[str, OneOf(("float32", "bfloat16"))] = "float32"


class MethodOptions(NamedTuple):
    """What the section `method` has besides the options of the `make` that it names."""

    name: str = "moco_v3"


# The signatures that define the keys of a section, and options of theirs that are no keys.
SECTIONS: Mapping[str, tuple[tuple[Callable[..., Any], ...], tuple[str, ...]]] = {
    "": ((Run,), ()),
    "data": ((DataOptions,), ()),
    "network": ((NetworkOptions, make_backbone), ()),
    "fusion": ((FusionOptions, BatchFusion), ("mean", "std", "dtype", "parent", "name")),
    "penalty": ((regularized,), ()),
    "optimizer": ((OptimizerOptions, optimizers.make), ()),
    "evaluation": ((EvaluationOptions,), ()),
    "method": ((MethodOptions,), ()),
}


@functools.cache
def options(section: str) -> dict[str, Option]:
    """The options of a section by name; "" is the top, without the sections."""
    functions, without = SECTIONS[section]
    found: dict[str, Option] = {}
    for function in functions:
        found |= {k: v for k, v in options_of(function, *without).items() if k not in found}
    return found


def base() -> ConfigDict:
    """Every key that a run understands, with neutral values."""
    sections = {name: _values(name) for name in SECTIONS if name}
    # Weights in `penalty` are of what is added to the loss of any method; 0.0: nothing.
    return ConfigDict(
        {**_values(""), **sections, "augment": {"view0": view(), "view1": view()}},
    )


def view(**changes) -> ConfigDict:
    """One augmentation policy (`augment.policy.ViewSpec`); several views if `copies` says so."""
    return ConfigDict(ViewSpec(**changes)._asdict())


def _values(section: str) -> dict[str, Any]:
    return {name: option.default for name, option in options(section).items()}
