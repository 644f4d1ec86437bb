"""What a program runs on, and how much memory that has."""

import os
from typing import Any

import jax


def device_name() -> str:
    """What the run computed on, as "8 x NVIDIA H200" or "1 x cpu"."""
    return f"{jax.device_count()} x {jax.devices()[0].device_kind}"


def device_memory() -> float | None:
    """Bytes that a device may use; None where it does not say. CPU devices share the machine's."""
    if jax.default_backend() == "cpu":
        machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        return machine / jax.local_device_count()
    limit = (jax.local_devices()[0].memory_stats() or {}).get("bytes_limit")
    return None if limit is None else float(limit)


def program_memory(compiled: Any) -> float:
    """Bytes that a compiled program needs on each device while it runs, donated arguments once."""
    memory = compiled.memory_analysis()
    return float(
        memory.argument_size_in_bytes
        + memory.temp_size_in_bytes
        + memory.output_size_in_bytes
        - memory.alias_size_in_bytes
    )
