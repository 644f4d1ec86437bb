"""python -m ssl_jax.import_weights --file=FILE --architecture=NAME --workdir=DIR

Makes an encoder of weights in the layout of torchvision (ResNets) or timm (Vision Transformers), to
evaluate it, to embed images with it, or to start from it. FILE is a safetensors file, or one of
PyTorch's, which must then be installed and reads it with weights_only.
"""

import argparse
from collections.abc import Sequence

from ssl_jax.command_line import plain_flags, run_command
from ssl_jax.command_line.plain_flags import all_within, within
from ssl_jax.errors import UserError, printable, refuse
from ssl_jax.options.kinds import Crop, LayersOrNone, Pixels

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
ARCHITECTURES = ("resnet18", "resnet34", "resnet50", "vit_tiny", "vit_small", "vit_base")


def main(argv: Sequence[str]) -> None:
    """Flags: --file --architecture --workdir --prefix --mean --std --image_size --crop --stem
    --heads"""
    args = _parse(argv)
    # Late: `--help` answers without jax.
    from ssl_jax.encoder.file import FILE, write
    from ssl_jax.encoder.from_state_dict import check_entries, describe, select
    from ssl_jax.encoder.load import SPEC_FILE
    from ssl_jax.encoder.state_dict_file import read_file
    from ssl_jax.networks.backbone import make_backbone
    from ssl_jax.networks.pixels import statistics_problems
    from ssl_jax.networks.state_dicts import from_state_dict
    from ssl_jax.storage.atomic import make_folder

    if (args.workdir / SPEC_FILE).exists():
        raise UserError(f"--workdir={args.workdir} is the folder of a run; name another")
    for problem in statistics_problems(args.mean, args.std):
        refuse([problem._replace(key=f"--{problem.key}")])
    entries, prefix, dropped = select(read_file(args.file), args.architecture, args.prefix)
    description = describe(
        entries,
        args.architecture,
        mean=args.mean,
        std=args.std,
        image_size=args.image_size,
        crop=args.crop,
        stem=args.stem,
        heads=args.heads,
    )
    backbone = make_backbone(**description.network)
    check_entries(entries, description, backbone)
    variables = from_state_dict(backbone, entries)
    path = args.workdir / FILE
    make_folder(args.workdir)
    write(path, description, variables)
    if prefix:
        print(printable(f"taken: entries that begin with {prefix}"))
    if dropped:
        print(printable(f"dropped, of a head: {', '.join(dropped)}"))
    print(f"written: {path}")


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = plain_flags.parser("python -m ssl_jax.import_weights", __doc__)
    add, path = parser.add_argument, plain_flags.path
    add("--file", type=path, required=True, help="the weights")
    add("--architecture", choices=ARCHITECTURES, required=True)
    add("--workdir", type=path, required=True, help="folder to put the encoder in")
    add("--prefix", help="of the entries to take, as module.encoder_q.; default: the only one")
    of_images = "of the images in [0, 1] at training, as 0.5,0.5,0.5; default: ImageNet's"
    add("--mean", type=all_within("mean", float), default=IMAGENET_MEAN, help=of_images)
    add("--std", type=all_within("std", float), default=IMAGENET_STD, help=of_images)
    add(
        "--image_size",
        type=within("image_size", Pixels),
        default=224,
        help="side in pixels of what the network sees",
    )
    add(
        "--crop",
        type=within("crop", Crop),
        default=0.875,
        help="part of the shorter side resized to it",
    )
    small = "of a ResNet whose first convolution is 3x3: cifar, or small (max-pooling)"
    add("--stem", choices=["imagenet", "cifar", "small"], help=small)
    heads = "of a Vision Transformer; default: the architecture's; MoCo v3's vit_small has 12"
    add("--heads", type=within("heads", LayersOrNone), default=0, help=heads)
    return parser.parse_args(list(argv[1:]))


if __name__ == "__main__":
    run_command.run(main)
