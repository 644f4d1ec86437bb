"""python -m ssl_jax.benchmark [--config=NAME[:VARIANT]] [--config.KEY=VALUE] [--json=FILE]

Measures, in one process and on random images: the train step without and with augmentation, the
whole training loop, and what the machine could do. Needs no data set and leaves no run behind.
"""

from collections.abc import Sequence
from pathlib import Path

from ssl_jax.command_line import config_flags, run_command

JSON = "file to write the measurements to, as well"


def main(argv: Sequence[str]) -> None:
    """Flags: --config=NAME or FILE[:VARIANT]  --config.KEY=VALUE  --json=FILE"""
    config_flags.answer(argv, __doc__, {"json": JSON})
    # Late: `--help` answers without jax.
    import jax

    from ssl_jax.run.speed import measure
    from ssl_jax.setup.settings import as_json
    from ssl_jax.storage.atomic import write_json

    # The CIFAR ResNet-18 at batch 512 would take a CPU half an hour.
    default = "simclr" if jax.default_backend() == "cpu" else "simclr:cifar10"
    command = config_flags.parse(argv, __doc__, default, json=JSON)
    measured = measure(command.config)
    if path := command.extra["json"]:
        write_json(Path(path), {"config": as_json(command.config), **measured})
    for name, value in measured.items():
        print(f"{name:36}{value:>16,.4g}" if isinstance(value, float) else f"{name:36}{value:>16}")


if __name__ == "__main__":
    run_command.run(main)
