"""A folder of image files, with or without class folders.

    PATH/train/CLASS/*.png   PATH/test/CLASS/*.png     (or PATH/val, PATH/validation)
    PATH/CLASS/*.png                                   (a tenth becomes the test set)
    PATH/*.png                                         (unlabelled: no test set)

A set is labelled if it has at least two class folders and no images beside them. Files and folders
whose name starts with a dot are skipped; links to folders are followed.

With a list of classes, only the listed class folders are read: ImageNet-100 is the folder of
ImageNet with a list of 100 classes. Several such lists exist; the usual one is imagenet100.txt in
the repository of CMC (Tian, Krishnan, Isola, arXiv 1906.05849).
"""

import dataclasses
import os

from ssl_jax.data import folders
from ssl_jax.data.dataset import Dataset
from ssl_jax.data.splits import with_test
from ssl_jax.errors import Problem, UserError


def load(
    *, path: str, image_size: int, channels: int, classes: str = ""
) -> tuple[Dataset, Dataset | None]:
    """Loads the images of a folder, which stay in their files.

    Args:
      path: the folder.
      image_size: side in pixels that images are resized to; 0 if all are squares of one size.
      channels: 1 (grey) or 3 (RGB); 0 means 3.
      classes: a text file with the name of one class folder per line; "" uses all class folders.
        Labels follow the sorted names, not the order of the lines.

    Returns:
      (train, test); test is None for an unlabelled set.

    Raises:
      UserError: if there is no such folder; if it or a class folder contains no images, or none
        that can be read; if images differ in size and `image_size` is 0; if the list of classes
        cannot be read, or train/ or test/ lacks a listed class.
    """
    files = folders.open_folder(path, image_size=image_size, channels=channels)
    listed = _listed(classes)
    if not os.path.isdir(os.path.join(files.root, "train")):
        return with_test(folders.readable(folders.find_images(files, "", listed=listed)))
    train = folders.readable(folders.find_images(files, "train", listed=listed))
    if train.labels is None:
        return train, None
    files = dataclasses.replace(files, image_size=train.images.shape[1])
    # Published sets often have an unlabelled `test` beside a labelled `val`.
    for part in ("test", "val", "validation"):
        class_folders = (os.path.join(files.root, part, name) for name in listed or ("",))
        if any(map(os.path.isdir, class_folders)):
            test = folders.find_images(files, part, classes=train.classes, listed=listed)
            if test.labels is not None:
                return train, folders.readable(test)
    return with_test(train)


def _listed(classes: str) -> tuple[str, ...]:
    """The class folders that the file `classes` lists; () without a file."""
    try:
        return folders.read_classes(classes) if classes else ()
    except UserError as error:
        problem = Problem("classes", classes, f"is not a list of class folders: {error}")
        raise UserError(str(problem), problem) from error
