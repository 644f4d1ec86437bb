"""SwAV: predict the code of one crop, its assignment to prototypes, from the other crops.

Caron et al., "Unsupervised Learning of Visual Features by Contrasting Cluster Assignments",
arXiv 2006.09882, Eq. 1 to 5, and the official code.

    z_v = g(f(x_v)),   s_v = z_hat_v C^T                    C: K prototypes, rows of length 1
    q_u = Sinkhorn(s_u; epsilon), no gradient               u: full-size crops only
    L   = mean over u and v != u of -sum q_u log softmax(s_v / T)

Sinkhorn makes the batch use all prototypes equally, so that all images cannot have the same code.
A batch smaller than K gets help from a queue for each full-size crop: embeddings of earlier
batches, scored with the current prototypes, take part in Sinkhorn, but only the codes of the batch
are used.

Deviations from the official code: the rows of C start uniform on the sphere, whereas it normalises
uniform entries, and return to length 1 after each step, whereas it does so before the next one.
"""

import math
from collections.abc import Iterator

import jax
import jax.numpy as jnp
from jax.scipy.special import entr
from jaxtyping import Array, Bool, Float

from ssl_jax.errors import Problem, refuse
from ssl_jax.losses import code_cross_entropy, normalize, sinkhorn
from ssl_jax.methods.parts.base import Aux, Expectation, KeyArray, Method, RunFacts, Step, facts_of
from ssl_jax.methods.parts.chain import apply_to_crops, encode_with, group_networks, init_chain
from ssl_jax.methods.parts.problems import flat_temperature, frozen_throughout, heads, view_count
from ssl_jax.methods.parts.queue import enqueue, init_queue, queue_problems
from ssl_jax.networks.backbone import Backbone
from ssl_jax.networks.heads import MLP
from ssl_jax.options.judge import checked
from ssl_jax.options.kinds import Copies, Iterations, QueueSize, Share, Temperature, Width
from ssl_jax.types import Batch, Embeddings, Params, State


@checked
def make(
    backbone: Backbone,
    steps: int,
    *,
    hidden: Width = 2048,
    out: Width = 128,
    prototypes: Width = 3000,
    temperature: Temperature = 0.1,
    epsilon: Temperature = 0.05,
    iterations: Iterations = 3,
    global_views: Copies = 2,
    use_queue: bool = True,
    queue_size: QueueSize = 3840,
    queue_from: Share = 0.075,
) -> Method:
    """SwAV for two or more views, the full-size ones first.

    Args:
      backbone: f, the encoder to train.
      steps: of the whole run, for the start of the queues.
      hidden: width inside the projector g.
      out: width of the embeddings z.
      prototypes: K.
      temperature: T.
      epsilon: of Sinkhorn; the smaller it is, the harder the codes.
      iterations: of Sinkhorn.
      global_views: number of views, the first ones, that have codes.
      use_queue: the official code has queues for batches of 256, none for batches of 4096.
      queue_size: number of embeddings in the queue of a view, a multiple of the batch size.
      queue_from: share of the run after which queues start to fill; they are used once full. The
        official code starts at epoch 15 of 200.

    Returns:
      The method. Its metrics are "code_entropy" and "kl", the loss minus that entropy.

    Raises:
      UserError: if queue_from is not in [0, 1]; from `init`, if queue_size is not a multiple of the
        batch size, or if there are too few views.
    """
    g = MLP((hidden, out), dtype=backbone.dtype)

    def problems(run: RunFacts) -> Iterator[Problem]:
        images = run.batch_size + (queue_size if use_queue else 0)
        yield from view_count(run, max(global_views, 2))
        yield from heads(run, g)
        if use_queue:
            yield from queue_problems(queue_size, run)
        yield from flat_temperature(temperature)
        yield from frozen_throughout(run, "prototypes")
        # Sinkhorn gives every prototype its share of the images, so there must be enough images.
        if prototypes > 0.8 * images:
            what = f"is too many for the {images} images of a batch and its queue"
            remedy = f"set it to {max(images // 2, 1)} or less, or use a longer queue"
            yield Problem("prototypes", prototypes, what, remedy, "warning")
        if not 0.01 <= epsilon <= 0.2:
            codes = "so hard that shares stay unequal" if epsilon < 0.01 else "nearly all the same"
            remedy = "0.03 to 0.05 is usual"
            yield Problem("epsilon", epsilon, f"makes the codes {codes}", remedy, "warning")

    def init(key: KeyArray, batch: Batch) -> tuple[Params, State]:
        refuse(problems(facts_of(batch)))
        network_key, prototype_key, queue_key = jax.random.split(key, 3)
        chain = {"backbone": backbone, "projector": g}
        params, stats = init_chain(network_key, chain, batch.views[0])
        params["prototypes"] = normalize(jax.random.normal(prototype_key, (prototypes, out)))
        if not use_queue:
            return params, {"stats": stats}
        count = len(batch.views[0])
        keys = jax.random.split(queue_key, global_views)
        queues = jnp.stack([init_queue(key, queue_size, out, count) for key in keys])
        return params, {"stats": stats, "queues": queues}

    def loss(params: Params, state: State, batch: Batch, key: KeyArray, step: Step):
        z, stats = apply_to_crops(backbone, g, params, state["stats"], batch.views, key)
        c = params["prototypes"]
        s = [_scores(normalize(z_v), c) for z_v in z]
        if use_queue:
            full = step >= round(queue_from * steps) + queue_size // len(z[0])
            q = [codes_with_queue(s[u], queue, c, full) for u, queue in enumerate(state["queues"])]
            queues = [enqueue(queue, z[u], step) for u, queue in enumerate(state["queues"])]
            state = {"stats": stats, "queues": jnp.stack(queues)}
        else:
            q = [codes(s_u) for s_u in s[:global_views]]
            state = {"stats": stats}
        pairs = [
            code_cross_entropy(q_u, s_v, temperature)
            for u, q_u in enumerate(q)
            for v, s_v in enumerate(s)
            if v != u
        ]
        value = jnp.mean(jnp.stack(pairs))
        entropy = jnp.mean(jnp.sum(entr(jnp.stack(q)), axis=-1))
        return value, Aux(state, {"code_entropy": entropy, "kl": value - entropy}, z)

    def codes(scores: Float[Array, "n k"]) -> Float[Array, "n k"]:
        return sinkhorn(scores, epsilon=epsilon, iterations=iterations)

    def codes_with_queue(
        scores: Float[Array, "n k"],
        queue: Float[Array, "m d"],
        prototypes: Float[Array, "k d"],
        full: Bool[Array, ""],
    ) -> Float[Array, "n k"]:
        everything = jnp.concatenate([_scores(queue, prototypes), scores])
        return jnp.where(full, codes(everything)[len(queue) :], codes(scores))

    def update(params: Params, state: State, step: Step) -> tuple[Params, State]:
        del step
        return {**params, "prototypes": normalize(params["prototypes"])}, state

    def expect(batch_size: int, views: int) -> Expectation:
        del batch_size, views
        causes = (
            "codes that are all the same: too many prototypes for the batch and its queue, epsilon "
            "too high, or prototypes not frozen at first"
        )
        return Expectation(math.log(prototypes), 0.0, math.log(prototypes), causes)

    groups = group_networks(prototypes="frozen_at_first")
    return Method(init, loss, encode_with(backbone), update, groups, expect, problems)


def _scores(embeddings: Embeddings, prototypes: Float[Array, "k d"]) -> Float[Array, "n k"]:
    return jnp.matmul(embeddings, prototypes.T, precision="highest")
