"""How a command ends."""

import logging
import os
import subprocess
import sys

import pytest

from ssl_jax.command_line import run_command
from ssl_jax.errors import UsageError, UserError


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


def test_a_platform_that_is_not_there_is_one_line():
    code = (
        "import sys; from ssl_jax.command_line import run_command\n"
        "def command(argv):\n"
        "    import jax; jax.devices()\n"
        "run_command.run(command, ['x'])"
    )
    for platform in ("cuda", "nonsense"):
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "JAX_PLATFORMS": platform},
            capture_output=True,
            text=True,
        )
        last = done.stderr.splitlines()[-1]
        assert done.returncode == 1 and "Traceback" not in done.stderr
        assert last.startswith(f"error: JAX_PLATFORMS={platform} names no device")


def test_a_usage_error_ends_with_two(capsys):
    def command(argv):
        raise UsageError("there is no flag --lr")

    assert ended(command) == 2


def test_a_name_that_is_not_unicode_is_printed_escaped():
    code = (
        "from ssl_jax.command_line import run_command\n"
        "run_command.run(lambda argv: print('a\\udcff\\u00e9.png'), ['x'])"
    )
    for encoding in ("utf-8:strict", "ascii:strict"):
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONIOENCODING": encoding},
            capture_output=True,
        )
        assert (done.returncode, done.stderr) == (0, b"")
        assert done.stdout.startswith(b"a\\udcff")


def test_control_characters_in_a_message_are_escaped(capsys):
    def command(argv):
        raise UserError("no such file: \x1b[2J\nerror: \u202efake.png")

    assert ended(command) == 1
    assert capsys.readouterr().err == ("error: no such file: \\x1b[2J\\nerror: \\u202efake.png\n")
