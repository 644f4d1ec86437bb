"""The training step: augmentation, loss, gradient, optimizer and momentum target."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import torch
from torch import Tensor

from ssl_jax.optim.schedules import ema_momentum
from ssl_jax.setup.components import compute_dtype, make_views
from torch_side.augment import NUMBERS, Augment
from torch_side.methods import load, make_method
from torch_side.optimizers import make_optimizer


class Step:
    """One way to train: eager, or compiled in this `mode` of torch.compile.

    run: of ssl_jax. start: its parameters and state, as NumPy. images: uint8 [M, H, W, 3].
    indices: of the batch. views: of the batch, [N, size, size, 3] each.
    """

    def __init__(self, config, setup, start, *, mode: str | None, images, indices, views):
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        half = compute_dtype(config) == jnp.bfloat16
        autocast = partial(torch.autocast, device.type, torch.bfloat16, enabled=half)

        def compiled(function: Any) -> Any:
            if mode is None:
                return function
            return torch.compile(function, mode=mode, fullgraph=True, dynamic=False)

        self.images = torch.tensor(images, device=device)
        self.indices = torch.tensor(indices, dtype=torch.long, device=device)
        # NHWC in memory, permuted to NCHW: PyTorch calls this channels last.
        self.views = [torch.tensor(view, device=device).permute(0, 3, 1, 2) for view in views]

        self.method = make_method(config, setup.model.encoder.network, autocast=autocast)
        params, state = start
        load(self.method, params, state["stats"])
        self.method.to(device, memory_format=torch.channels_last)
        specs = make_views(config)
        self.augment = compiled(Augment(specs).to(device))
        self.loss, self.follow = compiled(self.method), compiled(self.method.follow)

        # Values that change with the step are written into these, so the program stays the same.
        self.rate, self.decay = torch.zeros((), device=device), torch.zeros((), device=device)
        self.numbers = torch.zeros(len(views), len(indices), sum(NUMBERS), device=device)
        self.optimizer = make_optimizer(config, self.method, self.rate, compiled)
        self.rates, self.decays, self.count = *schedules(config, setup), 0

    def __call__(self, work: Callable[[], Tensor]) -> Tensor:
        """One step: work is `ready` or `augmented`, or either as a CUDA graph. Returns the loss."""
        now = min(self.count, len(self.rates) - 1)
        self.rate.fill_(self.rates[now])
        self.decay.fill_(self.decays[now])
        self.numbers.uniform_()
        self.count += 1
        return work()

    def ready(self) -> Tensor:
        return self.update(self.views)

    def augmented(self) -> Tensor:
        with torch.no_grad():
            views = self.augment(self.images[self.indices], self.numbers)
        return self.update(views)

    def update(self, views: Sequence[Tensor]) -> Tensor:
        for p in self.method.parameters():
            p.grad = None
        loss = self.loss(*views)
        loss.backward()
        self.optimizer.step()
        self.follow(self.decay)
        return loss.detach()


def schedules(config, setup) -> tuple[list[float], list[float]]:
    """Learning rate and momentum of the target, by step."""
    method, steps = config.method, setup.plan.steps
    kind = method.get("momentum_schedule", "constant")
    decay = ema_momentum(method.get("momentum", 0.0), steps, kind)
    rates, decays = (
        jax.vmap(values)(jnp.arange(steps)) for values in (setup.model.schedule, decay)
    )
    return np.asarray(rates).tolist(), np.asarray(decays).tolist()
