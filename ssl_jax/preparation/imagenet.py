"""The official archives of ImageNet (ILSVRC 2012).

    ILSVRC2012_img_train.tar    one tar per class, n01440764.tar
    ILSVRC2012_img_val.tar      50,000 images, without their classes
    ILSVRC2012_devkit_t12.tar.gz   their classes, by number, and what the numbers mean

O. Russakovsky et al.: ImageNet Large Scale Visual Recognition Challenge, IJCV 2015.
"""

import os
import shutil
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ssl_jax.errors import UserError

SPLITS = {"ILSVRC2012_img_train.tar": "train", "ILSVRC2012_img_val.tar": "val"}
# What the reader of folders needs of the devkit.
NEEDED = ("ILSVRC2012_validation_ground_truth.txt", "meta.mat")
# Beside the archive of validation images, the first that is there.
LABELS = (
    *("ILSVRC2012_devkit_t12.tar.gz", "ILSVRC2012_devkit_t12.zip", "ILSVRC2012_devkit_t12.tar"),
    *("ILSVRC2012_devkit_t12", "LOC_val_solution.csv", "ILSVRC2012_validation_ground_truth.txt"),
)
HOW = "give them by --labels, as the devkit (ILSVRC2012_devkit_t12.tar.gz) or LOC_val_solution.csv"


def find_labels(folder: Path) -> Path:
    """The labels of the validation images, beside their archive.

    Raises:
      UserError: if there are none.
    """
    for name in LABELS:
        if (folder / name).exists():
            return folder / name
    raise UserError(f"the images of {folder / 'ILSVRC2012_img_val.tar'} have no labels; {HOW}")


def place_labels(labels: Path, root: Path) -> None:
    """Puts labels where the reader of folders looks for them.

    Args:
      labels: a list, or the devkit: its archive, or its folder.
      root: of the set, beside its folder val.

    Raises:
      UserError: if they cannot be read.
    """
    try:
        if labels.is_file() and not _is_archive(labels):
            shutil.copy(labels, root / labels.name)
            return
        devkit = root / "devkit" / "data"
        devkit.mkdir(parents=True)
        for name, content in _contents(labels):
            with open(devkit / name, "wb") as file:
                shutil.copyfileobj(content, file)
        missing = [name for name in NEEDED if not (devkit / name).exists()]
    except (OSError, EOFError, tarfile.TarError, zipfile.BadZipFile) as error:
        raise UserError(f"the labels in {labels} cannot be read: {error}; {HOW}") from None
    if missing:
        raise UserError(f"{labels} has no {missing[0]}; {HOW}")


def _is_archive(path: Path) -> bool:
    return tarfile.is_tarfile(path) or zipfile.is_zipfile(path)


def _contents(devkit: Path) -> Iterator[tuple[str, Any]]:
    """(name, content) of the files that are needed, whatever folder they are in."""
    if devkit.is_dir():
        for path in (path for name in NEEDED for path in devkit.rglob(name)):
            with open(path, "rb") as file:
                yield path.name, file
    elif zipfile.is_zipfile(devkit):
        with zipfile.ZipFile(devkit) as archive:
            for name in archive.namelist():
                if os.path.basename(name) in NEEDED:
                    yield os.path.basename(name), archive.open(name)
    else:
        with tarfile.open(devkit) as archive:
            for entry in archive:
                file = archive.extractfile(entry) if entry.isreg() else None
                if file and os.path.basename(entry.name) in NEEDED:
                    yield os.path.basename(entry.name), file
