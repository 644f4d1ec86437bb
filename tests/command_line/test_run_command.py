"""How a command ends."""

import logging
import os
import subprocess
import sys

import pytest

from ssl_jax.command_line import run_command
from ssl_jax.errors import UserError


def ended(command):
    """The exit code of a command that runs in this process."""
    with pytest.raises(SystemExit) as exit:
        run_command.run(command, ["command"])
    return exit.value.code


def test_a_command_that_does_its_work_ends_with_zero():
    assert ended(lambda argv: None) == 0


def test_what_a_user_can_fix_is_one_line(capsys):
    def command(argv):
        raise UserError("no such folder: /images")

    assert ended(command) == 1
    assert capsys.readouterr().err == "error: no such folder: /images\n"


def test_an_interrupted_command_ends_as_one_that_a_signal_ended(capsys):
    def command(argv):
        raise KeyboardInterrupt

    assert ended(command) == 130
    assert capsys.readouterr().err == "interrupted\n"


def test_what_a_thread_of_orbax_raises_is_not_said_twice(caplog):
    assert ended(lambda argv: None) == 0
    logger, error = logging.getLogger("absl"), (OSError, OSError("full"), None)
    for path, found in (("/site/orbax/futures.py", error), ("/site/orbax/a.py", None)):
        logger.handle(logging.LogRecord("absl", 40, path, 1, path, (), found))
    logger.handle(logging.LogRecord("absl", 40, "/site/grain/a.py", 1, "grain", (), error))
    assert [record.message for record in caplog.records] == ["/site/orbax/a.py", "grain"]


@pytest.mark.parametrize("lines", [1, 100_000])
def test_a_command_whose_output_nobody_reads_ends_without_a_word(lines):
    # A line stays in Python's buffer until the command ends; many overflow it while it runs.
    code = (
        "from ssl_jax.command_line import run_command\n"
        f"run_command.run(lambda argv: print('line\\n' * {lines}))"
    )
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([sys.executable, "-c", code], stdout=writing, stderr=subprocess.PIPE)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")
