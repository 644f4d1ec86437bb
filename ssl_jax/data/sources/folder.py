"""A folder of image files, with or without class folders.

    PATH/train/CLASS/*.png   PATH/test/CLASS/*.png     (or PATH/val, PATH/validation)
    PATH/CLASS/*.png                                   a tenth becomes the test set
    PATH/*.png                                         unlabelled: no test set

A set is labelled where it has at least two class folders and no image lies beside them. Files
and folders whose name starts with a dot are left out; links to folders are followed.

A list of classes takes these class folders and leaves the others unread: ImageNet-100 is the
folder of ImageNet with a list of 100 classes. There are several such lists; the usual one is
imagenet100.txt in the repository of CMC (Tian, Krishnan, Isola, arXiv 1906.05849).
"""

import dataclasses
import os

from ssl_jax.data import folders
from ssl_jax.data.dataset import Dataset, with_test


def load(
    *, path: str, image_size: int, channels: int, classes: str = ""
) -> tuple[Dataset, Dataset | None]:
    """(train, test) with images that stay in their files, RGB unless `channels` is 1.

    Args:
      path: the folder.
      image_size: side to which images are brought; 0 where they are squares of one size.
      channels: 1 or 3; 0 is 3.
      classes: a text file with the name of a class folder a line; "" takes all class folders.
        Labels follow the sorted names, not the order of the lines.

    Raises:
      UserError: where there is no such folder, no image in it or in a class folder, none that
        can be read, or where images differ in size and `image_size` is 0; where the list of
        classes cannot be read or train/ or test/ lacks one of them.
    """
    files = folders.open_folder(path, image_size=image_size, channels=channels)
    wanted = folders.read_classes(classes) if classes else ()
    if not os.path.isdir(os.path.join(files.root, "train")):
        return with_test(folders.readable(folders.find_images(files, "", wanted=wanted)))
    train = folders.readable(folders.find_images(files, "train", wanted=wanted))
    if train.labels is None:
        return train, None
    files = dataclasses.replace(files, image_size=train.images.shape[1])
    # Published sets often have an unlabelled `test` beside a labelled `val`.
    for part in ("test", "val", "validation"):
        places = (os.path.join(files.root, part, name) for name in wanted or ("",))
        if any(map(os.path.isdir, places)):
            test = folders.find_images(files, part, known=train.classes, wanted=wanted)
            if test.labels is not None:
                return train, folders.readable(test)
    return with_test(train)
