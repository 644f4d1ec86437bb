"""The one judge of a configuration: everything that is wrong with it, before hours go into it.

Each component lists the problems of its own arguments. They are collected here, from the
configuration alone or, once the data set has been opened, with what is known about the images.
Nothing is built and no image is read.
"""

import os
from collections.abc import Iterable, Iterator
from operator import attrgetter
from typing import NamedTuple

from ssl_jax.augment.policy import ViewSpec, view_problems
from ssl_jax.data import sources
from ssl_jax.devices.hardware import GIB, device_memory
from ssl_jax.devices.sharding import batch_problems, shared_batch
from ssl_jax.errors import LEVELS, Problem, UserError, refuse, within
from ssl_jax.methods.parts.base import Method, Recipe, RunFacts
from ssl_jax.names.dotted import dotted
from ssl_jax.names.lookup import find
from ssl_jax.networks.backbone import network_problems
from ssl_jax.networks.pixels import statistics_problems
from ssl_jax.optim.problems import unusual_rate
from ssl_jax.setup import components, defaults
from ssl_jax.setup.data import Data
from ssl_jax.setup.options import plain
from ssl_jax.setup.plan import plan_problems
from ssl_jax.setup.run_keys import key_problems, range_problems
from ssl_jax.types import Config


class Facts(NamedTuple):
    """Facts that a configuration does not contain; None where they are not known (yet).

    size: number of training images.
    channels, classes: their numbers.
    labelled: whether the images have labels.
    held: whether images are held out.
    devices: number of devices over which a batch is split.
    recipe: the configuration as its file has it, before changes on the command line.
    """

    size: int | None = None
    channels: int | None = None
    classes: int | None = None
    labelled: bool | None = None
    held: bool | None = None
    devices: int = 1
    recipe: Config | None = None


def facts_of(data: Data, *, devices: int, recipe: Config | None = None) -> Facts:
    """The facts about a data set that has been opened."""
    train = data.splits.train
    return Facts(
        size=len(train.images),
        channels=train.images.shape[-1],
        classes=len(train.classes),
        labelled=train.labels is not None,
        held=data.splits.holdout is not None,
        devices=devices,
        recipe=recipe,
    )


def problems(config: Config, facts: Facts) -> list[Problem]:
    """Everything that is wrong, the worst first, under the keys of the command line.

    If a key is missing, or a number out of range, only such problems are listed: other checks
    depend on it. In place of a name that does not exist, they are made with the default.
    """
    first = within("config", [*key_problems(config), *range_problems(config)])
    found = _once(first)
    if (judged := _with_names(config, found)) is not None:
        found = _once([*found, *_of_components(judged, facts)])
    return sorted(found, key=lambda problem: LEVELS.index(problem.level))


def _with_names(config: Config, found: list[Problem]) -> Config | None:
    """The configuration with defaults for fatal names; None if anything else is fatal."""
    wrong = {p.key.removeprefix("config."): p.value for p in found if p.level == "fatal"}
    base = defaults.base()
    names = [key for key in wrong if isinstance(wrong[key], str) and key in dotted(base)]
    if len(names) < len(wrong) or "method.name" in wrong:
        return None
    changed = config.copy_and_resolve_references() if wrong else config
    for key in names:
        if not isinstance(default := attrgetter(key)(base), str):
            return None
        changed.update_from_flattened_dict({key: default})
    return changed


def _once(found: Iterable[Problem]) -> list[Problem]:
    """Problems without repetition; their values may be anything, also what has no hash."""
    return list({str(problem): problem for problem in found}.values())


def refuse_fatal(config: Config, facts: Facts) -> None:
    """Refuses a configuration that cannot work.

    Raises:
      UserError: the first fatal problem, with the number of others.
    """
    fatal = [problem for problem in problems(config, facts) if problem.level == "fatal"]
    try:
        refuse(fatal)
    except UserError as error:
        more = f" (and {len(fatal) - 1} more: python -m ssl_jax.doctor)" if fatal[1:] else ""
        raise UserError(f"{error}{more}", error.problem) from None


def _of_components(config: Config, facts: Facts) -> Iterator[Problem]:
    yield from within("config", batch_problems(config.batch_size, facts.devices))
    yield from within("config", plan_problems(config, facts.size))
    yield from within("config.data", _data_problems(config, facts))
    try:
        views = components.make_views(config)
    except UserError as error:
        yield from _of_error(error)
        return
    sides = [side for spec in views for side in [spec.size] * spec.copies]
    yield from within("config", _memory_problems(config, facts, sides[0]))
    for index, spec in enumerate(views):
        yield from within(f"config.augment.view{index}", view_problems(spec, facts.channels))
    yield from _network_problems(config, facts, views, sides)
    optimizer, rate = config.optimizer, components.scaled_rate(config)
    found = unusual_rate(optimizer.name, rate, optimizer.base_batch)
    yield from within("config.optimizer", found)
    yield from within("config", _rate_not_rescaled(config, facts))
    yield from _method_problems(config, _run_facts(config, facts, sides))


def _memory_problems(config: Config, facts: Facts, side: int) -> Iterator[Problem]:
    """Images to encode that alone, as float32, are more than a device holds."""
    limit, channels = device_memory(), facts.channels or 1
    side = config.evaluation.size or side
    images = shared_batch(config.evaluation.batch_size, facts.devices) / facts.devices
    if limit is not None and (needed := 4.0 * channels * side * side * images) > limit:
        what = f"makes batches of {needed / GIB:,.0f} GiB of a device's {limit / GIB:,.0f} GiB"
        yield Problem("evaluation.size", side, what, "lower it, or config.evaluation.batch_size")


def _data_problems(config: Config, facts: Facts) -> Iterator[Problem]:
    try:
        find(sources, config.data.name, "load")
    except UserError as error:
        yield from _of_error(error)
    if config.probe_every_epochs and facts.labelled and facts.held is False:
        what = "holds no images out: kNN accuracy will not be shown while training"
        yield Problem(
            "holdout", config.data.holdout, what, "set it, for instance to 0.02", "warning"
        )


def _network_problems(
    config: Config, facts: Facts, views: list[ViewSpec], sides: list[int]
) -> Iterator[Problem]:
    network = plain(config.network)
    mean, std, weights = network["mean"], network["std"], network["weights"]
    if weights and not os.path.exists(os.path.expanduser(weights)):
        what = "must be an encoder: there is no such file or folder"
        yield Problem("config.network.weights", weights, what)
    yield from within("config.network", statistics_problems(mean, std, facts.channels))
    options = components.network_options(config, (mean, std))
    size = config.evaluation.size or views[0].size
    seen = [*sides, size]
    batch = config.batch_size
    yield from _caught("config.network", network_problems(options, batch_size=batch, sides=seen))
    if (fusion := components.make_fusion(config, options)) is not None:
        fused = [sides[view] for view in plain(config.fusion)["views"] if 0 <= view < len(sides)]
        found = fusion.problems(batch, fused, devices=facts.devices)
        yield from within("config.fusion", found)


def _method_problems(config: Config, run: RunFacts) -> Iterator[Problem]:
    try:
        method = _method(config, run)
    except UserError as error:
        yield from _of_error(error)
    else:
        yield from within("config.method", method.problems(run))


def _method(config: Config, run: RunFacts) -> Method:
    """The method on a network with arbitrary statistics: only its options are judged."""
    neutral = ((0.5,), (0.25,))
    description = components.describe(config, neutral, channels=1)
    return components.make_method(config, run.steps or 1, description, None)


def _run_facts(config: Config, facts: Facts, sides: list[int]) -> RunFacts:
    size, recipe = facts.size, facts.recipe
    same_method = recipe is not None and recipe.method.name == config.method.name
    return RunFacts(
        batch_size=config.batch_size,
        views=tuple(sides),
        images=size,
        classes=facts.classes,
        labelled=facts.labelled,
        steps=config.epochs * (size // config.batch_size) if size else None,
        epochs=config.epochs,
        freeze_epochs=config.optimizer.freeze_epochs,
        learning_rate=config.learning_rate,
        recipe=_recipe(recipe) if same_method else None,
    )


def _recipe(config: Config) -> Recipe:
    views = sum(view.copies for view in config.augment.values())
    return Recipe(config.batch_size, views, config.learning_rate)


def _rate_not_rescaled(config: Config, facts: Facts) -> Iterator[Problem]:
    """The learning rate belongs to the batch."""
    recipe, rate = facts.recipe, config.learning_rate
    if recipe is None or rate != recipe.learning_rate or config.optimizer.base_batch:
        return
    old, new = recipe.batch_size, config.batch_size
    if not old / 2 < new < 2 * old:
        what = f"is that of batches of {old}, and these are of {new}"
        remedy = f"set it, or let config.optimizer.base_batch={old} scale it"
        yield Problem("learning_rate", rate, what, remedy, "warning")


def _caught(section: str, found: Iterator[Problem]) -> Iterator[Problem]:
    """The problems of a component, which may be refused itself while they are collected."""
    try:
        yield from within(section, found)
    except UserError as error:
        if error.problem is None:
            raise
        yield from within(section, [error.problem])


def _of_error(error: UserError) -> Iterator[Problem]:
    """The problem for which an argument was refused; raises other errors again."""
    if error.problem is None:
        raise error
    yield error.problem
