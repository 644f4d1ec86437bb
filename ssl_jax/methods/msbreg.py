"""MSBReg: BYOL's networks, K views drawn to their centroid, and two forces that disperse.

Moon et al., "An Embedding-Dynamic Approach to Self-supervised Learning", arXiv 2207.03552.

    p_j = h(g(f(x_j)))                      online, j = 1 .. K
    z_j = g_m(f_m(x_j))                     momentum, no gradient
    L   = L_c + lambda_s L_s + lambda_b L_b                                         (Eq. 2)
    L_c = 1/K sum_j ||p_hat_j - 1/K sum_l z_hat_l||^2      multiview centroid       (Eq. 3)
    L_b = 1/K sum_j <n_hat, p_hat_j>                       Brownian diffusion       (Eq. 4)
    L_s = 1/K sum_j ||S_j - I||_F^2                        singular value           (Eq. 6)

n is drawn for each image and shared by its views; S_j is the covariance of view j over the batch.
Where the paper leaves it open: S_j is that of p, as in Eq. 5, though the text also has p_hat; the
momentum rises as BYOL's does. `singular_value_on` and `bias_corrected` give the other readings.
"""

from collections.abc import Iterator

from ssl_jax.errors import Problem
from ssl_jax.losses import brownian, centroid, cosine_distance, normalize, singular_value
from ssl_jax.methods.parts.base import Expectation, KeyArray, Method, RunFacts
from ssl_jax.methods.parts.momentum import Views, online_and_momentum
from ssl_jax.methods.parts.pairs import cross_view
from ssl_jax.methods.parts.problems import choose, heads, view_count
from ssl_jax.methods.parts.target import slow_target
from ssl_jax.networks.backbone import Backbone
from ssl_jax.networks.heads import MLP
from ssl_jax.optim.schedules import ema_momentum


def make(
    backbone: Backbone,
    steps: int,
    *,
    hidden: int = 512,
    out: int = 128,
    lambda_b: float = 0.5,
    lambda_s: float = 4e-3,
    attraction: str = "centroid",
    singular_value_on: str = "predictions",
    momentum: float = 0.99,
    momentum_schedule: str = "cosine",
    bias_corrected: bool = False,
    head_norm: str = "batch",
) -> Method:
    """MSBReg for a run of `steps` steps; two or more views.

    attraction: "centroid" is L_c; "pairs" puts BYOL's loss in its place (Table 8 without L_c), so
      that two views with both lambdas 0 are BYOL.
    singular_value_on: "predictions" p, or p_hat with "normalized".
    bias_corrected: the momentum average without its start, as section 3.1 calls it.
    head_norm: after the hidden layers of projector and predictor (`networks.heads.NORMS`).

    Raises:
      UserError: for an unknown `attraction` or `singular_value_on`.
    """
    choose("attraction", attraction, ("centroid", "pairs"))
    choose("singular_value_on", singular_value_on, ("predictions", "normalized"))
    g = MLP((hidden, out), norm=head_norm, final_bias=False, dtype=backbone.dtype)
    h = MLP((hidden, out), norm=head_norm, final_bias=False, dtype=backbone.dtype)

    def problems(run: RunFacts) -> Iterator[Problem]:
        yield from view_count(run)
        yield from heads(run, g, h)
        yield from slow_target(momentum, run)
        yield from rate_of_other_views(run)

    def compare(p: Views, z: Views, key: KeyArray):
        l_c = centroid(p, z) if attraction == "centroid" else cross_view(cosine_distance, p, z)
        l_b = brownian(p, key)
        on = p if singular_value_on == "predictions" else tuple(normalize(view) for view in p)
        l_s = singular_value(on)
        value = l_c + lambda_s * l_s + lambda_b * l_b
        return value, {"attraction": l_c, "brownian": l_b, "singular_value": l_s}

    def expect(batch_size: int, views: int) -> Expectation:
        del batch_size
        apart = 1.0 + 1.0 / views if attraction == "centroid" else 2.0 * views * (views - 1)
        # L_c where outputs are unrelated, L_s of `out` where they collapsed, L_b within +-1. What
        # L_s is by chance depends on the scale of the predictions.
        causes = "lambda_b too small for heads without BatchNorm, or momentum below 0.9"
        return Expectation(None, -lambda_b, apart + lambda_s * out + lambda_b, causes)

    return online_and_momentum(
        backbone,
        g,
        h,
        decay=ema_momentum(momentum, steps, momentum_schedule, bias_corrected=bias_corrected),
        compare=compare,
        expect=expect,
        problems=problems,
    )


def rate_of_other_views(run: RunFacts) -> Iterator[Problem]:
    """A learning rate that was not changed with the number of views, to which it is proportional
    (section 4.1)."""
    recipe, views = run.recipe, len(run.views)
    if recipe is None or run.learning_rate != recipe.learning_rate or recipe.views == views:
        return
    rate = recipe.learning_rate
    what = f"is that of {recipe.views} views, and there are {views}; it is in proportion to them"
    yield Problem(
        "/learning_rate", rate, what, f"set it to {rate * views / recipe.views:g}", "warning"
    )
