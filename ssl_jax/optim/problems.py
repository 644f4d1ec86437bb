"""What can be wrong with an optimizer and its learning rate."""

from collections.abc import Iterator, Sequence

from ssl_jax.errors import Number, Problem, out_of_range
from ssl_jax.optim.optimizers import OPTIMIZERS
from ssl_jax.optim.schedules import SCHEDULES

# Learning rates, scaled with the batch, between which published recipes lie with a wide margin.
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
    clip_norm: Number,
    weight_decay: Number,
    momentum: Number,
    beta2: Number,
    trust_coefficient: Number,
) -> Iterator[Problem]:
    """Unknown names, and numbers out of range."""
    for key, value, known in (("name", name, OPTIMIZERS), ("schedule", schedule, SCHEDULES)):
        if value not in known:
            yield Problem(key, value, f"must be one of {', '.join(known)}")
    yield from out_of_range("warmup_epochs", warmup_epochs, 0.0)
    yield from out_of_range("final_rate", final_rate, 0.0, 1.0)
    yield from out_of_range("drop_factor", drop_factor, 0.0, 1.0)
    yield from out_of_range("freeze_epochs", freeze_epochs, 0.0)
    yield from out_of_range("clip_norm", clip_norm, 0.0)
    yield from out_of_range("weight_decay", weight_decay, 0.0)
    yield from out_of_range("momentum", momentum, 0.0, 1.0)
    yield from out_of_range("beta2", beta2, 0.0, 1.0)
    yield from out_of_range("trust_coefficient", trust_coefficient, 0.0, above=True)
    if any(not epochs >= 0 for epochs in drops_before_end):
        yield Problem("drops_before_end", drops_before_end, "must be epochs, 0 or more")


def unusual_rate(name: str, rate: Number, scaled_from: int) -> Iterator[Problem]:
    """A learning rate, scaled from a batch of `scaled_from` (0: not), that no recipe has."""
    low, high = RATES.get(name, (0.0, float("inf")))
    if not low <= rate <= high:
        scaled = f", scaled from a batch of {scaled_from}," if scaled_from else ""
        what = f"is {rate:g}{scaled} in use, which is very unusual for {name}"
        remedy = f"recipes for {name} lie between {low:g} and {high:g}"
        yield Problem("/learning_rate", None, what, remedy, "warning")
