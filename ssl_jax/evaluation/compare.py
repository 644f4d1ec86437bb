"""Several encoders and the raw pixels under the same protocol."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from jaxtyping import Array, Float

from ssl_jax.data.dataset import Dataset, Splits
from ssl_jax.devices.sharding import Shardings
from ssl_jax.evaluation.features import Labelled, extract, pixels
from ssl_jax.evaluation.final import PROTOCOL, evaluate

Encode = Callable[[Float[Array, "b h w c"]], Float[Array, "b d"]]


def compare(
    encoders: Mapping[str, Encode],
    splits: Splits,
    *,
    batch_size: int,
    shardings: Shardings | None = None,
) -> dict[str, Any] | None:
    """The figures of every encoder by its name, and those of raw pixels under "pixels".

    None where the images have no labels or there are no test images. "protocol" says in words
    what the figures are; see `protocol.evaluate`.
    """
    if splits.bank.labels is None or splits.test is None:
        return None

    def with_labels(dataset: Dataset, features: Callable[[Any], np.ndarray]) -> Labelled:
        assert dataset.labels is not None  # the parts of a labelled set are labelled
        return Labelled(features(dataset.images), dataset.labels)

    def figures(features: Callable[[Any], np.ndarray]) -> dict[str, Any]:
        assert splits.test is not None
        return evaluate(
            with_labels(splits.bank, features),
            None if splits.holdout is None else with_labels(splits.holdout, features),
            with_labels(splits.test, features),
            num_classes=len(splits.bank.classes),
        )

    results: dict[str, Any] = {
        name: figures(
            lambda images, encode=encode: extract(
                encode, images, batch_size=batch_size, shardings=shardings
            )
        )
        for name, encode in encoders.items()
    }
    return {**results, "pixels": figures(pixels), "protocol": PROTOCOL}
