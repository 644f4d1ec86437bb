"""Labels of images that lie in one folder: official lists of ImageNet, and tables."""

import collections
import glob
import importlib.util
import os
import re
from collections.abc import Iterable, Sequence

import numpy as np

from ssl_jax.data.class_numbers import number_classes, to_known
from ssl_jax.data.dataset import Dataset, take
from ssl_jax.data.files import ImageFiles
from ssl_jax.data.skipped import some
from ssl_jax.data.split_names import split_of
from ssl_jax.data.tables import SUFFIXES, Table, read_table
from ssl_jax.data.text_files import read_lines
from ssl_jax.errors import UserError

# The validation images of ILSVRC 2012 in order, each with the number of its synset.
GROUND_TRUTH = "ilsvrc2012_validation_ground_truth.txt"
OFFICIAL = (GROUND_TRUTH, "loc_val_solution.csv", "val_annotations.txt")
IMAGES = 50_000


def labelled(
    dataset: Dataset, kind: str, around: Iterable[str], *, classes: tuple[str, ...] = ()
) -> Dataset | None:
    """Labels images by the first list that is found for them.

    Args:
      dataset: unlabelled image files.
      kind: of the split: train, val or test.
      around: folders in which lists are looked for.
      classes: of the training set; () takes those that occur.

    Returns:
      The images that have a label; a note names the list, and images that it does not. None if
      there is no list.

    Raises:
      UserError: if a list cannot be used.
    """
    for file in lists_for(kind, around):
        table = _official(file, classes) or read_table(file)
        if table.labels is None:
            continue
        if (found := apply(table, dataset, classes=classes)) is not None:
            return found
    return None


def lists_for(kind: str, around: Iterable[str]) -> list[str]:
    """Files that may be the list of a split, in the order in which they are tried."""
    found = []
    for folder in around:
        places = [folder, *sorted(glob.glob(os.path.join(glob.escape(folder), "*devkit*", "")))]
        places += [os.path.join(place, "data") for place in places[1:]]
        for place in filter(os.path.isdir, places):
            names = sorted(os.listdir(place))
            official = [name for name in names if kind == "val" and name.lower() in OFFICIAL]
            named = [name for name in names if name.lower().endswith(SUFFIXES)]
            stems = [(name, os.path.splitext(name)[0]) for name in named if name not in official]
            own = [name for name, stem in stems if split_of(stem) == kind]
            plain = [name for name, stem in stems if stem.lower() in ("labels", "annotations")]
            found += [os.path.join(place, name) for name in (*official, *own, *plain)]
    return list(dict.fromkeys(found))


def apply(table: Table, dataset: Dataset, *, classes: tuple[str, ...] = ()) -> Dataset | None:
    """The images of a set that a table labels; None if it names none of them.

    Raises:
      UserError: if it gives an image two labels, or labels are not those of classes.
    """
    files = dataset.images
    assert isinstance(files, ImageFiles) and table.labels is not None
    label_of = _label_of(table, files.names)
    rows = np.array([i for i, name in enumerate(files.names) if name in label_of], np.int64)
    if not len(rows):
        return None
    written = [label_of[files.names[row]] for row in rows]
    notes = [f"labels of {dataset.origin} are those in {table.file}"]
    without = [name for name in files.names if name not in label_of]
    if without:
        notes.append(f"left out, without a label in {table.file}: {some(without)}")
    if classes:
        labels, more = to_known(written, classes, file=table.file)
        rows, labels, notes = rows[labels >= 0], labels[labels >= 0], notes + more
    else:
        labels, classes = number_classes(written, known=table.classes)
    notes = (*dataset.notes, *notes)
    return take(dataset, rows)._replace(labels=labels, classes=classes, notes=notes)


def _label_of(table: Table, names: Sequence[str]) -> dict[str, str]:
    """{name of an image: label} for those that the table names."""
    assert table.labels is not None
    if table.paths is None:
        return _by_position(table, names)
    places: dict[str, list[str]] = collections.defaultdict(list)
    for name in names:
        base = os.path.basename(name)
        for key in {name, base, os.path.splitext(base)[0]}:
            places[key].append(name)
    found: dict[str, str] = {}
    for path, label in zip(table.paths, table.labels, strict=True):
        path = path.replace("\\", "/").lstrip("/").removeprefix("./")
        base = os.path.basename(path)
        keys = (path, base, os.path.splitext(base)[0])
        matches = next((places[key] for key in keys if len(places.get(key, ())) == 1), [])
        for name in matches:
            if found.setdefault(name, label) != label:
                raise UserError(f"{table.file} has two labels for {path}: {found[name]}, {label}")
    return found


def _by_position(table: Table, names: Sequence[str]) -> dict[str, str]:
    """Labels in the order of the images; ILSVRC's images have their position in their names."""
    assert table.labels is not None
    count = len(table.labels)
    numbers = [re.search(r"ILSVRC2012_val_(\d{8})", os.path.basename(name)) for name in names]
    if all(numbers):
        places = [int(number[1]) for number in numbers if number]
    else:
        places = list(range(1, len(names) + 1))
    if max(places) > count or (not all(numbers) and count != len(names)):
        raise UserError(f"{table.file} has {count:,} labels for {len(names):,} images")
    return {name: table.labels[place - 1] for name, place in zip(names, places, strict=True)}


def _official(file: str, classes: tuple[str, ...]) -> Table | None:
    """The ground truth of ILSVRC 2012, whose numbers are not those of the sorted synsets."""
    if os.path.basename(file).lower() != GROUND_TRUTH:
        return None
    numbers = tuple(line.strip() for line in read_lines(file) if line.strip())
    meta = os.path.join(os.path.dirname(file), "meta.mat")
    if os.path.isfile(meta):
        synsets = _synsets(meta)
        unknown = sorted(set(numbers) - set(synsets))
        if unknown:
            raise UserError(f"{file} has numbers that meta.mat does not: {some(unknown)}")
        return Table(file, None, tuple(synsets[number] for number in numbers))
    if len(numbers) == IMAGES and (synsets := _by_tfds(numbers)):
        return Table(file, None, tuple(synsets[number] for number in numbers))
    return Table(file, None, numbers)


def _synsets(meta: str) -> dict[str, str]:
    """{number: WordNet id} of the development kit."""
    from scipy.io import loadmat  # slow to import, and needed here only

    try:
        rows = loadmat(meta, squeeze_me=True)["synsets"]
        return {str(int(row["ILSVRC2012_ID"])): str(row["WNID"]) for row in rows}
    except Exception as error:  # of any type, for a damaged file
        raise UserError(f"{meta} cannot be read: {error}") from error


def _by_tfds(numbers: Sequence[str]) -> dict[str, str]:
    """{number: WordNet id}, by the labels of the same images that TensorFlow Datasets ships."""
    file = tfds_labels()
    names = read_lines(file) if os.path.isfile(file) else []
    synsets = dict(zip(numbers, names, strict=False))
    consistent = [synsets[number] for number in numbers if number in synsets] == names
    return synsets if consistent and len(set(names)) == len(synsets) else {}


def tfds_labels() -> str:
    """The file of TensorFlow Datasets with the WordNet ids of ILSVRC's validation images."""
    package = importlib.util.find_spec("tensorflow_datasets")
    folder = os.path.dirname(package.origin or "") if package else ""
    return os.path.join(folder, "datasets", "imagenet2012", "validation_labels.txt")
