"""The samples of WebDataset shards: files of a tar that share their name up to the first dot."""

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ssl_jax.data.archives.tar_index import Member, contents
from ssl_jax.data.listing import SUFFIXES
from ssl_jax.errors import UserError
from ssl_jax.storage import user_cache

# What a .json calls the number or the name of a class.
NUMBERS = (
    "label",
    "cls",
    "class_id",
    "label_id",
    "category_id",
    "target",
    "class",
    "category",
    "y",
)
NAMES = ("class_name", "classname", "label_name", "category_name", "cls_name", "wnid", "synset")
SECONDS_BETWEEN_LINES = 5.0


class Sample(NamedTuple):
    """An image of a shard.

    name: of the image in the shard.
    offset, size: of the image in bytes.
    label: what .cls or .json says, a number or a name; "" for nothing.
    class_name: the name of that class, where .json gives it.
    text: the first line of .txt.
    """

    name: str
    offset: int
    size: int
    label: str
    class_name: str
    text: str


def read_shards(files: Sequence[Path]) -> list[list[Sample]]:
    """The samples of each shard; an index is kept in the user's cache.

    Raises:
      UserError: if a shard is no whole tar.
    """
    found = []
    printed = time.monotonic()
    for number, file in enumerate(files):
        found.append(_cached(file))
        if time.monotonic() - printed > SECONDS_BETWEEN_LINES:
            printed = time.monotonic()
            print(f"headers of {number + 1:,}/{len(files):,} shards read", flush=True)
    return found


def _cached(file: Path) -> list[Sample]:
    status = file.stat()
    text = f"2 {os.path.realpath(file)} {status.st_size} {status.st_mtime_ns}"
    digest = hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()
    cache = user_cache.folder("shards") / f"{digest}.json"
    with contextlib.suppress(OSError, ValueError, TypeError):  # none yet, or damaged
        return [Sample(*row) for row in json.loads(cache.read_text())]
    samples = list(_samples(file))
    user_cache.keep(cache, json.dumps(samples).encode())
    return samples


def _samples(file: Path) -> Iterator[Sample]:
    """Reads the headers of a shard, and the labels between the images."""
    found: dict[str, dict[str, Member]] = {}
    for member in contents(file, None).members:
        folder, base = os.path.split(member.name)
        if base.startswith("."):  # as what macOS adds
            continue
        stem, _, extension = base.partition(".")
        found.setdefault(os.path.join(folder, stem), {})[extension.lower()] = member
    with open(file, "rb") as tar:

        def read(member: Member | None) -> str:
            if member is None:
                return ""
            tar.seek(member.offset)
            return tar.read(member.size).decode("utf-8-sig", errors="replace").strip()

        for key, parts in found.items():
            # "jpg", not "seg.png": with several images, the one that is the sample.
            images = [name for name in parts if f".{name}" in SUFFIXES]
            if images:
                image = parts[images[0]]
                label, name = read(parts.get("cls")), ""
                if "json" in parts:
                    described = _described(read(parts["json"]), f"{file}: {key}.json")
                    label, name = label or described[0], described[1]
                text = read(parts.get("txt")).partition("\n")[0]
                yield Sample(image.name, image.offset, image.size, label, name, text)


def _described(text: str, where: str) -> tuple[str, str]:
    """(number or name of a class, name of the class) of a .json."""
    try:
        content: Any = json.loads(text)
    except ValueError as error:
        raise UserError(f"{where} is not JSON: {error}") from None
    if not isinstance(content, dict):
        return ("" if isinstance(content, list) else str(content)), ""
    plain = {k: str(v) for k, v in content.items() if isinstance(v, int | str) and v != ""}
    label = next((plain[key] for key in NUMBERS if key in plain), "")
    name = next((plain[key] for key in NAMES if key in plain), "")
    return label or name, name
