"""Sets that TensorFlow Datasets prepares on the spot, without TensorFlow and without a download.

TFDS needs TensorFlow to prepare, though not to read, for a few functions on files and images; these
are replaced while it prepares.
"""

import contextlib
import io
import os
import types
from unittest import mock

import numpy as np
import tensorflow_datasets as tfds
from PIL import Image
from tensorboardX.record_writer import RecordWriter
from tensorflow_datasets.core import registered
from tensorflow_datasets.core.features import image_feature
from tensorflow_datasets.core.utils import lazy_imports_utils


class TFRecordWriter(RecordWriter):
    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


@contextlib.contextmanager
def without_tensorflow():
    files = types.SimpleNamespace(GFile=open, exists=os.path.exists, remove=os.remove)
    stand_in = types.SimpleNamespace(
        io=types.SimpleNamespace(gfile=files, TFRecordWriter=TFRecordWriter),
        compat=types.SimpleNamespace(as_text=os.fsdecode),
    )

    def encode(encoder, image):
        buffer = io.BytesIO()
        Image.fromarray(image.squeeze()).save(buffer, encoder.encoding_format)
        return buffer.getvalue()

    with (
        mock.patch.dict(vars(lazy_imports_utils.tensorflow), _module=stand_in),
        mock.patch.object(image_feature._ImageEncoder, "_encode_image", encode),
    ):
        yield


def prepare(folder, name, features, splits, *, config=None, file_format="array_record", keys=None):
    """Prepares a set.

    folder: the data folder.
    name: of the set, in CamelCase.
    features: by name.
    splits: {name of a split: its examples}.
    config: name of its configuration, if it has several.
    keys: of image and label, as TFDS's `supervised_keys`.
    """

    def info(self):
        described = tfds.features.FeaturesDict(features)
        return tfds.core.DatasetInfo(builder=self, features=described, supervised_keys=keys)

    body = {
        "VERSION": tfds.core.Version("1.2.0"),
        "BUILDER_CONFIGS": [tfds.core.BuilderConfig(name=config)] if config else [],
        "_info": info,
        "_split_generators": lambda self, _: {k: iter(enumerate(v)) for k, v in splits.items()},
        "_generate_examples": lambda self: None,
        "__module__": __name__,
    }
    with registered.skip_registration():
        builder = type(name, (tfds.core.GeneratorBasedBuilder,), body)
    with without_tensorflow():
        made = builder(data_dir=folder, config=config, file_format=file_format)
        made.download_and_prepare()
    return made


def image(*shape, seed=0):
    """Random pixels."""
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)
