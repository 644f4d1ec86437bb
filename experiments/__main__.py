"""Every table and figure of the papers is one command.

    python -m experiments list [--stale]
    python -m experiments run TABLE [--scale=small] [--rows=A,B] [--seeds=0,1,2] [--data=DIR] ...
    python -m experiments show TABLE [--scale=small]
    python -m experiments claims
    python -m experiments fidelity

TABLE is a name that `list` prints, as ba_ssl/table3, or `all`. A run is known by its settings and
its images: rows that tables share are trained once, and a finished run is never run again.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.engine import catalogue
from ssl_jax.command_line import run_command
from ssl_jax.command_line.output import expendable_output
from ssl_jax.errors import UserError

if TYPE_CHECKING:
    from experiments.engine.store import Store

SCALES = ("smoke", "digits", "small", "gpu", "paper")


def main(argv: Sequence[str]) -> None:
    """Commands: list, run, show, claims, fidelity."""
    if not Path("experiments/engine").is_dir():
        raise UserError("run it in the root of the repository")
    args = _parser().parse_args(list(argv[1:]))
    args.command(args)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m experiments",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(required=True)
    listing = commands.add_parser("list", help="every table, and its state at each scale")
    listing.add_argument("--stale", action="store_true", help="results of other code or settings")
    listing.set_defaults(command=_list)
    run = commands.add_parser("run", help="train and evaluate what is missing of a table")
    run.set_defaults(command=_run)
    show = commands.add_parser("show", help="a table beside the paper's numbers")
    show.set_defaults(command=_show)
    claims = commands.add_parser("claims", help="what the papers claim, and what held here")
    claims.set_defaults(command=_claims)
    fidelity = commands.add_parser("fidelity", help="whose settings the configs have")
    fidelity.set_defaults(command=_fidelity)
    for command in (run, show):
        command.add_argument("table", help="as ba_ssl/table3, or all")
        command.add_argument("--scale", default="small", choices=SCALES)
    run.add_argument("--rows", type=_names, default=(), help="names, separated by commas")
    run.add_argument("--seeds", type=_numbers, default=(), help="as 0,1,2; default: the table's")
    where = "folder of the images, or NAME=FOLDER for one data set; may be repeated"
    run.add_argument("--data", action="append", default=[], help=where)
    run.add_argument("--workdir", type=Path, default=Path("runs/experiments"), help="of the runs")
    run.add_argument("--at_once", type=int, default=1, help="number of runs at a time")
    run.add_argument("--dry_run", action="store_true", help="print runs, minutes and disk only")
    for command in (listing, run, show, claims):
        command.add_argument("--results", type=Path, help=argparse.SUPPRESS)
    return parser


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",")]


def _numbers(text: str) -> list[int]:
    if not all(number.isdecimal() for number in text.split(",")):
        raise argparse.ArgumentTypeError(f"{text!r} must be numbers from 0 on, as 0,1,2")
    return [int(number) for number in text.split(",")]


def _chosen(name: str) -> list[str]:
    return catalogue.names() if name == "all" else [name]


def _list(args: argparse.Namespace) -> None:
    from experiments.engine.render import state

    store = _store(args)
    if args.stale:
        return _list_stale(store)
    print(f"{'table':26}{'rows':>5}" + "".join(f"{scale:>9}" for scale in SCALES))
    for name in catalogue.names():
        table = catalogue.table(name)
        states = "".join(f"{state(table, scale, store):>9}" for scale in SCALES)
        print(f"{name:26}{len(table.rows):5}{states}  {table.source}")


def _list_stale(store: "Store") -> None:
    from experiments.engine.execute import ROOT
    from experiments.engine.runs import runs_of
    from experiments.engine.stale import stale

    tables = [catalogue.table(name) for name in catalogue.names()]
    runs = [run for table in tables for scale in SCALES for run in runs_of(table, scale)]
    found = stale(store, runs, ROOT)
    for name, commit, why in found:
        print(f"{name}  {commit}  {why}")
    print(f"{len(found)} of {len(store.everything())} results are stale")


def _run(args: argparse.Namespace) -> None:
    from experiments.engine.execute import run_all
    from experiments.engine.runs import runs_of

    data = dict(_place(text) for text in args.data)
    runs = [
        run
        for name in _chosen(args.table)
        for run in runs_of(
            catalogue.table(name), args.scale, rows=args.rows, seeds=args.seeds, data=data
        )
    ]
    if args.dry_run:
        return _predict(runs)
    with expendable_output():
        failed = run_all(runs, _store(args), args.workdir, at_once=args.at_once)
    if failed:
        sys.exit(1)


def _place(text: str) -> tuple[str, str]:
    """NAME=FOLDER, or FOLDER for all data sets."""
    name, separator, folder = text.partition("=")
    return (name, folder) if separator else ("", text)


def _predict(runs: Sequence) -> None:
    from experiments.engine.predict import predict
    from experiments.engine.runs import missing

    minutes = megabytes = 0.0
    for run, found in zip(runs, predict(runs), strict=True):
        print(f"{run.row.name:40} seed {run.seed}  {found.minutes:10,.1f} min", end="")
        print(f"{found.megabytes:10,.0f} MB  {', '.join(missing(run, None))}")
        minutes, megabytes = minutes + found.minutes, megabytes + found.megabytes
    print(f"{len(runs)} runs, {minutes / 60:,.1f} hours of training, {megabytes / 1024:,.1f} GB")


def _show(args: argparse.Namespace) -> None:
    from experiments.engine.render import figure, markdown
    from experiments.engine.store import RESULTS
    from ssl_jax.storage.atomic import make_folder, replace_text

    folder = RESULTS if args.results is None else args.results.parent
    for name in _chosen(args.table):
        table, store = catalogue.table(name), _store(args)
        text = markdown(table, args.scale, store)
        place = folder / args.scale / name
        make_folder(place.parent)
        replace_text(place.with_suffix(".md"), text + "\n")
        figure(table, args.scale, store, place.with_suffix(".png"))
        print(text)
        print(f"\nwritten: {place}.md, {place.name}.png\n")


def _claims(args: argparse.Namespace) -> None:
    from experiments.claims import CLAIMS
    from experiments.engine.claims import page

    print(page(CLAIMS, _store(args)))


def _fidelity(args: argparse.Namespace) -> None:
    from experiments.engine.fidelity import page

    del args
    print(page())


def _store(args: argparse.Namespace) -> "Store":
    from experiments.engine.store import Store

    return Store() if args.results is None else Store(args.results)


if __name__ == "__main__":
    run_command.run(main)
