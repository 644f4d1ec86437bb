"""Writes the features of image files to one file; a killed command resumes."""

import datetime
import hashlib
import time
from pathlib import Path

import jax
import numpy as np

from ssl_jax.data.skipped import none_readable, skipped_files
from ssl_jax.devices.processes import add_up
from ssl_jax.devices.sharding import shared_batch
from ssl_jax.embedding import write
from ssl_jax.embedding.part import Part
from ssl_jax.embedding.stream import FileList, stream
from ssl_jax.encoder.encoder import Encoder
from ssl_jax.errors import UserError
from ssl_jax.storage.integrity import digest
from ssl_jax.storage.lock import locked

SECONDS_BETWEEN_LINES = 5.0


def embed(encoder: Encoder, files: FileList, output: Path, *, batch_size: int) -> None:
    """Computes the features of image files and writes them, or resumes doing so.

    Of several processes each reads and encodes a share, and the first one writes.

    Args:
      encoder: computes the features.
      files: the image files.
      output: the file to write; its suffix is one of `write.WRITERS`.
      batch_size: images per batch, rounded up to a multiple of the number of devices.

    Raises:
      UserError: if the output cannot be written, or another process writes it; if a file changes
        meanwhile, or none can be read; if the encoder expects a number of channels that image
        files do not have; or if features are not finite.
    """
    channels = encoder.description.channels
    if channels not in (1, 3):
        raise UserError(f"the encoder expects {channels} channels; image files have 1 or 3")
    total = len(files.names)
    batch_size = shared_batch(min(batch_size, total), jax.device_count())
    origin = {"encoder": _identity(encoder), "image files": files.digest()}
    if jax.process_index() != 0:
        _embed(None, encoder, files, output, batch_size)
        return
    lock = output.with_name(f".{output.name}.lock")
    with locked(lock, f"--output={output}", "stop it first, or name another file"):
        part = Part(output, origin, width=encoder.features, multiple=batch_size)
        _say_where_it_resumes(part, output, total)
        _embed(part, encoder, files, output, batch_size)


def _embed(
    part: Part | None, encoder: Encoder, files: FileList, output: Path, batch_size: int
) -> None:
    """Fills the part, which is that of the first process, and writes the output."""
    _fill(part, encoder, files, batch_size)
    readable = _of_first(0 if part is None else int(part.readable().sum()))
    if not readable:
        if part is not None:
            part.remove()
        first = write.in_unicode(files.names[0])
        raise UserError(none_readable(files.root, [first, *files.names[1:]]))
    if part is not None:
        _write(part, encoder, files, output)


def _say_where_it_resumes(part: Part, output: Path, total: int) -> None:
    if part.differences:
        other = " and ".join(part.differences)
        print(f"{output}.part belongs to a different {other}; starting over")
    if part.done:
        plural = "" if total == 1 else "s"
        print(f"resuming after {part.done:,} of {total:,} image file{plural}")


def _fill(part: Part | None, encoder: Encoder, files: FileList, batch_size: int) -> None:
    """Adds the missing rows and prints progress every few seconds, both in the first process.

    Args:
      part: that of the first process; None in others, which read and encode their share.
      encoder: computes the features.
      files: the image files.
      batch_size: files per batch.
    """
    total, done = len(files.names), _of_first(0 if part is None else part.done)
    # The rate excludes the first batch, which includes compilation.
    began, first = 0.0, done
    printed = time.monotonic()
    for rows in stream(encoder, files, first=done, batch_size=batch_size):
        if not np.isfinite(rows.features[rows.readable]).all():
            if part is not None:
                part.remove()
            raise UserError("the features are not finite: training has diverged")
        done += len(rows.readable)
        if part is None:
            continue
        part.add(rows)
        now = time.monotonic()
        if not began:
            began, first = now, done
        elif now - printed > SECONDS_BETWEEN_LINES:
            printed, rate = now, (done - first) / (now - began)
            left = datetime.timedelta(seconds=round((total - done) / rate))
            print(f"{done:,}/{total:,} images  {rate:,.0f} images/s  {left} left", flush=True)


def _write(part: Part, encoder: Encoder, files: FileList, output: Path) -> None:
    readable = part.readable()
    names = [files.names[index] for index in np.flatnonzero(readable)]
    skipped = [write.in_unicode(files.names[index]) for index in np.flatnonzero(~readable)]
    save = write.WRITERS[output.suffix.lower()]
    part.finish(lambda path: save(path, names, part.features(), encoder.features))
    if skipped:
        print(skipped_files(skipped))
    plural = "" if len(names) == 1 else "s"
    print(f"written: {output}, {encoder.features:,} features of {len(names):,} image{plural}")


def _of_first(count: int) -> int:
    """A number that the first process knows; the others give 0."""
    return int(add_up(np.array([count], np.int64))[0])


def _identity(encoder: Encoder) -> str:
    text = encoder.description.to_json() + digest(encoder.variables)
    return hashlib.sha256(text.encode()).hexdigest()
