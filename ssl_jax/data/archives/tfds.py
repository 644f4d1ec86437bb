"""Sets of TensorFlow Datasets (TFDS), prepared and read without TensorFlow.

TFDS needs TensorFlow only for four file functions and for encoding PNG. `_without_tensorflow`
temporarily replaces them in TFDS's lazy import, and no module named `tensorflow` is imported. It
relies on private names, hence the exact version in pyproject.toml.
"""

import contextlib
import io
import os
import types
import urllib.request
from collections.abc import Iterator
from typing import Any
from unittest import mock

import numpy as np
from PIL import Image

from ssl_jax.data.dataset import Dataset
from ssl_jax.errors import UserError

# Encoded images held in memory beside the array that they are decoded into.
READ_AT_ONCE = 1000


def load(
    name: str, *, path: str, splits: tuple[str, ...] = ("train", "test")
) -> tuple[Dataset, ...]:
    """Loads an image classification set, after preparing it if necessary.

    Args:
      name: of the set in TFDS.
      path: data folder of TFDS; "" for its default. If it contains the archive that TFDS would
        download, under that name, nothing is downloaded.
      splits: names of the splits in TFDS; a split whose labels are all -1 is unlabelled.

    Returns:
      One data set per split.

    Raises:
      UserError: if the set is not prepared as ArrayRecord and cannot be prepared.
    """
    import tensorflow_datasets as tfds  # slow, and needed by few runs

    with _without_tensorflow():
        try:
            builder = tfds.builder(name, data_dir=path or None)
            if not builder.is_prepared():
                _prepare(builder)
            return tuple(_read(builder, split) for split in splits)
        except UserError:
            raise
        except Exception as error:  # from TFDS, its downloader, tarfile, protobuf or the disk
            reason = " ".join(str(error).split())
            raise UserError(f"TensorFlow Datasets failed on {name}: {reason}") from error


def _prepare(builder: Any) -> None:
    import tensorflow_datasets as tfds

    folder = builder.data_path.parents[1]  # builder.data_path is folder/name/version
    ((url, archive),) = builder.url_infos.items()
    if not (folder / archive.filename).exists():
        try:  # TFDS itself would keep trying for minutes
            request = urllib.request.Request(url, method="HEAD")
            urllib.request.urlopen(request, timeout=20).close()
        except OSError as error:
            raise UserError(
                f"{folder} contains neither {builder.name} as prepared by TensorFlow Datasets nor "
                f"{archive.filename}, and {url} cannot be reached ({error})"
            ) from error
    builder.download_and_prepare(
        file_format="array_record",
        download_config=tfds.download.DownloadConfig(manual_dir=folder),
    )


def _read(builder: Any, split: str) -> Dataset:
    import tensorflow_datasets as tfds

    source = builder.as_data_source(split, decoders={"image": tfds.decode.SkipDecoding()})
    features = builder.info.features
    images = np.empty((len(source), *features["image"].shape), np.uint8)
    labels = np.empty(len(source), np.int32)
    for start in range(0, len(source), READ_AT_ONCE):
        part = range(start, min(start + READ_AT_ONCE, len(source)))
        for row, example in zip(part, source.__getitems__(part), strict=True):
            images[row] = np.asarray(Image.open(io.BytesIO(example["image"])))
            labels[row] = example["label"]
    if (labels == -1).all():
        return Dataset(images, None, ())
    return Dataset(images, labels, tuple(features["label"].names))


@contextlib.contextmanager
def _without_tensorflow() -> Iterator[None]:
    from tensorflow_datasets.core.features import image_feature
    from tensorflow_datasets.core.utils import lazy_imports_utils

    files = types.SimpleNamespace(GFile=open, exists=os.path.exists, remove=os.remove)
    stand_in = types.SimpleNamespace(
        io=types.SimpleNamespace(gfile=files), compat=types.SimpleNamespace(as_text=os.fsdecode)
    )

    def encode(encoder: Any, image: np.ndarray) -> bytes:
        buffer = io.BytesIO()
        Image.fromarray(image).save(buffer, encoder.encoding_format)
        return buffer.getvalue()

    with (
        # An etils LazyModule keeps the imported module under this name.
        mock.patch.dict(vars(lazy_imports_utils.tensorflow), _module=stand_in),
        mock.patch.object(image_feature._ImageEncoder, "_encode_image", encode),
    ):
        yield
