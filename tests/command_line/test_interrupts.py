"""Signals to a command, in a process of its own."""

import os
import signal
import subprocess
import sys

import pytest

# Compiled code that lets other threads run, as XLA's compiler does, and looks at no signal.
COMPILING = "hashlib.pbkdf2_hmac('sha256', b'', b'', 2**31 - 1)"


def start(body, **options):
    """A command with this body, which has printed its first line."""
    code = (
        "import hashlib, os, signal, sys, threading\n"
        "from ssl_jax.command_line import run_command\n"
        "def command(argv):\n"
        + "".join(f"    {line}\n" for line in body.splitlines())
        + f"run_command.run(command, **{options})"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert child.stdout is not None and child.stdout.readline() == "ready\n"
    return child


def ended(child):
    """(exit code, what it printed after its first line, what is on standard error)."""
    out, errors = child.communicate(timeout=60)
    return child.returncode, out, errors


@pytest.mark.parametrize("doing", [COMPILING, "threading.Event().wait()"])
@pytest.mark.parametrize(
    ("number", "code", "line"),
    [(signal.SIGINT, 130, "interrupted\n"), (signal.SIGTERM, 143, "terminated\n")],
)
def test_a_signal_ends_a_command_in_the_middle_of_what_it_does(doing, number, code, line):
    child = start(f"print('ready', flush=True)\n{doing}")
    child.send_signal(number)
    assert ended(child) == (code, "", line)


@pytest.mark.parametrize("doing", [COMPILING, "threading.Event().wait()"])
def test_schedulers_may_want_another_code_after_sigterm(doing):
    child = start(f"print('ready', flush=True)\n{doing}", terminated=75)
    child.send_signal(signal.SIGTERM)
    assert ended(child) == (75, "", "terminated\n")


SWALLOWING = """
class Waiting:
    def __del__(self):
        print('ready', flush=True)
        threading.Event().wait()
Waiting()
"""


def test_a_signal_that_comes_while_something_is_collected_is_not_lost():
    child = start(SWALLOWING)
    child.send_signal(signal.SIGTERM)
    assert ended(child) == (143, "", "terminated\n")


UNWINDING = """
try:
    print('ready', flush=True)
    threading.Event().wait()
finally:
    print('unwinding', flush=True)
    {}
"""


def test_a_command_puts_things_in_order_before_it_ends():
    child = start(UNWINDING.format("print('done')"))
    child.send_signal(signal.SIGINT)
    assert ended(child) == (130, "unwinding\ndone\n", "interrupted\n")


SAVING = f"""
signal.signal(signal.SIGINT, lambda *_: print('saving', flush=True))
print('ready', flush=True)
while True:
    signal.pause()
    {COMPILING}
"""


@pytest.mark.parametrize("body", [UNWINDING.format(COMPILING), SAVING])
def test_a_second_interrupt_ends_it_at_once_whatever_it_does(body):
    child = start(body)
    child.send_signal(signal.SIGINT)
    assert child.stdout.readline() in ("unwinding\n", "saving\n")
    child.send_signal(signal.SIGINT)
    code, _, line = ended(child)
    assert (code, line) == (130, "interrupted\n")


FORKED = """
child = os.fork()
if child == 0:
    print('ready', flush=True)
    signal.pause()
print('ended by', os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_signal_to_a_forked_child_is_not_one_to_the_command():
    child = start(FORKED)
    children = f"/proc/{child.pid}/task/{child.pid}/children"
    with open(children) as file:
        os.kill(int(file.read()), signal.SIGTERM)
    assert ended(child) == (0, f"ended by -{signal.SIGTERM.value}\n", "")
