"""Convolutions and matrix products, from HLO for a GPU and from what XLA compiles here."""

import jax
import jax.numpy as jnp
import pytest
from hlo import categories
from hlo.categories import category
from hlo.findings import findings
from hlo.kernels import kernels

from ssl_jax.training import flops
from tests.benchmarks.hlo.gpu_program import GPU


def test_a_gradient_to_the_filter_is_told_by_its_kind_then_by_its_window():
    def category_of(text):
        return next(category(k) for k in kernels(text) if k.name == "cudnn-conv.4")

    small = GPU.replace("size=4x4", "size=2x2")  # fewer taps than the 3x3 places of the result
    assert category_of(small) == categories.FILTER
    kind = ", convolution_kind=wgrad"
    assert category_of(GPU.replace(kind, "")) == categories.FILTER
    assert category_of(small.replace(kind, "")) == categories.DATA
    assert category_of(GPU.replace("size=4x4", "size=3x3").replace(kind, "")) == categories.BACKWARD


@pytest.mark.parametrize("stride", [1, 2])
def test_operations_are_those_of_the_source(stride):
    """A convolution and its gradients as XLA compiles them here, against `training.flops`."""
    dims = ("NHWC", "HWIO", "NHWC")

    def loss(images, kernel):
        with jax.named_scope("ResNet"):
            maps = jax.lax.conv_general_dilated(
                images, kernel, (stride, stride), ((1, 1), (1, 1)), dimension_numbers=dims
            )
        return jnp.sum(jnp.square(maps))

    images, kernel = jnp.ones((4, 8, 8, 16)), jnp.ones((3, 3, 16, 24))
    gradients = jax.jit(jax.value_and_grad(loss, (0, 1))).lower(images, kernel).compile()
    found = findings(kernels(gradients.as_text()), activation=1, compute="float32")
    once = flops.forward(loss, images, kernel)
    assert {name: flop for name, flop in found.flop.items() if flop} == {
        categories.FORWARD: once,
        categories.DATA: once,
        categories.FILTER: once,
    }
