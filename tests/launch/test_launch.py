"""What the launch scripts would start, seen by stubs of Slurm's, Google's and ssh's programs."""

import importlib.util
import json
import os
import signal
import socket
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
import yaml

from ssl_jax.command_line import config_flags
from ssl_jax.errors import UserError
from tests.test_main import ROOT, argv

LAUNCH = ROOT / "launch"
NAMES = ["srun", "squeue", "scancel", "scontrol", "ssh", "gcloud", "python", "python3"]
ODD = ["--config.data.path=/a folder/it's", '--config.network.stages=("1", $HOME `x`)', "--x=a\\b*"]


class Site:
    """A machine with stubs; `environment` is what the scripts get."""

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


@pytest.fixture
def site(tmp_path):
    return Site(tmp_path)


def slurm(site, *flags, **more):
    return site.run("bash", "launch/slurm.sh", *flags, **more)


@pytest.mark.parametrize("script", ["slurm.sh", "tpu_pod.sh"])
def test_scripts_parse_and_say_how_they_are_used(script, site):
    assert os.access(LAUNCH / script, os.X_OK)
    assert site.run("bash", "-n", f"launch/{script}") == (0, "", "")
    code, out, errors = site.run(f"launch/{script}", "--help")
    assert (code, errors, out.count("\n")) == (0, "", 1) and out.startswith("usage: ")
    assert script in out


# Slurm


def test_slurm_starts_the_program_with_the_arguments_unchanged(site):
    site.slurm(SLURM_GPUS_ON_NODE="4", SLURM_NTASKS_PER_NODE="4", SLURM_CPUS_PER_TASK="6")
    code, _, errors = slurm(site, *site.flags, *ODD)
    assert (code, errors) == (0, "")
    [srun], [program] = site.calls("srun"), site.calls("python")
    command = [site.environment["PYTHON"], "-m", "ssl_jax.main", *site.flags, *ODD]
    assert srun["arguments"] == ["--kill-on-bad-exit=1", "--cpus-per-task=6", *command]
    assert program["arguments"] == command[1:]
    # One process a GPU: jax gives each the one of its number.
    assert program["variables"] == {"SSL_JAX_DISTRIBUTED": "1"}
    assert not site.calls("scontrol")


def test_slurm_with_one_process_a_node_gives_it_all_gpus(site):
    site.slurm(SLURM_GPUS_ON_NODE="4", SLURM_NTASKS_PER_NODE="1")
    assert slurm(site, *site.flags)[0] == 0
    [program] = site.calls("python")
    assert program["variables"]["JAX_LOCAL_DEVICE_IDS"] == "0,1,2,3"
    assert site.calls("srun")[0]["arguments"][:2] == [
        "--kill-on-bad-exit=1",
        site.environment["PYTHON"],
    ]


@pytest.mark.parametrize("to", ["tasks", "script"])
def test_slurm_stopped_before_its_end_is_requeued_until_it_is_finished(site, to):
    site.slurm(PROGRAM="wait")
    batch = site.start("bash", "launch/slurm.sh", *site.flags)
    ready, pid = batch.stdout.readline().split()
    assert ready == "ready"
    os.kill(int(pid) if to == "tasks" else batch.pid, signal.SIGTERM)
    out, errors = batch.communicate(timeout=60)
    assert (batch.returncode, errors) == (0, "")
    assert out.startswith("saved\nnot finished: job 17 goes back")
    assert [call["arguments"] for call in site.calls("scontrol")] == [["requeue", "17"]]
    sent = [call["arguments"] for call in site.calls("scancel")]
    assert sent == ([] if to == "tasks" else [["--signal=TERM", "17"]])
    # The requeued job, and a job for a run that was finished before: neither comes back.
    for _ in range(2):
        assert slurm(site, *site.flags, PROGRAM="finish")[0] == 0
    assert len(site.calls("scontrol")) == 1


def test_slurm_does_not_take_the_result_of_fewer_epochs_for_the_end(site):
    site.workdir.mkdir()
    (site.workdir / "result.json").write_text('{"config": {"epochs": 1}}')
    assert slurm(site.slurm(PROGRAM="stop"), *site.flags)[0] == 0
    assert len(site.calls("scontrol")) == 1


def test_slurm_does_not_requeue_a_failure(site):
    code, _, _ = slurm(site.slurm(PROGRAM="fail"), *site.flags)
    assert code == 3 and not site.calls("scontrol")


def test_slurm_does_not_bring_back_what_scancel_ended(site):
    # scancel signals processes and script; a second SIGTERM would kill the program while it saves.
    site.slurm(PROGRAM="wait", JOB_STATE="COMPLETING")
    batch = site.start("bash", "launch/slurm.sh", *site.flags)
    pid = int(batch.stdout.readline().split()[1])
    os.kill(batch.pid, signal.SIGTERM)
    os.kill(pid, signal.SIGTERM)
    out, errors = batch.communicate(timeout=60)
    assert (batch.returncode, out) == (1, "saved\n")
    assert errors == "error: job 17 was ended; the same sbatch command goes on\n"
    assert not site.calls("scancel") and not site.calls("scontrol")


@pytest.mark.parametrize(
    ("flags", "change", "message"),
    [
        ([], {}, "--workdir=DIR is needed"),
        (["--workdir=run"], {"SLURM_JOB_ID": ""}, "no Slurm job"),
        (["--workdir=run"], {"PYTHON": "/no/python"}, "PYTHON=/no/python"),
        (["--workdir=run"], {"SLURM_GPUS_ON_NODE": "8", "SLURM_NTASKS_PER_NODE": "3"}, "or.* 8"),
    ],
)
def test_slurm_says_in_one_line_what_is_wrong(site, flags, change, message):
    refused(slurm(site.slurm(), *flags, **change), message)
    assert not site.calls("srun")


def refused(outcome, message):
    code, out, errors = outcome
    assert code == 1 and out == ""
    assert errors.startswith("error: ") and errors.count("\n") == 1, errors
    assert message.split(".*")[0] in errors and message.split(".*")[-1] in errors


# Cloud TPU


def tpu(site, *arguments):
    return site.run("bash", "launch/tpu_pod.sh", *arguments)


def test_tpu_pod_calls_gcloud(site):
    flags = ["--accelerator-type=v4-32", "--version=v2", "--spot"]
    assert tpu(site, "create", "pod", "zone-a", *flags)[0] == 0
    for action in ("logs", "stop", "delete"):
        assert tpu(site, action, "pod", "zone-a") == (0, "", "")
    start = ["compute", "tpus", "tpu-vm"]
    assert [call["arguments"] for call in site.calls("gcloud")] == [
        [*start, "create", "pod", *flags, "--zone=zone-a"],
        [
            *start,
            "ssh",
            "pod",
            "--worker=0",
            "--command=tail -n 100 -F ssl_jax_run/log",
            "--zone=zone-a",
        ],
        [
            *start,
            "ssh",
            "pod",
            "--worker=all",
            "--command=kill -s TERM $(cat ssl_jax_run/pid)",
            "--zone=zone-a",
        ],
        [*start, "delete", "pod", "--zone=zone-a"],
    ]


def executed(site):
    """Hosts execute their commands. Returns what the program says: reading it waits for its end."""
    said = site.calls_file.with_name("said")
    os.mkfifo(said)
    site.environment |= {"EXECUTE": "1", "SAID": str(said)}
    return said


def test_tpu_pod_installs_and_runs_the_repository_on_all_hosts(site, tmp_path):
    said = executed(site)
    code, out, errors = tpu(site, "run", "pod", "zone-a", *site.flags, *ODD, "")
    assert (code, errors) == (0, "") and "launch/tpu_pod.sh logs pod zone-a" in out
    assert said.read_text() == ""  # over
    [program] = site.calls("python")
    assert program["arguments"] == ["-m", "ssl_jax.main", *site.flags, *ODD, ""]
    assert program["variables"] == {"SSL_JAX_DISTRIBUTED": "1"}
    with tarfile.open(tmp_path / "ssl_jax_run.tar.gz") as archive:
        files = archive.getnames()
    assert {"pyproject.toml", "ssl_jax/data/load.py", "configs/common.py"} <= set(files)
    assert not [name for name in files if "__pycache__" in name]
    assert (tmp_path / "ssl_jax_run/repository/ssl_jax/main.py").exists()
    assert all("--worker=all" in call["arguments"] for call in site.calls("gcloud"))
    installed = site.calls("python3")[-1]["arguments"]
    assert installed[-3:] == ["--editable", "repository", "jax[tpu]"]


def test_tpu_pod_does_not_start_a_second_run_and_stops_the_first(site):
    said = executed(site)
    site.environment["PROGRAM"] = "wait"
    assert tpu(site, "run", "pod", "zone-a", *site.flags)[0] == 0
    with said.open() as log:
        assert log.readline().startswith("ready")
        refused(tpu(site, "run", "pod", "zone-a", *site.flags), "a run is going on here")
        assert tpu(site, "stop", "pod", "zone-a")[0] == 0
        assert log.read() == "saved\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "usage: launch/tpu_pod.sh"),
        (["run", "pod"], "usage: launch/tpu_pod.sh"),
        (["run", "--config=x", "--workdir=/x"], "usage: launch/tpu_pod.sh"),
        (["start", "pod", "zone-a"], "usage: launch/tpu_pod.sh"),
        (["run", "pod", "zone-a", "--workdir=runs/x"], "--workdir=/DIR is needed"),
    ],
)
def test_tpu_pod_says_in_one_line_what_is_wrong(site, arguments, message):
    refused(tpu(site, *arguments), message)
    assert not site.calls()


# By hand

# processes.py with another interpreter for the processes that it starts
WITH_STUB = """
import runpy, sys
sys.executable = sys.argv.pop(1)
runpy.run_path("launch/processes.py", run_name="__main__")
"""


def by_hand(site):
    return [sys.executable, "-c", WITH_STUB, site.environment["PYTHON"]]


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
    # The second waits for a signal that never comes.
    script = site.environment["PYTHON"]
    fails = tmp_path / "fails"
    fails.write_text(
        f'#!/bin/sh\n[ $JAX_PROCESS_ID = 1 ] && export PROGRAM=fail\nexec {script} "$@"'
    )
    fails.chmod(0o755)
    site.environment["PYTHON"] = str(fails)
    assert site.run(*by_hand(site), "--local=2", *site.flags, PROGRAM="wait")[0] == 3


def load(name):
    spec = importlib.util.spec_from_file_location(name, LAUNCH / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([], "either --local=.* or --hosts"),
        (["--local=2", "--hosts=a,b"], "either --local=.* or --hosts"),
        (["--local=2y4"], "--local=2y4: write 2x4"),
        (["--local=0"], "--local=0"),
        (["--hosts=a,,b"], "--hosts=a,,b: .*one comma"),
        (["--hosts=a", "--port=http"], "--port=http is no port"),
    ],
)
def test_processes_say_in_one_line_what_is_wrong(flags, message):
    with pytest.raises(UserError, match=message) as caught:
        load("processes").main(["x", *flags])
    assert "\n" not in str(caught.value)


# Kubernetes


def test_kubernetes_parts_fit_together():
    service, job = yaml.safe_load_all((LAUNCH / "kubernetes.yaml").read_text())
    assert (service["kind"], job["kind"]) == ("Service", "Job")
    name, count = job["metadata"]["name"], job["spec"]["completions"]
    pod = job["spec"]["template"]["spec"]
    [container] = pod["containers"]
    variables = {entry["name"]: entry.get("value") for entry in container["env"]}
    assert job["spec"]["completionMode"] == "Indexed" and job["spec"]["parallelism"] == count
    assert variables["JAX_NUM_PROCESSES"] == str(count)
    # An indexed Job's pods are called NAME-INDEX, within the domain of the service.
    assert service["spec"]["selector"] == {"job-name": name}
    assert pod["subdomain"] == service["metadata"]["name"]
    assert variables["JAX_COORDINATOR_ADDRESS"].split(":")[0] == f"{name}-0.{pod['subdomain']}"
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    assert mounts.keys() == {volume["name"] for volume in pod["volumes"]}
    stopped, _ = job["spec"]["podFailurePolicy"]["rules"]
    assert stopped["onExitCodes"]["containerName"] == container["name"]
    assert stopped["onExitCodes"]["values"] == [75] and pod["restartPolicy"] == "Never"


def test_kubernetes_command_runs(monkeypatch):
    _, job = yaml.safe_load_all((LAUNCH / "kubernetes.yaml").read_text())
    [container] = job["spec"]["template"]["spec"]["containers"]
    monkeypatch.chdir(ROOT)
    python, program = container["command"]
    assert python == "python" and (ROOT / program).is_file()
    command = config_flags.parse([program, *container["args"]])
    assert command.workdir == Path("/runs/ba_moco")
    assert command.config.data.path == "/data/imagenet"


def test_a_pod_exits_75_until_the_run_is_finished(monkeypatch, tmp_path):
    monkeypatch.chdir(ROOT)
    monkeypatch.syspath_prepend(str(LAUNCH))
    pod = load("pod")
    (tmp_path / "result.json").write_text('{"config": {"epochs": 1}}')

    def train(argv):
        (tmp_path / "config.json").write_text(f'{{"epochs": {argv[-1][-1]}}}')

    monkeypatch.setattr(pod.main, "main", train)
    with pytest.raises(SystemExit) as exit:
        pod.run(argv(tmp_path, "--config.epochs=2"))
    assert exit.value.code == 75
    assert pod.run(argv(tmp_path, "--config.epochs=1")) is None


# The real program, and jax's own detection of Slurm


def job_number():
    """A number for which the port that jax derives from it is free."""
    for number in range(4096):
        with socket.socket() as free:
            if free.connect_ex(("127.0.0.1", 61440 + number)):
                return str(number)
    raise OSError("no port is free")


@pytest.mark.slow
def test_stopped_and_requeued_by_slurm_equals_uninterrupted_by_hand(site, tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    site.environment["PYTHONUNBUFFERED"] = "1"
    by_hand = [sys.executable, "launch/processes.py", "--local=2x4"]
    code, out, errors = site.run(*by_hand, *argv(one)[1:])
    assert code == 0 and "written: " in out, errors

    site.slurm(SLURM_JOB_ID=job_number(), SLURM_CPUS_PER_TASK="1", TASKS="2")
    virtual = {"JAX_PLATFORMS": "cpu", "JAX_NUM_CPU_DEVICES": "4"}
    command, more = (
        ["bash", "launch/slurm.sh", *argv(two)[1:]],
        {"PYTHON": sys.executable, **virtual},
    )
    batch = site.start(*command, **more)
    while "compiling" not in (line := batch.stdout.readline()):
        assert line, batch.stderr.read()
    batch.send_signal(signal.SIGTERM)
    out, errors = batch.communicate(timeout=500)
    assert batch.returncode == 0 and "stopped and saved at step 2;" in out, errors
    assert len(site.calls("scontrol")) == 1
    code, out, errors = site.run(*command, **more)
    assert code == 0 and "going on from step 2" in out, errors
    assert len(site.calls("scontrol")) == 1

    results = [json.loads((folder / "result.json").read_text()) for folder in (one, two)]
    assert results[0]["device"] == results[1]["device"] == "8 x cpu"
    assert results[0]["digest"] == results[1]["digest"]
