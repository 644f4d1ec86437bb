"""What a protocol is given: an encoder, labelled images, and their features, made once."""

import dataclasses
import math
from collections.abc import Callable
from pathlib import Path

import jax
import numpy as np
from jaxtyping import Float32

from ssl_jax.data.dataset import Dataset, Splits, set_aside
from ssl_jax.data.join import join
from ssl_jax.devices.sharding import Shardings, shared_batch
from ssl_jax.encoder.encoder import Encoder
from ssl_jax.errors import UserError
from ssl_jax.evaluation.features import Labelled, extract

# Of the labelled training images, where none were held out of training.
HOLDOUT_PART = 0.1
PARTS = ("fit", "holdout", "test")


@dataclasses.dataclass(frozen=True, eq=False)
class Task:
    """An encoder and the images to judge it by.

    encoder: its variables replicated over the devices. splits: `bank`, `holdout` and `test` have
    labels or, of a multi-label set, presence; none is None. batch_size: images a call of the
    encoder. labels: a file that lists the training images whose labels count, for protocols that
    use a part of them. progress: is told (part, images read, images in all) before each batch.
    """

    encoder: Encoder
    splits: Splits
    shardings: Shardings
    batch_size: int = 256
    labels: Path | None = None
    progress: Callable[[str, int, int], None] = lambda part, count, total: None
    _vectors: dict[str, np.ndarray] = dataclasses.field(default_factory=dict, init=False)

    @property
    def num_classes(self) -> int:
        """Of the data set."""
        return len(self.splits.bank.classes)

    def part(self, name: str) -> Dataset:
        """The images called "fit" (to fit by), "holdout" (to choose by), "test", or "train".

        "train" is all that may be learned from: those of "fit", then those of "holdout".
        """
        if name == "train":
            return self.train()
        named = {
            "fit": self.splits.bank,
            "holdout": self.splits.holdout,
            "test": self.splits.test,
        }[name]
        assert named is not None  # `make_task` sees to it
        return named

    def train(self) -> Dataset:
        """All labelled training images."""
        return join(self.part("fit"), self.part("holdout"))

    def vectors(self, part: str) -> Float32[np.ndarray, "n d"]:
        """Frozen features of a part; each image passes the encoder once."""
        if part == "train":
            return np.concatenate([self.vectors("fit"), self.vectors("holdout")])
        if part not in self._vectors:
            images = self.part(part).images
            found = extract(
                self.encoder.encode,
                images,
                batch_size=shared_batch(
                    min(self.batch_size, len(images)), self.shardings.mesh.size
                ),
                shardings=self.shardings,
                progress=lambda count: self.progress(part, count, len(images)),
            )
            if not np.isfinite(found).all():
                raise UserError("the features are not finite: training has diverged")
            self._vectors[part] = found
        return self._vectors[part]

    def features(self, part: str) -> Labelled:
        """Frozen features of a part with its labels.

        Raises:
          UserError: if the images are labelled with several classes each.
        """
        labels = self.part(part).labels
        if labels is None:
            raise UserError("images with several classes each need --protocol=svm")
        return Labelled(self.vectors(part), labels)


def make_task(
    encoder: Encoder,
    splits: Splits,
    *,
    shardings: Shardings,
    batch_size: int = 256,
    labels: Path | None = None,
    progress: Callable[[str, int, int], None] = lambda part, count, total: None,
) -> Task:
    """A task on `splits`; where nothing is held out, a fixed tenth of each class is.

    batch_size: rounded up to what the devices share evenly.

    Raises:
      UserError: where there are no labels or no test images, or images of other channels than
        the encoder's.
    """
    bank, test, channels = splits.bank, splits.test, encoder.description.channels
    if test is None or any(d.labels is None and d.presence is None for d in (bank, test)):
        raise UserError(
            "the images have no labels to evaluate by: of a folder at least two class folders, in "
            "training and test images"
        )
    if bank.images.shape[-1] != channels:
        raise UserError(
            f"the images have {bank.images.shape[-1]} channels, the encoder sees {channels}"
        )
    if splits.holdout is None:
        rest, held = set_aside(bank, math.ceil(HOLDOUT_PART * len(bank.images)))
        splits = Splits(rest, held, test)
    placed = dataclasses.replace(
        encoder, variables=jax.device_put(encoder.variables, shardings.replicated)
    )
    batch_size = shared_batch(batch_size, shardings.mesh.size)
    return Task(placed, splits, shardings, batch_size, labels, progress)
