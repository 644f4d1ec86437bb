"""From the events of a trace to the figures of kernels and categories."""

import pytest
from hlo import categories
from step_profile.figures import figures

from tests.benchmarks.step_profile.two_steps import FUSION, KERNEL, TRACE


def test_the_table_of_a_trace():
    found = figures([KERNEL, FUSION], TRACE, steps=2, activation=1000, compute="bfloat16")
    rows = found["categories"]
    assert {name: row["ms"] for name, row in rows.items()} == pytest.approx(
        {
            categories.FORWARD: 0.04,
            categories.OPTIMIZER: 0.01,
            categories.DATA: 0.004,
            categories.OTHER: 0.001,
        }
    )
    assert rows[categories.FORWARD]["TFLOP/s"] == pytest.approx(8e6 / 40e-6 / 1e12)
    assert rows[categories.OPTIMIZER]["TB/s"] == pytest.approx(2 * 4000 / 10e-6 / 1e12)
    assert [k["name"] for k in found["longest kernels"]] == [KERNEL.name, FUSION.name]
    assert found["longest kernels"][0]["event"] == "sm90_xmma_fprop"
    assert [e["name"] for e in found["not of the program"]] == ["sm90_xmma_dgrad", "MemcpyH2D"]
    assert found["findings"]["layout inside libraries, ms"] == pytest.approx(0.01)
