"""One line on image files that could not be read."""

from collections.abc import Sequence

NAMED = 10


def skipped_files(names: Sequence[str]) -> str:
    """How many files were skipped, and the first ten by name."""
    plural = "" if len(names) == 1 else "s"
    shown = ", ".join(names[:NAMED]) + (", ..." if len(names) > NAMED else "")
    return f"skipped {len(names):,} unreadable image file{plural}: {shown}"
