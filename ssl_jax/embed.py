"""python -m ssl_jax.embed --workdir=DIR --images=FOLDER --output=FILE.npz [--batch_size=256]

Features of all image files below a folder, by the encoder of a run, an import or an export:
.npz with `features` [N, d] and `paths` [N], .csv, or .parquet. Killed, the same command goes on
where it stopped. Files that cannot be read as images are left out and named in the end.
"""

import datetime
import hashlib
import time
from collections.abc import Sequence
from pathlib import Path

import jax
import numpy as np

from ssl_jax.command_line import config_flags
from ssl_jax.command_line.config_flags import path
from ssl_jax.devices.sharding import shared_batch
from ssl_jax.embedding import write
from ssl_jax.embedding.part import Part
from ssl_jax.embedding.stream import Found, find, stream
from ssl_jax.encoder.encoder import Encoder, load_encoder
from ssl_jax.errors import UserError
from ssl_jax.storage.checkpoint import digest

SECONDS_BETWEEN_LINES = 5.0
NAMED = 10  # of the files that cannot be read


def main(argv: Sequence[str]) -> None:
    """Flags: --workdir=DIR  --images=FOLDER  --output=FILE.npz|.csv|.parquet  --batch_size=256"""
    parser = config_flags.parser("python -m ssl_jax.embed", __doc__)
    parser.add_argument(
        "--workdir", type=path, required=True, help="folder of a run or an import, or an export"
    )
    parser.add_argument("--images", type=path, required=True, help="folder of image files")
    parser.add_argument("--output", type=path, required=True, help="a .npz, .csv or .parquet file")
    parser.add_argument("--batch_size", type=int, default=256, help="images a batch")
    args = parser.parse_args(list(argv[1:]))
    if args.batch_size < 1:
        raise UserError(f"--batch_size={args.batch_size} must be at least 1")
    write.check(args.output)
    found = find(args.images)
    embed(load_encoder(args.workdir), found, args.output, batch_size=args.batch_size)


def embed(encoder: Encoder, found: Found, output: Path, *, batch_size: int) -> None:
    """Writes the features of the files that were found, or goes on doing so.

    Args:
      encoder: whose features.
      found: the files.
      output: its suffix is one of `write.WRITERS`.
      batch_size: images a batch, rounded up to a multiple of the number of devices.

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
        print(f"{output}.part is of another {' and '.join(part.differences)}: starting afresh")
    if part.done:
        print(f"going on after {part.done:,} of {len(found.names):,} image files")
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
        shown = ", ".join(skipped[:NAMED]) + (", ..." if len(skipped) > NAMED else "")
        print(f"{len(skipped):,} image files cannot be read and are left out: {shown}")
    print(f"written: {output}, {encoder.features:,} features of {len(names):,} images")


def _fill(part: Part, encoder: Encoder, found: Found, batch_size: int) -> None:
    """Adds the rows that are missing and says now and then how far it is."""
    total = len(found.names)
    began, first = 0.0, part.done  # counted from the first batch, which had to be compiled
    said = time.monotonic()
    for rows in stream(encoder, found, first=part.done, batch_size=batch_size):
        if not np.isfinite(rows.features[rows.readable]).all():
            part.remove()
            raise UserError("the features are not finite: training has diverged")
        part.add(rows)
        now = time.monotonic()
        if not began:
            began, first = now, part.done
        elif now - said > SECONDS_BETWEEN_LINES:
            said, rate = now, (part.done - first) / (now - began)
            left = datetime.timedelta(seconds=round((total - part.done) / rate))
            print(f"{part.done:,}/{total:,} images  {rate:,.0f} images/s  {left} left", flush=True)


def _identity(encoder: Encoder) -> str:
    text = encoder.description.to_json() + digest(encoder.variables)
    return hashlib.sha256(text.encode()).hexdigest()


if __name__ == "__main__":
    config_flags.run(main)
