"""The tree of a page, read by the standard library's parser."""

from html.parser import HTMLParser

VOID = {"img", "input", "meta"}


class Element:
    def __init__(self, name, attributes):
        self.name, self.attributes, self.children = name, dict(attributes), []

    def text(self):
        return "".join(c if isinstance(c, str) else c.text() for c in self.children)

    def all(self, name, **attributes):
        """All descendants of this name with these attributes; `class_` may be one of several."""
        wanted = attributes.pop("class_", None)
        for child in self.children:
            if isinstance(child, str):
                continue
            fits = child.name == name and (attributes.items() <= child.attributes.items())
            if fits and (wanted is None or wanted in child.attributes.get("class", "").split()):
                yield child
            yield from child.all(name, **attributes, **({"class_": wanted} if wanted else {}))

    def one(self, name, **attributes):
        (found,) = self.all(name, **attributes)
        return found


class _Reader(HTMLParser):
    def __init__(self):
        super().__init__()
        self.open = [Element("", {})]

    def handle_starttag(self, tag, attrs):
        element = Element(tag, attrs)
        self.open[-1].children.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_endtag(self, tag):
        assert self.open.pop().name == tag

    def handle_data(self, data):
        self.open[-1].children.append(data)


def read(page):
    """The tree of a page in which every element is closed."""
    reader = _Reader()
    reader.feed(page)
    reader.close()
    (root,) = reader.open
    return root
