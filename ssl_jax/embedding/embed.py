"""Features of image files, written to one file; resumes where it was killed."""

import datetime
import hashlib
import time
from pathlib import Path

import jax
import numpy as np

from ssl_jax.data.skipped import skipped_files
from ssl_jax.devices.sharding import shared_batch
from ssl_jax.embedding import write
from ssl_jax.embedding.part import Part
from ssl_jax.embedding.stream import Found, stream
from ssl_jax.encoder.encoder import Encoder
from ssl_jax.errors import UserError
from ssl_jax.storage.integrity import digest

SECONDS_BETWEEN_LINES = 5.0


def embed(encoder: Encoder, found: Found, output: Path, *, batch_size: int) -> None:
    """Writes the features of the files that were found, or resumes.

    Args:
      encoder: whose features.
      found: the files.
      output: its suffix is one of `write.WRITERS`.
      batch_size: images per batch, rounded up to a multiple of the number of devices.

    Raises:
      UserError: if the output cannot be written, a file changes meanwhile, none can be read, or
        the encoder's images have a number of channels that files do not, or its features no
        finite values.
    """
    if encoder.description.channels not in (1, 3):
        raise UserError(
            f"the encoder sees {encoder.description.channels} channels; image files have 1 or 3"
        )
    batch_size = shared_batch(min(batch_size, len(found.names)), jax.device_count())
    about = {"encoder": _identity(encoder), "image files": found.digest()}
    part = Part(output, about, width=encoder.features, multiple=batch_size)
    if part.differences:
        other = " and ".join(part.differences)
        print(f"{output}.part belongs to a different {other}; starting over")
    if part.done:
        print(f"resuming after {part.done:,} of {len(found.names):,} image files")
    _fill(part, encoder, found, batch_size)
    readable = part.readable()
    if not readable.any():
        part.remove()
        raise UserError(
            f"none of the {len(found.names):,} image files in {found.root} can be read, "
            f"the first being {write.in_unicode(found.names[0])}"
        )
    names = [found.names[index] for index in np.flatnonzero(readable)]
    skipped = [write.in_unicode(found.names[index]) for index in np.flatnonzero(~readable)]
    save = write.WRITERS[output.suffix.lower()]
    part.finish(lambda path: save(path, names, part.features(), encoder.features))
    if skipped:
        print(skipped_files(skipped))
    print(f"written: {output}, {encoder.features:,} features of {len(names):,} images")


def _fill(part: Part, encoder: Encoder, found: Found, batch_size: int) -> None:
    """Adds the missing rows and prints progress now and then."""
    total = len(found.names)
    began, first = 0.0, part.done  # counted from the first batch, which had to be compiled
    printed = time.monotonic()
    for rows in stream(encoder, found, first=part.done, batch_size=batch_size):
        if not np.isfinite(rows.features[rows.readable]).all():
            part.remove()
            raise UserError("the features are not finite: training has diverged")
        part.add(rows)
        now = time.monotonic()
        if not began:
            began, first = now, part.done
        elif now - printed > SECONDS_BETWEEN_LINES:
            printed, rate = now, (part.done - first) / (now - began)
            left = datetime.timedelta(seconds=round((total - part.done) / rate))
            print(f"{part.done:,}/{total:,} images  {rate:,.0f} images/s  {left} left", flush=True)


def _identity(encoder: Encoder) -> str:
    text = encoder.description.to_json() + digest(encoder.variables)
    return hashlib.sha256(text.encode()).hexdigest()
