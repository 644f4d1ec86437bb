"""The official archives of ImageNet (ILSVRC 2012).

    ILSVRC2012_img_train.tar    one tar per class, n01440764.tar
    ILSVRC2012_img_val.tar      50,000 images, without their classes
    ILSVRC2012_devkit_t12.tar.gz   their classes, by number, and what the numbers mean

O. Russakovsky et al.: ImageNet Large Scale Visual Recognition Challenge, IJCV 2015.
"""

import csv
import io
import os
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import scipy.io

from ssl_jax.data.archives.tar_index import Contents
from ssl_jax.errors import UserError

SPLITS = {"ILSVRC2012_img_train.tar": "train", "ILSVRC2012_img_val.tar": "val"}
VALIDATION = "ILSVRC2012_img_val.tar"
TRUTH, META = "ILSVRC2012_validation_ground_truth.txt", "meta.mat"
# Beside the archive of validation images.
LABELS = (
    *("ILSVRC2012_devkit_t12.tar.gz", "ILSVRC2012_devkit_t12.zip", "ILSVRC2012_devkit_t12"),
    "LOC_val_solution.csv",
)
HOW = "give them by --labels: the devkit (ILSVRC2012_devkit_t12.tar.gz), or LOC_val_solution.csv"


def sorted_by_class(tar: Path, found: Contents, labels: Path | None) -> Contents:
    """The validation images in folders of their classes; other tars as they are.

    Args:
      tar: the archive.
      found: what it holds.
      labels: of the validation images; None to look for them beside the archive.

    Raises:
      UserError: if it is the archive of validation images and a label is missing.
    """
    if tar.name != VALIDATION:
        return found
    beside = [tar.parent / name for name in LABELS if (tar.parent / name).exists()]
    if labels is None and not beside:
        raise UserError(f"{tar} has no labels; {HOW}")
    source = labels or beside[0]
    class_of = read_labels(source)
    members = []
    for member in found.members:
        folder, file = os.path.split(member.name)
        stem = os.path.splitext(file)[0]
        if stem not in class_of:
            raise UserError(f"{source} has no label for {member.name} of {tar}; {HOW}")
        members.append(member._replace(name=os.path.join(folder, class_of[stem], file)))
    return found._replace(members=members)


def read_labels(source: Path) -> dict[str, str]:
    """{ILSVRC2012_val_00000001: n01751748}, from the devkit or from a list.

    Args:
      source: the devkit, as an archive or unpacked; or lines of image and class, separated by a
        comma or a space, such as LOC_val_solution.csv.

    Raises:
      UserError: if there are no labels in it.
    """
    try:
        if source.is_dir() or source.name.endswith((".tar.gz", ".tgz", ".tar", ".zip")):
            return _from_devkit(_reader(source))
        return _from_list(source.read_text("utf-8-sig"))
    except (OSError, ValueError, KeyError, IndexError, tarfile.TarError) as error:
        raise UserError(f"the labels in {source} cannot be read: {error}; {HOW}") from None
    except zipfile.BadZipFile as error:
        raise UserError(f"the labels in {source} cannot be read: {error}; {HOW}") from None


def _reader(source: Path) -> Callable[[str], bytes]:
    """Reads a file of the devkit by its name, whatever folder it is in."""
    if source.is_dir():
        return lambda name: next(iter(source.rglob(name))).read_bytes()
    if source.suffix == ".zip":
        with zipfile.ZipFile(source) as archive:
            files = {os.path.basename(n): archive.read(n) for n in archive.namelist() if _ours(n)}
    else:
        with tarfile.open(source) as archive:
            files = {}
            for entry in archive:
                if _ours(entry.name) and (file := archive.extractfile(entry)):
                    files[os.path.basename(entry.name)] = file.read()
    return files.__getitem__


def _ours(name: str) -> bool:
    return os.path.basename(name) in (TRUTH, META)


def _from_devkit(read: Callable[[str], bytes]) -> dict[str, str]:
    synsets = scipy.io.loadmat(io.BytesIO(read(META)), squeeze_me=True)["synsets"]
    wnid = {int(row["ILSVRC2012_ID"]): str(row["WNID"]) for row in np.atleast_1d(synsets)}
    numbers = read(TRUTH).split()
    return {
        f"ILSVRC2012_val_{index:08d}": wnid[int(number)]
        for index, number in enumerate(numbers, start=1)
    }


def _from_list(text: str) -> dict[str, str]:
    """Lines as "ILSVRC2012_val_00000001,n01751748 82 97 231 ..." or "x.JPEG n01751748"."""
    class_of = {}
    for row in csv.reader(text.splitlines()):
        cells = " ".join(row).split()
        if len(cells) < 2 or cells[0] == "ImageId":
            continue
        if not cells[1].startswith("n"):
            raise ValueError(f"{cells[1]} is not the id of a class, such as n01751748")
        class_of[os.path.splitext(os.path.basename(cells[0]))[0]] = cells[1]
    if not class_of:
        raise ValueError("it has no line with an image and a class")
    return class_of
