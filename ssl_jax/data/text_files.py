"""Text files that people write beside their images: lines, and lists of classes."""

import collections
import pathlib
import re

from ssl_jax.errors import UserError


def read_lines(file: str | pathlib.Path) -> list[str]:
    """The lines of a text file in UTF-8, with or without a byte order mark.

    Raises:
      UserError: if the file cannot be read.
    """
    try:
        text = pathlib.Path(file).expanduser().read_text("utf-8-sig")
    except (OSError, UnicodeError) as error:
        raise UserError(f"{file} cannot be read: {error}") from error
    lines = re.split("\r\n|\n|\r", text)
    return lines[:-1] if lines[-1] == "" else lines


def read_classes(file: str | pathlib.Path) -> tuple[str, ...]:
    """Reads a list of class folders: one per line; a line that begins with "# " is a comment.

    Returns:
      The lines, sorted. A line may go on after the name of the folder, as in "n01440764 tench";
      `class_folders.match` finds out.

    Raises:
      UserError: if the file cannot be read, a name is a path or appears twice, or there are fewer
        than two names.
    """
    lines = [line.strip() for line in read_lines(file)]
    names = [line for line in lines if line and line != "#" and not line.startswith("# ")]
    if len(names) < 2:
        raise UserError(f"{file} must name at least two class folders")
    for name, count in collections.Counter(names).items():
        if count > 1:
            raise UserError(f"{file} names {name} {count} times")
        word = name.split()[0]
        if pathlib.PurePath(word).name != word:
            raise UserError(f"{file} must contain plain folder names, not {name!r}")
    return tuple(sorted(names))
