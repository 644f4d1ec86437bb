"""A method's bare config on a small part of CIFAR-10.

With twice the images it is the config of the scale `small`.

    python -m ssl_jax.main --config=experiments/cifar10_small.py:byol --config.data.path=DIR

5,000 images, 10 epochs of batch 128: as many images for each method, however many views it makes of
them. A ResNet of width 16 with one block a stage and max-pooling in the stem (the tiny ViT of
`simclr_vit` as it is), heads as in the bare config, AdamW 2e-3, which was not searched for any
method. Views are those of the bare config at twice the size, in colour, with flips; crop-or-jitter
keeps the paper's strengths.
"""

import importlib

from ml_collections import ConfigDict
from ssl_jax.configs import common, simclr_downscaled


def get_config(name: str) -> ConfigDict:
    config = importlib.import_module(f"ssl_jax.configs.{name}").get_config()
    config = common.cifar(config, "cifar10")
    config.data.limit = 5000
    config.data.holdout = 0.04
    config.epochs = 10
    config.batch_size = 128
    config.learning_rate = 2e-3
    config.optimizer.warmup_epochs = 1.0
    if config.network.name.startswith("resnet"):
        config.network.stages = (1, 1, 1, 1)
        config.network.stem = "small"
    config.augment = common.views(*(in_colour(view) for view in config.augment.values()))
    config.probe_every_epochs = 5
    config.checkpoint_every_epochs = 5
    config.log_every_steps = 39
    return config


def in_colour(view: ConfigDict) -> ConfigDict:
    """A view of a digit as one of a photograph."""
    size = {"size": 2 * view.size, "copies": view.copies}
    if view.crop_or_jitter:
        return common.view(**{**simclr_downscaled.crop_or_jitter(), **size})
    large = view.crop_scale[1] == 1.0
    scale = (0.2, 1.0) if large else tuple(view.crop_scale)
    return common.view(crop_scale=scale, **size, **common.byol_colours())
