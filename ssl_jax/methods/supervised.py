"""Supervised training, the reference for self-supervised methods: a linear classifier on labels.

    h_i = f(x_i);  L = mean over the views of cross-entropy(W h_i + b, label)

Label smoothing is that of Szegedy et al., arXiv 1512.00567, section 7. Each view passes through the
network by itself; one view is enough.
"""

import math
from collections.abc import Iterator

import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float

from ssl_jax.errors import Problem, refuse
from ssl_jax.methods.parts.base import Aux, Expectation, KeyArray, Method, RunFacts, Step, facts_of
from ssl_jax.methods.parts.chain import apply_in_turn, encode_with, init_chain
from ssl_jax.networks.backbone import Backbone
from ssl_jax.networks.heads import MLP
from ssl_jax.options.judge import checked
from ssl_jax.options.kinds import ShareBelowOne, Width
from ssl_jax.types import Batch, Params, State


@checked
def make(
    backbone: Backbone,
    steps: int,
    *,
    num_classes: Width = 10,
    label_smoothing: ShareBelowOne = 0.0,
) -> Method:
    """Supervised training for one or more views.

    Args:
      backbone: f, the encoder to train.
      steps: of the whole run; not used.
      num_classes: labels are 0 to num_classes - 1; any other label makes the loss NaN.
      label_smoothing: share of the target that is spread over all classes, in [0, 1).

    Returns:
      The method. Its metric "accuracy" is that on the training views.

    Raises:
      UserError: if label_smoothing is out of range; from `loss`, if there are no labels.
    """
    del steps
    encoder = {"backbone": backbone}
    classifier = {"classifier": MLP((num_classes,), dtype=backbone.dtype)}

    def problems(run: RunFacts) -> Iterator[Problem]:
        if run.labelled is False:
            remedy = "use another data set, or a method that needs none"
            yield Problem("name", "supervised", "needs labels; this data set has none", remedy)
        elif run.classes is not None and run.classes != num_classes:
            fatal = run.classes > num_classes
            rule = "must be at least" if fatal else "is more than"
            what = f"{rule} the {run.classes} classes of the data set"
            remedy, level = f"set it to {run.classes}", "fatal" if fatal else "warning"
            yield Problem("num_classes", num_classes, what, remedy, level)

    def init(key: KeyArray, batch: Batch) -> tuple[Params, State]:
        refuse(problems(facts_of(batch)))
        params, stats = init_chain(key, {**encoder, **classifier}, batch.views[0])
        return params, {"stats": stats}

    def cross_entropy(logits: Float[Array, "n c"], targets: Float[Array, "n c"]):
        return jnp.mean(optax.losses.softmax_cross_entropy(logits, targets))

    def loss(params: Params, state: State, batch: Batch, key: KeyArray, step: Step):
        del step
        labels = batch.labels
        refuse(problems(facts_of(batch)._replace(labelled=labels is not None)))
        assert labels is not None
        known = (labels >= 0) & (labels < num_classes)
        targets = optax.losses.smooth_labels(jax.nn.one_hot(labels, num_classes), label_smoothing)
        # NaN rather than zero, with which an unknown label would go unnoticed.
        targets = jnp.where(known[:, None], targets, jnp.nan)
        h, stats = apply_in_turn(encoder, params, state["stats"], batch.views, key)
        logits, stats = apply_in_turn(classifier, params, stats, h, key)
        value = jnp.mean(jnp.stack([cross_entropy(view, targets) for view in logits]))
        correct = jnp.stack([jnp.argmax(view, axis=-1) == labels for view in logits])
        return value, Aux({"stats": stats}, {"accuracy": jnp.mean(correct)}, h)

    def expect(batch_size: int, views: int) -> Expectation:
        del batch_size, views
        chance = math.log(num_classes)
        return Expectation(chance, 0.0, chance, "labels that do not belong to the images")

    return Method(init, loss, encode_with(backbone), expect=expect, problems=problems)
