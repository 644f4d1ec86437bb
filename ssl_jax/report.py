"""python -m ssl_jax.report --workdir=DIR [--workdir=DIR ...] --output=FILE.html

Writes one HTML page about a run, or about several side by side, that works offline.
"""

from collections.abc import Sequence
from pathlib import Path

from ssl_jax.command_line import plain_flags, run_command
from ssl_jax.command_line.plain_flags import path


def main(argv: Sequence[str]) -> None:
    """Flags: --workdir=DIR [--workdir=DIR ...]  --output=FILE.html"""
    parser = plain_flags.parser("python -m ssl_jax.report", __doc__)
    add = parser.add_argument
    add(
        "--workdir",
        type=path,
        required=True,
        action="append",
        help="folder of a run; may be repeated",
    )
    add("--output", type=path, default=Path("report.html"), help="the HTML file to write")
    args = parser.parse_args(list(argv[1:]))
    # Imported late so that `--help` does not need jax.
    from ssl_jax.page.collect import collect_run, versions
    from ssl_jax.page.output import check_output, write_page
    from ssl_jax.page.render import render
    from ssl_jax.page.run_files import read_run_files, run_names

    check_output(args.output)
    # Reads all folders before working on the first, so that a typo is reported at once.
    files = [
        read_run_files(workdir, name)
        for workdir, name in zip(args.workdir, run_names(args.workdir), strict=True)
    ]
    runs = [collect_run(workdir, read) for workdir, read in zip(args.workdir, files, strict=True)]
    write_page(args.output, render(runs, versions()))
    print(f"written: {args.output}")


if __name__ == "__main__":
    run_command.run(main)
