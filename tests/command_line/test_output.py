"""Commands whose output cannot be written."""

import os
import subprocess
import sys

import pytest

from ssl_jax.command_line.output import expendable_output

WORKING = """
import sys
from ssl_jax.command_line import output, run_command

def command(argv):
    with output.expendable_output():
        for number in range(3):
            print(f"line {number}")
            print(f"warning {number}", file=sys.stderr)
        open(argv[1], "w").close()

run_command.run(command)
"""


@pytest.fixture
def broken_pipe():
    reading, writing = os.pipe()
    os.close(reading)
    yield writing
    os.close(writing)


def run(code, *arguments, **streams):
    options = {"stderr": subprocess.PIPE, **streams}
    return subprocess.run([sys.executable, "-c", code, *arguments], text=True, **options)


def test_a_command_whose_work_is_in_files_outlives_its_reader(tmp_path, broken_pipe):
    done = run(WORKING, tmp_path / "work", stdout=broken_pipe)
    assert done.returncode == 0 and (tmp_path / "work").exists()
    *warnings, last = done.stderr.splitlines()
    assert warnings == [f"warning {number}" for number in range(3)]
    assert last == "standard output is gone; its last line: line 2"


def test_a_command_whose_work_is_in_files_outlives_a_log_on_a_full_disk(tmp_path):
    with open("/dev/full", "w") as full:
        done = run(WORKING, tmp_path / "work", stdout=full, stderr=full)
    assert done.returncode == 0 and (tmp_path / "work").exists()


def test_streams_that_the_shell_closed_are_no_files_of_the_command(tmp_path):
    shell = f'exec {sys.executable} -c "$CODE" {tmp_path}/work >&- 2>&-'
    done = subprocess.run(["sh", "-c", shell], env={**os.environ, "CODE": WORKING})
    assert done.returncode == 0 and (tmp_path / "work").read_text() == ""


def test_a_full_disk_is_one_line():
    code = (
        "from ssl_jax.command_line import run_command\nrun_command.run(lambda argv: print('line'))"
    )
    with open("/dev/full", "w") as full:
        done = run(code, stdout=full)
    assert (done.returncode, done.stderr) == (1, "error: No space left on device\n")


def test_what_has_no_encoding_is_escaped_and_lines_are_passed_on_as_they_are_complete(capfd):
    with expendable_output():
        print("caf\udce9")
        assert capfd.readouterr().out == "caf\\udce9\n"
