"""Stub of Slurm's programs, ssh, gcloud, uv and the interpreter, depending on the name it has.

Appends each call to $CALLS: name, arguments and, for the training program, its variables.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

# Of variables that are noted, but for those of the compilation cache.
NAMES = ("JAX_", "SSL_JAX")
NAME, ARGUMENTS = Path(sys.argv[0]).name, sys.argv[1:]


def note(**more):
    call = {"name": NAME, "arguments": ARGUMENTS, **more}
    with open(os.environ["CALLS"], "a") as file:
        file.write(json.dumps(call) + "\n")


def program(flags):
    """Acts as ssl_jax.main.

    $PROGRAM is finish, fail, stop, early (a SIGTERM before there was anything to save), wait (for a
    SIGTERM), or stay (whatever comes).
    """
    variables = {k: v for k, v in os.environ.items() if k.startswith(NAMES) and "CACHE" not in k}
    note(variables=variables)
    if "OUTPUT" in os.environ:
        os.dup2(os.open(os.environ["OUTPUT"], os.O_WRONLY), 1)
    action = os.environ["PROGRAM"]
    [workdir] = [Path(flag.removeprefix("--workdir=")) for flag in flags if "--workdir=" in flag]
    workdir.mkdir(parents=True, exist_ok=True)
    (workdir / "config.json").write_text('{"epochs": 2}')
    if action == "fail":
        sys.exit(3)
    if action == "finish":
        (workdir / "result.json").write_text('{"config": {"epochs": 2}}')
    if action == "early":
        sys.exit(143)
    if action in ("wait", "stay"):
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
        print("ready", os.getpid(), flush=True)
        signal.sigwait([signal.SIGTERM])
        print("saved", flush=True)
    if action == "stay":
        signal.pause()


if NAME == "python":
    if ARGUMENTS[:2] == ["-m", "ssl_jax.main"]:
        program(ARGUMENTS[2:])
    else:
        os.execv(sys.executable, [sys.executable, *ARGUMENTS])
else:
    note()
if NAME == "srun":
    command = ARGUMENTS[[a.startswith("-") for a in ARGUMENTS].index(False) :]
    count = int(os.environ.get("TASKS", "1"))
    tasks = {"SLURM_NTASKS": str(count), "SLURM_STEP_NODELIST": "127.0.0.1"}
    children = [
        subprocess.Popen(
            command,
            env={**os.environ, **tasks, "SLURM_PROCID": str(task), "SLURM_LOCALID": str(task)},
        )
        for task in range(count)
    ]
    Path(os.environ["CALLS"]).with_name("pids").write_text(" ".join(str(c.pid) for c in children))
    sys.exit(max(child.wait() for child in children))
if NAME == "squeue":
    print(os.environ["JOB_STATE"])
if NAME == "scancel":
    for pid in Path(os.environ["CALLS"]).with_name("pids").read_text().split():
        os.kill(int(pid), signal.SIGTERM)
if NAME == "ssh":
    os.execvp("sh", ["sh", "-c", ARGUMENTS[-1]])
if NAME == "gcloud" and "EXECUTE" in os.environ:
    os.chdir(os.environ["HOME"])
    if "scp" in ARGUMENTS:
        shutil.copy(ARGUMENTS[4], ARGUMENTS[5].partition(":")[2])
    for argument in ARGUMENTS:
        if argument.startswith("--command="):
            os.execvp("bash", ["bash", "-c", argument.removeprefix("--command=")])
if NAME == "python3" and "venv" in ARGUMENTS:
    Path("env/bin").mkdir(parents=True)
    Path("env/bin/python").symlink_to(os.environ["PYTHON"])
