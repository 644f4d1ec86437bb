"""The parts of a model that a configuration names: views, encoder, method, optimizer."""

import re
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import optax

from ssl_jax import methods
from ssl_jax.augment.policy import ViewSpec
from ssl_jax.encoder.encoder import Encoder, EncoderSpec
from ssl_jax.errors import Number, Problem, in_section, refuse, require
from ssl_jax.methods.parts.base import Method
from ssl_jax.methods.wrappers.batch_fusion import batch_adaptive
from ssl_jax.methods.wrappers.penalties import regularized
from ssl_jax.methods.wrappers.pretrained import pretrained
from ssl_jax.names.lookup import find
from ssl_jax.names.own_code import own_code
from ssl_jax.networks.backbone import make_backbone
from ssl_jax.networks.batch_fusion import BatchFusion
from ssl_jax.optim import optimizers
from ssl_jax.optim.clipping import clip_each_norm
from ssl_jax.optim.groups import by_group
from ssl_jax.optim.schedules import learning_rate, weight_decay
from ssl_jax.options.judge import options_of
from ssl_jax.setup.options import option_problems, plain
from ssl_jax.training.plan import Plan
from ssl_jax.types import Config

# Mean and std of the training images, one value per channel.
Statistics = tuple[Sequence[Number], Sequence[Number]]
# Keys of the section `optimizer` that make the learning rate by step.
OF_SCHEDULE = (
    "base_batch",
    "warmup_epochs",
    "schedule",
    "final_rate",
    "drops_before_end",
    "drop_factor",
)
DTYPES = ("auto", "float32", "bfloat16")


def compute_dtype(config: Config) -> Any:
    """What the networks compute in; "auto" is bfloat16 on accelerators and float32 on CPU."""
    name = config.network.dtype
    if name == "auto":
        name = "float32" if jax.default_backend() == "cpu" else "bfloat16"
    return jnp.dtype(name)


def make_views(config: Config) -> list[ViewSpec]:
    """The policies of `config.augment`: view0, view1, ... in the order of their numbers.

    Raises:
      UserError: for a key that is not called so, or a policy with an unknown field.
    """
    names = list(config.augment)
    for name in names:
        numbered = re.fullmatch(r"view\d+", name) is not None
        with in_section("config.augment"):
            what = "is no view: keys of config.augment must be view0, view1, ..."
            refuse([] if numbered else [Problem(name, None, what)])
            for field in set(config.augment[name]) - set(ViewSpec._fields):
                require(False, f"{name}.{field}", config.augment[name][field], "does not exist")
    names.sort(key=lambda name: int(name.removeprefix("view")))
    return [ViewSpec(**plain(config.augment[name])) for name in names]


def network_options(config: Config, statistics: Statistics) -> dict[str, Any]:
    """The arguments of `make_backbone`, but for dtype."""
    mean, std = statistics
    network = {
        **plain(config.network),
        "mean": tuple(map(float, mean)),
        "std": tuple(map(float, std)),
    }
    del network["dtype"], network["weights"]
    return network


def describe(config: Config, statistics: Statistics, channels: int) -> EncoderSpec:
    """The encoder of a run, whose features evaluation sees."""
    size = config.evaluation.size or make_views(config)[0].size
    network = network_options(config, statistics)
    return EncoderSpec(network, size, config.evaluation.crop, channels)


def make_method(
    config: Config, steps: int, description: EncoderSpec, start: Encoder | None
) -> Method:
    """The method that the configuration names, behind batch fusion and penalties if it says so.

    Args:
      config: the configuration.
      steps: length of the run.
      description: of its encoder.
      start: the encoder that it begins with; None: a random one.

    Raises:
      UserError: for an unknown method, network or option, or an option out of range.
    """
    dtype = compute_dtype(config)
    with in_section("config.network"):
        backbone = make_backbone(**description.network, dtype=dtype)
    method = make_bare_method(config, backbone, steps)
    if start is not None:
        method = pretrained(method, start.variables)
    if (fusion := make_fusion(config, description.network)) is not None:
        method = batch_adaptive(method, fusion, plain(config.fusion)["views"])
    with in_section("config.penalty"):
        return regularized(method, **plain(config.penalty))


def make_bare_method(config: Config, backbone: Any, steps: int) -> Method:
    """The method without anything in front of it or added to it."""
    options = plain(config.method)
    with in_section("config.method"):
        make = find(methods, options.pop("name"), "make")
        refuse(option_problems(config.method.name, options_of(make), options))
        with own_code(config.method.name):
            return make(backbone, steps, **options)


def make_fusion(config: Config, network: dict[str, Any]) -> BatchFusion | None:
    """The block in front of the method; None where the configuration has none.

    network: see `network_options`; fusion normalises as it does.
    """
    options = plain(config.fusion)
    if not options.pop("enabled"):
        return None
    del options["views"]
    normal = {key: network[key] for key in ("mean", "std")}
    return BatchFusion(**options, **normal, dtype=compute_dtype(config))


def make_optimizer(
    config: Config, method: Method, plan: Plan
) -> tuple[optax.Schedule, optax.GradientTransformation]:
    """The learning rate by step, and the optimizer of all groups of parameters."""
    options = plain(config.optimizer)
    rate, schedule = scaled_rate(config), make_schedule(config, plan)
    for key in OF_SCHEDULE:
        del options[key]
    freeze_steps = round(options.pop("freeze_epochs") * plan.steps_per_epoch)
    clip_norm, clip_each = options.pop("clip_norm"), options.pop("clip_each_norm")
    name, final = options.pop("name"), options.pop("final_decay")
    decay = plan.moved(weight_decay(options.pop("weight_decay"), plan.schedule_steps, final=final))
    optimizer = by_group(
        lambda rate, decay: optimizers.make(name, rate, weight_decay=decay, **options),
        schedule,
        rate,
        method.groups,
        others=(decay,),
        freeze_steps=freeze_steps,
    )
    if clip_norm:
        optimizer = optax.chain(optax.clip_by_global_norm(clip_norm), optimizer)
    if clip_each:
        optimizer = optax.chain(clip_each_norm(clip_each), optimizer)
    return schedule, optimizer


def make_schedule(config: Config, plan: Plan) -> optax.Schedule:
    """The learning rate by step of the run."""
    options, steps = config.optimizer, plan.schedule_steps
    warmup = round(options.warmup_epochs * plan.steps_per_epoch)
    drops = [steps - round(e * plan.steps_per_epoch) for e in options.drops_before_end]
    schedule = learning_rate(
        scaled_rate(config),
        steps,
        schedule=options.schedule,
        warmup_steps=min(warmup, steps // 2),
        final=options.final_rate,
        drops=[step for step in drops if step > warmup],
        drop_factor=options.drop_factor,
    )
    return plan.moved(schedule)


def scaled_rate(config: Config) -> float:
    """The peak learning rate in use: in proportion to the batch where `base_batch` says so."""
    base = config.optimizer.base_batch
    return config.learning_rate * (config.batch_size / base if base else 1.0)
