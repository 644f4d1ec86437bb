"""The shell scripts parse, and print their usage."""

import os

import pytest

from tests.launch.stubbed_site import LAUNCH


@pytest.mark.parametrize("script", ["slurm.sh", "tpu_pod.sh"])
def test_scripts_parse_and_say_how_they_are_used(script, site):
    assert os.access(LAUNCH / script, os.X_OK)
    assert site.run("bash", "-n", f"launch/{script}") == (0, "", "")
    code, out, errors = site.run(f"launch/{script}", "--help")
    assert (code, errors, out.count("\n")) == (0, "", 1) and out.startswith("usage: ")
    assert script in out
