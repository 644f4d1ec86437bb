"""The images that a configuration names."""

from collections.abc import Iterator
from typing import NamedTuple

from ssl_jax.data import dataset as sets
from ssl_jax.data.decodable import decodable
from ssl_jax.data.load import OF_ANY_SIZE, OPTIONS, load
from ssl_jax.data.splits import split
from ssl_jax.errors import Problem, in_section
from ssl_jax.setup.options import plain
from ssl_jax.training.feed import keeps
from ssl_jax.types import Config

PIPELINES = ("auto", "device", "grain")


class Data(NamedTuple):
    """The images of a run.

    splits: training images, held-out, test and labelled images.
    fingerprint: of the training images; a run resumes with no others.
    resident: whether all training images stay in device memory.
    """

    splits: sets.Splits
    fingerprint: str
    resident: bool

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, C) of an image."""
        _, height, width, channels = self.splits.train.images.shape
        return height, width, channels


def load_data(config: Config, splits: sets.Splits | None = None) -> Data:
    """The images, those in files not read yet; `splits` in place of those of the configuration.

    Raises:
      UserError: where they are not what they should be.
    """
    splits = load_splits(config) if splits is None else splits
    kind = config.data.pipeline
    resident = kind == "device" or (kind == "auto" and keeps(splits.train))
    # Of images in files the fingerprint is that of names and sizes.
    return Data(splits, sets.fingerprint(splits.train), resident)


def in_memory(data: Data) -> Data:
    """The same with all images read, where they stay in device memory."""
    if not data.resident:
        return data
    train, *others = data.splits
    others = [part and sets.in_memory(decodable(part)) for part in others]
    return data._replace(splits=sets.Splits(sets.in_memory(decodable(train)), *others))


def load_splits(config: Config) -> sets.Splits:
    """Training images, held-out, test and labelled images, as `config.data` says.

    Raises:
      UserError: where they are not what they should be.
    """
    side = config.data.image_size
    if config.data.name in OF_ANY_SIZE and not side:
        side = evaluated_side(config)
    options = plain(config.data)
    with in_section("config.data"):
        loaded = load(
            config.data.name,
            path=config.data.path,
            image_size=side,
            channels=config.data.channels,
            # A run of before an option existed has none.
            **{key: options.get(key, default) for key, default in OPTIONS.items()},
        )
        return _split(config, loaded)


def squares_problems(config: Config, varying: bool) -> Iterator[Problem]:
    """A note where images of many sizes are kept on the devices; `varying`: they have many."""
    if varying and config.data.pipeline == "device":
        side = config.data.image_size or evaluated_side(config)
        what = f"crops from central squares at {side} pixels, not from whole images"
        yield Problem("data.pipeline", "device", what, level="note")


def evaluated_side(config: Config) -> int:
    """Side in pixels of the squares that images of any size are evaluated on.

    The encoder takes the central share `evaluation.crop` of them. No view is larger, for runs that
    keep such squares on the devices.
    """
    seen = config.evaluation.size or config.augment.view0.size
    views = [config.augment[name].size for name in config.augment]
    return max(round(seen / config.evaluation.crop), *views)


def _split(config: Config, loaded: sets.Loaded) -> sets.Splits:
    """Holds images out, and keeps to the limit."""
    train, test, labelled = loaded
    size, limit = len(train.images), config.data.limit
    if labelled is not None:  # probes need labels: what they choose by is held out of these
        holdout = round(config.data.holdout * len(labelled.images))
        labelled, held = split(labelled, holdout=holdout, limit=0, seed=config.seed)
        train, _ = split(train, holdout=0, limit=limit, seed=config.seed)
        return sets.Splits(train, held, test, labelled)
    # The limit is kept to: where it leaves too few images, fewer are held out.
    holdout = round(config.data.holdout * size)
    holdout = min(holdout, size - limit) if 0 < limit <= size else holdout
    train, held = split(train, holdout=holdout, limit=limit, seed=config.seed)
    return sets.Splits(train, held, test)
