"""Progress of an evaluation: how many images have passed through the encoder."""

import time
from collections.abc import Callable

import jax

SECONDS_BETWEEN_LINES = 10.0


def progress_printer() -> Callable[[str, int, int], None]:
    """A `progress` for `make_task` that prints a line every few seconds, in the first process."""
    printed = time.monotonic()

    def progress(part: str, count: int, total: int) -> None:
        nonlocal printed
        if time.monotonic() - printed > SECONDS_BETWEEN_LINES and jax.process_index() == 0:
            printed = time.monotonic()
            print(f"{part}: {count:,}/{total:,} images encoded", flush=True)

    return progress
