"""python -m ssl_jax.export --workdir=DIR --format=FORMAT --output=FILE [--step=N]

Writes the encoder of a run for another framework, loads the file again, compares its features
with the encoder's on two images, and says how to load it.

  torchvision   ResNets: safetensors with torchvision's names
  timm          ResNets and Vision Transformers: safetensors with timm's names
  detectron2    ResNets: a pickle for Detectron2 (docs/detection.md)
  onnx          any: needs the extra, pip install 'ssl_jax[export]'
  stablehlo     any: for jax.export.deserialize and other programs that run StableHLO
"""

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from ssl_jax.command_line import config_flags
from ssl_jax.command_line.config_flags import path
from ssl_jax.encoder.encoder import load_encoder
from ssl_jax.errors import UserError
from ssl_jax.formats import detectron2, onnx, stablehlo, timm, torchvision
from ssl_jax.formats.parts.check import difference
from ssl_jax.formats.parts.images import example

FORMATS = {
    "torchvision": torchvision,
    "timm": timm,
    "detectron2": detectron2,
    "onnx": onnx,
    "stablehlo": stablehlo,
}
TOLERANCE = 1e-4


def main(argv: Sequence[str]) -> None:
    """Flags: --workdir=DIR  --format=FORMAT  --output=FILE  --step=N"""
    parser = config_flags.parser("python -m ssl_jax.export", __doc__)
    parser.add_argument("--workdir", type=path, required=True, help="folder of a run or an import")
    parser.add_argument("--format", required=True, choices=FORMATS)
    parser.add_argument("--output", type=path, required=True, help="the file to write")
    parser.add_argument("--step", type=int, help="which checkpoint; default: the newest")
    args = parser.parse_args(list(argv[1:]))
    chosen = FORMATS[args.format]
    with _replacing(args.output) as part:
        encoder = load_encoder(args.workdir, step=args.step)
        chosen.write(encoder, part)
        images = example(encoder)
        # In full precision, which the tensor cores of a GPU do not have by default.
        with jax.default_matmul_precision("highest"):
            expected = np.asarray(encoder.encode(jnp.asarray(images)))
        found = difference(chosen.features(part, encoder, images), expected)
        if not found <= TOLERANCE:
            raise UserError(
                f"the {args.format} file gives other features than the encoder: largest "
                f"difference {found:.1e} of the largest value, above {TOLERANCE:.0e}; not kept"
            )
    print(f"written: {args.output}, {args.output.stat().st_size / 1e6:.1f} MB")
    print(f"loaded again: largest difference {found:.1e} of the largest value, on two images")
    print("\n".join(["to use it:", *chosen.advice(encoder, args.output)]))


@contextmanager
def _replacing(output: Path) -> Iterator[Path]:
    """A file beside `output` that takes its name in the end, or is gone if something goes wrong.

    Raises:
      UserError: before anything else, if no file can be written there.
    """
    if output.is_dir():
        raise UserError(f"--output={output} is a folder; name a file in it")
    try:
        # In a folder of its own: formats may put files beside theirs for a while.
        folder = tempfile.TemporaryDirectory(dir=output.parent, prefix=".export-")
    except OSError as error:
        raise UserError(f"--output={output} cannot be written: {error.strerror}") from None
    with folder as name:
        part = Path(name) / output.name
        yield part
        os.replace(part, output)


if __name__ == "__main__":
    config_flags.run(main)
