import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType, NamedSharding, PartitionSpec

from ssl_jax.errors import UserError
from ssl_jax.networks.norm import BatchNorm
from tests.refusals import refuses

EPSILON = 1e-5


def batch(shape, *, mean=0.5, seed=0):
    rng = np.random.default_rng(seed)
    return (rng.normal(size=shape) * 1.5 + mean).astype(np.float32)


def variables(channels, *, mean=0.0, seed=1):
    rng = np.random.default_rng(seed)

    def draw(low, high):
        return jnp.asarray(rng.uniform(low, high, channels), jnp.float32)

    return {
        "params": {"scale": draw(0.5, 1.5), "bias": draw(-1, 1)},
        "batch_stats": {"mean": draw(-1, 1) + mean, "var": draw(0.5, 1.5)},
    }


def train(norm, tree, x):
    apply = jax.jit(lambda tree, x: norm.apply(tree, x, train=True, mutable=["batch_stats"]))
    return apply(tree, jnp.asarray(x))


def float64(tree):
    return jax.tree.map(lambda a: np.asarray(a, np.float64), tree)


def reference(x, tree, groups):
    """PyTorch's training step in float64, one group and one channel at a time."""
    x, tree = float64(x), float64(tree)
    y, means, variances = np.zeros_like(x), [], []
    size = len(x) // groups
    for group in range(groups):
        rows = slice(group * size, (group + 1) * size)
        for c in range(x.shape[-1]):
            values = x[rows, ..., c]
            normalized = (values - values.mean()) / np.sqrt(values.var() + EPSILON)
            y[rows, ..., c] = normalized * tree["params"]["scale"][c] + tree["params"]["bias"][c]
            means.append(values.mean())
            variances.append(values.var(ddof=1))
    old = tree["batch_stats"]
    mean = 0.9 * old["mean"] + 0.1 * np.reshape(means, (groups, -1)).mean(0)
    var = 0.9 * old["var"] + 0.1 * np.reshape(variances, (groups, -1)).mean(0)
    return y, mean, var


@pytest.mark.parametrize("shape, groups", [((8, 5), 1), ((6, 3, 2, 4), 1), ((6, 3, 2, 4), 3)])
def test_training_step_follows_the_definition(shape, groups):
    x, tree = batch(shape), variables(shape[-1])
    y, updated = train(BatchNorm(groups=groups), tree, x)
    expected, mean, var = reference(x, tree, groups)
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(updated["batch_stats"]["mean"], mean, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(updated["batch_stats"]["var"], var, rtol=1e-5)


def test_evaluation_uses_the_running_averages_alone():
    x, tree = batch((7, 2, 2, 4)), variables(4)
    y = BatchNorm(groups=3).apply(tree, jnp.asarray(x), train=False)
    stats, params = float64(tree["batch_stats"]), float64(tree["params"])
    expected = (x - stats["mean"]) / np.sqrt(stats["var"] + EPSILON) * params["scale"]
    np.testing.assert_allclose(y, expected + params["bias"], rtol=1e-5, atol=1e-6)


def test_gradient_follows_the_closed_form():
    """dx = scale / std (dy - mean(dy) - n mean(dy n)), n the normalised value."""
    x, tree = batch((6, 3, 4)), variables(4)
    dy = batch((6, 3, 4), seed=2)

    def loss(x, params):
        y, _ = BatchNorm().apply({**tree, "params": params}, x, train=True, mutable=["batch_stats"])
        return jnp.sum(y * dy)

    dx, dparams = jax.jit(jax.grad(loss, argnums=(0, 1)))(x, tree["params"])
    x64, dy64, scale, axes = *float64((x, dy, tree["params"]["scale"])), (0, 1)
    std = np.sqrt(x64.var(axes) + EPSILON)
    n = (x64 - x64.mean(axes)) / std
    expected = scale / std * (dy64 - dy64.mean(axes) - n * (dy64 * n).mean(axes))
    np.testing.assert_allclose(dx, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(dparams["scale"], (dy64 * n).sum(axes), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(dparams["bias"], dy64.sum(axes), rtol=1e-4, atol=1e-5)


def test_keeps_its_digits_where_the_mean_is_large():
    """E[x^2] - E[x]^2 alone would be wrong by tens of per cent here."""
    x, tree = batch((64, 8, 4), mean=2000.0), variables(4, mean=2000.0)
    y, updated = train(BatchNorm(), tree, x)
    expected, _, var = reference(x, tree, 1)
    np.testing.assert_allclose(updated["batch_stats"]["var"], var, rtol=1e-5)
    np.testing.assert_allclose(y, expected, atol=2e-3)


def test_running_mean_does_not_change_the_result_of_training():
    x = batch((16, 4))
    y, _ = train(BatchNorm(), variables(4), x)
    moved, _ = train(BatchNorm(), variables(4, mean=3.0), x)
    np.testing.assert_allclose(y, moved, rtol=1e-5, atol=1e-5)


def test_bfloat16_rounds_once_and_keeps_float32_statistics():
    x, tree = jnp.asarray(batch((8, 2, 4)), jnp.bfloat16), variables(4)
    y, updated = train(BatchNorm(dtype=jnp.bfloat16), tree, x)
    expected, mean, var = reference(np.asarray(x, np.float32), tree, 1)
    assert y.dtype == jnp.bfloat16
    np.testing.assert_allclose(np.asarray(y, np.float32), expected, rtol=2**-8, atol=1e-5)
    np.testing.assert_allclose(updated["batch_stats"]["mean"], mean, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(updated["batch_stats"]["var"], var, rtol=1e-5)


@pytest.mark.parametrize("groups", [1, 8])
def test_statistics_do_not_depend_on_the_number_of_devices(groups):
    x, tree = batch((16, 3, 4)), variables(4)
    mesh = jax.make_mesh((8,), ("data",), axis_types=(AxisType.Auto,))
    split = jax.device_put(x, NamedSharding(mesh, PartitionSpec("data")))
    one, many = (train(BatchNorm(groups=groups), tree, images) for images in (x, split))
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(many), strict=True):
        assert np.isfinite(a).all()
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6)


def test_starts_as_pytorch_does_and_initialising_leaves_the_averages():
    norm = BatchNorm(scale_init=jax.nn.initializers.zeros)
    tree = norm.init(jax.random.key(0), jnp.asarray(batch((8, 3))), train=True)
    expected = {
        "params": {"scale": np.zeros(3), "bias": np.zeros(3)},
        "batch_stats": {"mean": np.zeros(3), "var": np.ones(3)},
    }
    jax.tree.map(np.testing.assert_array_equal, tree, expected)


def test_without_scale_and_bias():
    x = batch((8, 3))
    norm = BatchNorm(use_scale=False, use_bias=False)
    tree = norm.init(jax.random.key(0), jnp.asarray(x), train=True)
    assert set(tree) == {"batch_stats"}
    y, _ = train(norm, tree, x)
    np.testing.assert_allclose(y.mean(0), np.zeros(3), atol=1e-6)
    np.testing.assert_allclose(y.std(0), np.ones(3), rtol=1e-4)


def test_groups_divide_the_batch_and_hold_more_than_one_value():
    with refuses("batch_norm_groups", 3):
        train(BatchNorm(groups=3), variables(4), batch((8, 4)))
    with pytest.raises(UserError, match="at least two values per channel"):
        train(BatchNorm(groups=4), variables(4), batch((4, 4)))
