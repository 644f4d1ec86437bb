"""Silences what threads of a save say of its error, which the save raises anyway."""

import asyncio.base_events
import logging
import sys
import traceback
from collections.abc import Callable
from functools import partial
from typing import Any


def silence_echoes() -> None:
    """Leaves it to the exception of a save to say that it failed, for the rest of the process."""
    logging.getLogger("absl").addFilter(_is_no_echo)
    sys.unraisablehook = partial(_unless_too_late, sys.unraisablehook)


def _is_no_echo(record: logging.LogRecord) -> bool:
    """Orbax's threads log what they raise, which comes back as the exception of a save."""
    return record.exc_info is None or "orbax" not in record.pathname


def _unless_too_late(hook: Callable[[Any], Any], unraisable: Any) -> None:
    """Passes on what `sys.unraisablehook` gets, unless it is the end of a write that nobody awaits.

    At the first write that fails, Orbax closes its event loop. TensorStore's threads still tell it
    of the other writes, straight from C++: all frames are asyncio's, and there is no object.
    """
    frames = traceback.extract_tb(unraisable.exc_traceback)
    too_late = (
        unraisable.exc_type is RuntimeError
        and str(unraisable.exc_value) == "Event loop is closed"
        and unraisable.object is None
        and all(frame.filename == asyncio.base_events.__file__ for frame in frames)
    )
    if not too_late:
        hook(unraisable)
