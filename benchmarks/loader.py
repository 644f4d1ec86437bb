"""Speed of reading: whole images to views, against bare decoding of the same files in the same run.

    python benchmarks/loader.py [--images=400] [--batch=64] [--json=FILE]

Run it in the root of the repository. It writes JPEGs of 400 to 500 pixels, cut out of the two
photographs in scikit-learn's package, and reads them as training does: two views at 224 pixels by
the recipes' crop, batches from grain. *Per core* is images per second of processor time, of this
process and of all workers, so that other programs on the machine hardly matter. Before, images were
decoded by Pillow and resized to a square of 256 pixels; crops and workers came after that and are
not counted for it.
"""

import contextlib
import io
import multiprocessing
import os
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jax
import numpy as np
import simplejpeg
from PIL import Image
from sklearn.datasets import load_sample_images

from ssl_jax.augment.policy import ViewSpec
from ssl_jax.command_line import plain_flags, run_command
from ssl_jax.data.dataset import Dataset
from ssl_jax.data.load import load
from ssl_jax.data.stream import cores, stream
from ssl_jax.devices import hardware
from ssl_jax.errors import UserError
from ssl_jax.preparation import command
from ssl_jax.preparation.prepare import Settings
from ssl_jax.storage import atomic
from ssl_jax.training.feed import host_crops

VIEW, SQUARE = 224, 256
LONG_SIDES, QUALITY = (400, 500), 95
WORKERS = (0, 1, 2)
ROUNDS, BATCHES, UNCOUNTED = 3, 12, 3


def main(argv: Sequence[str]) -> None:
    """Flags: --images=N  --batch=N  --json=FILE"""
    parser = plain_flags.parser("python benchmarks/loader.py", __doc__)
    parser.add_argument("--images", type=int, default=400, help="number of files")
    parser.add_argument("--batch", type=int, default=64, help="images in a batch")
    parser.add_argument("--json", type=plain_flags.path, help="where to write the figures, too")
    flags = parser.parse_args(argv[1:])
    if not 0 < flags.batch <= flags.images:
        raise UserError(f"--batch={flags.batch} must be at least 1 and at most --images")
    figures = measure(flags.images, flags.batch)
    print(table(figures))
    if flags.json:
        atomic.write_json(flags.json, figures)


def measure(count: int, batch: int) -> dict[str, Any]:
    """Images per second and per second of processor time, by source and workers; JSON values."""
    with tempfile.TemporaryDirectory() as folder:
        files = write_photographs(Path(folder, "files"), count)
        contents = [file.read_bytes() for file in files]
        rows = [
            {"source": "bare decoding by simplejpeg", **_decoding(contents, _bare)},
            {"source": "before: Pillow, square of 256", **_decoding(contents, _before)},
        ]
        for name, dataset in _sources(Path(folder)):
            rows += [
                {"source": name, "workers": workers, **_reading(dataset, batch, workers)}
                for workers in WORKERS
            ]
        kept = _reading(_train("folder", Path(folder, "files")), batch, 0, kept=True)
        rows.append({"source": "files, kept in memory after the first epoch", "workers": 0, **kept})
    return {
        "device": hardware.device_name(),
        "cores": cores(),
        "images": count,
        "batch": batch,
        "kilobytes an image": round(sum(map(len, contents)) / count / 1e3, 1),
        "rows": rows,
    }


def write_photographs(folder: Path, count: int) -> list[Path]:
    """JPEGs of 400 to 500 pixels: parts of two photographs, at most slightly reduced."""
    photographs = [Image.fromarray(image) for image in load_sample_images().images]
    rng = np.random.default_rng(0)
    paths = []
    for number in range(count):
        image = photographs[number % 2]
        upright = rng.random() < 0.25
        longest = min(LONG_SIDES[1], image.height) if upright else LONG_SIDES[1]
        long = int(rng.integers(LONG_SIDES[0], longest, endpoint=True))
        size = (long, int(long * rng.uniform(0.7, 0.8)))[:: -1 if upright else 1]
        room = min(image.width / size[0], image.height / size[1])
        zoom = min(rng.uniform(1, 1.3), 0.999 * room)
        width, height = size[0] * zoom, size[1] * zoom
        left, top = rng.uniform(0, image.width - width), rng.uniform(0, image.height - height)
        part = image.resize(size, Image.Resampling.LANCZOS, (left, top, left + width, top + height))
        path = folder / ("ab"[number % 2]) / f"{number:05}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        part.save(path, quality=QUALITY)
        paths.append(path)
    return paths


def _sources(folder: Path) -> Iterator[tuple[str, Dataset]]:
    yield "files", _train("folder", folder / "files")
    for side, name in ((0, "records, as they are"), (SQUARE, f"records, short side {SQUARE}")):
        output = folder / f"records{side}"
        with contextlib.redirect_stdout(io.StringIO()):
            command.run(folder / "files", output, Settings(side, QUALITY, 10**9))
        yield name, _train("records", output)
    shard = folder / "tar" / "train-000000.tar"
    write_shard(folder / "files", shard)
    yield "tar of WebDataset", _train("webdataset", shard.parent)


def write_shard(files: Path, shard: Path) -> None:
    """The files as a shard of WebDataset, labelled by their folders, in an order of no class."""
    shard.parent.mkdir(parents=True)
    with tarfile.open(shard, "w") as tar:
        for path in sorted(files.glob("*/*.jpg"), key=lambda path: path.name):
            tar.add(path, f"{path.stem}.jpg")
            label = path.parent.name.encode()
            entry = tarfile.TarInfo(f"{path.stem}.cls")
            entry.size = len(label)
            tar.addfile(entry, io.BytesIO(label))


def _train(name: str, path: Path) -> Dataset:
    return load(name, path=str(path), image_size=SQUARE).train


def _bare(content: bytes) -> None:
    simplejpeg.decode_jpeg(content)


def _before(content: bytes) -> None:
    with Image.open(io.BytesIO(content)) as image:
        image.draft(None, (2 * SQUARE, 2 * SQUARE))
        image = image.convert("RGB")
    side = min(image.size)
    left, top = (image.width - side) / 2, (image.height - side) / 2
    box = (left, top, left + side, top + side)
    np.asarray(image.resize((SQUARE, SQUARE), Image.Resampling.BICUBIC, box))


def _decoding(contents: list[bytes], decode: Callable[[bytes], None]) -> dict[str, float]:
    """In a thread per core; the best of five rounds."""
    rounds = []
    with ThreadPoolExecutor(cores()) as pool:
        for _ in range(5):
            wall, busy = time.perf_counter(), time.process_time()
            list(pool.map(decode, contents))
            rounds.append((time.process_time() - busy, time.perf_counter() - wall))
    return _figures(len(contents), *min(rounds))


def _reading(dataset: Dataset, batch: int, workers: int, *, kept: bool = False) -> dict[str, float]:
    """Batches in a row, after some that do not count: workers start, images are kept."""
    crops = host_crops(dataset, [ViewSpec(size=VIEW, copies=2)], jax.random.key(0))
    assert crops is not None
    crops = crops if kept else crops._replace(short_side=0)
    uncounted = max(UNCOUNTED, len(dataset.images) // batch + 1 if kept else 0)
    batches = stream(
        dataset, batch_size=batch, seed=0, start=0, stop=10**6, workers=workers, crops=crops
    )
    rounds = []
    with contextlib.closing(batches):
        for _ in range(uncounted):
            next(batches)
        for _ in range(ROUNDS):
            wall, busy = time.perf_counter(), _processor_seconds()
            for _ in range(BATCHES):
                next(batches)
            rounds.append((_processor_seconds() - busy, time.perf_counter() - wall))
    return _figures(batch * BATCHES, *min(rounds))


def _processor_seconds() -> float:
    """Of this process and its workers so far."""
    ticks = 0
    for worker in multiprocessing.active_children():
        fields = Path(f"/proc/{worker.pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])  # user, system
    return time.process_time() + ticks / os.sysconf("SC_CLK_TCK")


def _figures(images: int, busy: float, wall: float) -> dict[str, float]:
    return {"per core": round(images / busy), "images/s": round(images / wall)}


def table(figures: dict[str, Any]) -> str:
    """The figures as Markdown."""
    bare = figures["rows"][0]["per core"]
    before = figures["rows"][1]["per core"]
    lines = [
        "| source | workers | images/s per core | of bare decoding | times before |",
        "|---|---|---|---|---|",
    ]
    for row in figures["rows"]:
        rate = row["per core"]
        cells = (row["source"], row.get("workers", ""), f"{rate:,}", f"{rate / bare:.2f}")
        lines.append(f"| {' | '.join(map(str, cells))} | {rate / before:.1f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    run_command.run(main)
