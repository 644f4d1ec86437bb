"""Starts several processes of one run, here or by ssh; passes SIGTERM and Ctrl-C on to all.

    python launch/processes.py --local=PROCESSES[xDEVICES] --config=FILE --workdir=DIR ...
    python launch/processes.py --hosts=HOST,HOST,... [--port=8476] --config=FILE --workdir=DIR ...

--local is for trying out: processes on this machine's CPU, each with DEVICES virtual devices (1).
--hosts starts one process per host, which uses all its accelerators. The repository, the
interpreter and the run's folder must have the same path on every host, and the other hosts must be
able to reach the first at the given name and port. All other flags are passed to
python -m ssl_jax.main.
"""

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence

from ssl_jax.command_line import run_command
from ssl_jax.errors import UserError


def main(argv: Sequence[str]) -> None:
    """Flags: --local=PROCESSES[xDEVICES] or --hosts=HOST,...; --port; those of ssl_jax.main."""
    if {"-h", "--help"} & set(argv[1:]):
        return print(__doc__)
    own, flags = dict[str, str](), list[str]()
    for flag in argv[1:]:
        if match := re.fullmatch("--(local|hosts|port)=(.*)", flag):
            own[match[1]] = match[2]
        else:
            flags.append(flag)
    environment = {"SSL_JAX_DISTRIBUTED": "1"}
    if ("local" in own) == ("hosts" in own):
        raise UserError("give either --local=PROCESSES[xDEVICES] or --hosts=HOST,HOST,...")
    if "local" in own:
        if not (match := re.fullmatch(r"([1-9]\d*)(?:x([1-9]\d*))?", own["local"])):
            raise UserError(
                f"--local={own['local']}: write 2x4 for two processes with four devices each"
            )
        hosts, first, port = [""] * int(match[1]), "127.0.0.1", own.get("port", _free_port())
        environment |= {"JAX_PLATFORMS": "cpu", "JAX_NUM_CPU_DEVICES": match[2] or "1"}
    else:
        hosts, port = own["hosts"].split(","), own.get("port", "8476")
        first = hosts[0].rpartition("@")[2]
        if not all(hosts):
            raise UserError(f"--hosts={own['hosts']}: separate the names by single commas")
    if not re.fullmatch(r"[1-9]\d{0,4}", port):
        raise UserError(f"--port={port} is not a port number")
    environment["JAX_COORDINATOR_ADDRESS"] = f"{first}:{port}"
    environment["JAX_NUM_PROCESSES"] = str(len(hosts))
    run(hosts, environment, flags)


def _free_port() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return str(free.getsockname()[1])


def run(hosts: list[str], environment: dict[str, str], flags: list[str]) -> None:
    """Starts a process on each host, waits for all, and exits with the code of the first failure.

    Args:
      hosts: names for ssh, one per process; "" for this machine.
      environment: variables that `devices.cluster.join_cluster` reads, except JAX_PROCESS_ID.
      flags: of ssl_jax.main.
    """
    # With the objects: a dropped one would be waited for when the next process is started.
    running: dict[int, tuple[subprocess.Popen, str, str]] = {}
    unique = f"/tmp/ssl_jax-{os.getpid()}-{environment['JAX_COORDINATOR_ADDRESS'].split(':')[1]}"

    def send(name: str) -> None:
        for _, host, file in list(running.values()):
            command = f"kill -s {name} $(cat {file})"
            subprocess.run(_shell(host, command), start_new_session=True)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: send("TERM"))
    for index, host in enumerate(hosts):
        assignments = [f"{k}={v}" for k, v in {**environment, "JAX_PROCESS_ID": index}.items()]
        program = ["env", *assignments, sys.executable, "-m", "ssl_jax.main", *flags]
        # ssh does not forward signals: the process records its pid for `send`.
        file = f"{unique}-{index}.pid"
        command = f"cd {shlex.quote(os.getcwd())} && echo $$ >{file} && exec {shlex.join(program)}"
        # In its own session, it gets Ctrl-C from `send` only: a second signal would kill it.
        child = subprocess.Popen(_shell(host, command), start_new_session=True)
        running[child.pid] = child, host, file
    failed = 0
    while running:
        number, status = os.wait()
        child, host, file = running.pop(number)
        child.returncode = code = os.waitstatus_to_exitcode(status)
        subprocess.run(_shell(host, f"rm -f {file}"), start_new_session=True)
        if code and not failed:
            failed = code if code > 0 else 128 - code
            send("KILL")  # the others would wait for it
    sys.exit(failed)


def _shell(host: str, command: str) -> list[str]:
    return ["ssh", "-n", "-o", "BatchMode=yes", host, command] if host else ["sh", "-c", command]


if __name__ == "__main__":
    run_command.run(main)
