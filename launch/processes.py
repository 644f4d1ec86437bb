"""Starts several processes of one run, here or by ssh; passes SIGTERM and Ctrl-C on to all.

A second Ctrl-C ends all of them at once, as `kill -9` of this program does.

    python launch/processes.py --local=PROCESSES[xDEVICES] --config=FILE --workdir=DIR ...
    python launch/processes.py --hosts=HOST,HOST,... [--port=8476] --config=FILE --workdir=DIR ...

--local is for trying out: processes on this machine's CPU, each with DEVICES virtual devices (1).
--hosts starts one process per host, which uses all its accelerators. The repository, the
interpreter and the run's folder must have the same path on every host, and the other hosts must be
able to reach the first at the given name and port. All other flags are passed to
python -m ssl_jax.main.
"""

import contextlib
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


# Each process is started by a shell that listens to its standard input: to the names of signals, as
# ssh does not forward any, and to its end, which comes when this program is killed.
KEEPER = """
exec 3<&0 </dev/null
{program} 3<&- & child=$!
(
    while read -r name; do kill -s "$name" $child; done
    kill -s KILL $child
) <&3 2>/dev/null & keeper=$!
exec 3<&-
wait $child 2>/dev/null; code=$?
kill $keeper
exit $code
"""


def run(hosts: list[str], environment: dict[str, str], flags: list[str]) -> None:
    """Starts a process on each host, waits for all, and exits with the code of the first failure.

    Args:
      hosts: names for ssh, one per process; "" for this machine.
      environment: variables that `devices.cluster.join_cluster` reads, except JAX_PROCESS_ID.
      flags: of ssl_jax.main.
    """
    # With the objects: a dropped one would be waited for when the next process is started.
    running: dict[int, subprocess.Popen] = {}

    def send(name: str) -> None:
        for child in list(running.values()):
            with contextlib.suppress(OSError):  # it has just ended
                os.write(child.stdin.fileno(), f"{name}\n".encode())

    # A second Ctrl-C ends this program, and with it all processes.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: send("TERM"))
    for index, host in enumerate(hosts):
        assignments = [f"{k}={v}" for k, v in {**environment, "JAX_PROCESS_ID": index}.items()]
        program = ["env", *assignments, sys.executable, "-m", "ssl_jax.main", *flags]
        command = f"cd {shlex.quote(os.getcwd())} || exit\n" + KEEPER.format(
            program=shlex.join(program)
        )
        # In its own session, it gets Ctrl-C from `send` only: a second signal would kill it.
        child = subprocess.Popen(
            _shell(host, command), stdin=subprocess.PIPE, start_new_session=True
        )
        running[child.pid] = child
    failed = 0
    while running:
        number, status = os.wait()
        child = running.pop(number)
        child.returncode = code = os.waitstatus_to_exitcode(status)
        if code and not failed:
            failed = code if code > 0 else 128 - code
            send("KILL")  # the others would wait for it
    sys.exit(failed)


def _shell(host: str, command: str) -> list[str]:
    return ["ssh", "-T", "-o", "BatchMode=yes", host, command] if host else ["sh", "-c", command]


if __name__ == "__main__":
    run_command.run(main)
