"""Checks of the batch, the images and what is done to them."""

from collections.abc import Iterator

from ssl_jax.errors import UserError
from ssl_jax.setup.build import make_plan
from ssl_jax.setup.checks.finding import Facts, Finding, method_options, multiple
from ssl_jax.setup.components import make_views
from ssl_jax.types import Config

# Their heads have no BatchNorm, whatever their options.
PLAIN_HEADS = ("moco_v2", "supervised")


def _batch(config: Config, facts: Facts) -> Iterator[Finding]:
    batch, devices = config.batch_size, facts.devices
    if batch % devices:
        yield Finding(
            "fatal",
            f"batch_size {batch} does not divide evenly over {devices} devices",
            f"set config.batch_size={multiple(batch, devices)}",
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
    normed_head = method_options(config).get("head_norm", "batch") == "batch"
    if not resnet and (config.method.name in PLAIN_HEADS or not normed_head):
        return
    change = "raise config.batch_size"
    change += " or lower config.network.batch_norm_groups" if groups > 1 else ""
    if batch % groups:
        what = f"{groups} BatchNorm groups do not divide the batch of {batch}"
        yield Finding("fatal", what, f"set config.batch_size={multiple(batch, groups)}")
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


def _labels(config: Config, facts: Facts) -> Iterator[Finding]:
    outputs = method_options(config).get("num_classes")
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


def _probes(config: Config, facts: Facts) -> Iterator[Finding]:
    if config.probe_every_epochs and facts.labelled and facts.held is False:
        what = "no images are held out: kNN accuracy will not be shown while training"
        yield Finding("warning", what, "set config.data.holdout, for instance to 0.02")


CHECKS = (_batch, _plan, _batch_norm, _fusion, _grey_images, _labels, _probes)
