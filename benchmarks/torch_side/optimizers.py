"""The optimizers of the configs, with a learning rate that is a tensor on the device."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor, nn


class Lars:
    """SGD with a rate for every layer, in the forms of ssl_jax.optim: lars, lars_optax and larc.

    Biases and normalisation have no rate of their own and no weight decay. It uses torch._foreach_
    operations, which take few kernels and which torch.compile fuses.
    """

    def __init__(self, kernels, others, options, rate: Tensor, compiled: Callable[[Any], Any]):
        self.kernels, self.others, self.options, self.rate = kernels, others, options, rate
        self.buffers = [torch.zeros_like(p) for p in kernels + others]
        self.update = compiled(self.update)

    def step(self) -> None:
        self.update(*([p.grad for p in params] for params in (self.kernels, self.others)))

    @torch.no_grad()
    def update(self, kernel_grads: list[Tensor], other_grads: list[Tensor]) -> None:
        o, rate = self.options, self.rate
        grads = torch._foreach_add(kernel_grads, self.kernels, alpha=o.weight_decay)
        p_norm = torch.stack(torch._foreach_norm(self.kernels))
        if o.name == "larc":
            g_norm = torch.stack(torch._foreach_norm(kernel_grads))
            local = o.trust_coefficient * p_norm / (g_norm + o.weight_decay * p_norm + 1e-8)
            ratio = (local / rate).clamp(max=1)
        else:
            g_norm = torch.stack(torch._foreach_norm(grads))
            ratio = o.trust_coefficient * p_norm / g_norm
        ratio = torch.where((p_norm > 0) & (g_norm > 0), ratio, 1)
        torch._foreach_mul_(grads, ratio.unbind())
        grads, inside = [*grads, *other_grads], o.name == "lars_optax"  # the buffer holds the rate
        torch._foreach_mul_(self.buffers, o.momentum)
        torch._foreach_add_(self.buffers, torch._foreach_mul(grads, rate) if inside else grads)
        updates = self.buffers if inside else torch._foreach_mul(self.buffers, rate)
        torch._foreach_sub_([*self.kernels, *self.others], updates)


def make_optimizer(config, method: nn.Module, rate: Tensor, compiled: Callable[[Any], Any]):
    """The optimizer of the config; its learning rate is the tensor `rate`."""
    o = config.optimizer
    params = [p for p in method.parameters() if p.requires_grad]
    kernels, others = [p for p in params if p.ndim > 1], [p for p in params if p.ndim <= 1]
    if o.decay_all or o.clip_norm:
        raise NotImplementedError("optimizer.decay_all and optimizer.clip_norm in PyTorch")
    if o.name in ("lars", "lars_optax", "larc"):
        return Lars(kernels, others, SimpleNamespace(**o), rate, compiled)
    if o.name == "adamw":
        groups = [
            {"params": kernels, "weight_decay": o.weight_decay},
            {"params": others, "weight_decay": 0.0},
        ]
        betas = (o.momentum, o.beta2)
        # Capturable: a CUDA graph needs the count of steps on the device.
        return torch.optim.AdamW(groups, rate, betas, fused=True, capturable=rate.is_cuda)
    raise NotImplementedError(f"optimizer {o.name} in PyTorch")
