"""A lock on a folder or on a file that is being written; it dies with the process that holds it.

The kernel's lock on the file (flock) ends with its process and is known on all machines that mount
a network file system, unless it was mounted so that locks stay local. For that case the owner
writes its host into the file and touches it every few seconds. Whoever finds the file of another
host that was touched a moment ago, by the clock of the file system, leaves it alone.
"""

import contextlib
import datetime
import errno
import fcntl
import json
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ssl_jax.errors import UserError
from ssl_jax.storage.atomic import reason, writing

TOUCHED_EVERY = 10.0  # seconds
# An owner on another host that has not touched its file for so long is taken for dead.
DEAD_AFTER = 60.0  # seconds
POLLED_EVERY = 1.0  # seconds
# Of file systems that know no flock; the host in the file is all there is.
_NO_FLOCK = (errno.ENOSYS, errno.ENOTSUP, errno.ENOLCK, errno.EINVAL)


@contextlib.contextmanager
def locked(path: Path, what: str, remedy: str) -> Iterator[None]:
    """Holds the lock file `path` while the block runs, and removes it in the end.

    Args:
      path: of the lock file, in a folder that exists.
      what: that is locked, as "--workdir=runs/a".
      remedy: what to do then.

    Raises:
      UserError: if another process holds it, in one line that names process, host and time.
    """
    file = _acquire(path, what, remedy)
    released = threading.Event()
    toucher = threading.Thread(target=_touch, args=(file, released), daemon=True)
    try:
        with writing(what):
            os.ftruncate(file, 0)
            os.pwrite(file, json.dumps(_owner()).encode() + b"\n", 0)
        toucher.start()
        yield
    finally:
        released.set()
        if toucher.ident is not None:
            toucher.join()
        with contextlib.suppress(OSError):
            path.unlink()
        os.close(file)


def _acquire(path: Path, what: str, remedy: str) -> int:
    """The descriptor of the locked file."""
    while True:
        with writing(what):
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        try:
            if not _flock(file) or _lives_elsewhere(path):
                raise UserError(f"{what} is in use by {_described(path)}; {remedy}")
            if _is_still(file, path):
                return file
        except OSError as error:
            os.close(file)
            raise UserError(f"{path} cannot be locked: {reason(error)}") from error
        except BaseException:
            os.close(file)
            raise
        os.close(file)  # the former owner removed the file between the two calls


def _flock(file: int) -> bool:
    """Whether the kernel's lock could be had; where there is none, whether the owner is gone."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in _NO_FLOCK:
            raise
        owner = _parse(os.pread(file, 4096, 0))
        return owner.get("host") != socket.gethostname() or not _runs(owner.get("pid"))
    return True


def _runs(pid: Any) -> bool:
    return isinstance(pid, int) and pid > 0 and Path(f"/proc/{pid}").exists()


def _is_still(file: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file), path.stat())
    except FileNotFoundError:
        return False


def _lives_elsewhere(path: Path) -> bool:
    """Whether the owner is on another host and touches the file; waits until that is known."""
    owner = _read(path)
    if not owner or owner.get("host") == socket.gethostname():
        return False
    first, said = _touched(path), False
    while _now(path) - first < DEAD_AFTER:
        if _touched(path) != first:
            return True
        if not said:
            print(
                f"{path.parent} was in use by {_described(path)} a moment ago; "
                f"waiting up to {DEAD_AFTER:.0f} s to see whether it still is ...",
                flush=True,
            )
            said = True
        time.sleep(POLLED_EVERY)
    return False


def _touched(path: Path) -> float:
    """When the owner last touched the file; opened, because network file systems cache times."""
    with open(path, "rb") as file:
        return os.fstat(file.fileno()).st_mtime


def _now(path: Path) -> float:
    """The time that the file system gives to a new file: clocks of hosts differ, and jump."""
    probe = path.with_name(f"{path.name}.{os.getpid()}.now")
    try:
        probe.touch()
        return probe.stat().st_mtime
    finally:
        probe.unlink(missing_ok=True)


def _touch(file: int, released: threading.Event) -> None:
    while not released.wait(TOUCHED_EVERY):
        with contextlib.suppress(OSError):
            # In the file system's own time, as what `_lives_elsewhere` compares it with.
            os.utime(file)


def _owner() -> dict[str, Any]:
    now = datetime.datetime.now().astimezone().isoformat(timespec="seconds")
    return {"pid": os.getpid(), "host": socket.gethostname(), "since": now}


def _read(path: Path) -> dict[str, Any]:
    """The owner in the file; empty if none is written there."""
    with contextlib.suppress(FileNotFoundError):
        return _parse(path.read_bytes())
    return {}


def _parse(content: bytes) -> dict[str, Any]:
    try:
        owner = json.loads(content)
    except ValueError:
        return {}
    return owner if isinstance(owner, dict) else {}


def _described(path: Path) -> str:
    owner = _read(path)
    if not owner:
        return "another process"
    return f"process {owner.get('pid')} on {owner.get('host')} since {owner.get('since')}"
