"""A machine on which launch scripts find stubs of Slurm, gcloud and ssh."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
LAUNCH = ROOT / "launch"
NAMES = ["srun", "squeue", "scancel", "scontrol", "ssh", "gcloud", "python", "python3"]
ODD = ["--config.data.path=/a folder/it's", '--config.network.stages=("1", $HOME `x`)', "--x=a\\b*"]


class Site:
    """A machine with stubs; scripts run with `environment`."""

    def __init__(self, folder: Path):
        self.calls_file = folder / "calls"
        self.workdir = folder / "run"
        self.flags = ["--config=configs/ba_moco.py", f"--workdir={self.workdir}"]
        stub = (Path(__file__).parent / "stub.py").read_text()
        (folder / "bin").mkdir()
        for name in NAMES:
            (folder / "bin" / name).write_text(f"#!{sys.executable} -IS\n{stub}")
            (folder / "bin" / name).chmod(0o755)
        self.environment = {
            "PATH": f"{folder / 'bin'}:/usr/bin:/bin",
            "HOME": str(folder),
            "CALLS": str(self.calls_file),
            "PYTHON": str(folder / "bin" / "python"),
            "PROGRAM": "finish",
        }

    def slurm(self, **more):
        self.environment |= {"SLURM_JOB_ID": "17", "JOB_STATE": "RUNNING", **more}
        return self

    def start(self, *command, **more):
        return subprocess.Popen(
            command,
            cwd=ROOT,
            env=self.environment | more,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *command, **more):
        child = self.start(*command, **more)
        out, errors = child.communicate(timeout=500)
        return child.returncode, out, errors

    def calls(self, name=None):
        if not self.calls_file.exists():
            return []
        calls = [json.loads(line) for line in self.calls_file.read_text().splitlines()]
        return [call for call in calls if name in (None, call["name"])]


def refused(outcome, message):
    code, out, errors = outcome
    assert code == 1 and out == ""
    assert errors.startswith("error: ") and errors.count("\n") == 1, errors
    assert message.split(".*")[0] in errors and message.split(".*")[-1] in errors


def load_script(name):
    spec = importlib.util.spec_from_file_location(name, LAUNCH / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
