"""Which keys a configuration has, and the ranges of those of the run as a whole."""

import difflib
from collections.abc import Iterator
from operator import attrgetter

from ssl_jax.errors import Number, Problem, out_of_range
from ssl_jax.names.dotted import dotted
from ssl_jax.setup import defaults
from ssl_jax.types import Config

# Least and largest value; None: any.
RANGES: dict[str, tuple[Number, Number | None]] = {
    "seed": (0, 2**32 - 1),
    "epochs": (1, None),
    "batch_size": (1, None),
    "log_every_steps": (1, None),
    "probe_every_epochs": (0, None),
    "checkpoint_every_epochs": (0, None),
    "keep_checkpoints": (1, None),
    "steps_per_call": (1, None),
    "data.limit": (0, None),
    "data.image_size": (0, None),
    "data.max_pixels": (0, None),
    "data.workers": (0, None),
    "network.width": (0, None),
    "network.patch_size": (0, None),
    "network.depth": (0, None),
    "network.heads": (0, None),
    "network.stem_padding": (0, None),
    "network.batch_norm_groups": (1, None),
    "fusion.patch_size": (1, None),
    "fusion.depth": (0, None),
    "fusion.group_size": (0, None),
    "fusion.width": (0, None),
    "fusion.pointwise_layers": (0, None),
    "optimizer.base_batch": (0, None),
    "evaluation.batch_size": (1, None),
    "evaluation.size": (0, None),
}
# Sections whose keys are up to the method, or to the number of views.
OPEN = ("method", "augment")


def key_problems(config: Config) -> Iterator[Problem]:
    """Unknown keys, and missing keys that every run needs."""
    known, given = list(dotted(defaults.base())), list(dotted(config))
    for key in given:
        if key not in known and key.split(".")[0] not in OPEN:
            near = difflib.get_close_matches(key, known, n=1)
            remedy = f"did you mean config.{near[0]}?" if near else ""
            yield Problem(key, attrgetter(key)(config), "is not known", remedy)
    for key in [key for key in known if key.split(".")[0] not in OPEN] + ["method.name"]:
        if key not in given:
            yield Problem(key, None, "is missing", "start from ssl_jax.configs.common.base()")
    if not any(key.startswith("augment.") for key in given):
        yield Problem("augment", None, "has no view0")


def range_problems(config: Config) -> Iterator[Problem]:
    """Numbers out of range; missing keys are skipped."""
    given = set(dotted(config))
    for key, (least, most) in RANGES.items():
        if key in given:
            top = float("inf") if most is None else most
            yield from out_of_range(key, attrgetter(key)(config), least, top)
    method = dict(config.get("method", {}))
    for key, value in method.items():
        if isinstance(value, int) and not isinstance(value, bool):
            yield from out_of_range(f"method.{key}", value, 1)
    if "learning_rate" in given:
        yield from out_of_range("learning_rate", config.learning_rate, 0.0, above=True)
    if "evaluation.crop" in given:
        yield from out_of_range("evaluation.crop", config.evaluation.crop, 0.0, 1.0, above=True)
    yield from _shares_and_sizes(config, given)


def _shares_and_sizes(config: Config, given: set[str]) -> Iterator[Problem]:
    for key in ("data.holdout", "network.dropout"):
        if key in given and not 0 <= (value := attrgetter(key)(config)) < 1:
            yield Problem(key, value, "must be in [0, 1)")
    if "network.mlp_ratio" in given:
        yield from out_of_range("network.mlp_ratio", config.network.mlp_ratio, 0.0, above=True)
    if "network.stages" in given:
        stages = tuple(config.network.stages)
        if any(not isinstance(blocks, int) or blocks < 1 for blocks in stages):
            yield Problem("network.stages", stages, "must be numbers of blocks")
