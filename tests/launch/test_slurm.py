"""Which processes launch/slurm.sh starts and which jobs it requeues, with stubs of Slurm."""

import os
import re
import signal

import pytest

from tests.launch.stubbed_site import ODD, refused


def slurm(site, *flags, **more):
    return site.run("bash", "launch/slurm.sh", *flags, **more)


def test_slurm_starts_the_program_with_the_arguments_unchanged(site):
    site.slurm(SLURM_GPUS_ON_NODE="4", SLURM_NTASKS_PER_NODE="4", SLURM_CPUS_PER_TASK="6")
    code, _, errors = slurm(site, *site.flags, *ODD)
    assert (code, errors) == (0, "")
    [srun], [program] = site.calls("srun"), site.calls("python")
    command = [site.environment["PYTHON"], "-m", "ssl_jax.main", *site.flags, *ODD]
    assert srun["arguments"] == ["--kill-on-bad-exit=1", "--cpus-per-task=6", *command]
    assert program["arguments"] == command[1:]
    # One process per GPU: jax gives each process the GPU with its local rank.
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
    assert re.fullmatch("saved\nnot finished: .*job 17.*\n", out)
    assert [call["arguments"] for call in site.calls("scontrol")] == [["requeue", "17"]]
    sent = [call["arguments"] for call in site.calls("scancel")]
    assert sent == ([] if to == "tasks" else [["--signal=TERM", "17"]])
    # Neither the requeued job nor a job for a finished run is requeued.
    for _ in range(2):
        assert slurm(site, *site.flags, PROGRAM="finish")[0] == 0
    assert len(site.calls("scontrol")) == 1


def test_slurm_does_not_take_the_result_of_fewer_epochs_for_the_end(site):
    site.workdir.mkdir()
    (site.workdir / "result.json").write_text('{"config": {"epochs": 1}}')
    assert slurm(site.slurm(PROGRAM="stop"), *site.flags)[0] == 0
    assert len(site.calls("scontrol")) == 1


def test_slurm_requeues_what_was_stopped_before_there_was_anything_to_save(site):
    assert slurm(site.slurm(PROGRAM="early"), *site.flags)[0] == 0
    assert len(site.calls("scontrol")) == 1


def test_slurm_does_not_requeue_a_failure(site):
    code, _, _ = slurm(site.slurm(PROGRAM="fail"), *site.flags)
    assert code == 3 and not site.calls("scontrol")


def test_slurm_does_not_bring_back_what_scancel_ended(site):
    # scancel signals processes and script; a second SIGTERM would kill the program during its save.
    site.slurm(PROGRAM="wait", JOB_STATE="COMPLETING")
    batch = site.start("bash", "launch/slurm.sh", *site.flags)
    pid = int(batch.stdout.readline().split()[1])
    os.kill(batch.pid, signal.SIGTERM)
    os.kill(pid, signal.SIGTERM)
    out, errors = batch.communicate(timeout=60)
    assert (batch.returncode, out) == (1, "saved\n")
    assert re.fullmatch("error: job 17 .*sbatch.*\n", errors)
    assert not site.calls("scancel") and not site.calls("scontrol")


@pytest.mark.parametrize(
    ("flags", "change", "message"),
    [
        ([], {}, "--workdir=DIR is .*all nodes share"),
        (["--workdir=run"], {"SLURM_JOB_ID": ""}, "Slurm job"),
        (["--workdir=run"], {"PYTHON": "/no/python"}, "PYTHON=/no/python"),
        (["--workdir=run"], {"SLURM_GPUS_ON_NODE": "8", "SLURM_NTASKS_PER_NODE": "3"}, "GPUs.* 8"),
    ],
)
def test_slurm_says_in_one_line_what_is_wrong(site, flags, change, message):
    refused(slurm(site.slurm(), *flags, **change), message)
    assert not site.calls("srun")
