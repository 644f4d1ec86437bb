"""python -m ssl_jax.evaluate --workdir=DIR [--protocol=NAME[,NAME]] [--data=NAME --data_path=DIR]

Evaluates the encoder of a run, or one that was imported, under the named protocols: on the run's
own data or on another data set. Writes DIR/evaluations/<protocol>-<data>.json.
"""

import argparse
from collections.abc import Sequence

from ssl_jax.command_line import plain_flags, run_command
from ssl_jax.command_line.output import expendable_output
from ssl_jax.command_line.plain_flags import all_within, path, within
from ssl_jax.errors import UserError
from ssl_jax.evaluation.protocol_names import PROTOCOLS
from ssl_jax.options.kinds import BatchSize, CountOrNone, Seed


def main(argv: Sequence[str]) -> None:
    """Flags: --workdir --protocol --data --data_path --data_classes --seeds --step --labels
    --batch_size --dtype"""
    args = _parse(argv)
    names = args.protocol.split(",")
    _check(args, names)
    # Late: `--help` answers without jax.
    from ssl_jax.devices.cluster import join_cluster
    from ssl_jax.encoder.load import load_encoder
    from ssl_jax.run.evaluate import evaluate, other_images, own_images

    with expendable_output(), join_cluster():
        encoder = load_encoder(args.workdir, step=args.step)
        if args.data:
            images = other_images(args.data, args.data_path, args.data_classes, encoder.description)
        else:
            images = own_images(args.workdir, args.data_path)
        evaluate(
            encoder,
            images,
            args.workdir,
            names,
            seeds=args.seeds,
            batch_size=args.batch_size,
            labels=args.labels,
            dtype=args.dtype,
        )


def _protocols() -> str:
    """The protocols, a line each."""
    return "\n".join(f"  {name:22}{protocol.about}" for name, protocol in PROTOCOLS.items())


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = plain_flags.parser("python -m ssl_jax.evaluate", f"{__doc__}\n{_protocols()}")
    parser.add_argument("--workdir", type=path, required=True, help="folder of a run or an import")
    parser.add_argument(
        "--protocol", default="knn,ridge", help="one or several of them, separated by commas"
    )
    parser.add_argument("--data", default="", help="another data set than the run's own")
    parser.add_argument("--data_path", default="", help="where it lies")
    parser.add_argument("--data_classes", default="", help="file that lists its class folders")
    parser.add_argument(
        "--seeds", default="0", type=all_within("seeds", Seed), help="for instance 0,1,2"
    )
    parser.add_argument(
        "--step", type=within("step", CountOrNone), help="which checkpoint; default: the latest"
    )
    parser.add_argument("--labels", type=path, help="file: names of the images that have labels")
    size = within("batch_size", BatchSize)
    parser.add_argument("--batch_size", type=size, default=256, help="images encoded at a time")
    parser.add_argument(
        "--dtype",
        default="float32",
        choices=("float32", "bfloat16"),
        help="in which features are kept; bfloat16 takes half the memory",
    )
    return parser.parse_args(list(argv[1:]))


def _check(args: argparse.Namespace, names: Sequence[str]) -> None:
    """Refuses flags that cannot be followed, before anything is read."""
    if unknown := [name for name in names if name not in PROTOCOLS]:
        raise UserError(f"--protocol={unknown[0]}: there are {', '.join(PROTOCOLS)}")
    if args.workdir.is_file():
        raise UserError(
            f"--workdir={args.workdir} is a file; python -m ssl_jax.import_weights makes a folder "
            "of it"
        )
    if args.data_classes and not args.data:
        raise UserError("--data_classes needs --data; a run keeps to its own classes")
    # One list cannot be both 1 % and 10 % of the labels.
    if args.labels and sum(name in ("finetune_1", "finetune_10") for name in names) != len(names):
        raise UserError("--labels is for --protocol=finetune_1 or finetune_10, not for others")
    if args.labels and len(names) > 1:
        raise UserError("--labels lists the images of one protocol: finetune_1 or finetune_10")


if __name__ == "__main__":
    run_command.run(main)
