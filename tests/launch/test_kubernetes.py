"""launch/kubernetes.yaml and the program of its pods."""

from pathlib import Path

import pytest
import yaml

from ssl_jax.command_line import config_flags
from tests.launch.stubbed_site import LAUNCH, ROOT, load_script
from tests.test_main import argv


def test_kubernetes_parts_fit_together():
    service, job = yaml.safe_load_all((LAUNCH / "kubernetes.yaml").read_text())
    assert (service["kind"], job["kind"]) == ("Service", "Job")
    name, count = job["metadata"]["name"], job["spec"]["completions"]
    pod = job["spec"]["template"]["spec"]
    [container] = pod["containers"]
    variables = {entry["name"]: entry.get("value") for entry in container["env"]}
    assert job["spec"]["completionMode"] == "Indexed" and job["spec"]["parallelism"] == count
    assert variables["JAX_NUM_PROCESSES"] == str(count)
    # Pods of an indexed Job are called NAME-INDEX, in the domain of the service.
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
    pod = load_script("pod")
    (tmp_path / "result.json").write_text('{"config": {"epochs": 1}}')

    def train(argv):
        (tmp_path / "config.json").write_text(f'{{"epochs": {argv[-1][-1]}}}')

    monkeypatch.setattr(pod.main, "main", train)
    with pytest.raises(SystemExit) as exit:
        pod.run(argv(tmp_path, "--config.epochs=2"))
    assert exit.value.code == 75
    assert pod.run(argv(tmp_path, "--config.epochs=1")) is None
