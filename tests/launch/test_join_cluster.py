"""What `join_cluster` passes to jax, depending on the variables that launchers set."""

import os
import socket
import subprocess
import sys

import jax
import pytest

from ssl_jax.devices.cluster import bind_address, join_cluster
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
    assert found.items() <= joined(monkeypatch, "1", None, None, None)[0].items()
    # Detection is off: under Slurm, jax would still restrict the process to one GPU.
    given = {"num_processes": 2, "process_id": 0, "cluster_detection_method": "deactivate"}
    assert given.items() <= joined(monkeypatch, "1", "host:1", "2", "0")[0].items()


@pytest.mark.parametrize("address", ["127.0.0.1:80", "localhost:80", "[::1]:80"])
def test_the_coordinator_listens_where_it_is_called(address):
    assert bind_address(address) == address


@pytest.mark.parametrize(
    ("address", "resolved"),
    [
        ("myself:80", "127.0.1.1"),  # others resolve this name to another address
        ("balancer:80", "192.0.2.1"),  # no address of this machine
        ("nowhere:80", None),
    ],
)
def test_it_listens_on_all_addresses_where_others_would_not_find_it(monkeypatch, address, resolved):
    def getaddrinfo(host, port, **_):
        if resolved is None:
            raise socket.gaierror
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (resolved, port))]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    assert bind_address(address) is None


def test_the_user_may_say_where_it_listens(monkeypatch):
    monkeypatch.setenv("JAX_COORDINATOR_BIND_ADDRESS", "0.0.0.0:80")
    assert bind_address("127.0.0.1:80") is None


# Prints the local addresses of the listening sockets of this process with the coordinator's port.
LISTENING = """
import os, pathlib
from ssl_jax.devices.cluster import join_cluster
join_cluster()
port = f"{int(os.environ['JAX_COORDINATOR_ADDRESS'].split(':')[1]):04X}"
for file in ("tcp", "tcp6"):
    for line in pathlib.Path(f"/proc/self/net/{file}").read_text().splitlines()[1:]:
        address, state = line.split()[1], line.split()[3]
        if address.endswith(port) and state == "0A":
            print(address.split(":")[0])
"""


def test_processes_on_one_machine_talk_on_its_loopback_address():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    values = dict(zip(NAMES, ("1", f"127.0.0.1:{port}", "1", "0"), strict=True))
    done = subprocess.run(
        [sys.executable, "-c", LISTENING],
        env={**os.environ, **values},
        capture_output=True,
        text=True,
        check=True,
    )
    # 127.0.0.1, perhaps written as an address of IPv6.
    assert done.stdout in ("0100007F\n", "0000000000000000FFFF00000100007F\n")


def test_a_port_that_is_taken_is_said_in_one_line(monkeypatch):
    def refuse(**_):
        raise jax.errors.JaxRuntimeError("UNKNOWN: Failed to start RPC server\nmore")

    monkeypatch.setattr(jax.distributed, "initialize", refuse)
    for name, value in zip(NAMES, ("1", "127.0.0.1:1", "2", "0"), strict=True):
        monkeypatch.setenv(name, value)
    with pytest.raises(UserError, match="at 127.0.0.1:1 .*Failed to start RPC server$"):
        join_cluster()


def test_what_is_no_number_is_said_in_one_line(monkeypatch):
    with pytest.raises(UserError, match="JAX_PROCESS_ID: .*'zero'"):
        joined(monkeypatch, "1", "host:1", "2", "zero")
