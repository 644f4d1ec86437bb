"""Labels in arrays, of whatever type they were saved, to class indices."""

import numpy as np
from jaxtyping import Int8, Int32, Shaped

from ssl_jax.data.skipped import some
from ssl_jax.errors import UserError


def plain_labels(
    labels: Shaped[np.ndarray, "..."], *, size: int, what: str
) -> Shaped[np.ndarray, "n ..."] | None:
    """Labels [N] of integers or text, or [N, K] of 0 and 1; None if all are -1, as of no label.

    Args:
      labels: as saved: of any integer type, fractions that are whole, text, bool, [N, 1], one-hot.
      size: number of images N.
      what: "labels in FILE", for messages.

    Raises:
      UserError: for other labels.
    """
    form = f"{labels.dtype} {list(labels.shape)}"
    while labels.ndim > 1 and labels.shape[-1] == 1:
        labels = labels[..., 0]
    if labels.ndim not in (1, 2) or len(labels) != size:
        raise UserError(f"{what} must be [{size}], one for each image, not {form}")
    if labels.dtype.kind == "S":
        labels = np.char.decode(labels, "utf-8")
    if labels.dtype.kind == "U" and labels.ndim == 1:
        return np.char.strip(labels)
    if labels.dtype.kind == "b":
        labels = labels.astype(np.int64)
    if labels.dtype.kind == "f" and np.isfinite(labels).all() and (labels == np.rint(labels)).all():
        labels = labels.astype(np.int64)
    if labels.dtype.kind not in "iu":
        raise UserError(
            f"{what} must be integers or text, not {form}: are they targets of another kind?"
        )
    if labels.ndim == 2:
        if not np.isin(labels, (0, 1)).all():
            raise UserError(f"{what} must be [{size}], or of 0 and 1 for each class, not {form}")
        return labels
    return _without_minus_one(labels, what)


def _without_minus_one(labels: np.ndarray, what: str) -> np.ndarray | None:
    values = np.unique(labels)
    if values.tolist() == [-1]:
        return None
    if values[0] == -1 and values.tolist() != [-1, 1]:
        raise UserError(
            f"{what} are -1 for {np.sum(labels == -1):,} images: if that is no label, save them "
            "apart; if it is a class, give it another number"
        )
    return labels


def to_classes(
    parts: list[Shaped[np.ndarray, "_n ..."]],
) -> tuple[list[Int32[np.ndarray, " _n"]], tuple[str, ...], list[str]]:
    """Class indices of several parts over the values that occur, in order.

    Args:
      parts: labels as of `plain_labels`, [N] or one-hot [N, K]; the first part is trained on.

    Returns:
      (class indices [N] of each part, names of the classes, notes).
    """
    flat = [part.argmax(1) if part.ndim == 2 else part for part in parts]
    values = np.unique(np.concatenate(flat))
    classes = tuple(str(value) for value in values)
    notes = []
    if absent := [str(value) for value in np.setdiff1d(values, flat[0])]:
        notes.append(f"no training image is of class {some(absent)}")
    numbers = [np.searchsorted(values, part).astype(np.int32) for part in flat]
    return numbers, classes, notes


def is_one_hot(labels: Shaped[np.ndarray, "n ..."]) -> bool:
    """Whether labels [N, K] have a single 1 each; [N] are as good."""
    return labels.ndim == 1 or bool((labels.sum(1) == 1).all())


def to_presence(labels: Shaped[np.ndarray, "n k"]) -> Int8[np.ndarray, "n k"]:
    """1 for a class that is present and -1 for one that is not, of several in an image."""
    return np.where(labels == 1, 1, -1).astype(np.int8)
