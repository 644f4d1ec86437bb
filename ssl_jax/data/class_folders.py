"""Which folder is which class: names may differ in case and in how accents are encoded."""

import os
import unicodedata
from collections.abc import Iterable, Sequence

from ssl_jax.data.listing import subfolders
from ssl_jax.errors import UserError


def match(wanted: Sequence[str], folder: str) -> dict[str, str]:
    """Finds the class folders that a list names.

    Args:
      wanted: lines of the list: the name of a folder, after which a description may follow.
      folder: that contains the class folders.

    Returns:
      {name of the class folder: itself}, in sorted order.

    Raises:
      UserError: if one is missing, or two lines name the same.
    """
    exact = [name for name in wanted if os.path.isdir(os.path.join(folder, name))]
    found = dict(zip(exact, exact, strict=True))
    there = subfolders(folder) if len(exact) < len(wanted) and os.path.isdir(folder) else []
    for name in wanted:
        if name in found:
            continue
        place = find(name, there) or find(name.split()[0], there)
        if not place:
            raise UserError(f"{folder} has no folder for class {name}, which is listed")
        if place in found:
            raise UserError(f"the list of classes names {os.path.join(folder, place)} twice")
        found[place] = place
    return dict(sorted(found.items()))


def find(name: str, names: Iterable[str]) -> str:
    """The one of the names that is the same but for case and encoding of accents; "" if none is.

    Raises:
      UserError: if there are several.

    >>> find("Cafe\\u0301", ["tea", "caf\\u00e9"]) == "caf\\u00e9"
    True
    """
    names = list(names)
    if name in names:
        return name
    same = [other for other in names if folded(other) == folded(name)]
    if len(same) > 1:
        raise UserError(f"{name} may be any of {', '.join(same)}: rename them")
    return same[0] if same else ""


def folded(name: str) -> str:
    """What names of one class have in common."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def alike(names: Sequence[str]) -> list[str]:
    """Names that differ from another one in nothing but case and encoding of accents."""
    seen: dict[str, list[str]] = {}
    for name in names:
        seen.setdefault(folded(name), []).append(name)
    return [name for same in seen.values() if len(same) > 1 for name in same]
