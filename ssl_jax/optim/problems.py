"""Problems of the options of an optimizer and its learning rate."""

from collections.abc import Iterator, Sequence

from ssl_jax.errors import Number, Problem, out_of_range
from ssl_jax.optim.optimizers import OPTIMIZERS
from ssl_jax.optim.schedules import SCHEDULES

# Learning rates, scaled with the batch; published recipes lie well within these ranges.
RATES = {
    "sgd": (1e-4, 3.0),
    "adam": (1e-6, 1e-2),
    "adamw": (1e-6, 1e-2),
    "lars": (1e-2, 50.0),
    "lars_optax": (1e-2, 50.0),
    "larc": (1e-2, 50.0),
}


def optimizer_problems(
    *,
    name: str,
    schedule: str,
    warmup_epochs: Number,
    final_rate: Number,
    drops_before_end: Sequence[Number],
    drop_factor: Number,
    freeze_epochs: Number,
    final_decay: Number,
    clip_norm: Number,
    clip_each_norm: Number,
    weight_decay: Number,
    momentum: Number,
    beta2: Number,
    trust_coefficient: Number,
) -> Iterator[Problem]:
    """Unknown names, and numbers out of range.

    Args:
      name: of the optimizer; see `optimizers.make`.
      schedule: of the learning rate; see `schedules.learning_rate`.
      warmup_epochs: length of the warm-up.
      final_rate: share of the peak that remains at the end of "cosine".
      drops_before_end: epochs before the end at which "drops" lowers the learning rate.
      drop_factor: of "drops".
      freeze_epochs: length of the freeze of the group "frozen_at_first".
      final_decay: where weight decay ends by a cosine, as a multiple of it.
      clip_norm: largest global norm of the gradient; 0 for any.
      clip_each_norm: largest norm of the gradient of each parameter; 0 for any.
      weight_decay: see `optimizers.make`.
      momentum: see `optimizers.make`.
      beta2: see `optimizers.make`.
      trust_coefficient: see `optimizers.make`.

    Yields:
      One problem per option that is wrong.

    Example:
      >>> usual = dict(warmup_epochs=10, final_rate=0, drops_before_end=(), drop_factor=0.1)
      >>> usual |= dict(freeze_epochs=0, clip_norm=0, clip_each_norm=0, weight_decay=0)
      >>> usual |= dict(final_decay=1, momentum=0.9, beta2=0.999)
      >>> usual |= dict(schedule="cosine", trust_coefficient=0.001)
      >>> [str(problem) for problem in optimizer_problems(name="rmsprop", **usual)]
      ["name='rmsprop' must be one of sgd, adam, adamw, lars, lars_optax, larc"]
    """
    for key, value, known in (("name", name, OPTIMIZERS), ("schedule", schedule, SCHEDULES)):
        if value not in known:
            yield Problem(key, value, f"must be one of {', '.join(known)}")
    yield from out_of_range("warmup_epochs", warmup_epochs, 0.0)
    yield from out_of_range("final_rate", final_rate, 0.0, 1.0)
    yield from out_of_range("drop_factor", drop_factor, 0.0, 1.0)
    yield from out_of_range("freeze_epochs", freeze_epochs, 0.0)
    yield from out_of_range("final_decay", final_decay, 0.0)
    yield from out_of_range("clip_norm", clip_norm, 0.0)
    yield from out_of_range("clip_each_norm", clip_each_norm, 0.0)
    yield from out_of_range("weight_decay", weight_decay, 0.0)
    yield from out_of_range("momentum", momentum, 0.0, 1.0)
    yield from out_of_range("beta2", beta2, 0.0, 1.0)
    yield from out_of_range("trust_coefficient", trust_coefficient, 0.0, above=True)
    if any(not epochs >= 0 for epochs in drops_before_end):
        yield Problem("drops_before_end", drops_before_end, "must be numbers of epochs, at least 0")


def unusual_rate(name: str, rate: Number, scaled_from: int) -> Iterator[Problem]:
    """A learning rate that is far from those of published recipes.

    Args:
      name: of the optimizer.
      rate: the learning rate, scaled with the batch.
      scaled_from: batch size that the unscaled rate is for; 0 if it is not scaled.

    Yields:
      At most one warning.

    Example:
      >>> [problem.level for problem in unusual_rate("sgd", 100.0, 256)]
      ['warning']
    """
    low, high = RATES.get(name, (0.0, float("inf")))
    if not low <= rate <= high:
        scaled = f" (scaled from a batch of {scaled_from})" if scaled_from else ""
        what = f"amounts to {rate:g}{scaled}, which is very unusual for {name}"
        remedy = f"recipes for {name} lie between {low:g} and {high:g}"
        yield Problem("/learning_rate", None, what, remedy, "warning")
