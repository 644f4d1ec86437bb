"""The json of iNaturalist and COCO: images, annotations and categories."""

import collections
import json

from ssl_jax.data.tables import Table
from ssl_jax.errors import UserError


def read_json(file: str) -> Table:
    """Images with one annotation each, or all without; classes in the order of their numbers.

    Raises:
      UserError: if it is no such file, or an image has several annotations.
    """
    try:
        with open(file, encoding="utf-8-sig") as stream:
            content = json.load(stream)
        names = {image["id"]: str(image["file_name"]) for image in content["images"]}
        marks = [(m["image_id"], m["category_id"]) for m in content.get("annotations") or ()]
        kinds = {kind["id"]: str(kind["name"]) for kind in content.get("categories") or ()}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{file} is no json as of iNaturalist or COCO: {error!r}") from error
    if not marks:
        return Table(file, tuple(names.values()), None)
    counts = collections.Counter(image for image, _ in marks)
    if several := [image for image, count in counts.items() if count > 1]:
        raise UserError(f"{file} has several annotations of {names.get(several[0], several[0])}")
    number_of = dict(marks)
    known = _names(kinds, set(number_of.values()))
    annotated = [image for image in names if image in number_of]
    paths = tuple(names[image] for image in annotated)
    labels = tuple(known[number_of[image]] for image in annotated)
    return Table(file, paths, labels, None, tuple(known.values()))


def _names(kinds: dict[int, str], used: set[int]) -> dict[int, str]:
    """{number of a category: name} in order; a name of several gets its number, too."""
    numbers = sorted(used | set(kinds))
    names = [kinds.get(number, str(number)) for number in numbers]
    if len(set(names)) < len(names):
        names = [f"{name} ({number})" for name, number in zip(names, numbers, strict=True)]
    return dict(zip(numbers, names, strict=True))
