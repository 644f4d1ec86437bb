"""Positions of patches in a ViT: their tables, their sizes, their place."""

import math

import jax.numpy as jnp
import numpy as np
import pytest
from tiny_vit import HEIGHT, WIDTH, evaluate, images, random_variables, tiny
from vit_reference import position, reference

from ssl_jax.networks import vit
from ssl_jax.networks.patches import patchify, unpatchify


def test_sincos_products_depend_on_the_offset_alone():
    table = vit.sincos_positions(5, 7, 16).astype(np.float64)
    cells = [(y, x) for y in range(5) for x in range(7)]
    products = {}
    for y, x in cells:
        for v, u in cells:
            products.setdefault((v - y, u - x), []).append(table[y, x] @ table[v, u])
    for values in products.values():
        np.testing.assert_allclose(values, values[0], atol=1e-5)
    # cos(w dy) and cos(w dx) summed over the four frequencies 1, 0.1, 0.01, 0.001.
    cosines = [math.cos(2 / 10**i) + math.cos(3 / 10**i) for i in range(4)]
    np.testing.assert_allclose(products[2, -3][0], sum(cosines), rtol=1e-6)
    np.testing.assert_allclose(table[3, 5], position(3, 5, 16), atol=1e-6)


def test_patches_moved_together_with_their_positions_are_the_same_image():
    network = tiny(positions="learned", pooling="mean")
    params = random_variables(network)["params"]
    order = np.random.default_rng(2).permutation(6)
    moved = unpatchify(patchify(images(), 4)[:, order], 4, HEIGHT, WIDTH)
    positions = params["positions"].reshape(6, 8)[order].reshape(3, 2, 8)
    before = evaluate(network, {"params": params}, images())
    both = evaluate(network, {"params": {**params, "positions": positions}}, moved)
    alone = evaluate(network, {"params": params}, moved)
    np.testing.assert_allclose(both, before, rtol=1e-5, atol=1e-5)
    assert np.abs(alone - before).max() > 0.01


@pytest.mark.parametrize("positions", ["sincos", "learned"])
def test_parameters_suit_every_image_size(positions):
    """A table of which each row and column is the same resizes to itself, whatever the kernel."""
    network = tiny(positions=positions)
    variables = random_variables(network)
    larger = images(height=20, width=16)
    if positions == "learned":
        params = variables["params"]
        flat = jnp.broadcast_to(params["positions"][0, 0], (3, 2, 8))
        variables = {"params": {**params, "positions": flat}}
        flat = jnp.broadcast_to(flat[0, 0], (5, 4, 8))
        expected = {**variables["params"], "positions": flat}
    else:
        expected = variables["params"]
    np.testing.assert_allclose(
        evaluate(network, variables, larger),
        reference(network, expected, larger),
        rtol=1e-4,
        atol=1e-4,
    )


def test_resized_positions_keep_their_order():
    """A ramp stays one away from the borders, along both axes."""
    ramp = jnp.stack(jnp.meshgrid(jnp.arange(8.0), 10.0 * jnp.arange(6.0), indexing="ij"), -1)

    class Positions(vit.VisionTransformer):
        def __call__(self, rows, columns):
            return self._positions(rows, columns)

    network = Positions(patch_size=1, width=2, depth=0, heads=1, positions="learned")
    resized = network.apply({"params": {"positions": ramp}}, 16, 12)
    y, x = np.meshgrid(np.arange(16), np.arange(12), indexing="ij")
    # Centres of pixels: (i + 1/2) / 2 - 1/2.
    expected = np.stack([y / 2 - 0.25, 10 * (x / 2 - 0.25)], axis=-1)
    inner = (slice(4, -4), slice(4, -4))
    np.testing.assert_allclose(resized[inner], expected[inner], atol=1e-4)
    np.testing.assert_array_equal(network.apply({"params": {"positions": ramp}}, 8, 6), ramp)
