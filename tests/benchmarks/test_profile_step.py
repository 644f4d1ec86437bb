"""The profile of a step: from events to a table by hand, and once for real."""

import json

import hlo
import jax
import profile_step
import pytest
from profile_step import Event

from configs import common, simclr
from ssl_jax import benchmark
from ssl_jax.errors import UserError
from ssl_jax.setup.build import build

SHAPE = hlo.Shape("bf16", (1000,))
KERNEL = hlo.Kernel(
    name="cudnn-conv.1",
    opcode="custom-call",
    kind="",
    target="__cudnn$convForward",
    inner=(),
    operands=(SHAPE,),
    outputs=(SHAPE,),
    read=2000,
    written=2000,
    flop=8_000_000,
    product=hlo.FORWARD,
    op_name="jit(single)/jvp(loss)/ResNet/conv1/conv_general_dilated",
    count=1,
    loop="",
)
FUSION = KERNEL._replace(
    name="loop_multiply_fusion.2",
    opcode="fusion",
    kind="kLoop",
    target="",
    flop=0,
    product="",
    op_name="jit(single)/optimizer/mul",
    count=2,
)


def events(*rows):
    """Of (name, op, start, duration) in microseconds."""
    return [Event(n, op, start * 1e-6, (start + time) * 1e-6) for n, op, start, time in rows]


# Two steps. Of the convolution two events each, one that changes the layout.
TRACE = events(
    ("nchwToNhwcKernel", "cudnn-conv.1", 0, 10),
    ("sm90_xmma_fprop", "cudnn-conv.1", 10, 30),
    ("loop_multiply_fusion_2", "", 45, 5),  # inside a CUDA graph: no instruction is named
    ("loop_multiply_fusion_2", "command_buffer.1", 48, 5),  # on another stream, overlaps
    ("MemcpyH2D", "", 60, 2),
    ("nchwToNhwcKernel", "cudnn-conv.1", 200, 10),
    ("sm90_xmma_fprop", "cudnn-conv.1", 210, 30),
    ("loop_multiply_fusion_2", "loop_multiply_fusion.2", 240, 10),
    ("sm90_xmma_dgrad", "command_buffer.1", 250, 8),
)


def test_the_table_of_a_trace():
    found = profile_step.figures(
        [KERNEL, FUSION], TRACE, steps=2, activation=1000, compute="bfloat16"
    )
    rows = found["categories"]
    assert {name: row["ms"] for name, row in rows.items()} == pytest.approx(
        {hlo.FORWARD: 0.04, hlo.OPTIMIZER: 0.01, hlo.DATA: 0.004, hlo.OTHER: 0.001}
    )
    assert rows[hlo.FORWARD]["TFLOP/s"] == pytest.approx(8e6 / 40e-6 / 1e12)
    assert rows[hlo.OPTIMIZER]["TB/s"] == pytest.approx(2 * 4000 / 10e-6 / 1e12)
    assert [k["name"] for k in found["longest kernels"]] == [KERNEL.name, FUSION.name]
    assert found["longest kernels"][0]["event"] == "sm90_xmma_fprop"
    assert [e["name"] for e in found["not of the program"]] == ["sm90_xmma_dgrad", "MemcpyH2D"]
    assert found["findings"]["layout inside libraries, ms"] == pytest.approx(0.01)


def test_when_the_device_waits():
    # Busy 0-40, 45-53, 60-62, 200-258; gaps of 5, 7 and 138 us.
    assert profile_step.timeline(TRACE, 2) == pytest.approx(
        {
            "events": 4.5,
            "ms busy": 0.108 / 2,
            "gaps": 1.5,
            "ms in short gaps": 0.012 / 2,
            "long gaps": 0.5,
            "ms in long gaps": 0.138 / 2,
        }
    )


def test_without_a_trace_the_program_is_still_told():
    found = profile_step.figures([KERNEL], [], steps=2, activation=1000, compute="bfloat16")
    step = {"ms": 1.0, "ms while traced": 1.0, "ms until handed over": 0.5}
    text = profile_step.report(
        {
            **found,
            "step": {**step, **profile_step.timeline([], 2)},
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


@pytest.fixture(scope="module")
def config():
    config = simclr.get_config()
    config.batch_size = 16
    config.network.width, config.network.stages = 4, (1,)
    config.augment = common.views(common.view(size=8, copies=2))
    config.method.hidden = config.method.out = 8
    return config


@pytest.fixture(scope="module")
def result(config, tmp_path_factory):
    return profile_step.profile(config, 2, tmp_path_factory.mktemp("trace"))


def test_a_profile_of_the_real_step(result, config):
    rows, devices = result["categories"], jax.device_count()
    for name in (hlo.FORWARD, hlo.DATA, hlo.FILTER, hlo.MATRIX, hlo.NETWORK, hlo.RANDOM):
        assert rows[name]["ms"] > 0 and rows[name]["kernels"] > 0, name
    # All operations are those that the source has; one device of eight does its share.
    run = build(config, splits=benchmark.random_images(config, batches=1))
    names = (hlo.FORWARD, hlo.DATA, hlo.FILTER, hlo.BACKWARD, hlo.MATRIX, hlo.LOSS)
    done = sum(rows[name]["GFLOP"] for name in names if name in rows) * 1e9 * devices
    assert done == pytest.approx(benchmark.work(run), rel=0.02)
    assert 0 < result["step"]["ms busy"] <= 1.01 * result["step"]["ms while traced"]
    assert result["findings"]["float32"]["kernels"] == 0  # it computes in float32
    layers = [k["source"] for k in result["longest kernels"]]
    assert any("ResNet" in source for source in layers)


def test_the_report_shows_every_category(result):
    text = profile_step.report(json.loads(json.dumps(result)))
    assert all(f"\n{name} " in text for name in result["categories"])
    assert "shares overlap" in text and "Kernels a step:" in text


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--steps=0", "--steps=0"),
        ("--steps=two", "--steps=two"),
        ("--command_buffers=no", "on or off"),
    ],
)
def test_wrong_flags(flag, message):
    with pytest.raises(UserError, match=message):
        profile_step.main(["profile_step", "--config=configs/simclr.py", flag])
