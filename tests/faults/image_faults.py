"""Faults of commands that read image files: the files change, a reader is killed, embedding is."""

import json
import os
import signal
from pathlib import Path

import numpy as np

from tests.faults.scene import KILLED, Scene
from tests.run.test_photographs import TINY, write

STREAMED = [*TINY, "--config.data.pipeline=grain", "--config.log_every_steps=1"]
# A process that reads keeps no image, so that files are read in each epoch.
PROCESS = ["--config.data.workers=1", "--config.epochs=6"]
# Python's own, of what the killed process had allocated; not one of ours, but true.
OF_TRACKER = r".*resource_tracker: There appear to be \d+ leaked|  warnings.warn\('resource_tracker"


def _streamed(scene: Scene, *more: str) -> Path:
    """Photographs, which the scene's runs stream from now on; its reference is such a run."""
    photographs = scene.folder / "photographs"
    write(photographs, "train", 40)
    write(photographs, "test", 4)
    scene.flags = [*STREAMED, f"--config.data.path={photographs}", *more]
    undisturbed = Scene(scene.folder / "undisturbed", "", {})
    undisturbed.flags = scene.flags
    undisturbed.folder.mkdir()
    undisturbed.quiet(undisturbed.start(), {0})
    scene.reference = json.loads((undisturbed.run / "result.json").read_text())
    return photographs


def _harm(scene: Scene, photographs: Path) -> dict[Path, bytes]:
    """Does harm to some training images; returns what they held."""
    way = scene.draw.choice(["vanish", "cut"])
    scene.moment += f" {way}"
    files = scene.draw.sample(sorted((photographs / "train").rglob("*.jpg")), 12)
    content = {file: file.read_bytes() for file in files}
    for file, held in content.items():
        file.write_bytes(held[: len(held) // 2])
        if way == "vanish":
            file.unlink()
    return content


def images_change_while_streaming(scene: Scene) -> None:
    """The run goes on with other images, and names those that it met and could not read."""
    photographs = _streamed(scene, *PROCESS)
    scene.moment = "while the step is compiled"
    sitting = scene.start()
    sitting.until(lambda: "compiling the train step" in sitting.said())
    content = _harm(scene, photographs)
    scene.quiet(sitting, {0})
    result = json.loads((scene.run / "result.json").read_text())
    line, said = "cannot be read, others take its place", sitting.said()
    met = [f for f in content if f"{f.parent.name}/{f.name} {line}" in said]
    scene.moment += f", met {len(met)}"
    assert len(result["skipped_files"]) == len(met) == said.count(line)
    assert met or result["digest"] == scene.reference["digest"], "another digest"


def images_change_between_sittings(scene: Scene) -> None:
    """Other images are refused, and once they are back the run goes on as if nothing had been."""
    photographs = _streamed(scene)
    scene.stopped()
    content, saved = _harm(scene, photographs), scene.checkpoints()
    scene.quiet(scene.start(), {1})
    assert scene.checkpoints() == saved
    for file, held in content.items():
        file.write_bytes(held)
    scene.finish_from_latest()


def killed_reader(scene: Scene) -> None:
    _streamed(scene, *PROCESS)
    at = scene.draw.randint(1, 8)
    scene.moment = f"after step {at}"
    sitting = scene.start()
    sitting.until(lambda: scene.logged() >= at)
    for tasks in Path(f"/proc/{sitting.pid}/task").glob("*/children"):
        for child in tasks.read_text().split():
            if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
                os.kill(int(child), signal.SIGKILL)
    scene.quiet(sitting, {0, 1}, also=OF_TRACKER)
    refused = "a process that reads images was killed" in sitting.errors()
    assert refused or sitting.wait() == 0, sitting.errors()
    scene.moment += "" if refused else ", everything had been read"
    scene.finish_from_latest()


def kill_while_embedding(scene: Scene) -> None:
    """The same command again resumes, and writes what an undisturbed one does."""
    scene.stopped()
    photographs = scene.folder / "photographs"
    write(photographs, "train", 100)
    flags = [f"--workdir={scene.run}", f"--images={photographs}", "--batch_size=4"]
    outputs = [scene.folder / "whole.npz", scene.folder / "killed.npz"]
    scene.quiet(scene.start("embed", *flags, f"--output={outputs[0]}"), {0})
    rows = scene.draw.randint(0, 150)
    scene.moment = f"after {rows} images"
    part = Path(f"{outputs[1]}.part") / "readable"
    sitting = scene.start("embed", *flags, f"--output={outputs[1]}")
    sitting.until(lambda: part.exists() and part.stat().st_size >= rows)
    sitting.send(signal.SIGKILL)
    scene.quiet(sitting, {*KILLED, 0})
    again = scene.start("embed", *flags, f"--output={outputs[1]}")
    scene.quiet(again, {0})
    resumed = "resuming after" in again.said()
    assert resumed or rows < 8 or sitting.wait() == 0, again.said()
    whole, killed = (np.load(output) for output in outputs)
    for name in ("paths", "features"):
        np.testing.assert_array_equal(killed[name], whole[name])
    scene.finish_from_latest()
