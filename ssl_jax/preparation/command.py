"""From the images that a user names to the lines that say what became of them."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ssl_jax.data.dataset import Splits
from ssl_jax.data.overlap import find_overlap
from ssl_jax.data.records.manifest import Manifest
from ssl_jax.data.summary import summary
from ssl_jax.errors import UserError, printable
from ssl_jax.preparation import output
from ssl_jax.preparation.input import read_splits
from ssl_jax.preparation.prepare import Settings, prepare

# Skipped images that are named; the manifest lists them all.
NAMED = 10


def run(images: Path, folder: Path, settings: Settings, **options: Any) -> None:
    """Prepares images and prints what was taken, written and skipped.

    Args:
      images: a folder of images or a tar.
      folder: where records are written.
      settings: how images are stored.
      **options: of `read_splits`, as "classes".

    Raises:
      UserError: if the images are not as expected, or the folder cannot be written.
    """
    if images.is_dir() and folder.resolve().is_relative_to(images.resolve()):
        raise UserError(f"--output={folder} must not lie in --images={images}")
    with output.opened(folder):
        scratch = folder / output.SCRATCH
        said = {"value_range": settings.value_range, "max_pixels": settings.max_pixels}
        loaded = read_splits(images, scratch, **said, **options)
        splits = Splits(loaded.train, None, loaded.test, loaded.labelled)
        for line in summary(splits, find_overlap(splits)):
            print(_with_own_flags(line), flush=True)
        parts = loaded._asdict().items()
        whole = prepare({name: part for name, part in parts if part}, folder, settings)
        if whole is None:
            print(f"{folder} is complete: nothing to do")
            return
        shutil.rmtree(scratch, ignore_errors=True)
        for line in _report(whole, folder):
            print(printable(line))


def _with_own_flags(line: str) -> str:
    """A line about images with the names that this command has for options of reading them."""
    return line.replace("--config.data.", "--")


def _report(whole: Manifest, folder: Path) -> Iterator[str]:
    """What was skipped, which classes are empty for it, and what was written."""
    shards = [shard for part in whole.splits.values() for shard in part]
    left_out = [pair for shard in shards for pair in shard.skipped]
    skipped = [f"{name} ({_with_own_flags(reason)})" for name, reason in left_out]
    if skipped:
        more = f", ...; {folder / 'manifest.json'} lists them" if len(skipped) > NAMED else ""
        noun = "image" if len(skipped) == 1 else "images"
        yield f"skipped {len(skipped):,} {noun}: {', '.join(skipped[:NAMED])}{more}"
    used = {label for shard in whole.splits["train"] for label in shard.labels}
    empty = [name for label, name in enumerate(whole.classes) if label not in used]
    if empty:
        yield f"no training image is left of {', '.join(empty[:NAMED])}"
    counts = [
        f"{sum(len(shard.names) for shard in part):,} in {name}"
        for name, part in whole.splits.items()
    ]
    size = sum(shard.bytes for shard in shards)
    count = sum(shard.bytes > 0 for shard in shards)
    yield f"written: {folder}, {', '.join(counts)}; {count} shards, {size / 1e6:,.1f} MB"
    at = os.fspath(folder)
    yield f"to train on them: --config.data.name=records --config.data.path={at}"
