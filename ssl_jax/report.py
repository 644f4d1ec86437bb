"""python -m ssl_jax.report --workdir=DIR [--workdir=DIR ...] --output=FILE.html

One page on a run, or on several side by side, that opens anywhere without a network.
"""

from collections.abc import Sequence
from pathlib import Path

from ssl_jax.command_line import plain_flags, run_command
from ssl_jax.command_line.plain_flags import path


def main(argv: Sequence[str]) -> None:
    """Flags: --workdir=DIR [--workdir=DIR ...]  --output=FILE.html"""
    parser = plain_flags.parser("python -m ssl_jax.report", __doc__)
    add = parser.add_argument
    add("--workdir", type=path, required=True, action="append", help="of a run; may be repeated")
    add("--output", type=path, default=Path("report.html"), help="the page")
    args = parser.parse_args(list(argv[1:]))
    # Late: `--help` answers without jax.
    from ssl_jax.page.collect import exhibit, versions
    from ssl_jax.page.output import check_output, write_page
    from ssl_jax.page.render import render
    from ssl_jax.page.workdir import names, read_run

    check_output(args.output)
    # All folders before the first of them is worked on: a typo is reported at once.
    records = [
        read_run(workdir, name)
        for workdir, name in zip(args.workdir, names(args.workdir), strict=True)
    ]
    runs = [exhibit(workdir, read) for workdir, read in zip(args.workdir, records, strict=True)]
    write_page(args.output, render(runs, versions()))
    print(f"written: {args.output}")


if __name__ == "__main__":
    run_command.run(main)
