"""python launch/finished.py WORKDIR: exits 0 if the run in this folder is finished, 1 if not."""

import json
import sys
from pathlib import Path


def finished(workdir: Path) -> bool:
    """Whether there is a result for exactly the settings that the run was last started with.

    It is written after training and completed by the evaluation.
    """
    files = (workdir / "result.json", workdir / "config.json")
    try:
        result, config = (json.loads(file.read_text()) for file in files)
    except FileNotFoundError:
        return False
    at_end = config.get("evaluation", {}).get("at_end", [])
    evaluated = result.get("evaluated", at_end)
    return result["config"] == config and set(at_end) <= set(evaluated)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python launch/finished.py WORKDIR")
    sys.exit(not finished(Path(sys.argv[1])))
