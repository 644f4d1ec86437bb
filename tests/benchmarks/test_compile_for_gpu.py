"""What is counted in a program for a GPU; compiling one needs jax's plugin for CUDA."""

import compile_for_gpu as script
import pytest
from hlo.kernels import kernels

from ssl_jax.errors import UserError

# 2 x 4096^3 operations on 100 MB: bound by its operations. Then 1 GiB read and written: bound by
# its bytes. Then next to nothing.
PATH = 'metadata={op_name="jit(single)/jvp(loss)'
TEXT = f"""HloModule jit_single

ENTRY %main (a: bf16[4096,4096], b: bf16[4096,4096], c: f32[8]) -> f32[8] {{
  %a = bf16[4096,4096]{{1,0}} parameter(0)
  %b = bf16[4096,4096]{{1,0}} parameter(1)
  %c = f32[8]{{0}} parameter(2)
  %dot = bf16[4096,4096]{{1,0}} dot(%a, %b), lhs_contracting_dims={{1}}, {PATH}/MLP/dot_general"}}
  %wide = f32[134217728]{{0}} broadcast(%c), dimensions={{}}, {PATH}/ResNet/relu"}}
  %large = f32[134217728]{{0}} negate(%wide), {PATH}/ResNet/relu"}}
  ROOT %small = f32[8]{{0}} negate(%c), metadata={{op_name="jit(single)/optimizer/neg"}}
}}
"""


def test_the_least_time_is_that_of_operations_or_of_bytes():
    figures = script.count(kernels(TEXT), activation=10**6, compute="bfloat16")
    rows = figures["categories"]
    assert rows["matrix product"]["least ms"] == pytest.approx(2 * 4096**3 / 790e12 * 1e3)
    # Written once by the broadcast, then read and written: 3 x 512 MiB.
    moved = 3 * 2**29 + 32
    network = rows["normalisation and activation"]
    assert network["GB"] == pytest.approx(moved / 1e9)
    assert network["least ms"] == pytest.approx(moved / 4.3e12 * 1e3)
    assert rows["optimizer and momentum"]["small kernels"] == 1
    assert rows["together"]["kernels"] == 4 and rows["together"]["small kernels"] == 1
    assert figures["activations written as float32, GB"] == pytest.approx(2**30 / 1e9)
    table = script.report({**figures, "temporary memory, MiB": 1.5})
    assert "together" in table and "temporary memory, MiB: 1.500" in table


def test_without_the_plugin_it_says_what_to_install(monkeypatch):
    def missing(**_):
        raise NotImplementedError("topology not implemented for cuda")

    monkeypatch.setattr(script.topologies, "get_topology_desc", missing)
    with pytest.raises(UserError, match="pip install jax-cuda13-plugin==") as caught:
        script.compile_step(None)
    assert "\n" not in str(caught.value)
