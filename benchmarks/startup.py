"""CPU seconds of short commands, of this tree and of an earlier commit, in turns.

    python benchmarks/startup.py --before=COMMIT [--rounds=5] [--json=FILE]

Run it in the root of the repository. Both trees are run by the same interpreter and the same
packages; the earlier one from a git worktree that is removed at the end. Seconds are those of the
whole process and its children, user and system, by `getrusage`: they do not depend on what else the
machine does as much as the clock does. The median of the rounds is printed, and the ratio.
"""

import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ssl_jax.command_line import plain_flags, run_command
from ssl_jax.errors import UserError
from ssl_jax.storage import atomic

COMMANDS = ("main", "doctor", "evaluate", "embed", "export", "import_weights", "report")
# A run of a second that both trees know.
SMALL = (
    "--config=configs/simclr.py",
    "--config.epochs=1",
    "--config.data.limit=128",
    "--config.network.width=4",
    "--config.network.stages=(1,)",
    "--config.optimizer.warmup_epochs=0.0",
)
IMAGES = 32


def main(argv: Sequence[str]) -> None:
    """Flags: --before=COMMIT  --rounds=N  --json=FILE"""
    parser = plain_flags.parser("python benchmarks/startup.py", __doc__)
    parser.add_argument("--before", required=True, help="the commit to compare with")
    parser.add_argument("--rounds", type=int, default=5, help="of all commands")
    parser.add_argument("--json", type=plain_flags.path, help="where to write the figures, too")
    flags = parser.parse_args(argv[1:])
    if flags.rounds < 1:
        raise UserError(f"--rounds={flags.rounds} must be at least 1")
    now = Path.cwd()
    with tempfile.TemporaryDirectory() as scratch:
        before = Path(scratch, "before")
        _git("worktree", "add", "--detach", str(before), flags.before)
        try:
            seconds = measure({"before": before, "now": now}, Path(scratch), flags.rounds)
        finally:
            _git("worktree", "remove", "--force", str(before))
    figures = {
        "before": _git("rev-parse", "--short=12", flags.before),
        "now": _git("rev-parse", "--short=12", "HEAD"),
        "rounds": flags.rounds,
        "CPU seconds": seconds,
    }
    print(table(figures))
    if flags.json:
        atomic.write_json(flags.json, figures)


def measure(trees: Mapping[str, Path], scratch: Path, rounds: int) -> dict[str, dict[str, float]]:
    """Median CPU seconds by command and tree.

    Args:
      trees: folders of the repository's versions by name.
      scratch: an empty folder, for runs and images.
      rounds: how many times each command is run in each tree.
    """
    _write_images(scratch / "images")
    for name, tree in trees.items():
        cpu_seconds(["main", *SMALL, f"--workdir={scratch / name}"], tree)
    found: dict[str, dict[str, list[float]]] = {}
    for _ in range(rounds):
        for name, tree in trees.items():
            for title, command in commands(scratch, name).items():
                of_tree = found.setdefault(title, {}).setdefault(name, [])
                of_tree.append(cpu_seconds(command, tree))
    return {
        title: {name: statistics.median(each) for name, each in of_trees.items()}
        for title, of_trees in found.items()
    }


def commands(scratch: Path, name: str) -> dict[str, list[str]]:
    """What is measured, by title; the run of a tree lies in the folder of its name."""
    run, output = f"--workdir={scratch / name}", scratch / f"{name}.npz"
    return {
        **{f"{command} --help": [command, "--help"] for command in COMMANDS},
        "main --config=nothing (an error)": ["main", "--config=nothing"],
        "main, a finished run": ["main", *SMALL, run],
        "evaluate --protocol=knn": ["evaluate", run, "--protocol=knn"],
        f"embed {IMAGES} images": [
            "embed", run, f"--images={scratch / 'images'}", f"--output={output}"
        ],
    }  # fmt: skip


def cpu_seconds(command: Sequence[str], tree: Path) -> float:
    """User and system seconds of `python -m ssl_jax.<command>` in a tree, with its children."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    name, *flags = command
    subprocess.run([sys.executable, "-m", f"ssl_jax.{name}", *flags], cwd=tree, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def table(figures: Mapping[str, Any]) -> str:
    """Markdown: CPU seconds before and now, and their ratio."""
    lines = [
        f"| command | CPU s at {figures['before'][:7]} | now | ratio |",
        "|---|---|---|---|",
    ]
    for title, seconds in figures["CPU seconds"].items():
        before, now = seconds["before"], seconds["now"]
        lines.append(f"| `{title}` | {before:.2f} | {now:.2f} | {now / before:.2f} |")
    return "\n".join(lines)


def _write_images(folder: Path) -> None:
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(IMAGES):
        Image.fromarray(rng.integers(0, 256, (16, 16), np.uint8)).save(folder / f"{number}.png")


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], capture_output=True, text=True)
    if done.returncode:
        raise UserError(f"git {arguments[0]}: {done.stderr.strip().splitlines()[-1]}")
    return done.stdout.strip()


if __name__ == "__main__":
    run_command.run(main)
