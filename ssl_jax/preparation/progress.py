"""Progress of a preparation: a bar with the time left on a terminal, plain lines elsewhere."""

import datetime
import time

from rich.console import Console
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bar

SECONDS_BETWEEN_LINES = 5.0


class Progress:
    """Counts images; a context manager.

    Args:
      what: is done with them, as "prepared".
      total: number of images.
      done: number of images that an earlier command has finished.
    """

    def __init__(self, what: str, total: int, *, done: int = 0):
        console = Console(highlight=False, soft_wrap=True)
        self._console, self._what, self._total = console, what, total
        self._done = self._first = done
        self._began = self._printed = time.monotonic()
        columns = (TextColumn("{task.percentage:>3.0f} %"), BarColumn())
        self._bar = Bar(
            *columns,
            TextColumn("{task.description}"),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("", total=total, completed=done)

    def advance(self) -> None:
        """One more image is done."""
        self._done += 1
        now = time.monotonic()
        pause = 0.2 if not self._bar.disable else SECONDS_BETWEEN_LINES
        if now - self._printed < pause and self._done < self._total:
            return
        self._printed = now
        rate = (self._done - self._first) / max(now - self._began, 1e-9)
        left = datetime.timedelta(seconds=round((self._total - self._done) / rate))
        text = f"{self._done:,}/{self._total:,} images {self._what}"
        text += f"  {rate:,.0f} images/s  {left} left"
        if self._bar.disable:
            self._console.print(text, markup=False)
        else:
            self._bar.update(self._task, completed=self._done, description=text)

    def __enter__(self) -> "Progress":
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()
