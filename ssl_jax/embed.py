"""python -m ssl_jax.embed --workdir=DIR --images=FOLDER --output=FILE.npz [--batch_size=256]

Features of all image files below a folder, by the encoder of a run, an import or an export:
.npz with `features` [N, d] and `paths` [N], .csv, or .parquet. If it is killed, run the same
command again to resume. Files that cannot be read as images are skipped and named at the end.
"""

from collections.abc import Sequence

from ssl_jax.command_line import plain_flags, run_command
from ssl_jax.command_line.output import expendable_output
from ssl_jax.command_line.plain_flags import path, within
from ssl_jax.options.kinds import BatchSize


def main(argv: Sequence[str]) -> None:
    """Flags: --workdir=DIR  --images=FOLDER  --output=FILE.npz|.csv|.parquet  --batch_size=256"""
    parser = plain_flags.parser("python -m ssl_jax.embed", __doc__)
    parser.add_argument(
        "--workdir", type=path, required=True, help="folder of a run or an import, or an export"
    )
    parser.add_argument("--images", type=path, required=True, help="folder of image files")
    parser.add_argument("--output", type=path, required=True, help="a .npz, .csv or .parquet file")
    parser.add_argument(
        "--batch_size", type=within("batch_size", BatchSize), default=256, help="images per batch"
    )
    args = parser.parse_args(list(argv[1:]))
    # Late: `--help` answers without jax.
    from ssl_jax.devices.cluster import join_cluster
    from ssl_jax.embedding import write
    from ssl_jax.embedding.embed import embed
    from ssl_jax.embedding.stream import find
    from ssl_jax.encoder.load import load_encoder

    with expendable_output(), join_cluster():
        write.check(args.output)
        found = find(args.images)
        embed(load_encoder(args.workdir), found, args.output, batch_size=args.batch_size)


if __name__ == "__main__":
    run_command.run(main)
