"""The script that measures everything, with a stand-in for Python."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def measure(tmp_path):
    """Runs the script; returns its calls, its errors and its exit code."""
    python = tmp_path / "python"
    python.write_text(
        '#!/bin/sh\necho "$SSL_JAX_TEST_PLATFORM $*" >>"$CALLS"\n'
        'case "$*" in *"$BROKEN"*) exit 3 ;; esac\n'
    )
    python.chmod(0o755)

    def call(*arguments, broken="nothing"):
        calls = tmp_path / "calls"
        done = subprocess.run(
            [ROOT / "benchmarks" / "measure.sh", *arguments],
            cwd=ROOT,
            env={**os.environ, "PYTHON": str(python), "CALLS": str(calls), "BROKEN": broken},
            capture_output=True,
            text=True,
        )
        lines = calls.read_text().splitlines() if calls.exists() else []
        return lines, done.stderr.strip(), done.returncode

    return call


def test_every_part_runs_once_and_writes_where_it_is_told(measure, tmp_path):
    out = tmp_path / "out"
    calls, _, code = measure(str(out))
    assert code == 0 and len(calls) == 6
    assert calls[0].startswith("cuda -m pytest") and "tests/accelerator" in calls[0]
    files = ["benchmark_512", "benchmark_256", "profile", "cost_of_methods", "compare_torch"]
    for line, file in zip(calls[1:], files, strict=True):
        assert f"--json={out}/{file}.json" in line
    for line in calls:  # every script that it names exists
        names = [w for w in line.split() if w.startswith(("benchmarks/", "tests/"))]
        assert all((ROOT / name).exists() for name in names)
    parts = ["benchmark", "compare", "costs", "numerics", "profile"]
    assert sorted(file.stem for file in out.glob("*.txt")) == parts


def test_a_part_that_fails_is_named_and_the_others_still_run(measure, tmp_path):
    calls, said, code = measure(str(tmp_path / "out"), "costs", "profile", broken="cost_of")
    assert len(calls) == 2 and code == 1 and said == "failed: costs"


def test_bad_arguments_are_said_in_one_line(measure, tmp_path):
    calls, said, code = measure()
    assert not calls and code == 1 and said.startswith("usage") and "\n" not in said
    _, said, code = measure(str(tmp_path / "out"), "everything")
    assert code == 1 and said.startswith("error: no part everything; there are")
