"""Memory predicted from shapes, against what is counted by hand and against compiled programs."""

import jax
import jax.numpy as jnp
import pytest

from ssl_jax.devices.hardware import program_memory
from ssl_jax.setup.build import build
from ssl_jax.setup.needs import needs
from ssl_jax.setup.random_images import random_images
from ssl_jax.training import memory
from tests.setup.test_build import config_of

FLOAT = jax.ShapeDtypeStruct((100, 100), jnp.float32)
SIZE = 4 * 100 * 100


@pytest.fixture(autouse=True)
def exact(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "OVERHEAD", 1.0)


def test_products_lie_in_memory_and_elementwise_results_do_not() -> None:
    def chain(x: jax.Array) -> jax.Array:
        return jnp.sum(jnp.exp(2 * (x @ x) + 1))  # the product, and a sum of one number

    assert memory.predict(chain, FLOAT) == (SIZE, SIZE + 4)


def test_what_the_backward_pass_needs_stays() -> None:
    def layers(x: jax.Array, *, count: int) -> jax.Array:
        for _ in range(count):
            x = jnp.tanh(x @ x)
        return jnp.sum(x)

    peaks = [
        memory.predict(jax.grad(lambda x, n=n: layers(x, count=n)), FLOAT).temporary for n in (4, 8)
    ]
    # Of each layer what comes out of it; what it makes of its input is needed no longer.
    assert 4 * SIZE <= peaks[1] - peaks[0] <= 8 * SIZE


def test_a_value_that_ends_makes_room() -> None:
    def chain(x: jax.Array) -> jax.Array:
        for _ in range(10):
            x = x @ x
        return x

    assert memory.predict(chain, FLOAT).temporary == 2 * SIZE


def test_devices_share_what_has_the_batch_as_an_axis() -> None:
    def product(images: jax.Array, weights: jax.Array) -> jax.Array:
        return images @ weights

    images = jax.ShapeDtypeStruct((800, 30), jnp.float32)
    weights = jax.ShapeDtypeStruct((30, 20), jnp.float32)
    found = memory.predict(product, images, weights, batch=800, devices=8)
    assert found == (4 * (100 * 30 + 30 * 20), 4 * 100 * 20)


def test_a_train_step_is_predicted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()  # with the overhead
    devices = jax.devices()[:1]
    monkeypatch.setattr("jax.devices", lambda: devices)
    config = config_of("simclr")
    config.batch_size, config.network.stages, config.network.width = 64, (1, 1), 8
    config.network.dtype = "float32"
    setup = build(config, random_images(config, batches=1))
    try:
        expected = program_memory(setup.trainer.lower().compile())
        assert needs(setup, config).on_device == pytest.approx(expected, rel=0.25)
    finally:
        setup.trainer.close()
