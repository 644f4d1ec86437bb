"""What launch/tpu_pod.sh does on a pod, with a stub of gcloud."""

import os
import tarfile

import pytest

from tests.launch.stubbed_site import ODD, refused


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
    """Lets hosts execute commands. Returns the program's output; reading it waits for its end."""
    output = site.calls_file.with_name("output")
    os.mkfifo(output)
    site.environment |= {"EXECUTE": "1", "OUTPUT": str(output)}
    return output


def test_tpu_pod_installs_and_runs_the_repository_on_all_hosts(site, tmp_path):
    output = executed(site)
    code, out, errors = tpu(site, "run", "pod", "zone-a", *site.flags, *ODD, "")
    assert (code, errors) == (0, "") and "launch/tpu_pod.sh logs pod zone-a" in out
    assert output.read_text() == ""  # the program has ended
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
    output = executed(site)
    site.environment["PROGRAM"] = "wait"
    assert tpu(site, "run", "pod", "zone-a", *site.flags)[0] == 0
    with output.open() as log:
        assert log.readline().startswith("ready")
        refused(tpu(site, "run", "pod", "zone-a", *site.flags), "stop it first")
        assert tpu(site, "stop", "pod", "zone-a")[0] == 0
        assert log.read() == "saved\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "usage: launch/tpu_pod.sh"),
        (["run", "pod"], "usage: launch/tpu_pod.sh"),
        (["run", "--config=x", "--workdir=/x"], "usage: launch/tpu_pod.sh"),
        (["start", "pod", "zone-a"], "usage: launch/tpu_pod.sh"),
        (["run", "pod", "zone-a", "--workdir=runs/x"], "--workdir=/DIR"),
    ],
)
def test_tpu_pod_says_in_one_line_what_is_wrong(site, arguments, message):
    refused(tpu(site, *arguments), message)
    assert not site.calls()
