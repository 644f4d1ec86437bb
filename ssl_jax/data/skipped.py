"""Messages about image files that cannot be read."""

from collections.abc import Sequence

from ssl_jax.errors import printable

NAMED = 10


def some(names: Sequence[str], *, at_most: int = 5) -> str:
    """The first names, and the number of all where there are more.

    >>> some(["a.png", "b.png"]), some(["a", "b", "c"], at_most=2)
    ('a.png, b.png', 'a, b, ... (3)')
    """
    more = f", ... ({len(names):,})" if len(names) > at_most else ""
    return printable(", ".join(names[:at_most]) + more)


def skipped_files(names: Sequence[str], reasons: Sequence[str] = ()) -> str:
    """The number of skipped files, with the names of the first ten, and why.

    >>> skipped_files(["a.jpg"], ["it is empty"])
    'skipped 1 unreadable image file: a.jpg (it is empty)'
    """
    plural = "" if len(names) == 1 else "s"
    named = (
        [f"{n} ({reason})" for n, reason in zip(names, reasons, strict=True)] if reasons else names
    )
    listed = ", ".join(named[:NAMED]) + (", ..." if len(names) > NAMED else "")
    return printable(f"skipped {len(names):,} unreadable image file{plural}: {listed}")


def why(error: Exception) -> str:
    """Why a file cannot be read, in words without addresses in memory.

    >>> why(ValueError("two\\nlines")), why(KeyError())
    ('two lines', 'KeyError')
    """
    text = " ".join(str(error).split())
    if text.startswith("cannot identify image file"):
        return "no image that Pillow can open"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return text or type(error).__name__


def none_readable(folder: str, names: Sequence[str], reasons: Sequence[str] = ()) -> str:
    """Reports that no image file of a folder can be read, and why the first one cannot.

    >>> none_readable("photos", ["a.jpg", "b.jpg"])
    'none of the 2 image files in photos can be read, starting with a.jpg'
    """
    first = f"{names[0]} ({reasons[0]})" if reasons else names[0]
    if len(names) == 1:
        return printable(f"the only image file in {folder} cannot be read: {first}")
    count = f"{len(names):,} image files"
    return printable(f"none of the {count} in {folder} can be read, starting with {first}")
