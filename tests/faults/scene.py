"""The folder of a round, and what is checked in it."""

import json
import random
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.faults.sitting import Sitting
from tests.test_main import TINY

FLAGS = ["--config=configs/ba_moco.py", *TINY, "--config.epochs=4", "--config.log_every_steps=1"]
KILLED = {-signal.SIGKILL}


class Skipped(Exception):
    """This machine cannot have the fault; the message says why."""


class Scene:
    """A run in a folder of its own.

    Attributes:
      draw: the round's random numbers.
      lost: steps that had been logged and were trained again.
      moment: of the fault, in words.
    """

    def __init__(self, folder: Path, seed: str, reference: dict[str, Any], flags=()):
        self.folder, self.run = folder, folder / "run"
        self.draw = random.Random(seed)
        self.reference, self.flags = reference, [*FLAGS, *flags]
        self.lost, self.moment, self._sittings = 0, "", 0

    def start(self, module: str = "main", *more: str, before=lambda: None, environment=None):
        self._sittings += 1
        log = self.folder / f"{self._sittings}-{module}.log"
        own = [*self.flags, f"--workdir={self.run}"] if module == "main" else []
        return Sitting(module, [*own, *more], log, before, environment)

    def logged(self) -> int:
        """The last step in metrics.jsonl."""
        path = self.run / "metrics.jsonl"
        lines = path.read_text(errors="replace").splitlines() if path.exists() else []
        found = [re.match(r'\{"step": (\d+)', line) for line in lines]
        return max((int(match[1]) for match in found if match), default=0)

    def checkpoints(self) -> list[int]:
        """Steps of the checkpoints that are complete."""
        folders = (self.run / "checkpoints").glob("*/files.json")
        return sorted(int(p.parent.name) for p in folders if p.parent.name.isdecimal())

    def stopped(self) -> Sitting:
        """A sitting that was stopped in order in the middle of training."""
        sitting = self.start()
        at = self.draw.randint(5, 11)
        sitting.until(lambda: self.logged() >= at)
        sitting.send(15)
        assert sitting.wait() == 0, sitting.errors()
        return sitting

    def quiet(self, sitting: Sitting, codes: set[int], also: str = "") -> None:
        """It ended with one of these codes, and its errors are the lines that are documented.

        They are one line with the code 1, 130 or 143, and none otherwise.

        also: pattern of other lines that there may be.
        """
        code, errors = sitting.wait(), sitting.errors()
        assert code in codes, f"exit code {code}: {errors[-500:]}"
        lines = [line for line in errors.splitlines() if not (also and re.match(also, line))]
        assert len(lines) == (code in (1, 130, 143)), f"exit code {code}: {errors[-800:]}"
        assert code != 1 or lines[0].startswith("error: "), errors[-800:]

    def finish(self, *more: str, steps: Callable[[int], bool] = lambda step: True) -> None:
        """Resumes to the end: nothing complete is lost, and the digest is the undisturbed one's.

        steps: whether the step at which it may resume is right.
        """
        logged, saved = self.logged(), max(self.checkpoints(), default=0)
        sitting = self.start("main", *more)
        self.quiet(sitting, {0})
        resumed = re.search(r"resuming from step (\d+)", sitting.said())
        step = int(resumed[1]) if resumed else 0
        if "is finished" not in sitting.said():
            assert steps(step), f"resumed at {step}, saved were {saved}"
            self.lost = max(self.lost, logged - step)
        result = json.loads((self.run / "result.json").read_text())
        assert result["digest"] == self.reference["digest"], "another digest"
        assert not list(self.folder.rglob("*.part")), "a .part is left"

    def finish_from_latest(self, *more: str) -> None:
        saved = max(self.checkpoints(), default=0)
        self.finish(*more, steps=lambda step: step >= saved)
