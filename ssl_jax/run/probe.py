"""Metrics on held-out images while a run trains."""

from collections.abc import Callable, Mapping
from functools import partial

from ssl_jax.data import dataset as data
from ssl_jax.data.decodable import decodable
from ssl_jax.data.splits import FIXED_SEED, draw
from ssl_jax.evaluation.extract import extract
from ssl_jax.evaluation.while_training import training_metrics
from ssl_jax.run.frozen import frozen_encoder
from ssl_jax.setup.build import Setup
from ssl_jax.training.step import TrainState

# Images that the metrics shown during training are computed from.
PROBE_BANK = 5000


def make_probe(setup: Setup) -> Callable[[TrainState], Mapping[str, float]] | None:
    """Train state -> kNN accuracy (with labels), feature std and effective rank; None if never."""
    if not setup.plan.probe_every:
        return None
    splits, encoder = setup.data.splits, frozen_encoder(setup.model)
    bank = splits.bank
    size = len(bank.images)
    chosen = draw(bank.labels, size=size, count=min(size, PROBE_BANK), seed=FIXED_SEED)
    bank = data.in_memory(decodable(data.take(bank, chosen)))
    held = None if splits.holdout is None else data.in_memory(decodable(splits.holdout))

    def probe(train: TrainState) -> Mapping[str, float]:
        features = partial(
            extract,
            encoder(train),
            batch_size=setup.plan.encode_batch,
            shardings=setup.shardings,
        )
        return training_metrics(features, bank, held)

    return probe
