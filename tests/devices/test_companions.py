"""Processes of a run that fail, with a store that processes share in this test."""

import queue
import threading

import pytest

from ssl_jax.devices import companions
from ssl_jax.devices.companions import Companions
from ssl_jax.errors import UserError


class Store:
    """As the client of jax's coordinator, which keeps the first value of a key unless told."""

    def __init__(self):
        self.values, self.lock = {}, threading.Lock()

    def key_value_set(self, key, value, allow_overwrite=False):
        with self.lock:
            if key in self.values and not allow_overwrite:
                raise RuntimeError(f"ALREADY_EXISTS: {key}")
            self.values[key] = value

    def key_value_dir_get(self, key):
        with self.lock:
            return [(name, value) for name, value in self.values.items() if name.startswith(key)]


@pytest.fixture
def exits(monkeypatch):
    """Sets short times; the codes with which processes would exit."""
    monkeypatch.setattr(companions, "PERIOD", 0.1)
    monkeypatch.setattr(companions, "SILENCE", 0.5)
    codes = queue.Queue()
    monkeypatch.setattr(companions.os, "_exit", codes.put)
    return codes


@pytest.mark.parametrize("failing", [0, 1])
def test_a_process_that_waits_for_one_that_failed_ends_with_its_message(failing, exits, capfd):
    store, error = Store(), UserError("no such folder: /images")
    with Companions(store, 1 - failing, 2):
        failed = Companions(store, failing, 2)
        failed.__enter__()
        with pytest.raises(UserError, match="^no such folder: /images$"), failed:
            raise error
        assert exits.get(timeout=60) == 1
    told = f"error: process {failing} failed: no such folder: /images\n"
    assert capfd.readouterr().err == told


def test_a_process_that_is_silent_is_taken_for_dead(exits, capfd):
    store = Store()
    with Companions(store, 0, 3), Companions(store, 2, 3):
        assert [exits.get(timeout=60) for _ in range(2)] == [1, 1]
    assert capfd.readouterr().err.startswith("error: process 1 has given no sign of life for ")


def test_what_follows_from_the_death_of_another_is_not_taken_for_the_cause(exits, capfd):
    with (
        pytest.raises(UserError, match="^process 1 has given no sign of life"),
        Companions(Store(), 0, 2),
    ):
        raise ValueError("Gloo AllGather failed: Connection reset by peer")
    assert capfd.readouterr().err == ""


def test_other_errors_are_told_as_they_are(exits):
    store = Store()
    with pytest.raises(ZeroDivisionError), Companions(store, 1, 2):
        raise ZeroDivisionError("division\nby zero")
    [(_, told)] = store.key_value_dir_get("ssl_jax/failed/")
    assert told == "process 1 failed: ZeroDivisionError: division by zero"


def test_processes_that_do_their_work_tell_nothing(exits):
    store = Store()
    with pytest.raises(SystemExit), Companions(store, 0, 2), Companions(store, 1, 2):
        raise SystemExit(0)
    assert not store.key_value_dir_get("ssl_jax/failed/")
