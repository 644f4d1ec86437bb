"""BYOL: predictions from one view are attracted by the momentum target's output for another.

Grill et al., "Bootstrap Your Own Latent", arXiv 2006.07733, Eq. 2.

    p_i = h(g(f(x_i)))                      online
    z_i = g_m(f_m(x_i))                     momentum, no gradient
    L   = sum over i != j of ||p_hat_i - z_hat_j||^2

With two views this is the official code's loss, the sum of both directions. With more views,
including small crops, it is BYOL with multi-crop, the baseline of MSBReg (arXiv 2207.03552,
section 4.4). The target starts as a copy of the online networks; the official code initialises it
separately.
"""

from collections.abc import Iterator

from ssl_jax.errors import Problem
from ssl_jax.losses import cosine_distance
from ssl_jax.methods.parts.base import Expectation, KeyArray, Method, RunFacts
from ssl_jax.methods.parts.momentum import Views, online_and_momentum
from ssl_jax.methods.parts.pairs import cross_view
from ssl_jax.methods.parts.problems import heads, view_count
from ssl_jax.methods.parts.target import slow_target
from ssl_jax.networks.backbone import Backbone
from ssl_jax.networks.heads import MLP, HeadNorm
from ssl_jax.optim.schedules import EmaSchedule, ema_momentum
from ssl_jax.options.judge import checked
from ssl_jax.options.kinds import Share, Width


@checked
def make(
    backbone: Backbone,
    steps: int,
    *,
    hidden: Width = 4096,
    predictor_hidden: Width = 4096,
    out: Width = 256,
    momentum: Share = 0.99,
    momentum_schedule: EmaSchedule = "cosine",
    head_norm: HeadNorm = "batch",
) -> Method:
    """BYOL for two or more views of any sizes.

    Args:
      backbone: f, the encoder to train.
      steps: of the whole run, for the schedule of the momentum.
      hidden: width inside the projector g.
      predictor_hidden: width inside the predictor h.
      out: width of the projections z and predictions p.
      momentum: decay of the target, at the start of the run.
      momentum_schedule: "cosine", which rises to 1, or "constant".
      head_norm: after the hidden layers of both heads, one of `networks.heads.NORMS`. With "layer"
        and no other measure against it, the representation collapses.

    Returns:
      The method; it logs no metrics besides the loss.

    Raises:
      UserError: for an unknown momentum_schedule or a momentum out of range; from `init`, if there
        are fewer than two views or no such head_norm.
    """
    g = MLP((hidden, out), norm=head_norm, final_bias=False, dtype=backbone.dtype)
    h = MLP((predictor_hidden, out), norm=head_norm, final_bias=False, dtype=backbone.dtype)

    def problems(run: RunFacts) -> Iterator[Problem]:
        yield from view_count(run)
        yield from heads(run, g, h)
        yield from slow_target(momentum, run)

    def compare(p: Views, z: Views, key: KeyArray):
        del key
        return cross_view(cosine_distance, p, z), {}

    def expect(batch_size: int, views: int) -> Expectation:
        del batch_size
        # Unrelated unit vectors are sqrt(2) apart; 0 is collapse.
        chance = 2.0 * views * (views - 1)
        causes = "heads without BatchNorm, or momentum below 0.9"
        return Expectation(chance, 1e-3, chance, causes)

    return online_and_momentum(
        backbone,
        g,
        h,
        decay=ema_momentum(momentum, steps, momentum_schedule),
        compare=compare,
        expect=expect,
        problems=problems,
    )
