"""What is wrong with a configuration, and what a run of it will need."""

from typing import NamedTuple

import jax
from clu.parameter_overview import count_parameters, get_parameter_overview

from ssl_jax.devices.hardware import GIB, device_memory, program_memory
from ssl_jax.errors import LEVELS, Problem, UserError
from ssl_jax.setup import needs
from ssl_jax.setup.build import Setup, build
from ssl_jax.setup.data import Data, load_data
from ssl_jax.setup.problems import Facts, facts_of, problems
from ssl_jax.setup.random_images import random_images
from ssl_jax.types import Config


class Diagnosis(NamedTuple):
    """The result of examining a configuration.

    found: problems, the worst first.
    needs: size and needs of a run by name, as text; empty if something is fatal.
    parameters: table of the trainable parameters; empty if something is fatal.
    """

    found: list[Problem]
    needs: dict[str, str]
    parameters: str


def diagnose(config: Config, recipe: Config, *, compiled: bool = False) -> Diagnosis:
    """Judges `config`; opens its data set and, where nothing is fatal, predicts what it needs.

    recipe: the configuration without what the command line changed.
    compiled: also compile the train step, for its exact memory.
    """
    facts = Facts(devices=len(jax.devices()), recipe=recipe)
    found, data, unreadable = problems(config, facts), None, None
    if not any(problem.key.startswith("config.data.") for problem in _fatal(found)):
        data, unreadable = _open(config)
    if data is not None:
        found = problems(config, facts_of(data, devices=facts.devices, recipe=recipe))
    setup = None
    if not _fatal(found):
        setup, failure = _build(config, data)
        found += [failure] if failure else []
    found += [unreadable] if unreadable else []
    if setup is None or _fatal(found):
        return Diagnosis(_worst_first(found), {}, "")
    limit, needed = device_memory(), needs.needs(setup, config)
    text = _size(setup) | {"images": needs.reading(setup, config)}
    text |= needs.as_text(needed, config, limit)
    if compiled:
        size = step_memory(setup)
        text["compiled memory"] = f"{size / GIB:.2f} GiB{_share(size, limit)}"
        found += [] if limit is None else memory_problems(size, limit)
    elif limit is not None:
        # A prediction may be wrong by some 15 %.
        found += memory_problems(needed.on_device / 1.15, limit)
    table = get_parameter_overview(setup.trainer.shapes().params, include_stats=False)
    return Diagnosis(_worst_first(found), text, table)


def _open(config: Config) -> tuple[Data | None, Problem | None]:
    try:
        return load_data(config), None
    except UserError as error:
        remedy = "fix config.data; the rest was checked without the images"
        found = error.problem or Problem("config.data", None, f"cannot be used: {error}")
        return None, found._replace(remedy=remedy)


def _build(config: Config, data: Data | None) -> tuple[Setup | None, Problem | None]:
    """The set-up, over random images if there are no others; or the problem that prevents it."""
    splits = random_images(config, batches=1) if data is None else data.splits
    try:
        return build(config, splits), None
    except UserError as error:
        return None, error.problem or Problem("config", None, f"cannot be built: {error}")


def _fatal(found: list[Problem]) -> list[Problem]:
    return [problem for problem in found if problem.level == "fatal"]


def _worst_first(found: list[Problem]) -> list[Problem]:
    return sorted(found, key=lambda problem: LEVELS.index(problem.level))


def step_memory(setup: Setup) -> float:
    """Bytes that the train step needs on each device, as compiled: minutes for large networks."""
    print("compiling the train step to predict its memory ...", flush=True)
    try:
        return program_memory(setup.trainer.lower().compile())
    finally:
        setup.trainer.close()


def memory_problems(needed: float, limit: float) -> list[Problem]:
    """A train step of `needed` bytes per device that does not fit into `limit` bytes, or barely."""
    what = f"makes a train step that needs {needed / limit:.0%} of a device's memory"
    remedy = "lower it, the size of the views or of the network, or use more devices"
    if needed > limit:
        return [Problem("config.batch_size", None, what, remedy)]
    if needed > 0.9 * limit:
        what = f"{what}, and evaluation needs some, too"
        return [Problem("config.batch_size", None, what, remedy, "warning")]
    return []


def _share(size: float, limit: float | None) -> str:
    return "" if limit is None else f" of {limit / GIB:.2f} GiB per device, {size / limit:.0%}"


def _size(setup: Setup) -> dict[str, str]:
    plan = setup.plan
    return {
        "parameters": f"{count_parameters(setup.trainer.shapes().params):,}",
        "steps": f"{plan.steps:,}, {plan.steps_per_epoch:,} per epoch",
        "images seen": f"{plan.steps * plan.batch_size:,}",
    }
