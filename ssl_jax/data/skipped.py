"""Messages about image files that cannot be read."""

from collections.abc import Sequence

NAMED = 10


def some(names: Sequence[str], *, at_most: int = 5) -> str:
    """The first names, and the number of all where there are more.

    >>> some(["a.png", "b.png"]), some(["a", "b", "c"], at_most=2)
    ('a.png, b.png', 'a, b, ... (3)')
    """
    more = f", ... ({len(names):,})" if len(names) > at_most else ""
    return ", ".join(names[:at_most]) + more


def skipped_files(names: Sequence[str]) -> str:
    """The number of skipped files, with the names of the first ten.

    >>> skipped_files(["a.jpg"])
    'skipped 1 unreadable image file: a.jpg'
    """
    plural = "" if len(names) == 1 else "s"
    listed = ", ".join(names[:NAMED]) + (", ..." if len(names) > NAMED else "")
    return f"skipped {len(names):,} unreadable image file{plural}: {listed}"


def none_readable(folder: str, names: Sequence[str]) -> str:
    """Reports that no image file of a folder can be read.

    >>> none_readable("photos", ["a.jpg", "b.jpg"])
    'none of the 2 image files in photos can be read, starting with a.jpg'
    """
    if len(names) == 1:
        return f"the only image file in {folder} cannot be read: {names[0]}"
    count = f"{len(names):,} image files"
    return f"none of the {count} in {folder} can be read, starting with {names[0]}"
