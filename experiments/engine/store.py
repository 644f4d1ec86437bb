"""Results of runs, each named by hashes of its settings and of its training images."""

import hashlib
import json
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from ssl_jax.setup.data import load_data
from ssl_jax.setup.settings import as_json
from ssl_jax.storage.atomic import make_folder, write_json

RESULTS = Path(__file__).parents[1] / "results"
# Keys that change no number, or that say where on a machine something lies.
FREE = (
    "log_every_steps",
    "keep_checkpoints",
    "checkpoint_every_epochs",
    "probe_every_epochs",
    "data.path",
    "data.workers",
    "data.pipeline",
)
# Keys that came after the first results, each with the value (as JSON has it) that leaves a run as
# it was without the key. Where they hold it they are left out; earlier results keep their names.
LATER: dict[str, Any] = {
    "data.test": "",
    "data.value_range": [],
    "data.max_pixels": 0,
    "optimizer.final_decay": 1.0,
    "optimizer.clip_each_norm": 0.0,
    "evaluation.at_end": ["knn", "ridge"],
    "evaluation.pixels": "auto",
    "evaluation.dtype": "float32",
    "penalty.sigreg": 0.0,
}


class Store:
    """A folder with one JSON file per run, `<settings>-<images>.json`."""

    def __init__(self, folder: Path = RESULTS / "runs"):
        self._folder = folder

    def of_settings(self, config: ConfigDict) -> list[dict[str, Any]]:
        """Results of these settings on whatever images; usually none or one."""
        paths = sorted(self._folder.glob(f"{settings_hash(config)}-*.json"))
        return [json.loads(path.read_text()) for path in paths]

    def of_run(self, identity: str) -> dict[str, Any] | None:
        """The result of a run, or None."""
        path = self._folder / f"{identity}.json"
        return json.loads(path.read_text()) if path.exists() else None

    def everything(self) -> dict[str, dict[str, Any]]:
        """All results by the names of their runs."""
        paths = sorted(self._folder.glob("*.json"))
        return {path.stem: json.loads(path.read_text()) for path in paths}

    def write(self, identity: str, result: dict[str, Any]) -> None:
        """Keeps a result, in place of an earlier one."""
        make_folder(self._folder)
        write_json(self._folder / f"{identity}.json", result)


def settings_of(config: ConfigDict) -> dict[str, Any]:
    """The settings that decide the numbers of a run."""
    settings = as_json(config)
    for key in (*FREE, *LATER):
        *sections, last = key.split(".")
        section = settings
        for name in sections:
            section = section.get(name, {})
        if key in FREE or section.get(last) == LATER[key]:
            section.pop(last, None)
    return settings


def settings_hash(config: ConfigDict) -> str:
    """16 hexadecimal digits that stand for the settings of a run."""
    content = json.dumps(settings_of(config), sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def identity(config: ConfigDict) -> str:
    """The name of a run: hashes of its settings and of its training images.

    Raises:
      UserError: where the images cannot be opened.
    """
    return f"{settings_hash(config)}-{_fingerprint(config)[:8]}"


def _fingerprint(config: ConfigDict) -> str:
    """The fingerprint of the training images; each set is opened once."""
    seed = config.seed if config.data.limit else 0
    side = max(view.size for view in config.augment.values())
    key = json.dumps([as_json(config.data), seed, side])
    if key not in _FINGERPRINTS:
        _FINGERPRINTS[key] = load_data(config).fingerprint
    return _FINGERPRINTS[key]


_FINGERPRINTS: dict[str, str] = {}
