"""Any set of images that TensorFlow Datasets has prepared: imagenet2012, eurosat:rgb, ...

It is read where it lies, as ArrayRecord or TFRecord, and without TensorFlow. To prepare one, where
TensorFlow is installed:

    tfds build eurosat/rgb --file_format=array_record
"""

from ssl_jax.data.archives import tfds
from ssl_jax.data.dataset import Dataset
from ssl_jax.data.splits import with_test
from ssl_jax.errors import Problem, UserError, require

# What is tested on if `test` does not say otherwise: the first of these that has labels.
TEST = ("test", "testing", "validation", "val", "valid", "dev", "eval")
TRAIN = ("train", "training")


def load(
    *, path: str, image_size: int, channels: int, test: str = ""
) -> tuple[Dataset, Dataset | None]:
    """Loads a set, whose images stay in their shards.

    Args:
      path: NAME, NAME:CONFIG or NAME/CONFIG:VERSION in the data folder of TensorFlow Datasets
        ($TFDS_DATA_DIR, or ~/tensorflow_datasets), or the path of the folder of a set.
      image_size: side in pixels that images are resized to; 0 if all are squares of one size.
      channels: 1 (grey) or 3 (RGB); 0 means 3.
      test: the split to test on, or "train" for a tenth of the training images; "" for the test
        or else the validation split, if it has labels.

    Returns:
      (train, test); test is None for an unlabelled set.

    Raises:
      UserError: if there is no such set, it is not one of images, or it is damaged.
    """
    require(bool(path), "path", path, "must be the name of a prepared set, as eurosat:rgb")
    require(channels in (0, 1, 3), "channels", channels, "must be 1 (grey) or 3 (RGB)")
    try:
        prepared = tfds.open_set(tfds.find(path))
    except UserError as error:
        problem = Problem("path", path, f"cannot be read: {error}")
        raise UserError(str(problem), problem) from error
    side = image_size or prepared.side
    rule = f"must be a side in pixels: the images of {path} are not squares of one size"
    require(side > 0, "image_size", image_size, rule)
    options = {"image_size": side, "channels": channels or 3}
    splits = list(prepared.info.splits)
    name = next((name for name in TRAIN if name in splits), splits[0])
    valid = name in TRAIN or len(splits) == 1
    require(valid, "path", path, f"has no split train, but {', '.join(splits)}")
    train = tfds.read_split(prepared, name, **options)
    train = train._replace(notes=prepared.notes, origin=f"{prepared.info.full_name} {name}")
    if train.labels is None:
        return train, None
    valid = not test or test == "train" or test in splits
    require(valid, "test", test, f"must be one of the splits, {', '.join(splits)}")
    for candidate in [test] if test else [name for name in TEST if name in splits]:
        if candidate == name:
            break
        part = tfds.read_split(prepared, candidate, **options)
        if part.labels is not None:
            unused = sorted(set(splits) - {name, candidate})
            notes = (*train.notes, f"not used: {', '.join(unused)}") if unused else train.notes
            origin = f"{prepared.info.full_name} {candidate}"
            return train._replace(notes=notes), part._replace(origin=origin)
        require(candidate != test, "test", test, "has no labels")
    return with_test(train)
