"""The protocols by their names."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from ssl_jax.evaluation.protocols import supervised
from ssl_jax.evaluation.protocols.downscaled import downscaled
from ssl_jax.evaluation.protocols.geometry import geometry
from ssl_jax.evaluation.protocols.knn import knn
from ssl_jax.evaluation.protocols.svm import svm
from ssl_jax.evaluation.task import Task


class Protocol(NamedTuple):
    """run: (task, seed) -> figures. seeded: whether the seed changes them."""

    run: Callable[[Task, int], dict[str, Any]]
    seeded: bool = True


PROTOCOLS = {
    "knn": Protocol(knn, seeded=False),
    "ridge": Protocol(supervised.ridge, seeded=False),
    "tuned": Protocol(supervised.tuned),
    "svm": Protocol(svm, seeded=False),
    "geometry": Protocol(geometry),
    "downscaled": Protocol(downscaled),
    "ba_ssl": Protocol(supervised.ba_ssl),
    "multi_network": Protocol(supervised.multi_network),
    "msbreg": Protocol(supervised.msbreg),
    "moco": Protocol(supervised.moco),
    # The same on features that are computed once, without augmentation: far faster, and another
    # protocol.
    "multi_network_cached": Protocol(partial(supervised.multi_network, cached=True)),
    "msbreg_cached": Protocol(partial(supervised.msbreg, cached=True)),
    "moco_cached": Protocol(partial(supervised.moco, cached=True)),
    "places205": Protocol(supervised.places205),
    "inat18": Protocol(supervised.inat18),
    "finetune_1": Protocol(supervised.finetune_1),
    "finetune_10": Protocol(supervised.finetune_10),
    "finetune": Protocol(supervised.finetune),
}
