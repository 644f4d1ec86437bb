"""MSBReg: BYOL's networks, K views attracted to their centroid, and two dispersive forces.

Moon et al., "An Embedding-Dynamic Approach to Self-supervised Learning", arXiv 2207.03552.

    p_j = h(g(f(x_j)))                      online, j = 1 .. K
    z_j = g_m(f_m(x_j))                     momentum, no gradient
    L   = L_c + lambda_s L_s + lambda_b L_b                                         (Eq. 2)
    L_c = 1/K sum_j ||p_hat_j - 1/K sum_l z_hat_l||^2      multiview centroid       (Eq. 3)
    L_b = 1/K sum_j <n_hat, p_hat_j>                       Brownian diffusion       (Eq. 4)
    L_s = 1/K sum_j ||S_j - I||_F^2                        singular value           (Eq. 6)

n is drawn for each image and shared by its views; S_j is the covariance of view j over the batch.
Where the paper is ambiguous: S_j is that of p, as in Eq. 5, although the text also writes p_hat;
the momentum rises as in BYOL. `singular_value_on`, `bias_corrected` and `attraction` select the
other readings.
"""

from collections.abc import Iterator
from typing import Annotated

from ssl_jax.errors import Problem
from ssl_jax.losses import brownian, centroid, cosine_distance, normalize, singular_value
from ssl_jax.methods.parts.base import Expectation, KeyArray, Method, RunFacts
from ssl_jax.methods.parts.momentum import Views, online_and_momentum
from ssl_jax.methods.parts.pairs import cross_view, mean_over_ordered_pairs
from ssl_jax.methods.parts.problems import heads, view_count
from ssl_jax.methods.parts.target import slow_target
from ssl_jax.networks.backbone import Backbone
from ssl_jax.networks.heads import MLP, HeadNorm
from ssl_jax.optim.schedules import EmaSchedule, ema_momentum
from ssl_jax.options.judge import checked
from ssl_jax.options.kinds import Share, Weight, Width, one_of


@checked
def make(
    backbone: Backbone,
    steps: int,
    *,
    hidden: Width = 512,
    out: Width = 128,
    lambda_b: Weight = 0.5,
    lambda_s: Weight = 4e-3,
    attraction: Annotated[str, one_of("centroid", "mean_pairs", "pairs")] = "centroid",
    singular_value_on: Annotated[str, one_of("predictions", "normalized")] = "predictions",
    momentum: Share = 0.99,
    momentum_schedule: EmaSchedule = "cosine",
    bias_corrected: bool = False,
    head_norm: HeadNorm = "batch",
) -> Method:
    """MSBReg for two or more views of any sizes.

    Args:
      backbone: f, the encoder to train.
      steps: of the whole run, for the schedule of the momentum.
      hidden: width inside the projector g and the predictor h.
      out: width of the projections z and predictions p.
      lambda_b: weight of the Brownian diffusion L_b.
      lambda_s: weight of the singular value loss L_s.
      attraction: "centroid" is L_c. Without it (Table 8) "mean_pairs" is the mean over ordered
        pairs of views of this paper's BYOL loss, Eq. 1, beside which the lambdas weigh as much as
        beside L_c; "pairs" is their sum, BYOL's own, with which two views and both lambdas 0 are
        BYOL.
      singular_value_on: S_j is the covariance of "predictions" p, or of "normalized" p_hat.
      momentum: decay of the target, at the start of the run.
      momentum_schedule: "cosine", which rises to 1, or "constant".
      bias_corrected: the target is an average without its own start, as section 3.1 describes it.
      head_norm: after the hidden layers of both heads, one of `networks.heads.NORMS`.

    Returns:
      The method. Its metrics "attraction", "brownian" and "singular_value" are the terms without
      weights.

    Raises:
      UserError: for an unknown choice or a momentum out of range; from `init`, if there are fewer
        than two views or no such head_norm.
    """
    pairs = cross_view if attraction == "pairs" else mean_over_ordered_pairs
    g = MLP((hidden, out), norm=head_norm, final_bias=False, dtype=backbone.dtype)
    h = MLP((hidden, out), norm=head_norm, final_bias=False, dtype=backbone.dtype)

    def problems(run: RunFacts) -> Iterator[Problem]:
        yield from view_count(run)
        yield from heads(run, g, h)
        yield from slow_target(momentum, run)
        yield from rate_of_other_views(run)

    def compare(p: Views, z: Views, key: KeyArray):
        l_c = centroid(p, z) if attraction == "centroid" else pairs(cosine_distance, p, z)
        l_b = brownian(p, key)
        on = p if singular_value_on == "predictions" else tuple(normalize(view) for view in p)
        l_s = singular_value(on)
        value = l_c + lambda_s * l_s + lambda_b * l_b
        return value, {"attraction": l_c, "brownian": l_b, "singular_value": l_s}

    def expect(batch_size: int, views: int) -> Expectation:
        del batch_size
        apart = {
            "centroid": 1.0 + 1.0 / views,
            "mean_pairs": 2.0,
            "pairs": 2.0 * views * (views - 1),
        }[attraction]
        # L_c of unrelated outputs, L_s = `out` of collapsed ones, L_b within +-1. The value of L_s
        # at chance level depends on the scale of the predictions.
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
    """A learning rate that was not changed along with the number of views.

    It is proportional to them (section 4.1).
    """
    recipe, views = run.recipe, len(run.views)
    if recipe is None or run.learning_rate != recipe.learning_rate or recipe.views == views:
        return
    rate = recipe.learning_rate
    what = f"is for {recipe.views} views, but there are {views}; it is proportional to them"
    yield Problem(
        "/learning_rate", rate, what, f"set it to {rate * views / recipe.views:g}", "warning"
    )
