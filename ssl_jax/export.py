"""python -m ssl_jax.export --workdir=DIR --format=FORMAT --output=FILE [--step=N]

Writes the encoder of a run for another framework, loads the file again, compares its features
with the encoder's on two images, and says how to load it.

  torchvision   ResNets: safetensors with torchvision's names
  timm          ResNets and Vision Transformers: safetensors with timm's names
  detectron2    ResNets: a pickle for Detectron2 (docs/detection.md)
  onnx          any: needs the extra, pip install 'ssl_jax[export]'
  stablehlo     any: for jax.export.deserialize and other programs that run StableHLO
"""

from collections.abc import Sequence

from ssl_jax import formats
from ssl_jax.command_line import plain_flags, run_command
from ssl_jax.command_line.plain_flags import path, within
from ssl_jax.names.lookup import choices, module_of
from ssl_jax.options.kinds import CountOrNone


def main(argv: Sequence[str]) -> None:
    """Flags: --workdir=DIR  --format=FORMAT  --output=FILE  --step=N"""
    parser = plain_flags.parser("python -m ssl_jax.export", __doc__)
    parser.add_argument("--workdir", type=path, required=True, help="folder of a run or an import")
    parser.add_argument("--format", required=True, choices=choices(formats), help="see above")
    parser.add_argument("--output", type=path, required=True, help="the file to write")
    parser.add_argument(
        "--step", type=within("step", CountOrNone), help="which checkpoint; default: the latest"
    )
    args = parser.parse_args(list(argv[1:]))
    # Late: `--help` answers without jax.
    from ssl_jax.encoder.load import load_encoder
    from ssl_jax.formats.parts.write import replacing, write_checked

    chosen = module_of(formats, args.format)
    with replacing(args.output) as file:
        encoder = load_encoder(args.workdir, step=args.step)
        found = write_checked(encoder, chosen, file)
    print(f"written: {args.output}, {args.output.stat().st_size / 1e6:.1f} MB")
    print(f"loaded again: largest difference {found:.1e} of the largest value, on two images")
    print("\n".join(["to use it:", *chosen.advice(encoder, args.output)]))


if __name__ == "__main__":
    run_command.run(main)
