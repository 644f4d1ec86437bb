"""Leaves out images that cannot be decoded where none can take their place: in evaluation."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ssl_jax.data.dataset import READ_AT_ONCE, Dataset, Splits, take
from ssl_jax.data.encoded import EncodedImages
from ssl_jax.data.stream import cores
from ssl_jax.errors import UserError


def decodable(dataset: Dataset) -> Dataset:
    """The data set without those of its encoded images that cannot be decoded, which it names.

    All are decoded to find out.
    """
    images = dataset.images
    if not isinstance(images, EncodedImages):
        return dataset
    good = np.zeros(len(images), bool)

    def read(start: int) -> None:
        for index in range(start, min(start + READ_AT_ONCE, len(images))):
            try:
                images[index]
                good[index] = True
            except UserError:
                pass

    with ThreadPoolExecutor(cores()) as pool:
        list(pool.map(read, range(0, len(images), READ_AT_ONCE)))
    if good.all():
        return dataset
    names = tuple(images.name(int(index)) for index in np.flatnonzero(~good))
    return take(dataset, np.flatnonzero(good))._replace(skipped=(*dataset.skipped, *names))


def decodable_splits(splits: Splits) -> Splits:
    """The parts that probes and evaluation see, each `decodable`; training images stay as they are.

    Where probes learn from the training images, these come back as `labelled`.
    """
    bank = decodable(splits.bank)
    if bank is not splits.bank:
        splits = splits._replace(labelled=bank)
    held, test = (part and decodable(part) for part in (splits.holdout, splits.test))
    return splits._replace(holdout=held, test=test)
