"""The protocols by name, with a one-line description each. Does not need jax."""

import importlib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple


class Protocol(NamedTuple):
    """A way to evaluate an encoder.

    about: one-line description.
    place: module and function, below `evaluation.protocols`: (task, seed) -> metrics by name and,
      under "settings", how they were obtained.
    seeded: whether the seed changes the metrics.
    together: whether the module has a function of the name with "_seeds" at its end, which runs
      several seeds in one program: (task, seeds) -> what the function gives for each.
    """

    about: str
    place: str
    seeded: bool = True
    together: bool = False

    def load(self) -> Callable[[Any, int], dict[str, Any]]:
        """The function of the protocol."""
        return self._find("")

    def load_together(self) -> Callable[[Any, Sequence[int]], list[dict[str, Any]]]:
        """The function of a protocol for several seeds."""
        return self._find("_seeds")

    def _find(self, ending: str) -> Callable[..., Any]:
        module, function = self.place.split(".")
        found = importlib.import_module(f"ssl_jax.evaluation.protocols.{module}")
        return getattr(found, function + ending)


# The protocols at the end of a run whose metrics result.json holds, for all encoders.
AT_END = ("knn", "ridge")

_LINEAR = "linear classifier, settings of"
_CACHED = "on features computed once, without augmentation"
PROTOCOLS = {
    "knn": Protocol("weighted k-nearest-neighbour vote, several k", "knn.knn", seeded=False),
    "ridge": Protocol("ridge regression, lambda chosen on held-out images", "ridge.ridge", False),
    "tuned": Protocol("softmax regression by SGD, tuned on held-out images", "tuned.tuned"),
    "svm": Protocol("linear SVMs; on VOC 2007 mean average precision", "svm.svm", seeded=False),
    "geometry": Protocol("alignment, uniformity, effective rank, spectrum", "geometry.geometry"),
    "downscaled": Protocol("an MLP on pixels, features, PCA and t-SNE", "downscaled.downscaled"),
    "ba_ssl": Protocol(f"{_LINEAR} BA-SSL", "linear.ba_ssl", together=True),
    "multi_network": Protocol(f"{_LINEAR} Multi-network", "linear.multi_network"),
    "msbreg": Protocol(f"{_LINEAR} MSBReg", "linear.msbreg"),
    "moco": Protocol(f"{_LINEAR} MoCo", "linear.moco"),
    "multi_network_cached": Protocol(
        f"multi_network {_CACHED}", "linear.multi_network_cached", together=True
    ),
    "msbreg_cached": Protocol(f"msbreg {_CACHED}", "linear.msbreg_cached", together=True),
    "moco_cached": Protocol(f"moco {_CACHED}", "linear.moco_cached", together=True),
    "places205": Protocol(f"{_LINEAR} MSBReg for Places205", "linear.places205"),
    "inat18": Protocol(f"{_LINEAR} MSBReg for iNaturalist 2018", "linear.inat18"),
    "finetune_1": Protocol("1 % of the labels, encoder frozen", "finetune.finetune_1"),
    "finetune_10": Protocol("fine-tuning with 10 % of the labels", "finetune.finetune_10"),
    "finetune": Protocol("fine-tuning with all labels", "finetune.finetune"),
}
