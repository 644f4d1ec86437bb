"""Traceback after traceback of TensorStore's threads, seen when a disk was full (issue 13)."""

import asyncio
import sys

import tensorstore as ts

from ssl_jax.command_line.echoes import silence_echoes


class Broken:
    def __del__(self):
        raise RuntimeError("Event loop is closed")


def test_a_write_that_ends_after_the_save_failed_is_silent_and_other_errors_are_not(monkeypatch):
    seen = []
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: seen.append(unraisable.exc_type))
    _write_that_ends_too_late()
    assert seen == [RuntimeError], "TensorStore does it no more: the hook may go"
    silence_echoes()
    _write_that_ends_too_late()
    assert seen == [RuntimeError]
    Broken()
    assert seen == [RuntimeError, RuntimeError]


def _write_that_ends_too_late():
    promise, future = ts.Promise.new()

    async def wait():
        await future

    loop = asyncio.new_event_loop()
    task = loop.create_task(wait())
    loop.call_soon(loop.stop)
    loop.run_forever()
    loop.close()
    promise.set_result(None)
    task._log_destroy_pending = False  # type: ignore[attr-defined]
