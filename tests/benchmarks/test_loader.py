"""The benchmark of reading, at its smallest; and its figures in the docs."""

import json
from pathlib import Path

import loader
from PIL import Image

from ssl_jax.data.decode import decode

ROOT = Path(__file__).parents[2]
SOURCES = [
    "bare decoding by simplejpeg",
    "before: Pillow, square of 256",
    "files",
    "records, as they are",
    "records, short side 256",
    "tar of WebDataset",
    "files, kept in memory after the first epoch",
]


def test_every_source_is_read(monkeypatch):
    for name, value in {"WORKERS": (0,), "ROUNDS": 1, "BATCHES": 1, "VIEW": 32}.items():
        monkeypatch.setattr(loader, name, value)
    figures = loader.measure(24, 4)
    assert [row["source"] for row in figures["rows"]] == SOURCES
    assert all(row["per core"] > 0 and row["images/s"] > 0 for row in figures["rows"])


def test_the_photographs_are_of_400_to_500_pixels(tmp_path):
    paths = loader.write_photographs(tmp_path, 20)
    sizes = [Image.fromarray(decode(path, image_size=0, channels=3)).size for path in paths]
    assert all(400 <= max(size) <= 500 and 280 <= min(size) <= 400 for size in sizes)
    assert len(set(sizes)) > 10 and any(height > width for width, height in sizes)


def test_the_table_in_the_docs_is_that_of_the_file():
    figures = json.loads((ROOT / "experiments/results/loader_cpu.json").read_text())
    assert loader.table(figures) in (ROOT / "docs/performance.md").read_text()
