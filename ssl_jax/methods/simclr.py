"""SimCLR: both views through one network, NT-Xent between them.

Chen et al., "A Simple Framework for Contrastive Learning of Visual Representations",
arXiv 2002.05709; the loss is Eq. 1.

    h = f(x),  z = g(h);  L = NT-Xent(z_1, z_2; T)

Both views pass the network as one batch and share their batch statistics, as in the official
code. The loss is the mean over the 2N anchors (the official code adds the two directions, which
is twice this). With more than two views it is the mean over all pairs.
"""

from itertools import combinations

import jax.numpy as jnp

from ssl_jax.errors import UserError
from ssl_jax.losses import nt_xent
from ssl_jax.methods.base import Aux, KeyArray, Method, Step
from ssl_jax.methods.common import apply_chain, encode_with, init_chain
from ssl_jax.networks.heads import MLP
from ssl_jax.networks.resnet import ResNet
from ssl_jax.types import Batch, Params, State


def make(
    backbone: ResNet,
    steps: int,
    *,
    hidden: int = 2048,
    out: int = 128,
    layers: int = 2,
    head_norm: bool = True,
    temperature: float = 0.5,
) -> Method:
    """SimCLR with a projector of `layers` layers, `hidden` wide, `out` wide at the end.

    head_norm: BatchNorm after every layer of the projector, the last included (there without
      bias), and linear layers without biases: version 2 of the official code. Without it, plain
      layers with biases (lightly, solo-learn).
    """
    del steps
    widths = (hidden,) * (layers - 1) + (out,)
    projector = MLP(
        widths,
        norm=head_norm,
        final_norm="scale" if head_norm else None,
        bias=not head_norm,
        dtype=backbone.dtype,
    )
    chain = {"backbone": backbone, "projector": projector}

    def init(key: KeyArray, batch: Batch) -> tuple[Params, State]:
        params, stats = init_chain(key, chain, batch.views[0])
        return params, {"stats": stats}

    def loss(params: Params, state: State, batch: Batch, key: KeyArray, step: Step):
        del key, step
        views = len(batch.views)
        if views < 2 or len({view.shape for view in batch.views}) > 1:
            shapes = [view.shape[1:] for view in batch.views]
            raise UserError(f"simclr needs two or more views of one size, not {shapes}")
        # Interleaved: with the batch split over devices, every device keeps its own images.
        images = jnp.stack(batch.views, axis=1).reshape(-1, *batch.views[0].shape[1:])
        z, stats = apply_chain(chain, params, state["stats"], images)
        z = z.reshape(-1, views, z.shape[-1])
        embeddings = tuple(z[:, view] for view in range(views))
        pairs = [nt_xent(a, b, temperature) for a, b in combinations(embeddings, 2)]
        value = jnp.mean(jnp.stack(pairs))
        return value, Aux({"stats": stats}, {}, embeddings)

    return Method(init, loss, encode_with(backbone))
