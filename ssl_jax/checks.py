"""What is known to go wrong with a configuration, one function each, before hours go into it.

A check looks at the configuration and a few facts on the data and the machine; nothing is built.
What `build` refuses as well is said in the same words, so that it is one finding.
"""

import importlib
import inspect
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

from ssl_jax import methods
from ssl_jax.build import make_plan
from ssl_jax.data.dataset import Splits
from ssl_jax.errors import UserError
from ssl_jax.parts import make_views, method_names, plain
from ssl_jax.types import Config

# The worst first. A note is worth knowing and no mistake.
LEVELS = ("fatal", "warning", "note")
# Learning rates, scaled with the batch, between which published recipes lie with a wide margin.
RATES = {
    "sgd": (1e-4, 3.0),
    "adam": (1e-6, 1e-2),
    "adamw": (1e-6, 1e-2),
    "lars": (1e-2, 50.0),
    "lars_optax": (1e-2, 50.0),
    "larc": (1e-2, 50.0),
}
# Temperature 1 is what these papers have.
FLAT_BY_PAPER = ("fast_moco", "multi_network")
# Their heads have no BatchNorm, whatever their options.
PLAIN_HEADS = ("moco_v2", "supervised")
# Their last layer is a group that `freeze_epochs` freezes.
FROZEN_AT_FIRST = {"swav": "prototypes", "dino": "last layer"}


class Finding(NamedTuple):
    """level: one of LEVELS. what: is wrong. remedy: what to do about it; may be empty."""

    level: Literal["fatal", "warning", "note"]
    what: str
    remedy: str = ""


class Facts(NamedTuple):
    """What a configuration does not say; None: not known, as where the data cannot be read.

    size: number of training images. channels, classes: of theirs. labelled: whether they have
    labels. held: whether images are held out. devices: over which a batch is split. recipe: the
    configuration as its file has it, without what the command line changes.
    """

    size: int | None = None
    channels: int | None = None
    classes: int | None = None
    labelled: bool | None = None
    held: bool | None = None
    devices: int = 1
    recipe: Config | None = None


def facts_of(splits: Splits, *, devices: int, recipe: Config | None = None) -> Facts:
    """The facts of a data set that has been read."""
    train = splits.train
    return Facts(
        size=len(train.images),
        channels=train.images.shape[-1],
        classes=len(train.classes),
        labelled=train.labels is not None,
        held=splits.holdout is not None,
        devices=devices,
        recipe=recipe,
    )


def examine(config: Config, facts: Facts) -> list[Finding]:
    """Everything that the checks find, the worst first.

    The values of `config` are in range (`validate.check`).
    """
    return worst_first([finding for check in CHECKS for finding in check(config, facts)])


def worst_first(findings: list[Finding]) -> list[Finding]:
    """In the order of LEVELS; findings of one level stay in their order."""
    return sorted(findings, key=lambda finding: LEVELS.index(finding.level))


def refuse(config: Config, facts: Facts) -> None:
    """Stops what would be of no use.

    Raises:
      UserError: naming the first fatal finding, and how many more there are.
    """
    fatal = [finding for finding in examine(config, facts) if finding.level == "fatal"]
    if fatal:
        more = f" (and {len(fatal) - 1} more: python -m ssl_jax.doctor)" if fatal[1:] else ""
        raise UserError(f"{fatal[0].what}; {fatal[0].remedy}{more}")


def memory(needed: float, limit: float) -> Iterator[Finding]:
    """Whether a train step of `needed` bytes a device fits into `limit` bytes."""
    what = f"the train step needs {needed / limit:.0%} of a device's memory"
    remedy = "lower config.batch_size, the views' size or the network, or use more devices"
    if needed > limit:
        yield Finding("fatal", what, remedy)
    elif needed > 0.9 * limit:
        yield Finding("warning", f"{what}, and evaluation needs some, too", remedy)


def _batch(config: Config, facts: Facts) -> Iterator[Finding]:
    batch, devices = config.batch_size, facts.devices
    if batch % devices:
        yield Finding(
            "fatal",
            f"batch_size {batch} does not divide evenly over {devices} devices",
            f"set config.batch_size={_multiple(batch, devices)}",
        )


def _plan(config: Config, facts: Facts) -> Iterator[Finding]:
    """A batch larger than the data set, and what of the plan is changed."""
    if facts.size is None:
        return
    try:
        _, notes = make_plan(config, facts.size)
    except UserError as error:
        yield Finding("fatal", str(error), "lower config.batch_size, or raise config.data.limit")
    else:
        yield from (Finding("note", note) for note in notes)


def _batch_norm(config: Config, facts: Facts) -> Iterator[Finding]:
    """Statistics of few images are noise; those of one image leave nothing to tell it by."""
    del facts
    batch, groups = config.batch_size, config.network.batch_norm_groups
    resnet = config.network.name.startswith("resnet")
    normed_head = _options(config).get("head_norm", "batch") == "batch"
    if not resnet and (config.method.name in PLAIN_HEADS or not normed_head):
        return
    change = "raise config.batch_size"
    change += " or lower config.network.batch_norm_groups" if groups > 1 else ""
    if batch % groups:
        what = f"{groups} BatchNorm groups do not divide the batch of {batch}"
        yield Finding("fatal", what, f"set config.batch_size={_multiple(batch, groups)}")
    elif batch == 1:
        what = "BatchNorm trains on at least two values a channel: a batch of 1 in 1 groups has one"
        yield Finding("fatal", what, change)
    elif batch == groups:
        yield Finding("fatal", "BatchNorm would take its statistics from a single image", change)
    elif batch // groups < 16:
        what = f"BatchNorm takes its statistics from only {batch // groups} images"
        yield Finding("warning", what, f"{change}: from 16 on they are steady")


def _fusion(config: Config, facts: Facts) -> Iterator[Finding]:
    batch, group = config.batch_size, config.fusion.group_size
    if not config.fusion.enabled or not config.fusion.depth:
        return
    if not group:
        what = f"batch fusion has the shape of the batch: it can only go on with batches of {batch}"
        yield Finding("note", what, "config.fusion.group_size sets another number of images")
    elif batch % group:
        yield Finding(
            "fatal",
            f"group_size {group} does not divide the batch of {batch}",
            f"set config.fusion.group_size to a divisor of {batch}",
        )
    elif batch % facts.devices == 0 and (own := batch // facts.devices) % group:
        what = f"fusion groups of {group} images do not divide the {own} images of a device"
        remedy = f"devices must exchange images in every step; set config.fusion.group_size={own}"
        yield Finding("warning", what, remedy)


def _grey_images(config: Config, facts: Facts) -> Iterator[Finding]:
    """Colours that are changed where there are none."""
    if facts.channels in (None, 3):
        return
    try:
        specs = make_views(config)
    except UserError:
        return  # build says so
    for index, spec in enumerate(specs):
        for name in ("grey", "saturation", "hue") if spec.jitter_probability else ("grey",):
            if value := getattr(spec, name):
                what = f"view spec {index}: {name} {value!r} needs RGB images; "
                what += f"these have {facts.channels} channel(s)"
                yield Finding("fatal", what, f"set --config.augment.view{index}.{name}=0.0")


def _queue(config: Config, facts: Facts) -> Iterator[Finding]:
    batch, size = config.batch_size, _queue_size(config)
    if not size:
        return
    if size < batch or size % batch:
        yield Finding(
            "fatal",
            f"queue size {size} must be a multiple of the batch size {batch}",
            f"set config.method.queue_size={_multiple(size, batch)}",
        )
    if facts.size is not None and size > facts.size:
        what = f"the queue of {size} is larger than the {facts.size} training images"
        most = _multiple(facts.size // 2, batch)
        remedy = f"some images are in it twice; set config.method.queue_size={most} or less"
        yield Finding("warning", what, remedy)


def _whitening(config: Config, facts: Facts) -> Iterator[Finding]:
    del facts
    if config.method.name != "w_mse":
        return
    batch, options = config.batch_size, _options(config)
    out, size = options["out"], options["sub_batch"]
    enough = f"set config.method.sub_batch={2 * out} or more"
    if size <= out and not options["eps"]:
        what = f"w_mse whitens {out} dimensions: sub_batch {size} must be larger"
        yield Finding("fatal", what, enough)
    elif size < 2 * out:
        what = f"w_mse sub_batch {size} is below twice the {out} dimensions that it whitens"
        yield Finding("warning", what, f"covariances of so few images are unsteady; {enough}")
    if batch % size:
        what = f"w_mse sub_batch {size} must divide the batch of {batch}"
        yield Finding("fatal", what, f"set config.batch_size={_multiple(batch, size)}")


def _labels(config: Config, facts: Facts) -> Iterator[Finding]:
    outputs = _options(config).get("num_classes")
    if outputs is None:
        return
    if facts.labelled is False:
        what = f"{config.method.name} needs labels; this data set has none"
        yield Finding("fatal", what, "take another data set or a method that needs none")
    elif facts.classes is not None and facts.classes != outputs:
        classes = f"the {facts.classes} classes of {config.data.name}"
        what = f"config.method.num_classes {outputs} must be at least {classes}"
        more = facts.classes > outputs
        yield Finding(
            "fatal" if more else "warning",
            what if more else f"config.method.num_classes {outputs} is more than {classes}",
            f"set config.method.num_classes={facts.classes}",
        )


def _temperature(config: Config, facts: Facts) -> Iterator[Finding]:
    """Cosines are at most 1: divided by 1 they hardly tell one image from another."""
    del facts
    temperature = _options(config).get("temperature", 0.0)
    if temperature < 1.0:
        return
    what = f"temperature {temperature:g} on unit vectors makes nearly flat logits"
    if config.method.name in FLAT_BY_PAPER and temperature == 1.0:
        remedy = "it is the paper's; config.method.temperature=0.2 may do better"
        yield Finding("note", what, remedy)
    else:
        remedy = "0.1 to 0.5 is usual for config.method.temperature"
        yield Finding("warning", what, remedy)


def _rate(config: Config, facts: Facts) -> Iterator[Finding]:
    del facts
    base, name = config.optimizer.base_batch, config.optimizer.name
    rate = config.learning_rate * (config.batch_size / base if base else 1.0)
    low, high = RATES.get(name, (0.0, float("inf")))
    if not low <= rate <= high:
        scaled = f", scaled from a batch of {base}," if base else ""
        what = f"learning rate {rate:g}{scaled} is very unusual for {name}"
        yield Finding("warning", what, f"recipes for {name} lie between {low:g} and {high:g}")


def _rate_not_rescaled(config: Config, facts: Facts) -> Iterator[Finding]:
    """The learning rate belongs to the batch, and in MSBReg to the number of views."""
    recipe, rate = facts.recipe, config.learning_rate
    if recipe is None or rate != recipe.learning_rate:
        return
    old, new = recipe.batch_size, config.batch_size
    if not config.optimizer.base_batch and not old / 2 < new < 2 * old:
        what = f"learning rate {rate:g} is that of batches of {old}, and these are of {new}"
        remedy = f"set config.learning_rate, or scale it with config.optimizer.base_batch={old}"
        yield Finding("warning", what, remedy)
    old, new = _count_views(recipe), _count_views(config)
    if config.method.name == recipe.method.name == "msbreg" and old != new:
        what = f"learning rate {rate:g} is that of {old} views, and there are {new}"
        remedy = f"msbreg's is in proportion to them: set config.learning_rate={rate * new / old:g}"
        yield Finding("warning", what, remedy)


def _momentum_target(config: Config, facts: Facts) -> Iterator[Finding]:
    """A target that cannot follow in so few steps teaches what the random start knows."""
    momentum = _options(config).get("momentum")
    if momentum is None or not facts.size:
        return
    steps = config.epochs * (facts.size // config.batch_size)
    reach = 1.0 / (1.0 - momentum) if momentum < 1.0 else float("inf")
    # Up to there targets were seen to teach (the bare DINO has 0.7).
    if steps and reach > 0.75 * steps:
        what = f"a target of momentum {momentum:g} follows in {reach:.0f} steps, of {steps} in all"
        remedy = "train for longer, or lower config.method.momentum"
        yield Finding("warning", what, remedy)


def _prototypes(config: Config, facts: Facts) -> Iterator[Finding]:
    """Sinkhorn gives every prototype its share of the images: there must be enough of them."""
    del facts
    options = _options(config)
    if "prototypes" not in options:
        return
    prototypes, epsilon = options["prototypes"], options["epsilon"]
    images = config.batch_size + _queue_size(config)
    if prototypes > 0.8 * images:
        what = f"{prototypes} prototypes cannot share the {images} images of a batch and its queue"
        remedy = f"set config.method.prototypes={max(images // 2, 1)} or fewer, or a longer queue"
        yield Finding("warning", what, remedy)
    if not 0.01 <= epsilon <= 0.2:
        codes = "one prototype an image, so that shares stay unequal" if epsilon < 0.01 else "alike"
        what = f"with Sinkhorn's epsilon {epsilon:g} codes are {codes}"
        yield Finding("warning", what, "0.03 to 0.05 is usual for config.method.epsilon")


def _frozen(config: Config, facts: Facts) -> Iterator[Finding]:
    del facts
    layer, epochs = FROZEN_AT_FIRST.get(config.method.name), config.optimizer.freeze_epochs
    if layer and epochs >= config.epochs:
        what = f"the {layer} of {config.method.name} would be frozen for all {config.epochs} epochs"
        yield Finding("warning", what, "lower config.optimizer.freeze_epochs, or train for longer")


def _probes(config: Config, facts: Facts) -> Iterator[Finding]:
    if config.probe_every_epochs and facts.labelled and facts.held is False:
        what = "no images are held out: kNN accuracy will not be shown while training"
        yield Finding("warning", what, "set config.data.holdout, for instance to 0.02")


CHECKS = (
    _batch,
    _plan,
    _batch_norm,
    _fusion,
    _grey_images,
    _queue,
    _whitening,
    _labels,
    _temperature,
    _rate,
    _rate_not_rescaled,
    _momentum_target,
    _prototypes,
    _frozen,
    _probes,
)


def _options(config: Config) -> dict[str, Any]:
    """The options of the method, with the defaults of what the configuration leaves out."""
    given = plain(config.method)
    name = given.pop("name")
    if name not in method_names():
        return given  # build says so
    make = importlib.import_module(f"{methods.__name__}.{name}").make
    parameters = inspect.signature(make).parameters.values()
    return {p.name: p.default for p in parameters if p.kind is p.KEYWORD_ONLY} | given


def _queue_size(config: Config) -> int:
    """Embeddings in the method's queue; 0 where it has none."""
    options = _options(config)
    return options.get("queue_size", 0) if options.get("use_queue", True) else 0


def _count_views(config: Config) -> int:
    return sum(view.copies for view in config.augment.values())


def _multiple(value: int, of: int) -> int:
    """The multiple of `of` nearest below `value`; at least `of`."""
    return max(value // of, 1) * of
