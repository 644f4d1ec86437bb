"""The devices that a program runs on, and their memory."""

import os
import time
from typing import Any

import jax
import jax.numpy as jnp

GIB = 1024.0**3  # bytes


def device_name() -> str:
    """Number and kind of the devices, such as "8 x NVIDIA H200" or "1 x cpu"."""
    return f"{jax.device_count()} x {jax.devices()[0].device_kind}"


def device_memory() -> float | None:
    """Bytes that a device may use; None if unknown. CPU devices share the memory of the machine."""
    if jax.default_backend() == "cpu":
        machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        return machine / jax.local_device_count()
    limit = (jax.local_devices()[0].memory_stats() or {}).get("bytes_limit")
    return None if limit is None else float(limit)


def program_memory(compiled: Any) -> float:
    """Bytes that a compiled program needs per device, counting donated arguments once."""
    memory = compiled.memory_analysis()
    return float(
        memory.argument_size_in_bytes
        + memory.temp_size_in_bytes
        + memory.output_size_in_bytes
        - memory.alias_size_in_bytes
    )


def matmul_peak(dtype: Any) -> float:
    """Operations a second of one device in a large product of random matrices; the best of ten."""
    size = 2048 if jax.default_backend() == "cpu" else 8192
    left, right = jax.random.normal(jax.random.key(0), (2, size, size), dtype)
    product = jax.jit(jnp.matmul)
    jax.block_until_ready(product(left, right))
    seconds = []
    for _ in range(10):
        start = time.perf_counter()
        jax.block_until_ready(product(left, right))
        seconds.append(time.perf_counter() - start)
    return 2 * size**3 / min(seconds)
