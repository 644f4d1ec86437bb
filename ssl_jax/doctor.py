"""python -m ssl_jax.doctor --config=NAME[:VARIANT] [--config.KEY=VALUE] [--compile]

Reports what is wrong with a configuration, and what to do, before hours go into training it: opens
the data set, predicts memory, speed of reading and disk in seconds, trains nothing. Exits with 1
where something is fatal.
"""

import sys
from collections.abc import Sequence

from ssl_jax.command_line import config_flags, run_command
from ssl_jax.errors import printable

COMPILE = "also compile the train step, minutes for large networks, for its exact memory"


def main(argv: Sequence[str]) -> None:
    """Flags: --config=NAME or FILE[:VARIANT]  --config.KEY=VALUE  --compile"""
    config_flags.answer(argv, __doc__, {"compile": COMPILE})
    compiled = "--compile" in argv
    argv = [arg for arg in argv if arg != "--compile"]
    config = config_flags.parse(argv, __doc__).config
    recipe = config_flags.parse([argv[0], f"--config={config_flags.named(argv)}"]).config
    # Late: `--help` answers without jax.
    import jax

    from ssl_jax.devices.cluster import join_cluster
    from ssl_jax.setup.diagnosis import diagnose

    with join_cluster():
        found, needs, parameters = diagnose(config, recipe, compiled=compiled)
    levels = [problem.level for problem in found]
    fatal, warnings = levels.count("fatal"), levels.count("warning")
    if jax.process_index() == 0:
        for problem in found:
            print(f"{problem.level}: {problem}")
            if problem.remedy:
                print(printable(f"    {problem.remedy}"))
        if parameters:
            print(parameters)
        for name, value in needs.items():
            print(f"{name:20}{value}")
        print(f"{_count(fatal, 'fatal error')}, {_count(warnings, 'warning')}")
    if fatal:
        sys.exit(1)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


if __name__ == "__main__":
    run_command.run(main)
