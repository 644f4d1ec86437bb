"""Which keys a configuration has, and what each of them may be."""

import functools
from collections.abc import Iterator
from operator import attrgetter

from ml_collections import ConfigDict

from ssl_jax import methods
from ssl_jax.augment.policy import ViewSpec
from ssl_jax.errors import Problem, UserError, within
from ssl_jax.names.dotted import dotted
from ssl_jax.names.lookup import find
from ssl_jax.names.own_code import own_code
from ssl_jax.names.similar import similar
from ssl_jax.options.judge import options_of, value_problems
from ssl_jax.setup import defaults
from ssl_jax.setup.options import option_problems
from ssl_jax.types import Config

# What no number of the training depends on: a run may resume with other values. The images and
# their order are the same by either pipeline and from any path, which the fingerprint verifies;
# how a run is evaluated may change.
MAY_DIFFER = (
    "data.path",
    "data.pipeline",
    "data.workers",
    "log_every_steps",
    "probe_every_epochs",
    "checkpoint_every_epochs",
    "keep_checkpoints",
    "evaluation.at_end",
    "evaluation.batch_size",
    "evaluation.dtype",
    "evaluation.pixels",
)
# Sections whose keys are up to the method, or to the number of views.
OPEN = ("method", "augment")


@functools.cache
def _known() -> list[str]:
    """All keys of a configuration, dotted."""
    return list(dotted(defaults.base()))


def key_problems(config: Config) -> Iterator[Problem]:
    """Unknown keys, and missing keys that every run needs."""
    known, given = _known(), list(dotted(config))
    sections = {key.split(".")[0] for key in known if "." in key}
    whole = [key for key in config if key in sections and not isinstance(config[key], ConfigDict)]
    for section in whole:
        yield Problem(section, config[section], "must be a section, a ConfigDict of its keys")
    for key in given:
        if key not in known and key.split(".")[0] not in OPEN and key not in whole:
            near = similar(key, known)
            remedy = f"did you mean config.{near}?" if near else ""
            yield Problem(key, attrgetter(key)(config), "is not known", remedy)
    for key in [key for key in known if key.split(".")[0] not in OPEN] + ["method.name"]:
        if key not in given and key.split(".")[0] not in whole:
            yield Problem(key, None, "is missing", "start from ssl_jax.configs.common.base()")
    if not any(key.startswith("augment.") for key in given) and "augment" not in whole:
        yield Problem("augment", None, "has no view0")


def range_problems(config: Config) -> Iterator[Problem]:
    """Values that their keys cannot have; missing keys are skipped."""
    yield from value_problems(defaults.options(""), dict(config))
    for section in defaults.SECTIONS:
        if section and isinstance(config.get(section), ConfigDict):
            found = value_problems(defaults.options(section), dict(config[section]))
            yield from within(section, found)
    yield from _of_method(config)
    yield from _of_views(config)


def _of_method(config: Config) -> Iterator[Problem]:
    """Options that the method does not have, or not with such a value."""
    section = config.get("method")
    name = section.get("name") if isinstance(section, ConfigDict) else None
    if not isinstance(name, str):
        return
    try:
        make = find(methods, name, "make")
        with own_code(name):
            options = options_of(make)
    except UserError as error:
        if error.problem is None:
            raise
        yield from within("method", [error.problem])
        return
    yield from within("method", option_problems(name, options, dict(section)))


def _of_views(config: Config) -> Iterator[Problem]:
    views = config.get("augment")
    if not isinstance(views, ConfigDict):
        return
    for name, view in views.items():
        if not isinstance(view, ConfigDict):
            what = "must be a view, a ConfigDict with the fields of ViewSpec"
            yield Problem(f"augment.{name}", view, what)
            continue
        found = value_problems(options_of(ViewSpec), dict(view))
        yield from within(f"augment.{name}", found)
