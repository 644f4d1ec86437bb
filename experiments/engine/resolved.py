"""A configuration that was resolved before: --config=experiments/engine/resolved.py:FILE.json."""

import json
from pathlib import Path

from ml_collections import ConfigDict


def get_config(file: str) -> ConfigDict:
    return ConfigDict(json.loads(Path(file).read_text()))
