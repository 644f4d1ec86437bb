import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax.errors import InvalidRngError
from flax.traverse_util import flatten_dict

from ssl_jax.errors import UserError
from ssl_jax.networks import vit
from ssl_jax.networks.patches import patchify, unpatchify

MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.25, 0.3)
HEIGHT, WIDTH = 12, 8
tiny = partial(
    vit.VisionTransformer,
    patch_size=4,
    width=8,
    depth=2,
    heads=2,
    mlp_ratio=1.5,
    mean=MEAN,
    std=STD,
)


def images(n=2, height=HEIGHT, width=WIDTH, channels=3):
    return jax.random.uniform(jax.random.key(1), (n, height, width, channels))


def shapes(network, height=HEIGHT, width=WIDTH):
    x = jax.ShapeDtypeStruct((2, height, width, 3), jnp.float32)
    return jax.eval_shape(partial(network.init, train=True), jax.random.key(0), x)


def random_variables(network):
    """Every parameter random, so that none can be missed."""
    rng = np.random.default_rng(0)
    return jax.tree.map(
        lambda a: jnp.asarray(rng.normal(0.0, 0.5, a.shape), jnp.float32), shapes(network)
    )


def evaluate(network, variables, x):
    return jax.jit(partial(network.apply, train=False))(variables, x)


# The reference: float64, image by image, head by head, query by query.


def layer_norm(x, p):
    deviations = x - x.mean(-1, keepdims=True)
    variance = (deviations**2).mean(-1, keepdims=True)
    return deviations / np.sqrt(variance + 1e-6) * p["scale"] + p["bias"]


def linear(x, p):
    return x @ p["kernel"] + p["bias"]


def attention(z, p, heads):
    query, key, value = np.split(linear(z, p), 3, axis=-1)
    out, size = np.zeros_like(z), z.shape[-1] // heads
    for head in range(heads):
        part = slice(head * size, (head + 1) * size)
        for i in range(len(z)):
            scores = np.exp(key[:, part] @ query[i, part] / math.sqrt(size))
            out[i, part] = scores / scores.sum() @ value[:, part]
    return out


def gelu(x):
    return x * (1 + np.vectorize(math.erf)(x / math.sqrt(2))) / 2


def position(y, x, width):
    """sin and cos of the row's angles, then of the column's."""
    angles = [10_000 ** (-4 * i / width) for i in range(width // 4)]
    functions = [(math.sin, y), (math.cos, y), (math.sin, x), (math.cos, x)]
    return [function(at * angle) for function, at in functions for angle in angles]


def reference(network, params, batch):
    p = jax.tree.map(partial(np.asarray, dtype=np.float64), params)
    size, width, learned = network.patch_size, network.width, network.positions == "learned"
    features = []
    for image in (np.asarray(batch, np.float64) - MEAN) / STD:
        tokens = []
        if network.pooling == "class":
            tokens.append(p["class_token"] + (p["class_position"] if learned else 0.0))
        for y in range(image.shape[0] // size):
            for x in range(image.shape[1] // size):
                patch = image[y * size : (y + 1) * size, x * size : (x + 1) * size].ravel()
                at = p["positions"][y, x] if learned else position(y, x, width)
                tokens.append(linear(patch, p["patch_projection"]) + at)
        z = np.stack(tokens)
        for index in range(network.depth):
            block = p[f"block{index}"]
            y = attention(layer_norm(z, block["norm1"]), block["qkv"], network.heads)
            z = z + linear(y, block["proj"])
            y = linear(layer_norm(z, block["norm2"]), block["fc1"])
            z = z + linear(gelu(y), block["fc2"])
        z = layer_norm(z, p["norm"])
        features.append(z[0] if network.pooling == "class" else z.mean(axis=0))
    return np.stack(features)


@pytest.mark.parametrize("pooling", ["class", "mean"])
@pytest.mark.parametrize("positions", ["sincos", "learned"])
def test_features_are_those_of_a_float64_reference(positions, pooling):
    network = tiny(positions=positions, pooling=pooling)
    variables = random_variables(network)
    features = evaluate(network, variables, images())
    expected = reference(network, variables["params"], images())
    assert np.isfinite(expected).all() and expected.std() > 0.1
    assert features.shape == (2, network.features) and features.dtype == jnp.float32
    np.testing.assert_allclose(features, expected, rtol=1e-4, atol=1e-4)


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


def test_dropout_is_for_training_and_needs_its_key():
    network = tiny(dropout=0.5)
    variables = random_variables(network)
    apply = jax.jit(network.apply, static_argnames="train")

    def train(seed):
        return apply(variables, images(), train=True, rngs={"dropout": jax.random.key(seed)})

    np.testing.assert_array_equal(train(3), train(3))
    assert np.abs(train(3) - train(4)).max() > 0.01
    without = evaluate(tiny(), variables, images())
    np.testing.assert_array_equal(evaluate(network, variables, images()), without)
    with pytest.raises(InvalidRngError, match="dropout"):
        network.apply(variables, images(), train=True)


def test_places_of_dropout_in_a_block():
    block = vit.Block(heads=1, hidden=64, dropout=0.5)
    z = jax.random.normal(jax.random.key(0), (2, 8, 64))
    params = block.init(jax.random.key(1), z, train=False)["params"]
    nothing = {"kernel": jnp.zeros((64, 64)), "bias": jnp.zeros(64)}

    def added(params, train):
        return block.apply({"params": params}, z, train, rngs={"dropout": jax.random.key(2)}) - z

    # Once on what attention adds; twice on what the MLP adds if its second layer is the identity.
    for changes, kept in (
        ({"fc2": nothing}, 0.5),
        ({"proj": nothing, "fc2": {**nothing, "kernel": jnp.eye(64)}}, 0.25),
    ):
        whole = added({**params, **changes}, train=False)
        dropped = added({**params, **changes}, train=True)
        left = np.abs(dropped) > 1e-6
        np.testing.assert_allclose(dropped, np.where(left, whole / kept, 0.0), atol=1e-5)
        np.testing.assert_allclose(left.mean(), kept, atol=0.08)

    network = tiny(depth=0, dropout=0.5, pooling="mean")
    variables = random_variables(network)
    rngs = {"dropout": jax.random.key(0)}
    trained = network.apply(variables, images(), train=True, rngs=rngs)
    assert np.abs(trained - evaluate(network, variables, images())).max() > 0.01


def test_bfloat16_inside():
    network = vit.VisionTransformer(patch_size=4, width=64, depth=2, heads=2)
    variables = jax.jit(partial(network.init, train=True))(jax.random.key(0), images())
    full = evaluate(network, variables, images())
    half = evaluate(network.clone(dtype=jnp.bfloat16), variables, images())
    assert half.dtype == jnp.float32
    assert 1e-4 < np.abs(half - full).max() < 0.05
    stored = shapes(network.clone(dtype=jnp.bfloat16))
    assert {a.dtype for a in jax.tree.leaves(stored)} == {jnp.dtype(jnp.float32)}


@pytest.mark.parametrize(
    "name, width, known",
    [("vit_tiny", 192, 5_524_416), ("vit_small", 384, 21_665_664), ("vit_base", 768, 85_798_656)],
)
def test_parameter_counts_are_the_known_ones(name, width, known):
    network = getattr(vit, name)(positions="learned")
    count = sum(a.size for a in jax.tree.leaves(shapes(network, 224, 224)))
    embedding = 16 * 16 * 3 * width + width + width + 197 * width
    block = 2 * 2 * width + 4 * (width * width + width) + 2 * 4 * width * width + 5 * width
    assert count == known == embedding + 12 * block + 2 * width


def test_parameters_start_as_in_moco_v3():
    network = vit.VisionTransformer(
        patch_size=8, width=64, depth=1, heads=4, positions="learned", mlp_ratio=2.0
    )
    x = jnp.zeros((1, 64, 64, 3))
    params = flatten_dict(jax.jit(partial(network.init, train=True))(jax.random.key(0), x), sep="/")
    xavier = {
        "params/patch_projection/kernel": (8 * 8 * 3, 64),
        "params/block0/qkv/kernel": (64, 64),
        "params/block0/proj/kernel": (64, 64),
        "params/block0/fc1/kernel": (64, 128),
        "params/block0/fc2/kernel": (128, 64),
    }
    for name, fans in xavier.items():
        bound = math.sqrt(6 / sum(fans))
        assert 0.98 * bound < np.abs(params[name]).max() <= bound, name
        np.testing.assert_allclose(params[name].std(), bound / math.sqrt(3), rtol=0.03)
    np.testing.assert_allclose(params["params/class_token"].std(), 1e-6, rtol=0.3)
    np.testing.assert_allclose(params["params/class_position"].std(), 0.02, rtol=0.3)
    np.testing.assert_allclose(params["params/positions"].std(), 0.02, rtol=0.1)
    # Weights, and they alone, have more than one axis: `optim.is_kernel` relies on it.
    tables = {name for name, a in params.items() if a.ndim > 1}
    assert tables == set(xavier) | {"params/positions"}


def test_all_parameters_learn():
    network = tiny(positions="learned")
    params = random_variables(network)["params"]

    def loss(params):
        features = network.apply({"params": params}, images(), train=False)
        return jnp.sum(features * jnp.arange(16.0).reshape(2, 8) ** 2)

    gradient = flatten_dict(jax.jit(jax.grad(loss))(params), sep="/")
    for name, value in gradient.items():
        assert np.isfinite(value).all() and np.abs(value).max() > 1e-4, name


@pytest.mark.parametrize(
    "options, message",
    [
        ({"patch_size": 5}, "patch size 5 does not divide images of 12 x 8 pixels"),
        ({"heads": 3}, "3 heads do not divide the ViT width 8"),
        ({"width": 6}, "sincos positions need a ViT width that 4 divides, not 6"),
        ({"positions": "rotary"}, "ViT positions 'rotary' must be sincos or learned"),
        ({"pooling": "max"}, "ViT pooling 'max' must be class or mean"),
        ({"mean": (0.1, 0.2)}, "must have one value or one for each"),
    ],
)
def test_errors_of_the_user(options, message):
    with pytest.raises(UserError, match=message):
        shapes(tiny(**options))
