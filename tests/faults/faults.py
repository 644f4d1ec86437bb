"""The faults: each does its harm to a scene at a drawn moment, checks how that ends, and resumes.

A moment is known by what is seen, such as a line of metrics.jsonl, never by the time.
"""

import builtins
import errno
import io
import os
import resource
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from tests.faults import image_faults
from tests.faults.scene import KILLED, Scene, Skipped

STDOUT_GONE = "standard output is gone; its last line: "


def kill_while_training(scene: Scene) -> None:
    at = scene.draw.randint(1, 15)
    scene.moment = f"after step {at}"
    sitting = scene.start()
    sitting.until(lambda: scene.logged() >= at)
    sitting.send(signal.SIGKILL)
    scene.quiet(sitting, {*KILLED, 0})
    scene.finish_from_latest()


def kill_while_saving(scene: Scene) -> None:
    number = scene.draw.randint(1, 3)
    scene.moment = f"while checkpoint {number} is written"
    sitting, seen = scene.start(), set[str]()

    def writing() -> bool:
        seen.update(p.name for p in (scene.run / "checkpoints").glob("*.orbax-checkpoint-tmp"))
        return len(seen) >= number

    sitting.until(writing)
    sitting.send(signal.SIGKILL)
    scene.quiet(sitting, {*KILLED, 0})
    scene.finish_from_latest()


def kill_while_evaluating(scene: Scene) -> None:
    sitting = scene.start()
    sitting.until(lambda: "evaluating" in sitting.said())
    sitting.send(scene.draw.choice([signal.SIGKILL, signal.SIGTERM, signal.SIGINT]))
    scene.quiet(sitting, {*KILLED, 0, 130, 143})
    scene.finish_from_latest()


def kill_while_exporting(scene: Scene) -> None:
    scene.stopped()
    output = scene.folder / "encoder.safetensors"
    flags = [f"--workdir={scene.run}", "--format=torchvision", f"--output={output}"]
    sitting = scene.start("export", *flags)
    sitting.until(lambda: bool(list(scene.folder.glob("*encoder.safetensors*"))))
    sitting.send(signal.SIGKILL)
    scene.quiet(sitting, {*KILLED, 0, 1})
    scene.quiet(scene.start("export", *flags), {0})
    for part in scene.folder.glob("*.part"):
        part.unlink()
    scene.finish_from_latest()


def sigterm(scene: Scene) -> None:
    at = scene.draw.randint(0, 15)
    scene.moment = f"after step {at}"
    sitting = scene.start()
    sitting.until(lambda: (scene.run / "metrics.jsonl").exists() and scene.logged() >= at)
    sitting.send(signal.SIGTERM)
    scene.quiet(sitting, {0, 143})
    if "stopped and saved" in sitting.said():
        logged = scene.logged()
        assert max(scene.checkpoints()) == logged, "a stop that was obeyed lost steps"
    scene.finish_from_latest()


def interrupt_twice(scene: Scene) -> None:
    at = scene.draw.randint(0, 15)
    scene.moment = f"after step {at}"
    sitting = scene.start()
    sitting.until(lambda: (scene.run / "metrics.jsonl").exists() and scene.logged() >= at)
    sitting.send(signal.SIGINT)
    sitting.send(signal.SIGINT)
    scene.quiet(sitting, {0, 130})
    scene.finish_from_latest()


def reader_goes_away(scene: Scene) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    sitting = scene.start(before=lambda: os.dup2(writing, 1))
    os.close(writing)
    at = scene.draw.randint(3, 12)
    sitting.until(lambda: scene.logged() >= at)
    sitting.send(signal.SIGINT)
    scene.quiet(sitting, {0}, also=f"{STDOUT_GONE}stopped and saved at step")
    assert sitting.errors(), "nothing says that it was stopped"
    scene.finish_from_latest()


def no_file_may_grow(scene: Scene) -> None:
    """As a full disk, at any size: metrics, a checkpoint, curves or the result do not fit."""
    size = scene.draw.choice([500, 2_000, 8_000, 30_000, 100_000])
    scene.moment = f"files of at most {size} bytes"

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        os.environ.pop("JAX_COMPILATION_CACHE_DIR", None)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    scene.quiet(scene.start(before=limit), {0, 1}, also=STDOUT_GONE)
    scene.finish_from_latest()


def read_only(scene: Scene) -> None:
    scene.stopped()
    command = ["mount", "--bind", "-o", "ro", str(scene.run), str(scene.run)]
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError:
        raise Skipped("there is no mount") from None
    if done.returncode:
        raise Skipped(f"no file system can be mounted here: {done.stderr.strip()[:80]}")
    try:
        scene.quiet(scene.start(), {1})
    finally:
        subprocess.run(["umount", str(scene.run)], check=True)
    scene.finish_from_latest()


def _file_of_latest(scene: Scene) -> Path:
    latest = scene.run / "checkpoints" / str(max(scene.checkpoints()))
    return scene.draw.choice(sorted(path for path in latest.rglob("*") if path.is_file()))


def damaged_checkpoint(scene: Scene) -> None:
    scene.stopped()
    file, way = _file_of_latest(scene), scene.draw.choice(["flip", "cut", "vanish"])
    scene.moment = f"{way} {file.name}"
    content = bytearray(file.read_bytes())
    if way == "vanish":
        file.unlink()
    elif way == "cut" or not content:
        file.write_bytes(content[: len(content) // 2])
    else:
        content[scene.draw.randrange(len(content))] ^= 1 << scene.draw.randrange(8)
        file.write_bytes(content)
    before = [step for step in scene.checkpoints()][:-1]
    scene.finish(steps=lambda step: step >= max(before, default=0))


def renamed_or_copied_checkpoint(scene: Scene) -> None:
    scene.stopped()
    latest = scene.run / "checkpoints" / str(max(scene.checkpoints()))
    name = scene.draw.choice(["640", "²", "7 (copy)", "-3", "old"])
    scene.moment = f"to {name}"
    step = int(latest.name)
    if scene.draw.random() < 0.5:
        shutil.copytree(latest, latest.with_name(name))
        scene.finish(steps=lambda resumed: resumed == step)
    else:
        latest.rename(latest.with_name(name))
        scene.finish(steps=lambda resumed: resumed <= step)


def damaged_run_file(scene: Scene) -> None:
    scene.stopped()
    names = ["metrics.jsonl", "config.json", "encoder.json", "parameters.txt"]
    file, way = scene.run / scene.draw.choice(names), scene.draw.choice(["vanish", "cut", "binary"])
    scene.moment = f"{way} {file.name}"
    if way == "vanish":
        file.unlink()
    elif way == "cut":
        file.write_bytes(file.read_bytes()[:-20])
    else:
        file.write_bytes(b"\xff\x00\xfe" * 20)
    scene.finish_from_latest()


def failing_reads(scene: Scene) -> None:
    """A file server hiccups while the checkpoint is read: an error, and no harm to it."""
    scene.stopped()
    number = scene.draw.choice([errno.ESTALE, errno.EIO, errno.EMFILE])
    after = scene.draw.randint(0, 6)
    scene.moment = f"{errno.errorcode[number]} at read {after}"
    saved = scene.checkpoints()

    def break_reads() -> None:
        count, real = [0], open

        def opened(file, mode="r", *arguments, **options):
            if f"{scene.run}/checkpoints" in str(file) and "r" in mode:
                count[0] += 1
                if count[0] > after:
                    raise OSError(number, os.strerror(number), str(file))
            return real(file, mode, *arguments, **options)

        io.open = builtins.open = opened  # both, as pathlib uses the one of io

    sitting = scene.start(before=break_reads)
    scene.quiet(sitting, {1})
    assert os.strerror(number) in sitting.errors(), sitting.errors()
    assert scene.checkpoints() == saved, "a checkpoint was lost"
    scene.finish_from_latest()


def two_trainers(scene: Scene) -> None:
    """The second is refused; the first stands still meanwhile, so that it is surely there."""
    at = scene.draw.randint(1, 15)
    scene.moment = f"after step {at}"
    first = scene.start()
    first.until(lambda: scene.logged() >= at)
    first.send(signal.SIGSTOP)
    second = scene.start()
    scene.quiet(second, {0, 1})
    first.send(signal.SIGCONT)
    scene.quiet(first, {0})
    if second.wait() == 0:
        assert "is finished" in second.said(), second.said()[-300:]
        scene.moment += ", the first had ended"
    else:
        assert f"is in use by process {first.pid} on " in second.errors(), second.errors()
    scene.finish_from_latest()


def clock_jumps(scene: Scene) -> None:
    jump = scene.draw.choice([-1e9, -3600.0, 3600.0, 1e9])
    scene.moment = f"by {jump:g} s"

    def move() -> None:
        real, calls = time.time, [0]

        def now() -> float:
            calls[0] += 1
            return real() + (jump if calls[0] > 50 else 0.0)

        time.time = now

    sitting = scene.start(before=move)
    at = scene.draw.randint(3, 12)
    sitting.until(lambda: scene.logged() >= at)
    sitting.send(signal.SIGTERM)
    scene.quiet(sitting, {0})
    scene.finish_from_latest()


def other_settings(scene: Scene) -> None:
    """Settings or data that change numbers are refused, and nothing is touched."""
    scene.stopped()
    change = scene.draw.choice(
        ["learning_rate=0.3", "seed=7", "batch_size=16", "data.limit=96", "method.temperature=0.5"]
    )
    scene.moment = change
    saved = scene.checkpoints()
    scene.quiet(scene.start("main", f"--config.{change}"), {1})
    assert scene.checkpoints() == saved
    scene.finish_from_latest()


FAULTS: list[Callable[[Scene], None]] = [
    kill_while_training,
    kill_while_saving,
    kill_while_evaluating,
    kill_while_exporting,
    image_faults.kill_while_embedding,
    sigterm,
    interrupt_twice,
    reader_goes_away,
    no_file_may_grow,
    read_only,
    damaged_checkpoint,
    renamed_or_copied_checkpoint,
    damaged_run_file,
    failing_reads,
    image_faults.images_change_while_streaming,
    image_faults.images_change_between_sittings,
    image_faults.killed_reader,
    two_trainers,
    clock_jumps,
    other_settings,
]
