"""What a check says, and what it knows."""

from typing import Any, Literal, NamedTuple

from ssl_jax.data.dataset import Splits
from ssl_jax.setup.components import default_options, method_names, plain
from ssl_jax.types import Config

# The worst first. A note is worth knowing and no mistake.
LEVELS = ("fatal", "warning", "note")


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


def worst_first(findings: list[Finding]) -> list[Finding]:
    """In the order of LEVELS; findings of one level stay in their order."""
    return sorted(findings, key=lambda finding: LEVELS.index(finding.level))


def method_options(config: Config) -> dict[str, Any]:
    """The options of the method, with the defaults of what the configuration leaves out."""
    given = plain(config.method)
    name = given.pop("name")
    if name not in method_names():
        return given  # build says so
    return default_options(name) | given


def queue_size(config: Config) -> int:
    """Embeddings in the method's queue; 0 where it has none."""
    options = method_options(config)
    return options.get("queue_size", 0) if options.get("use_queue", True) else 0


def multiple(value: int, of: int) -> int:
    """The multiple of `of` nearest below `value`; at least `of`."""
    return max(value // of, 1) * of
