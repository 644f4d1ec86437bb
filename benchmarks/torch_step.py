"""The training step of SimCLR, BYOL and MoCo v3 in PyTorch, from a config of ssl_jax.

Networks have the names of torchvision and ssl_jax, and start from the parameters of a run of
ssl_jax. What makes it fast is listed in compare_torch.py, which measures it.
"""

import copy
import math
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch_augment import NUMBERS, Augment

from ssl_jax.networks.backbone import make_backbone
from ssl_jax.networks.torch_names import to_torch
from ssl_jax.optim.optimizers import ema_momentum
from ssl_jax.setup.components import compute_dtype, make_views


def conv(inputs: int, width: int, size: int, stride: int = 1, padding: int | None = None):
    padding = size // 2 if padding is None else padding
    return nn.Conv2d(inputs, width, size, stride, padding, bias=False)


def shortcut(inputs: int, width: int, stride: int) -> nn.Sequential:
    if inputs == width and stride == 1:
        return nn.Sequential()
    return nn.Sequential(conv(inputs, width, 1, stride), nn.BatchNorm2d(width))


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, inputs: int, width: int, stride: int):
        super().__init__()
        self.conv1, self.bn1 = conv(inputs, width, 3, stride), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = conv(width, width, 3), nn.BatchNorm2d(width)
        self.downsample = shortcut(inputs, width, stride)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)), inplace=True)
        y = self.bn2(self.conv2(y))
        return F.relu(y + self.downsample(x), inplace=True)


class Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, inputs: int, width: int, stride: int):
        super().__init__()
        out = width * self.expansion
        self.conv1, self.bn1 = conv(inputs, width, 1), nn.BatchNorm2d(width)
        self.conv2, self.bn2 = conv(width, width, 3, stride), nn.BatchNorm2d(width)
        self.conv3, self.bn3 = conv(width, out, 1), nn.BatchNorm2d(out)
        self.downsample = shortcut(inputs, out, stride)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.bn1(self.conv1(x)), inplace=True)
        y = F.relu(self.bn2(self.conv2(y)), inplace=True)
        y = self.bn3(self.conv3(y))
        return F.relu(y + self.downsample(x), inplace=True)


class ResNet(nn.Module):
    """torchvision's, without its classifier; normalises the images itself."""

    def __init__(self, block, stages, width, *, stem, stem_padding, mean, std):
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).view(1, -1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, -1, 1, 1), persistent=False)
        large = stem == "imagenet"
        self.conv1 = conv(3, width, 7, 2) if large else conv(3, width, 3, 1, stem_padding)
        self.bn1 = nn.BatchNorm2d(width)
        self.maxpool = nn.Identity() if stem == "cifar" else nn.MaxPool2d(3, 2, 1)
        inputs, self.layers = width, []
        for stage, blocks in enumerate(stages):
            layers = []
            for index in range(blocks):
                stride = 2 if stage > 0 and index == 0 else 1
                layers.append(block(inputs, width * 2**stage, stride))
                inputs = width * 2**stage * block.expansion
            self.layers.append(f"layer{stage + 1}")
            self.add_module(self.layers[-1], nn.Sequential(*layers))
        self.features = inputs

    def forward(self, images: Tensor) -> Tensor:
        x = (images - self.mean) / self.std
        x = self.maxpool(F.relu(self.bn1(self.conv1(x)), inplace=True))
        for layer in self.layers:
            x = getattr(self, layer)(x)
        return x.mean((2, 3), dtype=torch.float32)


def mlp(*widths: int, bias: bool, final_bias: bool, final_norm: str = "") -> nn.Sequential:
    """Linear layers, BatchNorm and ReLU between them; ssl_jax.networks.heads.MLP."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for i, (inputs, outputs) in enumerate(pairwise(widths), start=1):
        last = i == len(widths) - 1
        layers[f"linear{i}"] = nn.Linear(inputs, outputs, final_bias if last else bias)
        if not last:
            layers |= {f"bn{i}": nn.BatchNorm1d(outputs), f"relu{i}": nn.ReLU(inplace=True)}
        elif final_norm:
            layers[f"bn{i}"] = norm = nn.BatchNorm1d(outputs, affine=final_norm == "scale")
            if final_norm == "scale":
                norm.bias.requires_grad_(False)
    return nn.Sequential(layers)


def nt_xent(a: Tensor, b: Tensor, temperature: float) -> Tensor:
    z = F.normalize(torch.cat([a, b]), dim=1)
    own = torch.eye(len(z), dtype=torch.bool, device=z.device)
    logits = (z @ z.T / temperature).masked_fill(own, -1e9)
    return F.cross_entropy(logits, torch.arange(len(z), device=z.device).roll(len(a)))


def contrast(q: Tensor, k: Tensor, temperature: float) -> Tensor:
    """MoCo v3's ctr: 2 T InfoNCE."""
    logits = F.normalize(q, dim=1) @ F.normalize(k, dim=1).T / temperature
    return 2 * temperature * F.cross_entropy(logits, torch.arange(len(q), device=q.device))


def cosine_distance(p: Tensor, z: Tensor) -> Tensor:
    """BYOL's."""
    return (F.normalize(p, dim=1) - F.normalize(z, dim=1)).square().sum(1).mean()


class SimCLR(nn.Module):
    """Both views as one batch."""

    def __init__(self, backbone, projector, *, loss, autocast):
        super().__init__()
        self.backbone, self.projector = backbone, projector
        self.loss, self.autocast = loss, autocast

    def forward(self, *views: Tensor) -> Tensor:
        with self.autocast():
            z = self.projector(self.backbone(torch.cat(views)))
        return self.loss(*z.float().chunk(2))

    def follow(self, decay: Tensor) -> None:
        """There is no target."""


class MomentumMethod(nn.Module):
    """BYOL and MoCo v3: predictions of a view against the momentum target of the other."""

    def __init__(self, backbone, projector, predictor, *, loss, autocast):
        super().__init__()
        self.backbone, self.projector, self.predictor = backbone, projector, predictor
        self.target = copy.deepcopy(nn.ModuleDict(dict(backbone=backbone, projector=projector)))
        self.target.requires_grad_(False)
        self.loss, self.autocast = loss, autocast

    def forward(self, *views: Tensor) -> Tensor:
        with self.autocast():
            p = [self.predictor(self.projector(self.backbone(view))).float() for view in views]
            with torch.no_grad():
                f, g = self.target["backbone"], self.target["projector"]
                z = [g(f(view)).float() for view in views]
        return self.loss(p[0], z[1]) + self.loss(p[1], z[0])

    @torch.no_grad()
    def follow(self, decay: Tensor) -> None:
        """target <- decay target + (1 - decay) online"""
        target = [*self.target.parameters()]
        online = [*self.backbone.parameters(), *self.projector.parameters()]
        torch._foreach_mul_(target, decay)
        torch._foreach_add_(target, torch._foreach_mul(online, 1 - decay))


def make_method(config, network: dict[str, Any], *, autocast) -> SimCLR | MomentumMethod:
    """The method of the config, initialised as PyTorch does it."""
    sizes = make_backbone(**network)
    blocks = {"BasicBlock": BasicBlock, "Bottleneck": Bottleneck}
    backbone = ResNet(
        blocks[sizes.block.__name__],
        sizes.stage_sizes,
        sizes.width,
        stem=sizes.stem,
        stem_padding=sizes.stem_padding,
        mean=sizes.mean,
        std=sizes.std,
    )
    o, width = config.method, backbone.features
    if o.name == "simclr":
        g = mlp(width, o.hidden, o.out, bias=False, final_bias=False, final_norm="scale")
        return SimCLR(
            backbone, g, loss=partial(nt_xent, temperature=o.temperature), autocast=autocast
        )
    if o.name == "byol":
        g = mlp(width, o.hidden, o.out, bias=True, final_bias=False)
        h = mlp(o.out, o.predictor_hidden, o.out, bias=True, final_bias=False)
        return MomentumMethod(backbone, g, h, loss=cosine_distance, autocast=autocast)
    if o.name == "moco_v3":
        g = mlp(width, o.hidden, o.out, bias=False, final_bias=False, final_norm="plain")
        h = mlp(o.out, o.hidden, o.out, bias=False, final_bias=False)
        loss = partial(contrast, temperature=o.temperature)
        return MomentumMethod(backbone, g, h, loss=loss, autocast=autocast)
    raise NotImplementedError(f"method {o.name} in PyTorch")


def load(method: nn.Module, params: Any, stats: Any) -> None:
    """The parameters and batch statistics of ssl_jax's networks; a target starts as its copy."""
    for name in params:
        state = to_torch({"params": params[name], "batch_stats": stats[name]})
        module = getattr(method, name)
        tensors = {key: torch.from_numpy(value) for key, value in state.items()}
        missing, unexpected = module.load_state_dict(tensors, strict=False)
        frozen = [key for key, p in module.named_parameters() if not p.requires_grad]
        assert missing == frozen and not unexpected, (missing, unexpected)
    if hasattr(method, "target"):
        for name, module in method.target.items():
            module.load_state_dict(getattr(method, name).state_dict())


class Lars:
    """SGD with a rate for every layer, in the forms of ssl_jax.optim: lars, lars_optax and larc.

    Biases and normalisation have no rate of their own and no weight decay. By torch._foreach_
    operations, which are few kernels and which torch.compile fuses.
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
        grads, inside = [*grads, *other_grads], o.name == "lars_optax"  # the rate, in the buffer
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
        # Capturable: the count of steps is on the device, for a CUDA graph.
        return torch.optim.AdamW(groups, rate, betas, fused=True, capturable=rate.is_cuda)
    raise NotImplementedError(f"optimizer {o.name} in PyTorch")


class Step:
    """One way to train: eager, or compiled by the `mode` of torch.compile.

    run: of ssl_jax. start: its parameters and state, as NumPy. images: uint8 [M, H, W, 3].
    indices: of the batch. views: of the batch, [N, size, size, 3] each.
    """

    def __init__(self, config, run, start, *, mode: str | None, images, indices, views):
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        half = compute_dtype(config) == jnp.bfloat16
        autocast = partial(torch.autocast, device.type, torch.bfloat16, enabled=half)

        def compiled(function: Any) -> Any:
            if mode is None:
                return function
            return torch.compile(function, mode=mode, fullgraph=True, dynamic=False)

        self.images = torch.tensor(images, device=device)
        self.indices = torch.tensor(indices, dtype=torch.long, device=device)
        # Permuted, NHWC is what PyTorch calls channels last.
        self.views = [torch.tensor(view, device=device).permute(0, 3, 1, 2) for view in views]

        self.method = make_method(config, run.description.network, autocast=autocast)
        params, state = start
        load(self.method, params, state["stats"])
        self.method.to(device, memory_format=torch.channels_last)
        specs = make_views(config)
        self.augment = compiled(Augment(specs).to(device))
        self.loss, self.follow = compiled(self.method), compiled(self.method.follow)

        # What changes from step to step is written into these, so that a step is one program.
        self.rate, self.decay = torch.zeros((), device=device), torch.zeros((), device=device)
        self.numbers = torch.zeros(len(views), len(indices), sum(NUMBERS), device=device)
        self.optimizer = make_optimizer(config, self.method, self.rate, compiled)
        self.rates, self.decays, self.count = *schedules(config, run), 0

    def __call__(self, work: Callable[[], Tensor]) -> Tensor:
        """One step: `ready` or `augmented`, or either of them captured. Returns the loss."""
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


def schedules(config, run) -> tuple[list[float], list[float]]:
    """Learning rate, and momentum of the target, by step."""
    method, steps = config.method, run.plan.steps
    kind = method.get("momentum_schedule", "constant")
    decay = ema_momentum(method.get("momentum", 0.0), steps, kind)
    rates, decays = (jax.vmap(values)(jnp.arange(steps)) for values in (run.schedule, decay))
    return np.asarray(rates).tolist(), np.asarray(decays).tolist()


def captured(call: Callable[[], Tensor]) -> Callable[[], Tensor]:
    """`call` as one CUDA graph; replaying it launches all of its kernels at once."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            call()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    # Threads of JAX may be at work; only what this one does can spoil the graph.
    with torch.cuda.graph(graph, stream=stream, capture_error_mode="thread_local"):
        loss = call()

    def replay() -> Tensor:
        graph.replay()
        return loss

    return replay


def matmul_peak(dtype: str) -> float:
    """Operations a second in a large product of random matrices; the best of ten."""
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
