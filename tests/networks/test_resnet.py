from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from torchvision_cases import CASES, CLASSES, MEAN, STD, VECTORS, WIDTH, images, probe, weights

from ssl_jax.networks import resnet
from ssl_jax.networks.norm import BatchNorm
from ssl_jax.networks.torch_names import from_torch, to_torch
from tests.refusals import refuses


def shapes(network, *, channels=3):
    """Shapes of the variables, without computing them."""
    x = jax.ShapeDtypeStruct((2, 32, 32, channels), jnp.float32)
    return jax.eval_shape(partial(network.init, train=True), jax.random.key(0), x)


def torch_shapes(network, *, channels=3):
    tree = shapes(network, channels=channels)
    zeros = jax.tree.map(lambda a: np.zeros(a.shape, np.float32), tree)
    return {name: value.shape for name, value in to_torch(zeros).items()}


def count(tree):
    return sum(a.size for a in jax.tree.leaves(tree))


def test_parameter_counts_are_torchvisions():
    assert count(shapes(resnet.resnet18(num_classes=1000))["params"]) == 11_689_512
    assert count(shapes(resnet.resnet34(num_classes=1000))["params"]) == 21_797_672
    assert count(shapes(resnet.resnet50(num_classes=1000))["params"]) == 25_557_032


@pytest.mark.parametrize("name", ["resnet18", "resnet34", "resnet50"])
def test_names_and_shapes_are_torchvisions(name):
    ours = torch_shapes(getattr(resnet, name)(num_classes=1000))
    stored = np.load(VECTORS)[f"names/{name}"]
    assert {f"{key} {list(shape)}" for key, shape in ours.items()} == set(stored)
    assert len(ours) == len(stored)


@pytest.mark.parametrize("case", CASES)
def test_scores_statistics_and_gradient_are_torchvisions(case):
    block, stage_sizes, stem, padding, pixels = CASES[case]
    network = resnet.ResNet(
        stage_sizes,
        getattr(resnet, block),
        width=WIDTH,
        stem=stem,
        stem_padding=padding,
        mean=MEAN,
        std=STD,
        num_classes=CLASSES,
    )
    variables = from_torch(weights(torch_shapes(network)))

    @jax.jit
    def run(variables, x):
        def loss(params):
            tree = {**variables, "params": params}
            scores, updated = network.apply(tree, x, train=True, mutable=["batch_stats"])
            return jnp.sum(scores * probe()), (scores, updated)

        gradient, (scores, updated) = jax.grad(loss, has_aux=True)(variables["params"])
        return network.apply(variables, x, train=False), scores, gradient, updated

    evaluated, trained, gradient, updated = run(variables, jnp.asarray(images(pixels)))
    stored = {
        name.removeprefix(f"{case}/"): value
        for name, value in np.load(VECTORS).items()
        if name.startswith(f"{case}/")
    }
    ours = {"eval": evaluated, "train": trained} | to_torch(updated)
    ours["gradient"] = to_torch({"params": gradient})["conv1.weight"]
    assert len(stored) > 10
    for name, expected in stored.items():
        tolerance = 2e-4 * np.abs(expected).max()
        np.testing.assert_allclose(ours[name], expected, rtol=1e-4, atol=tolerance, err_msg=name)


def test_convolutions_start_as_torchvisions():
    network = resnet.ResNet((1,), resnet.BasicBlock, zero_init_residual=True)
    variables = jax.jit(partial(network.init, train=True))(
        jax.random.key(0), jnp.zeros((2, 8, 8, 3))
    )
    params = variables["params"]
    for kernel, fan_out in (
        (params["conv1"]["kernel"], 64 * 7 * 7),
        (params["layer1_0"]["conv1"]["kernel"], 64 * 3 * 3),
    ):
        np.testing.assert_allclose(kernel.std(), (2 / fan_out) ** 0.5, rtol=0.03)
        np.testing.assert_allclose(kernel.mean(), 0.0, atol=0.05 * (2 / fan_out) ** 0.5)
        # Normal, not uniform: some values lie outside 1.8 deviations.
        assert np.abs(kernel).max() > 3 * (2 / fan_out) ** 0.5
    np.testing.assert_array_equal(params["layer1_0"]["bn1"]["scale"], np.ones(64))
    np.testing.assert_array_equal(params["layer1_0"]["bn2"]["scale"], np.zeros(64))


@pytest.mark.parametrize(
    "network, width",
    [
        (resnet.resnet18(stem="cifar"), 512),
        (resnet.resnet50(width=16), 512),
        (resnet.ResNet((1, 1), resnet.Bottleneck, width=8), 64),
    ],
)
def test_width_of_the_features_is_known_without_tracing(network, width):
    variables = shapes(network)
    x = jax.ShapeDtypeStruct((2, 32, 32, 3), jnp.float32)
    out = jax.eval_shape(partial(network.apply, train=False), variables, x)
    assert out.shape == (2, width) == (2, network.features)


def test_any_number_of_channels_and_bfloat16_inside():
    network = resnet.ResNet((1,), resnet.BasicBlock, width=8, stem="cifar")
    variables = from_torch(weights(torch_shapes(network, channels=5)))
    x = jax.random.uniform(jax.random.key(1), (4, 8, 8, 5))
    full = jax.jit(partial(network.apply, train=False))(variables, x)
    half = jax.jit(partial(network.clone(dtype=jnp.bfloat16).apply, train=False))(variables, x)
    assert half.dtype == jnp.float32
    assert np.abs(half - full).max() > 1e-5
    np.testing.assert_allclose(half, full, rtol=0.03, atol=0.02)
    stored = shapes(network.clone(dtype=jnp.bfloat16), channels=5)
    assert {a.dtype for a in jax.tree.leaves(stored)} == {jnp.dtype(jnp.float32)}


def test_errors_of_the_user():
    one_block = partial(resnet.ResNet, (1,), resnet.BasicBlock, width=8)
    with refuses("stem", "vgg"):
        shapes(one_block(stem="vgg"))
    with refuses("mean and std", (0.1, 0.2)):
        shapes(one_block(mean=(0.1, 0.2)))
    with refuses("batch_norm_groups", 3):
        shapes(one_block(norm=partial(BatchNorm, groups=3)))
