"""What the kernels of a program do together."""

from hlo import categories
from hlo.findings import findings
from hlo.kernels import kernels

from tests.benchmarks.hlo.gpu_program import ACTIVATION, GPU, TAPS


def test_findings():
    found = findings(kernels(GPU), activation=ACTIVATION, compute="bfloat16")
    assert (
        found.kernels[categories.RANDOM] == 6 and found.kernels[categories.OPTIMIZER] == 6 + 1 + 1
    )
    assert found.bytes[categories.RANDOM] == 6 * 24
    assert found.flop[categories.FILTER] == 2 * TAPS
    assert found.loops == ("while.2",)
    # copy.1 writes half as many values.
    assert [k.name for k in found.layout] == ["input_transpose_fusion"]
    large = ["loop_subtract_fusion", "decayed", "all-reduce-start"]
    assert [k.name for k in found.float32] == large
    half = findings(kernels(GPU), activation=2048, compute="float32")
    assert [k.name for k in half.layout] == ["input_transpose_fusion", "copy.1"]
    assert half.float32 == ()
