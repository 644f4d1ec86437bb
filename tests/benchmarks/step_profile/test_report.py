"""The report of a profile whose trace is empty."""

from step_profile.figures import figures
from step_profile.report import report
from step_profile.trace import timeline

from tests.benchmarks.step_profile.two_steps import KERNEL


def test_without_a_trace_the_report_still_describes_the_program():
    found = figures([KERNEL], [], steps=2, activation=1000, compute="bfloat16")
    step = {"ms": 1.0, "ms while traced": 1.0, "ms until handed over": 0.5}
    text = report(
        {
            **found,
            "step": {**step, **timeline([], 2)},
            "device": "1 x NVIDIA H200",
            "jax": "0",
            "dtype": "bfloat16",
            "batch": 8,
            "steps": 2,
            "command buffers": False,
        }
    )
    assert "no work of the device" in text and "On CPU" not in text
    assert "Kernels a step: 1" in text
