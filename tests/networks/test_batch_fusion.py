from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssl_jax.networks.batch_fusion import BatchFusion
from tests.refusals import refuses

MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.25, 0.3)
N, SIZE, PATCH = 4, 4, 2


def views(n=N):
    return jax.random.uniform(jax.random.key(0), (n, SIZE, SIZE, 3))


def random_params(fusion, x):
    """Every leaf random, so that none of them is without effect."""
    tree = jax.eval_shape(fusion.init, jax.random.key(0), x)
    rng = np.random.default_rng(1)
    return jax.tree.map(lambda a: jnp.asarray(rng.normal(size=a.shape), jnp.float32), tree)


def mish(x):
    return x * np.tanh(np.log1p(np.exp(x)))


def instance_norm(t, affine):
    """t [M, L, D]: every channel by the mean and variance of its plane."""
    mean, var = t.mean((1, 2), keepdims=True), t.var((1, 2), keepdims=True)
    scale, bias = (affine[name][:, None, None] for name in ("scale", "bias"))
    return (t - mean) / np.sqrt(var + 1e-5) * scale + bias


def spatial(t, kernel):
    """3x3 convolution of t [M, L, D] with zeros around it, one output at a time."""
    m, rows, columns = t.shape
    padded = np.zeros((m, rows + 2, columns + 2))
    padded[:, 1:-1, 1:-1] = t
    out = np.zeros((kernel.shape[-1], rows, columns))
    for o in range(kernel.shape[-1]):
        for row in range(rows):
            for column in range(columns):
                window = padded[:, row : row + 3, column : column + 3]
                out[o, row, column] = np.sum(window * kernel[..., o].transpose(2, 0, 1))
    return out


def embedding_layer(t, params):
    """T' of T [M, L, D], the images being channels as in the paper."""
    f = t
    for i in range(1, sum(name.startswith("pointwise") for name in params) + 1):
        f = np.einsum("io,ild->old", params[f"pointwise{i}"]["kernel"], f)
        f = mish(instance_norm(f, params[f"norm{i}"]))
    f = mish(instance_norm(spatial(f, params["spatial"]["kernel"]), params["norm_spatial"]))
    if "residual" not in params:
        return f + t
    residual = params["residual"]
    return f + np.einsum("io,ild->old", residual["kernel"], t) + residual["bias"][:, None, None]


def reference(x, params, group, *, relu, normalized):
    """Equations 2 to 5 for one group after the other, in float64."""
    x, params = jax.tree.map(lambda a: np.asarray(a, np.float64), (x, params["params"]))
    mean, std = (np.asarray(MEAN), np.asarray(STD)) if normalized else (0.0, 1.0)
    x = (x - mean) / std
    fused = []
    for start in range(0, len(x), group):
        images = x[start : start + group]
        cut = [
            [
                image[row : row + PATCH, column : column + PATCH].ravel()
                for row in range(0, SIZE, PATCH)
                for column in range(0, SIZE, PATCH)
            ]
            for image in images
        ]
        t = np.asarray(cut)
        for i in range(1, len(params) + 1):
            t = embedding_layer(t, params[f"layer{i}"])
        restored = np.zeros_like(images)
        for image, patches in zip(restored, t, strict=True):
            for i, patch in enumerate(patches):
                row, column = divmod(i, SIZE // PATCH)
                rows = slice(row * PATCH, (row + 1) * PATCH)
                columns = slice(column * PATCH, (column + 1) * PATCH)
                image[rows, columns] = patch.reshape(PATCH, PATCH, 3)
        out = restored + images
        fused.append(np.maximum(out, 0.0) if relu else out)
    return np.concatenate(fused) * std + mean


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"restore_activation": "identity", "depth": 2, "residual": "identity"},
        {"fuse_before_normalize": True, "group_size": 2, "width": 5, "pointwise_layers": 1},
    ],
    ids=["default", "two layers", "groups"],
)
def test_block_follows_the_equations(options):
    fusion = BatchFusion(PATCH, mean=MEAN, std=STD, **options)
    x = views()
    params = random_params(fusion, x)
    fused = jax.jit(fusion.apply)(params, x)
    expected = reference(
        x,
        params,
        options.get("group_size", N),
        relu="restore_activation" not in options,
        normalized="fuse_before_normalize" not in options,
    )
    np.testing.assert_allclose(fused, expected, rtol=1e-4, atol=1e-4)


def test_images_of_a_group_communicate_and_no_others():
    fusion = BatchFusion(PATCH, group_size=2, restore_activation="identity", mean=MEAN, std=STD)
    x = views()
    params = random_params(fusion, x)
    weights = jax.random.normal(jax.random.key(1), x.shape)

    @jax.jit
    @jax.jacobian
    def outputs(x):
        return jnp.sum(fusion.apply(params, x) * weights, axis=(1, 2, 3))

    influence = np.abs(outputs(x)).max(axis=(2, 3, 4))
    assert np.isfinite(influence).all()
    same_group = np.kron(np.eye(2), np.ones((2, 2))) == 1
    assert (influence[same_group] > 1e-3).all()
    assert (influence[~same_group] == 0.0).all()


@pytest.mark.parametrize("residual, depth", [("identity", 1), ("conv", 2)])
def test_identity_start_is_the_restored_view_and_learns(residual, depth):
    fusion = BatchFusion(
        PATCH, depth=depth, residual=residual, identity_start=True, mean=MEAN, std=STD
    )
    x = views()
    params = jax.jit(fusion.init)(jax.random.key(0), x)

    @jax.jit
    @partial(jax.grad, has_aux=True)
    def step(params):
        fused = fusion.apply(params, x)
        return jnp.sum((fused - jnp.roll(x, 1, axis=0)) ** 2), fused

    gradient, fused = step(params)
    # In normalised space ReLU removes what is below the mean.
    np.testing.assert_allclose(fused, np.maximum(x, np.asarray(MEAN)), atol=1e-6)
    gradient, _ = step(jax.tree.map(lambda a, da: a - 0.1 * da, params, gradient))
    # No layer is cut off from the loss for good.
    for path, leaf in jax.tree.leaves_with_path(gradient):
        assert np.isfinite(leaf).all() and np.abs(leaf).max() > 1e-6, path


def test_depth_zero_is_the_bare_method():
    fusion = BatchFusion(PATCH, depth=0)
    assert fusion.init(jax.random.key(0), views()) == {}
    np.testing.assert_array_equal(fusion.apply({}, views()), views())


def test_parameters_are_tied_to_the_group_alone():
    def shapes(n, **options):
        x = jax.ShapeDtypeStruct((n, SIZE, SIZE, 3), jnp.float32)
        tree = jax.eval_shape(BatchFusion(PATCH, **options).init, jax.random.key(0), x)
        return jax.tree.map(lambda a: a.shape, tree["params"]["layer1"])

    assert shapes(8, width=5) == {
        "pointwise1": {"kernel": (8, 5)},
        "norm1": {"scale": (5,), "bias": (5,)},
        "pointwise2": {"kernel": (5, 5)},
        "norm2": {"scale": (5,), "bias": (5,)},
        "spatial": {"kernel": (3, 3, 5, 8)},
        "norm_spatial": {"scale": (8,), "bias": (8,)},
        "residual": {"kernel": (8, 8), "bias": (8,)},
    }
    assert shapes(8, group_size=4) == shapes(32, group_size=4) == shapes(4)


def test_initialised_as_pytorch_does():
    fusion = BatchFusion(PATCH)
    x = jnp.zeros((64, SIZE, SIZE, 3))
    layer = jax.jit(fusion.init)(jax.random.key(0), x)["params"]["layer1"]
    for kernel, fan_in in (
        (layer["pointwise1"]["kernel"], 64),
        (layer["spatial"]["kernel"], 9 * 64),
        (layer["residual"]["kernel"], 64),
    ):
        assert np.abs(kernel).max() <= fan_in**-0.5
        np.testing.assert_allclose(kernel.std(), (3 * fan_in) ** -0.5, rtol=0.05)
    assert 0.7 / 8 < np.abs(layer["residual"]["bias"]).max() <= 1 / 8


def test_bfloat16_inside_float32_outside():
    x = views()
    fusion = BatchFusion(PATCH, mean=MEAN, std=STD)
    params = random_params(fusion, x)
    half = jax.jit(fusion.clone(dtype=jnp.bfloat16).apply)(params, x)
    assert half.dtype == jnp.float32
    full = jax.jit(fusion.apply)(params, x)
    np.testing.assert_allclose(half, full, rtol=0.05, atol=0.05)


@pytest.mark.parametrize(
    ("key", "value"),
    [("group_size", 3), ("patch_size", 3), ("residual", "none"), ("restore_activation", "gelu")],
)
def test_errors_of_the_user(key, value):
    fusion = BatchFusion(**{"patch_size": PATCH, key: value})
    with refuses(key, value):
        jax.eval_shape(partial(fusion.init, jax.random.key(0)), views())
