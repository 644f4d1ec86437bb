"""Results that today's tables and code need not give any more."""

import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from experiments.engine.runs import Run
from experiments.engine.store import Store, settings_hash

# Folders that decide what a run computes.
CODE = ("ssl_jax", "configs")


class Stale(NamedTuple):
    """A result to look at again.

    name: of its file.
    commit: that made it.
    why: in words.
    """

    name: str
    commit: str
    why: str


def stale(store: Store, runs: Iterable[Run], root: Path) -> list[Stale]:
    """Results whose settings no run has, and those of another version of the code.

    Args:
      store: of results.
      runs: of all tables, scales and seeds.
      root: of the repository whose code would make the results today.
    """
    settings = {settings_hash(run.config) for run in runs}
    same: dict[str, bool] = {}
    found = []
    for name, result in store.everything().items():
        commit = result["commit"]
        if commit not in same:
            same[commit] = _is_todays(commit, root)
        if name.split("-")[0] not in settings:
            found.append(Stale(name, commit, "no row has these settings any more"))
        elif not same[commit]:
            found.append(Stale(name, commit, "ssl_jax/ or configs/ has changed since"))
    return found


def _is_todays(commit: str, root: Path) -> bool:
    """Whether the code of a commit is that of the working tree; not so if it is unknown."""
    command = ["git", "diff", "--quiet", commit, "--", *CODE]
    return subprocess.run(command, cwd=root, capture_output=True).returncode == 0
