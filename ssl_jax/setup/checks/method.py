"""Checks of a method's options and of the optimizer."""

from collections.abc import Iterator

from ssl_jax.setup.checks.finding import Facts, Finding, method_options, multiple, queue_size
from ssl_jax.types import Config

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
# Their last layer is a group that `freeze_epochs` freezes.
FROZEN_AT_FIRST = {"swav": "prototypes", "dino": "last layer"}


def _queue(config: Config, facts: Facts) -> Iterator[Finding]:
    batch, size = config.batch_size, queue_size(config)
    if not size:
        return
    if size < batch or size % batch:
        yield Finding(
            "fatal",
            f"queue size {size} must be a multiple of the batch size {batch}",
            f"set config.method.queue_size={multiple(size, batch)}",
        )
    if facts.size is not None and size > facts.size:
        what = f"the queue of {size} is larger than the {facts.size} training images"
        most = multiple(facts.size // 2, batch)
        remedy = f"some images are in it twice; set config.method.queue_size={most} or less"
        yield Finding("warning", what, remedy)


def _whitening(config: Config, facts: Facts) -> Iterator[Finding]:
    del facts
    if config.method.name != "w_mse":
        return
    batch, options = config.batch_size, method_options(config)
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
        yield Finding("fatal", what, f"set config.batch_size={multiple(batch, size)}")


def _temperature(config: Config, facts: Facts) -> Iterator[Finding]:
    """Cosines are at most 1: divided by 1 they hardly tell one image from another."""
    del facts
    temperature = method_options(config).get("temperature", 0.0)
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
    momentum = method_options(config).get("momentum")
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
    """Sinkhorn gives every prototype its share of the images: there must be enough of them.

    Its precision needs no check: it is float32 whatever the networks compute in.
    """
    del facts
    options = method_options(config)
    if "prototypes" not in options:
        return
    prototypes, epsilon = options["prototypes"], options["epsilon"]
    images = config.batch_size + queue_size(config)
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


def _count_views(config: Config) -> int:
    return sum(view.copies for view in config.augment.values())


CHECKS = (
    _queue,
    _whitening,
    _temperature,
    _rate,
    _rate_not_rescaled,
    _momentum_target,
    _prototypes,
    _frozen,
)
