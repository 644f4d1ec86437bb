"""The shards that a path stands for, and which split each belongs to."""

import glob
import itertools
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from ssl_jax.data.split_names import split_of, splits_among
from ssl_jax.errors import UserError, require

BRACES = re.compile(r"\{([^{}]+)\}")
RANGE = re.compile(r"(\d+)\.\.(\d+)")
# train-00003-of-00012.parquet, or with a hash behind.
NUMBERED = re.compile(r"(.+)-(\d{5})-of-(\d{5})(-[0-9a-f]+)?")


def expand(pattern: str) -> list[str]:
    """The names that braces stand for.

    >>> expand("train-{08..10}.tar")
    ['train-08.tar', 'train-09.tar', 'train-10.tar']
    >>> expand("{a,b}{0..1}")
    ['a0', 'a1', 'b0', 'b1']
    """
    parts = BRACES.split(pattern)
    choices = [list(_choices(part)) if odd % 2 else [part] for odd, part in enumerate(parts)]
    return ["".join(chosen) for chosen in itertools.product(*choices)]


def _choices(inside: str) -> Iterator[str]:
    for item in inside.split(","):
        if match := RANGE.fullmatch(item):
            first, last = match.groups()
            for number in range(int(first), int(last) + 1):
                yield f"{number:0{len(first)}d}"
        else:
            yield item


def find_shards(path: str, suffix: str, *, key: str = "path") -> list[Path]:
    """The files that a path stands for: a pattern with braces or stars, a folder, or one file.

    Args:
      path: what the user named.
      suffix: of shards, as ".tar".
      key: of the argument, for messages.

    Raises:
      UserError: if there are none, or one that braces name is missing.
    """
    text = os.path.abspath(os.path.expanduser(path)) if path else ""
    if path and os.path.isdir(text):
        found = sorted(p for p in Path(text).rglob(f"*{suffix}") if not p.name.startswith("."))
        require(bool(found), key, path, f"must be a folder of {suffix} files")
        return found
    files = []
    for name in expand(text):
        matches = sorted(glob.glob(name)) if glob.has_magic(name) else [name]
        for match in matches:
            what = f"stands for {match}, which is not a file"
            require(os.path.isfile(match) and match.endswith(suffix), key, path, what)
        files += matches
    require(bool(files), key, path, f"must be a folder or a pattern of {suffix} files")
    return [Path(file) for file in files]


def by_split(files: Sequence[Path]) -> dict[str, list[Path]]:
    """The shards of each split: train, test, val or another name; all are train if none says so.

    The name of a shard says it, as train-00000-of-00012, or that of its folder.

    Raises:
      UserError: if a shard is missing, or there are several sets.
    """
    kinds = [_kind(file) for file in files]
    if not any(kinds):
        stems = {file: _without_number(file.name) for file in files}
        among = splits_among(set(stems.values()))
        kind_of = {stem: kind for kind, names in among.items() for stem in names}
        kinds = [kind_of.get(stems[file], "") for file in files]
    found: dict[str, list[Path]] = {}
    for file, kind in zip(files, kinds, strict=True):
        found.setdefault(kind or "train", []).append(file)
    for split in found.values():
        _check_complete(split)
    folders = sorted({str(file.parent) for file in found.get("train", ())})
    if len(folders) > 1:
        raise UserError(f"several folders hold shards of train: {', '.join(folders)}; choose one")
    return found


def _kind(file: Path) -> str:
    match = NUMBERED.fullmatch(file.stem)
    name = match[1] if match else _without_number(file.stem)
    return split_of(name) or (name if match else split_of(file.parent.name))


def _without_number(stem: str) -> str:
    return re.sub(r"[-_.]?\d+$", "", stem.split(".")[0])


def _check_complete(files: Sequence[Path]) -> None:
    """Refuses a split whose shards say how many they are, if they are not so many."""
    matches = [match for file in files if (match := NUMBERED.fullmatch(file.stem))]
    for match in matches:
        there = {int(other[2]) for other in matches if other[1] == match[1]}
        if missing := sorted(set(range(int(match[3]))) - there):
            name = f"{match[1]}-{missing[0]:05d}-of-{match[3]}{files[0].suffix}"
            raise UserError(f"the shard {name} is missing in {files[0].parent}")
