"""The rate of matrix products in PyTorch, as `ssl_jax.run.speed.matmul_peak` is for JAX."""

import math
import time

import torch


def matmul_peak(dtype: str) -> float:
    """Operations per second in a large product of random matrices; the best of ten."""
    on_cuda = torch.cuda.is_available()
    size, device = (8192, "cuda") if on_cuda else (2048, "cpu")
    left, right = torch.randn(2, size, size, device=device).to(getattr(torch, dtype))
    best = math.inf
    for _ in range(11):  # the first one warms up
        start = time.perf_counter()
        left @ right
        if on_cuda:
            torch.cuda.synchronize()
        best = min(best, time.perf_counter() - start)
    return 2 * size**3 / best
