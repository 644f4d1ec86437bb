"""Joins the other processes of a run."""

import contextlib
import ipaddress
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager

import jax

from ssl_jax.devices.companions import Companions
from ssl_jax.errors import UserError

NAMES = ("JAX_COORDINATOR_ADDRESS", "JAX_NUM_PROCESSES", "JAX_PROCESS_ID")
# Seconds until all processes must have come. Pods and jobs of several hosts start one by one.
HERE, ELSEWHERE = 50, 300
# Seconds after which jax itself takes a process for dead; `Companions` does so before.
HEARTBEAT = 45


def join_cluster() -> AbstractContextManager[object]:
    """Joins the other processes of a run if SSL_JAX_DISTRIBUTED is set.

    On TPU pods, Slurm and Open MPI, jax detects them. Elsewhere the launcher sets
    JAX_COORDINATOR_ADDRESS (host:port), JAX_NUM_PROCESSES and JAX_PROCESS_ID, which take precedence
    where they are set; the process then uses all devices that it sees.

    Returns:
      A context in which to work: should one process fail there, the others end with its message.

    Raises:
      UserError: if neither provides what is needed, or the other processes cannot be reached.
    """
    if not os.environ.get("SSL_JAX_DISTRIBUTED"):
        return contextlib.nullcontext()
    address, count, index = values = [os.environ.get(name) for name in NAMES]
    # jax asks the kernel for a handler of SIGTERM otherwise; `Preemption` has its own.
    jax.config.update("jax_enable_preemption_service", False)
    try:
        with _deadline(address):
            jax.distributed.initialize(
                num_processes=int(count) if count else None,
                process_id=int(index) if index else None,
                # Even with all values, jax would otherwise detect Slurm and use only one GPU.
                cluster_detection_method="deactivate" if all(values) else None,
                coordinator_bind_address=bind_address(address) if address else None,
                initialization_timeout=2 * ELSEWHERE,  # after which jax aborts the process
                heartbeat_timeout_seconds=HEARTBEAT,
            )
    except ValueError as error:
        raise UserError(
            f"SSL_JAX_DISTRIBUTED needs a cluster or {', '.join(NAMES)}: {error}"
        ) from None
    except jax.errors.JaxRuntimeError as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"the coordinator at {address} cannot be started: {reason}") from None
    return _companions()


def bind_address(address: str) -> str | None:
    """Where the coordinator listens: on the address at which it is called, not on all.

    Args:
      address: host:port, as all processes know it.

    Returns:
      The same; None, for all addresses of the host, where JAX_COORDINATOR_BIND_ADDRESS is to
      decide or the name is not an address of this host that others could reach.
    """
    host, _, port = address.rpartition(":")
    if os.environ.get("JAX_COORDINATOR_BIND_ADDRESS"):
        return None
    try:
        found = socket.getaddrinfo(host.strip("[]"), 0, type=socket.SOCK_STREAM)
    except OSError:
        return None
    for family, _, _, _, where in found:
        # Many a machine resolves its own name to 127.0.1.1.
        if ipaddress.ip_address(where[0]).is_loopback and not _loopback_name(host):
            return None
        try:
            with socket.socket(family, socket.SOCK_STREAM) as trial:
                trial.bind(where)
        except OSError:  # an address of a router or a service in front of it
            return None
    return address


def _loopback_name(host: str) -> bool:
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    return host == "localhost"


@contextlib.contextmanager
def _deadline(address: str | None) -> Iterator[None]:
    """Ends the process with a line where others do not come; jax would abort it with a trace."""
    here = address is not None and _loopback_name(address.rpartition(":")[0])
    seconds = HERE if here else ELSEWHERE

    def give_up() -> None:
        with contextlib.suppress(OSError):
            line = f"error: not all processes have come to {address or 'the coordinator'}"
            os.write(2, f"{line} within {seconds} s; see docs/clusters.md\n".encode())
        os._exit(1)

    timer = threading.Timer(seconds, give_up)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _companions() -> AbstractContextManager[object]:
    from jax._src.distributed import global_state as joined

    if joined.client is None or joined.num_processes == 1:
        return contextlib.nullcontext()
    return Companions(joined.client, joined.process_id, joined.num_processes)
