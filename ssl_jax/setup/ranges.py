"""Values of a configuration that would fail later, and less clearly, than here."""

from operator import attrgetter

from ssl_jax.errors import UserError
from ssl_jax.types import Config

DTYPES = ("auto", "float32", "bfloat16")
LEAST = {
    "seed": 0,
    "epochs": 1,
    "batch_size": 1,
    "log_every_steps": 1,
    "probe_every_epochs": 0,
    "checkpoint_every_epochs": 0,
    "keep_checkpoints": 1,
    "steps_per_call": 1,
    "data.limit": 0,
    "data.image_size": 0,
    "data.workers": 0,
    "network.width": 0,
    "network.patch_size": 0,
    "network.depth": 0,
    "network.heads": 0,
    "network.stem_padding": 0,
    "network.batch_norm_groups": 1,
    "fusion.patch_size": 1,
    "fusion.depth": 0,
    "fusion.group_size": 0,
    "fusion.width": 0,
    "fusion.pointwise_layers": 0,
    "optimizer.base_batch": 0,
    "optimizer.warmup_epochs": 0,
    "optimizer.freeze_epochs": 0,
    "optimizer.clip_norm": 0,
    "evaluation.batch_size": 1,
    "evaluation.size": 0,
}


def check(config: Config) -> None:
    """Refuses values that would fail later, and less clearly.

    Raises:
      UserError: naming the first key whose value is out of range.
    """
    for key, least in LEAST.items():
        value = attrgetter(key)(config)
        if value < least:
            raise UserError(f"config.{key} {value} must be at least {least}")
    for key, value in dict(config.method).items():
        if isinstance(value, int) and not isinstance(value, bool) and value < 1:
            raise UserError(f"config.method.{key} {value} must be at least 1")
    if not 0 < config.evaluation.crop <= 1:
        raise UserError(f"config.evaluation.crop {config.evaluation.crop} must be in (0, 1]")
    if not 0 <= config.data.holdout < 1:
        raise UserError(f"config.data.holdout {config.data.holdout} must be in [0, 1)")
    if any(not isinstance(blocks, int) or blocks < 1 for blocks in config.network.stages):
        raise UserError(f"config.network.stages {config.network.stages} must be numbers of blocks")
    if bool(config.network.mean) != bool(config.network.std) or 0 in config.network.std:
        raise UserError("config.network.mean and std must both be given, std without zeros")
    if config.network.mlp_ratio <= 0 or not 0 <= config.network.dropout < 1:
        raise UserError("config.network.mlp_ratio must be above 0 and dropout in [0, 1)")
    if config.network.dtype not in DTYPES:
        raise UserError(f"config.network.dtype {config.network.dtype!r}: {', '.join(DTYPES)}")
