"""Labels as they are written, names or numbers, to class indices."""

import collections
from collections.abc import Iterator, Sequence

import numpy as np
from jaxtyping import Int32

from ssl_jax.data import class_folders
from ssl_jax.data.skipped import some
from ssl_jax.errors import UserError


def number_classes(
    labels: Sequence[str], *, known: tuple[str, ...] = ()
) -> tuple[Int32[np.ndarray, " n"], tuple[str, ...]]:
    """Gives every class that there is a number from 0 on.

    Args:
      labels: as written.
      known: names of all classes in the order of their numbers, where these are known; labels are
        these names or numbers.

    Returns:
      (class indices, names): classes in the order of their names, of numbers by size.

    >>> number_classes(["10", "9", "10"])
    (array([1, 0, 1], dtype=int32), ('9', '10'))
    """
    classes = known
    if not known:
        classes = tuple(sorted(set(labels), key=_by_size if _numbers(labels) else None))
    number = {name: index for index, name in enumerate(classes)}
    if known and not set(labels) <= set(known) and _numbers(labels):
        number = {str(index): index for index in range(len(known))}
        labels = [str(int(label)) for label in labels]
    if unknown := sorted(set(labels) - set(number)):
        raise UserError(f"labels that name no class: {some(unknown)}")
    return np.array([number[label] for label in labels], np.int32), classes


def to_known(
    labels: Sequence[str], classes: tuple[str, ...], *, file: str
) -> tuple[Int32[np.ndarray, " n"], list[str]]:
    """The indices of labels among the classes of a training set; -1 for other classes.

    Numbers that are no names of classes are their positions in order, counted from 0 where 0
    occurs, and from 1 where the number of classes does.

    Returns:
      (class indices, notes on what was decided).

    Raises:
      UserError: if numbers fit neither, or no label is a class.
    """
    different = sorted(set(labels))
    number = {label: classes.index(name) for label, name in _same(different, classes)}
    number = {label: number.get(label, -1) for label in different}
    notes = []
    if all(index < 0 for index in number.values()):
        if not _numbers(different):
            raise UserError(f"the labels in {file} are no classes of train: {some(different)}")
        values = {int(label) for label in different}
        first = _first_number(values, len(classes), file)
        number = {label: int(label) - first for label in different}
        notes.append(f"{file}: numbers are taken for the classes in order, from {first} on")
    if other := [label for label, index in number.items() if index < 0]:
        notes.append(f"{file}: left out, no classes of train: {some(other)}")
    return np.array([number[label] for label in labels], np.int32), notes


def _same(labels: Sequence[str], classes: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """(label, class) where they are the same but for case and encoding of accents."""
    near = collections.defaultdict(list)
    for name in classes:
        near[class_folders.folded(name)].append(name)
    for label in labels:
        same = near.get(class_folders.folded(label), ())
        if same:
            yield label, class_folders.find(label, same)


def _first_number(values: set[int], count: int, file: str) -> int:
    """Whether classes are counted from 0 or 1."""
    if 0 in values and max(values) < count and min(values) >= 0:
        return 0
    if 0 not in values and max(values) == count:
        return 1
    raise UserError(
        f"{file} has numbers from {min(values)} to {max(values)} for {count} classes, which do not "
        "tell whether they begin at 0 or 1; write names of classes"
    )


def _numbers(labels: Sequence[str]) -> bool:
    return all(label.removeprefix("-").isdecimal() for label in labels)


def _by_size(label: str) -> tuple[int, str]:
    return int(label), label
