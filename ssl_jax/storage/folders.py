"""The folders of checkpoints, each known by the step inside it and not by its name.

While it is written, a checkpoint lies in `64.saving`; then it is `64`. What is found damaged is
renamed to `64.damaged`, and never deleted. Anything else is left alone.
"""

import json
import os
import re
import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

SAVING, DELETING, DAMAGED, ASIDE = ".saving", ".deleting", ".damaged", ".aside"
_OF_ORBAX = ".orbax-checkpoint-tmp"
_LEFT_ALONE = re.compile(rf".*({re.escape(DAMAGED)}|{re.escape(ASIDE)})(-\d+)?")
META = "meta/data.json"  # where Orbax's JSON handler writes the item "meta"


class Stored(NamedTuple):
    """A checkpoint that has not been verified.

    step: that it holds.
    path: its folder.
    """

    step: int
    path: Path

    @property
    def named_by_step(self) -> bool:
        """Whether the folder has the name that it was saved under."""
        return self.path.name == str(self.step)


def find(directory: Path, report: Callable[[str], None]) -> list[Stored]:
    """The checkpoints in a folder, by step; of copies the one that is named by its step is last.

    Args:
      directory: that holds the folders of checkpoints.
      report: gets a line for each folder that is none.

    Raises:
      OSError: if the disk cannot be read. A checkpoint without readable content counts by its name.
    """
    try:
        names = sorted(os.listdir(directory))
    except FileNotFoundError:
        if directory.is_symlink():  # to a disk that is not there
            raise
        return []
    found = []
    for name in names:
        path = directory / name
        if _is_ours(name) or not path.is_dir():
            continue
        step = _step_inside(path)
        if step is None and re.fullmatch("[0-9]{1,18}", name):
            step = int(name)
        if step is None:
            report(f"{path} is no checkpoint and is ignored")
        else:
            found.append(Stored(step, path))
    return sorted(found, key=lambda stored: (stored.step, stored.named_by_step, stored.path))


def to_keep(steps: Iterable[int], metrics: Mapping[int, float], latest: int) -> set[int]:
    """The latest steps, and the best or the last of several equally good ones.

    >>> to_keep([1, 2, 3, 4], {1: 0.5, 2: 0.7, 3: 0.7}, 1) == {3, 4}
    True
    """
    kept = set(sorted(steps)[-latest:])
    rated = [(metrics[step], step) for step in steps if step in metrics]
    return kept | {max(rated)[1]} if rated else kept


def clear_unfinished(directory: Path) -> None:
    """Removes what a killed process was writing or deleting; only for the one that writes there."""
    if not directory.is_dir():
        return
    for path in directory.iterdir():
        if path.name.endswith((SAVING, DELETING)) or _OF_ORBAX in path.name:
            shutil.rmtree(path)


def delete(path: Path) -> None:
    """Deletes a checkpoint; a process that is killed meanwhile leaves all of it or nothing."""
    going = path.with_name(path.name + DELETING)
    os.rename(path, going)
    shutil.rmtree(going)


def set_aside(path: Path, suffix: str) -> Path:
    """Renames a folder so that it counts as a checkpoint no more; returns its new path."""
    number, free = 2, path.with_name(path.name + suffix)
    while free.exists():
        free = path.with_name(f"{path.name}{suffix}-{number}")
        number += 1
    os.rename(path, free)
    return free


def is_gone(path: Path) -> bool:
    """Whether the folder that holds `path` can be read and does not hold it any more."""
    try:
        return path.name not in os.listdir(path.parent)
    except OSError:
        return False


def _is_ours(name: str) -> bool:
    unfinished = name.endswith((SAVING, DELETING)) or _OF_ORBAX in name
    return unfinished or _LEFT_ALONE.fullmatch(name) is not None


def _step_inside(path: Path) -> int | None:
    """The step that a checkpoint holds; None where it says none."""
    try:
        document: Any = json.loads((path / META).read_bytes())
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError, ValueError, RecursionError):
        return None
    step = document.get("step") if isinstance(document, dict) else None
    return step if isinstance(step, int) and not isinstance(step, bool) and step >= 0 else None
