"""The profile of a real step, and the flags of the script."""

import json

import jax
import profile_step
import pytest
from hlo import categories
from ssl_jax.configs import common, simclr

from ssl_jax.errors import UserError
from ssl_jax.run.speed import work
from ssl_jax.setup.build import build
from ssl_jax.setup.random_images import random_images


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
    for name in (
        categories.FORWARD,
        categories.DATA,
        categories.FILTER,
        categories.MATRIX,
        categories.NETWORK,
        categories.RANDOM,
    ):
        assert rows[name]["ms"] > 0 and rows[name]["kernels"] > 0, name
    # Together these are the operations of the source, of which each device does its share.
    setup = build(config, splits=random_images(config, batches=1))
    names = (
        categories.FORWARD,
        categories.DATA,
        categories.FILTER,
        categories.BACKWARD,
        categories.MATRIX,
        categories.LOSS,
    )
    done = sum(rows[name]["GFLOP"] for name in names if name in rows) * 1e9 * devices
    assert done == pytest.approx(work(setup), rel=0.02)
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
