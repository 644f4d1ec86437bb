"""Problems of a learning rate."""

from collections.abc import Iterator

from ssl_jax.errors import Number, Problem

# Learning rates, scaled with the batch; published recipes lie well within these ranges.
RATES = {
    "sgd": (1e-4, 3.0),
    "adam": (1e-6, 1e-2),
    "adamw": (1e-6, 1e-2),
    "lars": (1e-2, 50.0),
    "lars_optax": (1e-2, 50.0),
    "larc": (1e-2, 50.0),
}


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
