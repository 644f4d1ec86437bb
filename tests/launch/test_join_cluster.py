"""What `join_cluster` passes to jax, depending on the variables that launchers set."""

import jax
import pytest

from ssl_jax.devices.cluster import join_cluster
from ssl_jax.errors import UserError

NAMES = ("SSL_JAX_DISTRIBUTED", "JAX_COORDINATOR_ADDRESS", "JAX_NUM_PROCESSES", "JAX_PROCESS_ID")


def joined(monkeypatch, *values):
    """The arguments of jax.distributed.initialize under these values of NAMES."""
    calls = []
    monkeypatch.setattr(jax.distributed, "initialize", lambda **arguments: calls.append(arguments))
    for name, value in zip(NAMES, values, strict=True):
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)
    join_cluster()
    return calls


def test_nothing_is_joined_unless_asked_for(monkeypatch):
    assert joined(monkeypatch, None, "host:1", "2", "0") == []


def test_jax_finds_the_cluster_unless_everything_is_said(monkeypatch):
    found = {"num_processes": None, "process_id": None, "cluster_detection_method": None}
    assert joined(monkeypatch, "1", None, None, None) == [found]
    # Detection is off: under Slurm, jax would still restrict the process to one GPU.
    given = {"num_processes": 2, "process_id": 0, "cluster_detection_method": "deactivate"}
    assert joined(monkeypatch, "1", "host:1", "2", "0") == [given]


def test_what_is_no_number_is_said_in_one_line(monkeypatch):
    with pytest.raises(UserError, match="JAX_PROCESS_ID: .*'zero'"):
        joined(monkeypatch, "1", "host:1", "2", "zero")
