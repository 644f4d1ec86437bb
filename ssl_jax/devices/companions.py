"""What the processes of a run tell each other, so that none waits for one that has failed.

They do it through the key-value store of jax's coordinator, which the first process hosts. A
process that is itself stuck in a collective operation has a thread that listens.
"""

import contextlib
import os
import threading
import time
from collections.abc import Iterator
from typing import Protocol, runtime_checkable

from ssl_jax.errors import UserError

PERIOD = 2.0  # seconds between two looks
SILENCE = 30.0  # seconds without a sign of life until a process is taken for dead
# What the operations between processes say when another process has gone.
_SYMPTOMS = ("gloo", "nccl", "coordination", "unavailable", "connection", "deadline_exceeded")


@runtime_checkable
class Store(Protocol):
    """The part of `jaxlib`'s distributed client that is used here."""

    def key_value_set(self, key: str, value: str, allow_overwrite: bool = False) -> None: ...

    def key_value_dir_get(self, key: str) -> list[tuple[str, str]]: ...


class Companions:
    """The other processes of a run, while it works; a context manager.

    On leaving with an exception, the others are told its message, print it and exit with code 1.
    The same happens to all that remain when a process is silent for too long.

    Args:
      store: which all processes share.
      index: of this process.
      count: number of processes.
    """

    def __init__(self, store: Store, index: int, count: int):
        self._store, self._index, self._count = store, index, count
        self._leaving = threading.Event()  # the main thread ends the process
        self._asking, self._verdict = threading.Event(), threading.Event()
        self._message = ""

    def __enter__(self) -> "Companions":
        # It goes on listening after the work, while jax waits for all processes to come to an end.
        threading.Thread(target=self._listen, daemon=True).start()
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is None or isinstance(error, SystemExit):
            return
        consequence = False
        if _symptom(error):  # it may follow from the death of another
            self._asking.set()
            consequence = self._verdict.wait(SILENCE + 5 * PERIOD)
        self._leaving.set()
        if not consequence:
            self._tell(f"process {self._index} failed: {_line(error)}")
        self._leave()
        if self._index == 0:  # it hosts the store
            self._wait_for_others()
        if consequence:
            raise UserError(self._message) from error
        if self._asking.is_set():
            raise UserError(
                f"an operation with the other processes failed: {_line(error)}"
            ) from error

    def _tell(self, message: str) -> None:
        with _unreachable():  # or another process was first
            self._store.key_value_set("ssl_jax/failed/message", message)

    def _leave(self) -> None:
        with _unreachable():
            self._store.key_value_set(f"ssl_jax/left/{self._index}", "")

    def _wait_for_others(self) -> None:
        deadline = time.monotonic() + 3 * PERIOD
        while len(self._numbers("left")) < self._count and time.monotonic() < deadline:
            time.sleep(PERIOD / 10)

    def _numbers(self, name: str) -> dict[int, str]:
        """The values under a name, by process."""
        prefix = f"ssl_jax/{name}/"
        with _unreachable():
            found = self._store.key_value_dir_get(prefix)
            return {int(key.rpartition("/")[2]): value for key, value in found}
        return {}

    def _listen(self) -> None:
        signs: dict[int, tuple[str, float]] = {}
        beat = 0
        while not self._leaving.wait(PERIOD):
            beat += 1
            with _unreachable():
                key = f"ssl_jax/alive/{self._index}"
                self._store.key_value_set(key, str(beat), allow_overwrite=True)
            if self._index == 0:
                self._judge(signs)
            with _unreachable():
                for _, message in self._store.key_value_dir_get("ssl_jax/failed/"):
                    return self._give_up(message)

    def _judge(self, signs: dict[int, tuple[str, float]]) -> None:
        """Tells of the first process that is silent for too long; `signs` are updated."""
        now, left = time.monotonic(), self._numbers("left")
        alive = self._numbers("alive")
        for index in range(1, self._count):
            sign = alive.get(index, "")
            if index in left or signs.get(index, ("-", 0.0))[0] != sign:
                signs[index] = sign, now
            elif now - signs[index][1] > SILENCE:
                self._tell(f"process {index} has given no sign of life for {SILENCE:.0f} s")

    def _give_up(self, message: str) -> None:
        self._message = message
        self._verdict.set()
        if self._asking.is_set():
            return
        self._leave()
        with contextlib.suppress(OSError):
            os.write(2, f"error: {message}\n".encode())
        os._exit(1)


@contextlib.contextmanager
def _unreachable() -> Iterator[None]:
    """A store that cannot be reached, or that refuses a second value."""
    with contextlib.suppress(RuntimeError):  # jax.errors.JaxRuntimeError among them
        yield


def _symptom(error: BaseException | None) -> bool:
    if isinstance(error, UserError):
        return False
    return any(word in str(error).lower() for word in _SYMPTOMS)


def _line(error: BaseException | None) -> str:
    """An exception in a line."""
    text = " ".join(str(error).split())
    if isinstance(error, UserError):
        return text
    return f"{type(error).__name__}{': ' if text else ''}{text}"
