"""Eight virtual CPU devices, strict rank promotion; set before the first import of jax."""

import os

os.environ["JAX_PLATFORMS"] = "cpu"
os.environ["JAX_NUM_CPU_DEVICES"] = "8"
# Eight devices share two cores: a collective may wait long for the slowest of them.
os.environ["XLA_FLAGS"] = (
    os.environ.get("XLA_FLAGS", "")
    # Tests mostly compile, and run what they compiled once or twice.
    + " --xla_backend_optimization_level=0"
    + " --xla_cpu_collective_call_warn_stuck_timeout_seconds=300"
    + " --xla_cpu_collective_call_terminate_timeout_seconds=600"
    + " --xla_cpu_collective_timeout_seconds=600"
)

import jax

jax.config.update("jax_numpy_rank_promotion", "raise")
