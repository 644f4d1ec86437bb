"""SimCLR, BYOL and MoCo v3: losses, and the networks that each trains."""

import copy
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ssl_jax.networks.backbone import make_backbone
from ssl_jax.networks.torch_names import to_torch
from torch_side.networks import BasicBlock, Bottleneck, ResNet, mlp


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
        """Does nothing: there is no target."""


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
    """The method of the config, initialised as PyTorch does."""
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
    """Loads the parameters and batch statistics of ssl_jax; a target starts as a copy of them."""
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
