"""A configuration as it is written beside a run, and in what two of them differ."""

import json
from typing import Any

from ssl_jax.types import Config


def as_json(config: Config) -> dict[str, Any]:
    """A configuration as plain JSON values, equal to what reading it back from a file gives."""
    return json.loads(config.to_json_best_effort())
