"""Operation counts compared with numbers worked out by hand."""

import jax
import jax.numpy as jnp

from ssl_jax.networks.resnet import resnet18
from ssl_jax.training import flops


def test_products_and_convolutions_count_two_per_multiply_add():
    matrix = jnp.ones((3, 5)), jnp.ones((5, 7))
    assert flops.forward(jnp.matmul, *matrix) == 2 * 3 * 5 * 7
    images, kernel = jnp.ones((2, 8, 8, 3)), jnp.ones((3, 3, 3, 4))

    def conv(stride):
        dimensions = ("NHWC", "HWIO", "NHWC")
        return lambda x, k: jax.lax.conv_general_dilated(
            x, k, (stride, stride), ((1, 1), (1, 1)), dimension_numbers=dimensions
        )

    assert flops.forward(conv(1), images, kernel) == 2 * (2 * 8 * 8 * 4) * (3 * 3 * 3)
    assert flops.forward(conv(2), images, kernel) == 2 * (2 * 4 * 4 * 4) * (3 * 3 * 3)


def test_jitted_and_repeated_parts_are_counted_as_often_as_they_run():
    a, b = jnp.ones((4, 4)), jnp.ones((4, 4))

    def repeated(a, b):
        return jax.lax.scan(lambda c, _: (jax.jit(jnp.matmul)(c, b), None), a, length=6)[0]

    assert flops.forward(repeated, a, b) == 6 * 2 * 4**3


def test_what_is_trained_counts_three_times_and_what_is_not_once():
    x, frozen = jnp.ones((2, 3)), jnp.ones((3, 3))

    def loss(params):
        hidden = x @ params["first"]  # no gradient to x
        target = jax.lax.stop_gradient(x @ frozen)
        return jnp.sum(hidden @ params["second"] - target)

    params = {"first": jnp.ones((3, 3)), "second": jnp.ones((3, 3))}
    assert flops.trained(loss, params) == (2 + 3 + 1) * 2 * 2 * 3 * 3


def test_a_trained_view_of_the_cifar_resnet_18_takes_3_33_gflop():
    network = resnet18(stem="cifar")
    images = jax.ShapeDtypeStruct((1, 32, 32, 3), jnp.float32)
    variables = jax.eval_shape(
        lambda key, x: network.init(key, x, train=False), jax.random.key(0), images
    )

    def loss(params):
        stats = jax.tree.map(lambda s: jnp.zeros(s.shape), variables["batch_stats"])
        features = network.apply(
            {"params": params, "batch_stats": stats}, jnp.zeros(images.shape), train=False
        )
        return features.sum()

    assert round(flops.trained(loss, variables["params"]) / 1e9, 2) == 3.33
