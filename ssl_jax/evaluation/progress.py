"""Progress of an evaluation: a bar on a terminal, elsewhere a line every few seconds."""

import datetime
import time
from collections.abc import Callable

import jax
from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

# Called with (what is done, how much of it, how much in all).
Progress = Callable[[str, int, int], None]
SECONDS_BETWEEN_LINES = 10.0


def progress_printer() -> Progress:
    """A `progress` for `make_task`, which prints in the first process only.

    It is called with (what is done, how much of it, how much in all). The time left is that at the
    speed since the first call for the same work.
    """
    if jax.process_index() != 0:
        return lambda what, done, total: None
    console = Console(highlight=False, soft_wrap=True)
    return _bar(console) if console.is_terminal else _lines()


def _lines() -> Progress:
    printed = time.monotonic()
    current, first, began = "", 0, 0.0

    def progress(what: str, done: int, total: int) -> None:
        nonlocal printed, current, first, began
        now = time.monotonic()
        if what != current or done < first:
            current, first, began = what, done, now
        if now - printed > SECONDS_BETWEEN_LINES:
            printed = now
            left = ""
            if done > first:
                seconds = (total - done) * (now - began) / (done - first)
                left = f", {datetime.timedelta(seconds=round(seconds))} left"
            print(f"{what}: {done:,}/{total:,}{left}", flush=True)

    return progress


def _bar(console: Console) -> Progress:
    bar = Bar(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,}/{task.total:,}"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )
    current, task = "", None

    def progress(what: str, done: int, total: int) -> None:
        nonlocal current, task
        if task is None or what != current:
            if task is not None:
                bar.remove_task(task)
            current, task = what, bar.add_task(what, total=total)
            bar.start()
        bar.update(task, completed=done)
        if done >= total:
            bar.stop()

    return progress
