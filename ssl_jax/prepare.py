"""python -m ssl_jax.prepare --images=DIR|TAR --output=DIR [--short_side=256] [--quality=95]

Writes images and labels into shards of records, which training reads fastest:
  --config.data.name=records --config.data.path=OUTPUT
Folders are read as config.data.name=folder reads them. A tar is read as it is, as are the official
ImageNet archives: ILSVRC2012_img_train.tar, or a folder that holds it with ILSVRC2012_img_val.tar
and the devkit. If it is killed, run the same command again to resume. What is skipped is named
with the reason, and listed in manifest.json.
"""

from collections.abc import Sequence

from ssl_jax.command_line import plain_flags, run_command
from ssl_jax.command_line.plain_flags import all_within, path, within
from ssl_jax.errors import Number, UserError
from ssl_jax.options.kinds import CountOrNone


def main(argv: Sequence[str]) -> None:
    """Flags: --images=DIR|TAR  --output=DIR  --short_side=256  --quality=95; --help has all."""
    parser = plain_flags.parser("python -m ssl_jax.prepare", __doc__)
    parser.add_argument(
        "--images", type=path, required=True, help="folder of image files, or a tar of them"
    )
    parser.add_argument("--output", type=path, required=True, help="new folder for the records")
    parser.add_argument(
        "--short_side",
        type=int,
        default=256,
        help="images with a longer short side are shrunk to it (JPEG); 0 keeps all as they are",
    )
    parser.add_argument("--quality", type=int, default=95, help="of these JPEGs, 1 to 100")
    parser.add_argument("--shard_mb", type=float, default=1000, help="size of a shard in megabytes")
    parser.add_argument(
        "--source",
        choices=("folder", "webdataset", "parquet", "tfds"),
        default="folder",
        help="what --images is, as in config.data.name",
    )
    parser.add_argument("--test", default="", help="what to test on, as config.data.test")
    parser.add_argument("--classes", type=path, help="file that lists the class folders to take")
    parser.add_argument(
        "--labels",
        type=path,
        help="labels of the ImageNet validation images: the devkit (.tar.gz or .zip) or "
        "LOC_val_solution.csv; looked for beside their tar",
    )
    parser.add_argument(
        "--value_range",
        type=_value_range,
        default=(),
        metavar="BLACK,WHITE",
        help="of pixels of 16 bits and more, or fractions, as config.data.value_range",
    )
    parser.add_argument(
        "--max_pixels",
        type=within("max_pixels", CountOrNone),
        default=0,
        help="larger images are left out; 0: 100,000,000",
    )
    args = parser.parse_args(list(argv[1:]))
    if args.short_side < 0:
        raise UserError(f"--short_side={args.short_side} must be a side in pixels, or 0")
    if not 1 <= args.quality <= 100:
        raise UserError(f"--quality={args.quality} must be from 1 to 100")
    if not 0 < args.shard_mb <= 1e6:
        raise UserError(f"--shard_mb={args.shard_mb:g} must be above 0 and at most 1000000")
    # Late: `--help` answers without what these need.
    from ssl_jax.preparation.command import run
    from ssl_jax.preparation.prepare import Settings

    sizes = args.short_side, args.quality, round(args.shard_mb * 1e6)
    settings = Settings(*sizes, args.value_range, args.max_pixels)
    options = {"classes": str(args.classes or ""), "test": args.test, "labels": args.labels}
    given = {key: value for key, value in options.items() if value}
    run(args.images, args.output, settings, source=args.source, **given)


def _value_range(text: str) -> tuple[Number, ...]:
    """(black, white); () for an empty flag."""
    values = all_within("value_range", float)(text) if text else ()
    if values and not (len(values) == 2 and values[0] < values[1]):
        raise UserError(f"--value_range={text} must be BLACK,WHITE: two numbers, white the larger")
    return values


if __name__ == "__main__":
    run_command.run(main)
