"""HTML in which nothing that comes from data, files or names can be anything but text."""

import html
import re
from collections.abc import Iterable
from typing import Any

_VOID = {"img", "input", "meta"}
# What HTML has no character for: controls, and the halves of pairs that odd file names hold.
_NO_CHARACTER = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


class Markup(str):
    """Text that is HTML already; every other string is escaped where `tag` gets it."""


def tag(name: str, /, *children: Any, **attributes: Any) -> Markup:
    """An element.

    Args:
      name: of the element.
      children: Markup stays as it is, all else is escaped; None is nothing; lists are flattened.
      attributes: escaped; None and False leave one out, True is one without a value. `class_` is
        class, `aria_label` is aria-label.
    """
    opening = "".join(_attribute(key, value) for key, value in attributes.items())
    if name in _VOID:
        return Markup(f"<{name}{opening}>")
    return Markup(f"<{name}{opening}>{join(children)}</{name}>")


def join(children: Iterable[Any]) -> Markup:
    """Children as `tag` takes them, one after the other."""
    return Markup("".join(_child(child) for child in children))


def escape(value: Any) -> str:
    """A value as text, inside elements and inside quoted attributes."""
    return html.escape(_NO_CHARACTER.sub("\ufffd", str(value)))


def _child(child: Any) -> str:
    if child is None:
        return ""
    if isinstance(child, Markup):
        return child
    if isinstance(child, str) or not isinstance(child, Iterable):
        return escape(child)
    return join(child)


def _attribute(key: str, value: Any) -> str:
    if value is None or value is False:
        return ""
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{escape(value)}"'
