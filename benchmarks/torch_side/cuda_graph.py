"""Work of the device, launched at once as a CUDA graph."""

from collections.abc import Callable

import torch
from torch import Tensor


def cuda_graph(call: Callable[[], Tensor]) -> Callable[[], Tensor]:
    """`call` as one CUDA graph; the result replays it, with all kernels in one launch."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            call()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    # Threads of JAX may be at work, and must not invalidate the graph.
    with torch.cuda.graph(graph, stream=stream, capture_error_mode="thread_local"):
        loss = call()

    def replay() -> Tensor:
        graph.replay()
        return loss

    return replay
