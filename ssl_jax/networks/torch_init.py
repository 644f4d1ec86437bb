"""PyTorch's default initialisation of linear layers and convolutions: uniform, 1 / sqrt(fan in)."""

import jax
import jax.numpy as jnp
from jax.nn.initializers import Initializer

kernel_init = jax.nn.initializers.variance_scaling(1.0 / 3.0, "fan_in", "uniform")


def bias_init(fan_in: int) -> Initializer:
    """Initialiser of the biases of a layer that sums over `fan_in` inputs."""
    bound = fan_in**-0.5

    def init(key, shape, dtype=jnp.float32, out_sharding=None):
        del out_sharding
        return jax.random.uniform(key, shape, dtype, -bound, bound)

    return init
