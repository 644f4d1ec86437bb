"""python -m tests.faults [--rounds=200] [--seed=0] [--faults=NAME,...] [--json=FILE]

Trains small runs, does them harm, and resumes them; `make test-faults`. A round is known by
SEED-NUMBER; --only=SEED-NUMBER repeats one.
"""

import argparse
import json
import os
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any

from tests.faults.faults import FAULTS
from tests.faults.scene import Scene, Skipped
from tests.faults.sitting import import_everything


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--faults", default="", help="names, separated by commas; default: all")
    parser.add_argument("--only", default="", help="one round, as 0-17")
    parser.add_argument("--json", type=Path, help="file for the outcome")
    args = parser.parse_args()
    names = args.faults.split(",") if args.faults else [fault.__name__ for fault in FAULTS]
    rounds = [args.only] if args.only else [f"{args.seed}-{n}" for n in range(args.rounds)]
    found = run_rounds(rounds, names)
    if args.json:
        args.json.write_text(json.dumps(found, indent=1) + "\n")
    sys.exit(bool(found["seeds_of_failures"]))


def run_rounds(rounds: list[str], names: list[str]) -> dict[str, Any]:
    """The outcome of rounds by their seeds, each with one of the faults that are named."""
    chosen = [fault for fault in FAULTS if fault.__name__ in names]
    with tempfile.TemporaryDirectory() as folder:
        prepare(Path(folder))
        reference = undisturbed(Path(folder))
        outcomes = [one(seed, chosen, Path(folder), reference) for seed in rounds]
    survived = [o for o in outcomes if o["outcome"] == "survived"]
    found = {
        "rounds": len(outcomes),
        "survived": len(survived),
        "skipped": sum(o["outcome"] == "skipped" for o in outcomes),
        "steps_lost_at_most": max((o["steps_lost"] for o in survived), default=0),
        "seeds_of_failures": [o["seed"] for o in outcomes if o["outcome"] == "failed"],
        "faults": outcomes,
    }
    print({key: value for key, value in found.items() if key != "faults"})
    return found


def prepare(folder: Path) -> None:
    """One device, and programs that are compiled once."""
    os.environ |= {"JAX_PLATFORMS": "cpu", "JAX_NUM_CPU_DEVICES": "1"}
    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(folder / "compiled"))
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    os.environ["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "-1"
    import_everything()


def undisturbed(folder: Path) -> dict[str, Any]:
    """The result of the run without a fault."""
    (folder / "reference").mkdir()
    scene = Scene(folder / "reference", "", {})
    scene.quiet(scene.start(), {0})
    return json.loads((scene.run / "result.json").read_text())


def one(seed: str, faults: list, folder: Path, reference: dict[str, Any]) -> dict[str, Any]:
    """Does a round, prints a line on it, and returns what it was."""
    own = folder / seed
    own.mkdir()
    scene = Scene(own, seed, reference)
    # In turn, so that each comes equally often.
    fault = faults[int(seed.rpartition("-")[2]) % len(faults)]
    outcome, why = "survived", ""
    try:
        fault(scene)
    except Skipped as skipped:
        outcome, why = "skipped", str(skipped)
    except Exception as error:
        outcome, why = "failed", f"{type(error).__name__}: {error}"
        if not isinstance(error, AssertionError):
            why += "".join(traceback.format_tb(error.__traceback__)[-1:])
    found = {"seed": seed, "fault": fault.__name__, "moment": scene.moment, "outcome": outcome}
    found |= {"steps_lost": scene.lost, **({"why": why} if why else {})}
    print(f"{seed:8}{outcome:10}{fault.__name__:30}{scene.moment:36}{why}", flush=True)
    return found


if __name__ == "__main__":
    main()
