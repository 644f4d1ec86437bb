"""When the device works and when it waits."""

import pytest
from step_profile.trace import timeline

from tests.benchmarks.step_profile.two_steps import TRACE


def test_when_the_device_waits():
    # Busy 0-40, 45-53, 60-62, 200-258; gaps of 5, 7 and 138 us.
    assert timeline(TRACE, 2) == pytest.approx(
        {
            "events": 4.5,
            "ms busy": 0.108 / 2,
            "gaps": 1.5,
            "ms in short gaps": 0.012 / 2,
            "long gaps": 0.5,
            "ms in long gaps": 0.138 / 2,
        }
    )
