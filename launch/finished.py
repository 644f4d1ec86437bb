"""python launch/finished.py WORKDIR: exits 0 if the run in this folder is finished, 1 if not."""

import json
import sys
from pathlib import Path
from typing import Any


def finished(workdir: Path) -> bool:
    """Whether there is a result for exactly the settings that the run was last started with.

    It is written after training and completed by the evaluation. A run whose files cannot be read,
    or hold something else, is not finished: the program itself says what is wrong with them.
    """
    result, config = (_json(workdir / name) for name in ("result.json", "config.json"))
    if not isinstance(result, dict) or not isinstance(config, dict):
        return False
    evaluation = config.get("evaluation", {})
    at_end = evaluation.get("at_end", []) if isinstance(evaluation, dict) else None
    evaluated = result.get("evaluated", at_end)
    if not isinstance(at_end, list) or not isinstance(evaluated, list):
        return False
    return result.get("config") == config and all(name in evaluated for name in at_end)


def _json(file: Path) -> Any:
    """The content of a file; None if it has none that is JSON."""
    try:
        return json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python launch/finished.py WORKDIR")
    sys.exit(not finished(Path(sys.argv[1])))
