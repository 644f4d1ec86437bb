"""DINO: from any crop, a student predicts the output of its momentum teacher for full-size crops.

Caron et al., "Emerging Properties in Self-Supervised Vision Transformers", arXiv 2104.14294,
Eq. 1 to 4 and Algorithm 1, and the official code.

    z_v = g(f(x_v)),   s_v = z_hat_v W_hat^T                  K scores: cosines with K prototypes
    t_u = the same by the teacher, no gradient                u: full-size crops only
    L   = mean over u and v != u of -sum softmax((t_u - c) / tau_t) log softmax(s_v / tau_s)
    c  <- m c + (1 - m) mean(t),   afterwards

The teacher is the moving average of the whole student and uses batch statistics of its own.
Subtracting the centre c keeps one prototype from attracting all images; the low temperature tau_t
("sharpening") keeps images from being spread evenly over prototypes. Either alone collapses. The
metrics show both kinds of collapse: the teacher's entropy is then 0 or log K, and the divergence
(`kl`) is 0.

The last layer is the official weight-normed one with its magnitude fixed at 1. Deviation: the
linear layers of the head are initialised as in PyTorch (the official code draws from a normal
distribution with standard deviation 0.02, and biases are zero). As there, dropout is active in the
teacher.
"""

import math
from collections.abc import Iterator
from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from ssl_jax.errors import Problem, refuse
from ssl_jax.losses import dino, normalize
from ssl_jax.methods.parts.base import Aux, Expectation, KeyArray, Method, RunFacts, Step, facts_of
from ssl_jax.methods.parts.chain import apply_to_crops, encode_with, group_networks, init_chain
from ssl_jax.methods.parts.problems import frozen_throughout, heads, view_count
from ssl_jax.methods.parts.target import follow, slow_target
from ssl_jax.networks.backbone import Backbone
from ssl_jax.networks.heads import MLP, HeadNorm
from ssl_jax.optim.schedules import EmaSchedule, ema_momentum
from ssl_jax.options.judge import checked
from ssl_jax.options.kinds import Copies, Layers, Share, Temperature, Width
from ssl_jax.types import Batch, Embeddings, Params, State


@checked
def make(
    backbone: Backbone,
    steps: int,
    *,
    hidden: Width = 2048,
    layers: Layers = 3,
    bottleneck: Width = 256,
    out: Width = 65536,
    head_norm: HeadNorm = "none",
    student_temperature: Temperature = 0.1,
    teacher_temperature: Temperature = 0.07,
    warmup_teacher_temperature: Temperature = 0.04,
    teacher_warmup: Share = 0.1,
    center_momentum: Share = 0.9,
    momentum: Share = 0.996,
    momentum_schedule: EmaSchedule = "cosine",
    global_views: Copies = 2,
) -> Method:
    """DINO for two or more views, the full-size ones first.

    Args:
      backbone: f, the encoder to train.
      steps: of the whole run, for the schedules.
      hidden: width inside the projector g.
      layers: number of g's layers.
      bottleneck: width of z, the output of g.
      out: K, number of prototypes.
      head_norm: normalisation in g's hidden layers, one of `networks.heads.NORMS`; "batch" is the
        official use_bn.
      student_temperature: tau_s.
      teacher_temperature: tau_t after its warm-up; the official code's default is 0.04 without one.
      warmup_teacher_temperature: tau_t at the start, from which it rises linearly.
      teacher_warmup: length of the warm-up as a share of the run; epoch 30 of 300 in the paper.
      center_momentum: m, decay of the centre c.
      momentum: decay of the teacher, at the start of the run; the official code uses 0.9995 for
        small batches.
      momentum_schedule: "cosine", which rises to 1, or "constant".
      global_views: number of views, the first ones, that the teacher sees.

    Returns:
      The method. Its metrics are "teacher_entropy" and "kl", the loss minus that entropy.

    Raises:
      UserError: for an unknown momentum_schedule, or a momentum or teacher_warmup out of range;
        from `init`, if there are too few views.
    """
    gelu = partial(nn.gelu, approximate=False)
    widths = (hidden,) * (layers - 1) + (bottleneck,)
    g = MLP(widths, norm=head_norm, activation=gelu, dtype=backbone.dtype)
    tau_s = student_temperature
    warm_steps = round(teacher_warmup * steps)
    tau_t = _rising(warmup_teacher_temperature, teacher_temperature, warm_steps)

    def problems(run: RunFacts) -> Iterator[Problem]:
        yield from view_count(run, max(global_views, 2))
        yield from heads(run, g)
        yield from slow_target(momentum, run)
        yield from frozen_throughout(run, "last layer")

    def init(key: KeyArray, batch: Batch) -> tuple[Params, State]:
        refuse(problems(facts_of(batch)))
        network_key, last_key = jax.random.split(key)
        chain = {"backbone": backbone, "projector": g}
        params, stats = init_chain(network_key, chain, batch.views[0])
        bound = bottleneck**-0.5
        last = jax.random.uniform(last_key, (out, bottleneck), minval=-bound, maxval=bound)
        params = {**params, "last_layer": last}
        target = {"params": params, "stats": stats}
        return params, {"stats": stats, "target": target, "center": jnp.zeros(out)}

    def loss(params: Params, state: State, batch: Batch, key: KeyArray, step: Step):
        target, c = state["target"], state["center"]
        student_key, teacher_key = jax.random.split(key)
        z, stats = apply_to_crops(backbone, g, params, state["stats"], batch.views, student_key)
        s = [_scores(z_v, params["last_layer"]) for z_v in z]
        teacher, full_size = target["params"], batch.views[:global_views]
        z_t, moving = apply_to_crops(backbone, g, teacher, target["stats"], full_size, teacher_key)
        t = [jax.lax.stop_gradient(_scores(z_u, teacher["last_layer"])) for z_u in z_t]

        sharpened = partial(dino, center=c, teacher_temperature=tau_t(step))
        pairs = [
            sharpened(s_v, t_u, student_temperature=tau_s)
            for u, t_u in enumerate(t)
            for v, s_v in enumerate(s)
            if v != u
        ]
        value = jnp.mean(jnp.stack(pairs))
        # The teacher's entropy is its cross-entropy with itself.
        own = [sharpened(t_u - c[None], t_u, student_temperature=tau_t(step)) for t_u in t]
        entropy = jnp.mean(jnp.stack(own))
        m = center_momentum
        state = {
            "stats": stats,
            "target": {**target, "stats": moving},
            "center": m * c + (1.0 - m) * jnp.mean(jnp.stack(t), axis=(0, 1)),
        }
        return value, Aux(state, {"teacher_entropy": entropy, "kl": value - entropy}, z)

    def expect(batch_size: int, views: int) -> Expectation:
        del batch_size, views
        causes = (
            "teacher entropy at log(out): teacher_temperature too high; at 0: center_momentum too "
            "high; or a learning rate too high at the start"
        )
        return Expectation(math.log(out), 0.0, math.log(out), causes)

    return Method(
        init,
        loss,
        encode_with(backbone),
        follow(ema_momentum(momentum, steps, momentum_schedule)),
        group_networks(last_layer="frozen_at_first"),
        expect,
        problems,
    )


def _scores(embeddings: Embeddings, prototypes: Float[Array, "k d"]) -> Float[Array, "n k"]:
    """Cosines of embeddings and prototypes."""
    return jnp.matmul(normalize(embeddings), normalize(prototypes).T, precision="highest")


def _rising(start: float, end: float, steps: int) -> optax.Schedule:
    """Rises from `start` to `end` linearly over `steps` steps, then stays at `end`."""
    if steps == 0:
        return optax.constant_schedule(end)
    return optax.linear_schedule(start, end, steps)
