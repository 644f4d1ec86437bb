"""Trains an encoder, or resumes where the same command was stopped, and evaluates it at the end.

python -m ssl_jax.main --config=ba_moco[:VARIANT] [--config.KEY=VALUE] [--workdir=DIR]
                       [--extend=constant|restart|rewind]
"""

from collections.abc import Sequence

from ssl_jax.command_line import config_flags, run_command
from ssl_jax.command_line.output import expendable_output


def main(argv: Sequence[str]) -> None:
    """Flags: --config=NAME or FILE[:VARIANT]  --config.KEY=VALUE  --workdir=DIR  --extend=WAY"""
    extend = "where config.epochs is raised: constant, restart or rewind (docs/reliability.md)"
    config, workdir, flags = config_flags.parse(argv, __doc__, extend=extend)
    with expendable_output():
        # Late: `--help` answers without jax.
        from ssl_jax.devices.cluster import join_cluster
        from ssl_jax.run.train import train

        with join_cluster():
            train(config, workdir, extend=flags["extend"] or "")


if __name__ == "__main__":
    run_command.run(main)
