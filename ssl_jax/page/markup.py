"""HTML in which data, file contents and names can never be anything but text."""

import html
import re
from collections.abc import Iterable
from typing import Any

_VOID = {"img", "input", "meta"}
# Characters that HTML does not allow: controls, and lone surrogates, which odd file names contain.
_INVALID_CHARACTER = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


class Markup(str):
    """Text that already is HTML; `tag` and `fragment` escape every other string."""


def tag(name: str, /, *children: Any, **attributes: Any) -> Markup:
    """An element.

    Args:
      name: of the element.
      children: Markup is kept as it is, lists are flattened, None is dropped, and everything else
        is escaped.
      attributes: escaped; None and False drop the attribute, True gives it no value. `class_`
        stands for class, `aria_label` for aria-label.
    """
    opening = "".join(_attribute(key, value) for key, value in attributes.items())
    if name in _VOID:
        return Markup(f"<{name}{opening}>")
    return Markup(f"<{name}{opening}>{fragment(children)}</{name}>")


def fragment(children: Iterable[Any]) -> Markup:
    """Several children, as `tag` takes them, without an element around them."""
    return Markup("".join(_child(child) for child in children))


def scrollable(content: Markup) -> Markup:
    """Content that scrolls sideways where it is wider than the page."""
    return tag("div", content, class_="scrolled")


def escape(value: Any) -> str:
    """A value as text that is safe inside elements and inside quoted attributes."""
    return html.escape(_INVALID_CHARACTER.sub("\ufffd", str(value)))


def _child(child: Any) -> str:
    if child is None:
        return ""
    if isinstance(child, Markup):
        return child
    if isinstance(child, str) or not isinstance(child, Iterable):
        return escape(child)
    return fragment(child)


def _attribute(key: str, value: Any) -> str:
    if value is None or value is False:
        return ""
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{escape(value)}"'
