"""Which processes launch/processes.py starts, here and by ssh."""

import signal
import sys
import time
from pathlib import Path

import pytest

from ssl_jax.errors import UserError
from tests.launch.stubbed_site import ODD, load_script

# processes.py, but it starts its processes with another interpreter
WITH_STUB = """
import runpy, sys
sys.executable = sys.argv.pop(1)
runpy.run_path("launch/processes.py", run_name="__main__")
"""

# the same, but every process has ended before the next one starts
ONE_AFTER_ANOTHER = (
    """
import os, subprocess
class Ended(subprocess.Popen):
    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
subprocess.Popen = Ended
"""
    + WITH_STUB
)


def by_hand(site):
    return [sys.executable, "-c", WITH_STUB, site.environment["PYTHON"]]


def test_processes_that_end_while_others_start_are_waited_for(site):
    command = (sys.executable, "-c", ONE_AFTER_ANOTHER, site.environment["PYTHON"])
    code, _, errors = site.run(*command, "--local=3x1", *site.flags)
    assert (code, errors) == (0, "")
    assert len(site.calls("python")) == 3


def test_processes_here_get_their_number_and_the_signal(site):
    parent = site.start(*by_hand(site), "--local=2x4", *site.flags, *ODD, PROGRAM="wait")
    assert [parent.stdout.readline().split()[0] for _ in range(2)] == ["ready", "ready"]
    parent.send_signal(signal.SIGINT)
    assert parent.communicate(timeout=60) == ("saved\nsaved\n", "")
    assert parent.returncode == 0
    programs = site.calls("python")
    for program in programs:
        assert program["arguments"] == ["-m", "ssl_jax.main", *site.flags, *ODD]
    found = [program["variables"] for program in programs]
    address = found[0]["JAX_COORDINATOR_ADDRESS"]
    assert address.startswith("127.0.0.1:")
    assert sorted(found, key=lambda v: v["JAX_PROCESS_ID"]) == [
        {
            "SSL_JAX_DISTRIBUTED": "1",
            "JAX_COORDINATOR_ADDRESS": address,
            "JAX_NUM_PROCESSES": "2",
            "JAX_PROCESS_ID": index,
            "JAX_PLATFORMS": "cpu",
            "JAX_NUM_CPU_DEVICES": "4",
        }
        for index in "01"
    ]


def test_processes_on_hosts_are_started_by_ssh_and_stopped(site):
    command = [*by_hand(site), "--hosts=me@one,two", "--port=1234", *site.flags, *ODD]
    parent = site.start(*command, PROGRAM="wait")
    assert [parent.stdout.readline().split()[0] for _ in range(2)] == ["ready", "ready"]
    parent.send_signal(signal.SIGTERM)
    assert parent.communicate(timeout=60) == ("saved\nsaved\n", "")
    assert parent.returncode == 0
    programs = sorted(site.calls("python"), key=lambda c: c["variables"]["JAX_PROCESS_ID"])
    for index, program in enumerate(programs):
        assert program["arguments"] == ["-m", "ssl_jax.main", *site.flags, *ODD]
        assert program["variables"] == {
            "SSL_JAX_DISTRIBUTED": "1",
            "JAX_COORDINATOR_ADDRESS": "one:1234",
            "JAX_NUM_PROCESSES": "2",
            "JAX_PROCESS_ID": str(index),
        }
    hosts = [call["arguments"][3] for call in site.calls("ssh") if "exec" in call["arguments"][4]]
    assert sorted(hosts) == ["me@one", "two"]


def test_the_first_process_that_fails_ends_the_others(site, tmp_path):
    # Process 1 fails; process 0 waits for a signal that never comes.
    script = site.environment["PYTHON"]
    fails = tmp_path / "fails"
    fails.write_text(
        f'#!/bin/sh\n[ $JAX_PROCESS_ID = 1 ] && export PROGRAM=fail\nexec {script} "$@"'
    )
    fails.chmod(0o755)
    site.environment["PYTHON"] = str(fails)
    assert site.run(*by_hand(site), "--local=2", *site.flags, PROGRAM="wait")[0] == 3


def gone(pid):
    """Whether a process has ended; waits for it."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
    return False


@pytest.mark.parametrize("place", ["--local=2", "--hosts=one,two"])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGKILL, -9), (signal.SIGINT, 130)])
def test_killed_or_interrupted_twice_it_takes_its_processes_with_it(site, place, number, code):
    with site.start(*by_hand(site), place, *site.flags, PROGRAM="stay") as parent:
        pids = [int(parent.stdout.readline().split()[1]) for _ in range(2)]
        parent.send_signal(signal.SIGINT)
        assert [parent.stdout.readline() for _ in range(2)] == ["saved\n"] * 2
        parent.send_signal(number)
        assert parent.wait(timeout=60) == code
        assert all(gone(pid) for pid in pids)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([], "--local=.* or --hosts"),
        (["--local=2", "--hosts=a,b"], "--local=.* or --hosts"),
        (["--local=2y4"], "--local=2y4.*2x4"),
        (["--local=0"], "--local=0"),
        (["--hosts=a,,b"], "--hosts=a,,b.*comma"),
        (["--hosts=a", "--port=http"], "--port=http"),
    ],
)
def test_processes_say_in_one_line_what_is_wrong(flags, message):
    with pytest.raises(UserError, match=message) as caught:
        load_script("processes").main(["x", *flags])
    assert "\n" not in str(caught.value)
