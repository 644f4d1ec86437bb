"""What a configuration names: views, network, method with its wrappers, optimizer."""

import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import optax

from ssl_jax import methods
from ssl_jax.augment.policy import ViewSpec
from ssl_jax.encoder.encoder import Description, Encoder
from ssl_jax.errors import UserError
from ssl_jax.methods.parts.base import Method
from ssl_jax.methods.wrappers.batch_fusion import batch_adaptive
from ssl_jax.methods.wrappers.penalties import regularized
from ssl_jax.methods.wrappers.pretrained import pretrained
from ssl_jax.networks.backbone import make_backbone
from ssl_jax.networks.batch_fusion import BatchFusion
from ssl_jax.optim import optimizers
from ssl_jax.types import Config

# Mean and std of the training images, one value a channel.
Statistics = tuple[tuple[float, ...], tuple[float, ...]]


def compute_dtype(config: Config) -> Any:
    """What the networks compute in; "auto" is bfloat16 on accelerators and float32 on CPU."""
    name = config.network.dtype
    if name == "auto":
        name = "float32" if jax.default_backend() == "cpu" else "bfloat16"
    return jnp.dtype(name)


def make_views(config: Config) -> list[ViewSpec]:
    """The policies of `config.augment`: view0, view1, ... in the order of their numbers."""
    names = list(config.augment)
    if wrong := [name for name in names if not re.fullmatch(r"view\d+", name)]:
        raise UserError(f"config.augment.{wrong[0]} must be called view and a number")
    names.sort(key=lambda name: int(name.removeprefix("view")))
    return [ViewSpec(**plain(config.augment[name])) for name in names]


def make_method(
    config: Config, steps: int, description: Description, start: Encoder | None
) -> Method:
    """The method that the configuration names, behind batch fusion and penalties if it says so.

    description: of its encoder. start: the encoder that it begins with; None: a random one.
    """
    options = plain(config.method)
    name = options.pop("name")
    make, known = _method_maker(name), default_options(name)
    if unknown := sorted(set(options) - set(known)):
        raise UserError(f"method {name} has no option {unknown[0]!r}; it has {', '.join(known)}")
    network, dtype = description.network, compute_dtype(config)
    method = make(make_backbone(**network, dtype=dtype), steps, **options)
    if start is not None:
        method = pretrained(method, start.variables)
    if (fusion := make_fusion(config, description)) is not None:
        method = batch_adaptive(method, fusion, plain(config.fusion)["views"])
    return regularized(method, **plain(config.penalty))


def make_fusion(config: Config, description: Description) -> BatchFusion | None:
    """The block in front of the method; None where the configuration has none."""
    options = plain(config.fusion)
    if not options.pop("enabled"):
        return None
    del options["views"]
    normal = {key: description.network[key] for key in ("mean", "std")}
    return BatchFusion(**options, **normal, dtype=compute_dtype(config))


def describe(config: Config, statistics: Statistics, channels: int) -> Description:
    """The encoder of a run, whose features evaluation sees."""
    mean, std = statistics
    network = {**plain(config.network), "mean": tuple(mean), "std": tuple(std)}
    del network["dtype"], network["weights"]
    size = config.evaluation.size or make_views(config)[0].size
    return Description(network, size, config.evaluation.crop, channels)


def _method_maker(name: str) -> Callable[..., Method]:
    """`make` of ssl_jax/methods/<name>.py."""
    names = method_names()
    if name not in names:
        raise UserError(f"unknown method {name!r}; there are {', '.join(names)}")
    return importlib.import_module(f"{methods.__name__}.{name}").make


def default_options(name: str) -> dict[str, Any]:
    """The options of the method and their defaults, in the order of its `make`."""
    parameters = inspect.signature(_method_maker(name)).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY}


def method_names() -> list[str]:
    """The modules of ssl_jax/methods that make a method."""
    modules = [module.name for module in pkgutil.iter_modules(methods.__path__)]
    return [
        name
        for name in modules
        if hasattr(importlib.import_module(f"{methods.__name__}.{name}"), "make")
    ]


def make_optimizer(
    config: Config, method: Method, *, steps: int, steps_per_epoch: int
) -> tuple[optax.Schedule, optax.GradientTransformation]:
    """The learning rate by step, and the optimizer of all groups of parameters."""
    options = plain(config.optimizer)
    rate, base_batch = config.learning_rate, options.pop("base_batch")
    if base_batch:
        rate *= config.batch_size / base_batch
    warmup = round(options.pop("warmup_epochs") * steps_per_epoch)
    drops = [steps - round(e * steps_per_epoch) for e in options.pop("drops_before_end")]
    schedule = optimizers.learning_rate(
        rate,
        steps,
        schedule=options.pop("schedule"),
        warmup_steps=min(warmup, steps // 2),
        final=options.pop("final_rate"),
        drops=[step for step in drops if step > warmup],
        drop_factor=options.pop("drop_factor"),
    )
    freeze_steps = round(options.pop("freeze_epochs") * steps_per_epoch)
    clip_norm = options.pop("clip_norm")
    make = partial(optimizers.make, **options)
    constant = optax.constant_schedule(rate)
    optimizer = optimizers.by_group(
        make(schedule=schedule),
        make(schedule=constant),
        method.groups,
        freeze_steps=freeze_steps,
    )
    if clip_norm:
        optimizer = optax.chain(optax.clip_by_global_norm(clip_norm), optimizer)
    return schedule, optimizer


def plain(options: Config) -> dict[str, Any]:
    """A section as plain values; lists, which JSON makes of tuples, are tuples again."""
    return {k: tuple(v) if isinstance(v, list) else v for k, v in dict(options).items()}
