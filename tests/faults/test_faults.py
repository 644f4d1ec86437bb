"""A few rounds of the harness, which `make test-faults` runs at length."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
FEW = "kill_while_training,damaged_checkpoint"


def test_runs_survive_a_few_faults(tmp_path):
    file = tmp_path / "faults.json"
    command = [sys.executable, "-m", "tests.faults", "--rounds=2", "--seed=7", f"--faults={FEW}"]
    done = subprocess.run([*command, f"--json={file}"], cwd=ROOT, capture_output=True, text=True)
    found = json.loads(file.read_text())
    assert (done.returncode, found["seeds_of_failures"]) == (0, []), done.stdout
    assert found["survived"] == 2
