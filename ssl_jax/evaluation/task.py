"""The input of a protocol: an encoder, labelled images, and their features, computed once."""

import dataclasses
from pathlib import Path

import jax
import numpy as np

from ssl_jax.data.dataset import Dataset, Splits, take
from ssl_jax.data.join import join
from ssl_jax.devices.sharding import Shardings, shared_batch
from ssl_jax.encoder.encoder import Encoder
from ssl_jax.errors import UserError
from ssl_jax.evaluation.extract import extract
from ssl_jax.evaluation.features import Features, Labelled
from ssl_jax.evaluation.label_subset import fixed_tenth
from ssl_jax.evaluation.progress import Progress

PARTS = ("fit", "holdout", "test")
# The augmentation of the images behind `Task.features`, as results describe it.
NOT_AUGMENTED = "none (cached features)"
NEEDS_SINGLE_LABELS = "images with several classes each need --protocol=svm"


@dataclasses.dataclass(frozen=True, eq=False)
class Task:
    """An encoder and the images to evaluate it on; made by `make_task`.

    encoder: its variables are replicated over the devices.
    splits: `bank`, `holdout` and `test` have labels or, in a multi-label set, presence; none of
      them is None.
    shardings: where a batch is placed.
    batch_size: images per call of the encoder.
    labels: a file that lists the training images whose labels count, for protocols that use only
      some of them.
    progress: called with (what is done, how much of it, how much in all): before each batch of
      images that are encoded, and after each epoch of a classifier on features.
    dtype: in which features are kept, float32 or bfloat16.
    """

    encoder: Encoder
    splits: Splits
    shardings: Shardings
    batch_size: int = 256
    labels: Path | None = None
    progress: Progress = lambda what, done, total: None
    dtype: str = "float32"
    _vectors: dict[str, Features] = dataclasses.field(default_factory=dict, init=False)
    _joined: dict[str, Dataset] = dataclasses.field(default_factory=dict, init=False)

    @property
    def num_classes(self) -> int:
        """Number of classes of the data set."""
        return len(self.splits.bank.classes)

    def part(self, name: str) -> Dataset:
        """The images called "fit" (to fit), "holdout" (to choose by), "test", or "train".

        "train" is everything that may be learned from: the images of "fit", then of "holdout".
        """
        if name == "train":
            return self.train()
        named = {
            "fit": self.splits.bank,
            "holdout": self.splits.holdout,
            "test": self.splits.test,
        }[name]
        assert named is not None  # `make_task` ensures it
        return named

    def train(self) -> Dataset:
        """All labelled training images."""
        if "train" not in self._joined:
            self._joined["train"] = join(self.part("fit"), self.part("holdout"))
        return self._joined["train"]

    def vectors(self, part: str) -> Features:
        """Frozen features of a part; each image passes through the encoder once.

        Raises:
          UserError: if they are not finite.
        """
        if part not in self._vectors:
            if part in ("fit", "holdout"):
                sizes = len(self.part("fit").images), len(self.part("train").images)
                rows = {"fit": np.arange(sizes[0]), "holdout": np.arange(*sizes)}[part]
                self._vectors[part] = self.vectors("train").select(rows)
            else:
                self._vectors[part] = self._extract(part)
        return self._vectors[part]

    def _extract(self, part: str) -> Features:
        images = self.part(part).images
        features = extract(
            self.encoder.encode,
            images,
            batch_size=min(self.batch_size, len(images)),
            shardings=self.shardings,
            dtype=self.dtype,
            progress=lambda count: self.progress(f"{part} images encoded", count, len(images)),
        )
        if not features.finite():
            raise UserError("the features are not finite: training has diverged")
        return features

    def features(self, part: str) -> Labelled:
        """Frozen features of a part with its labels.

        Raises:
          UserError: if the images have several classes each, or the features are not finite.
        """
        labels = self.part(part).labels
        if labels is None:
            raise UserError(NEEDS_SINGLE_LABELS)
        return Labelled(self.vectors(part), labels)


def make_task(
    encoder: Encoder,
    splits: Splits,
    *,
    shardings: Shardings,
    batch_size: int = 256,
    labels: Path | None = None,
    progress: Progress = lambda what, done, total: None,
    dtype: str = "float32",
) -> Task:
    """Makes a task of an encoder and images; see `Task` for the arguments.

    Where nothing was held out, a fixed tenth of the training images is held out now, to which each
    class contributes its share. `batch_size` is rounded up to a multiple of the number of devices.

    Raises:
      UserError: if the images have no labels, if there are no test images, or if the images have
        a different number of channels than the encoder.
    """
    bank, test, channels = splits.bank, splits.test, encoder.description.channels
    if test is None or any(d.labels is None and d.presence is None for d in (bank, test)):
        raise UserError(
            "the images have no labels to evaluate by: a folder needs at least two class folders, "
            "in training and test images"
        )
    if bank.images.shape[-1] != channels:
        raise UserError(
            f"the images have {bank.images.shape[-1]} channels, the encoder takes {channels}"
        )
    if splits.holdout is None:
        rest, tenth = fixed_tenth(bank.labels, size=len(bank.images))
        held_out = take(bank, tenth)._replace(skipped=())  # listed once, with the rest
        splits = Splits(take(bank, rest), held_out, test)
    placed = dataclasses.replace(
        encoder, variables=jax.device_put(encoder.variables, shardings.replicated)
    )
    batch_size = shared_batch(batch_size, shardings.mesh.size)
    return Task(placed, splits, shardings, batch_size, labels, progress, dtype)
