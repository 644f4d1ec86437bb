"""What was taken as what, in the lines that begin a run: images, classes, what was left out."""

from collections.abc import Iterator

from ssl_jax.data.dataset import Dataset, Splits
from ssl_jax.data.overlap import Overlap
from ssl_jax.data.skipped import skipped_files
from ssl_jax.errors import printable

# Names of classes that a line shows: all of up to so many, otherwise the first and the last.
SHOWN = 10


def summary(splits: Splits, overlap: Overlap | None = None) -> Iterator[str]:
    """The lines about the images of a run: what they are, then notes and skipped files.

    Whatever the names of classes and files hold, each is one line without control characters.

    Args:
      splits: the images.
      overlap: what the test set shares with the training images, where that was looked for.

    >>> import numpy as np
    >>> train = Dataset(np.zeros((4, 8, 8, 3), np.uint8), np.array([0, 1, 1, 0]), ("a", "b"))
    >>> test = train._replace(origin="10 % of train, seed 0")
    >>> list(summary(Splits(train, None, test)))
    ['train: 4 images, 2 classes (a, b); test: 10 % of train, seed 0 (4 images)']
    """
    yield from map(printable, _lines(splits, overlap))


def _lines(splits: Splits, overlap: Overlap | None) -> Iterator[str]:
    yield "; ".join(f"{part}: {_about(part, dataset)}" for part, dataset in present(splits))
    if overlap and overlap.copies:
        yield str(overlap)
    yield from dict.fromkeys(note for _, part in present(splits) for note in part.notes)
    for part, dataset in present(splits):
        if dataset.skipped:
            yield f"{part}: {skipped_files(dataset.skipped, dataset.reasons)}"


def origins(splits: Splits) -> dict[str, str]:
    """Where the images of each part come from, as {"test": "10 % of train, seed 0"}."""
    return {part: dataset.origin for part, dataset in present(splits)}


def present(splits: Splits) -> list[tuple[str, Dataset]]:
    """The parts that there are, by name, those first that are trained on."""
    order = ("train", "labelled", "holdout", "test")
    parts = [(name, getattr(splits, name)) for name in order]
    return [(name, part) for name, part in parts if part is not None]


def _about(part: str, dataset: Dataset) -> str:
    size = len(dataset.images)
    images = "1 image" if size == 1 else f"{size:,} images"
    text = f"{dataset.origin} ({images})" if dataset.origin else images
    return text if part not in ("train", "labelled") else f"{text}, {_classes(dataset)}"


def _classes(dataset: Dataset) -> str:
    names = dataset.classes
    if dataset.labels is None and dataset.presence is None:
        return "without labels"
    several = "" if dataset.presence is None else ", several of them in an image"
    if len(names) > SHOWN:
        names = (*names[: SHOWN // 2], "...", names[-1])
    noun = "class" if len(dataset.classes) == 1 else "classes"
    return f"{len(dataset.classes):,} {noun} ({', '.join(names)}){several}"
