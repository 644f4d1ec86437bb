"""The command line: --config=FILE[:VARIANT], --config.KEY=VALUE, --workdir=DIR, or plain flags.

ml_collections parses configurations, argparse the flags of commands without one; what is wrong
ends in one line instead of tracebacks.
"""

import argparse
import difflib
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, NoReturn

import jax
from absl import flags
from ml_collections import ConfigDict, config_flags

from ssl_jax.errors import UserError
from ssl_jax.types import Config

_OVERRIDE = re.compile(r"--?(?:no)?config\.([^=]+)")


class Command(NamedTuple):
    """config: with all overrides. workdir: where the run lies. extra: other flags by name."""

    config: Config
    workdir: Path
    extra: dict[str, str | None]


def parse(argv: Sequence[str], default: str = "", **extra: str) -> Command:
    """The configuration and the run's folder, by default runs/<config>[-<variant>]-seed<seed>.

    Args:
      argv: the command line, the program's name first.
      default: the configuration where none is named.
      extra: further flags that the command has, by name, with their help.

    Raises:
      UserError: for an unknown key or flag, a wrong type, a missing file, a stray argument.
    """
    if any(arg in ("-h", "--help", "--helpfull") for arg in argv[1:]):
        print(sys.modules["__main__"].__doc__)
        sys.exit(0)
    argv = [*argv]
    if default and not named(argv):
        argv.insert(1, f"--config={default}")  # overrides must come after it
    chosen = named(argv)
    if not chosen:
        raise UserError("which configuration? for instance --config=configs/ba_moco.py")
    file, _, variant = chosen.partition(":")
    if not Path(file).is_file():
        raise UserError(f"--config={file}: there is no such file")
    # Configs import their common parts as `configs.common`, wherever the command is run from.
    sys.path.append(str(Path(file).resolve().parent.parent))
    keys = [match[1] for arg in argv if (match := _OVERRIDE.match(arg))]
    _check_keys(keys, _read([argv[0], f"--config={chosen}"], {})["config"].value)
    values = _read(argv, extra)
    config: Config = values["config"].value
    folder = "-".join([Path(file).stem, *filter(None, [variant]), f"seed{config.seed}"])
    return Command(
        config,
        Path(values["workdir"].value or Path("runs") / folder),
        {name: values[name].value for name in extra},
    )


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """One line as for everything that the user can mend."""
        raise UserError(message)


def parser(prog: str, description: str | None) -> argparse.ArgumentParser:
    """The parser of a command without configuration.

    prog: how it is called. description: the docstring of its module.
    """
    return _Parser(
        prog=prog,
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def path(text: str) -> Path:
    """A flag that names a file or a folder; no shell puts the home folder for ~ behind a "="."""
    return Path(text).expanduser()


def named(argv: Sequence[str]) -> str:
    """The last --config=FILE[:VARIANT] or --config FILE[:VARIANT]; "" if there is none."""
    for index in reversed(range(len(argv))):
        if match := re.match(r"--?config=(.*)", argv[index]):
            return match[1]
        if argv[index] in ("--config", "-config") and index + 1 < len(argv):
            return argv[index + 1]
    return ""


def _read(argv: list[str], extra: Mapping[str, str]) -> flags.FlagValues:
    values = flags.FlagValues()
    config_flags.DEFINE_config_file("config", flag_values=values, lock_config=True, sys_argv=argv)
    for name, text in {"workdir": "Folder of the run.", **extra}.items():
        flags.DEFINE_string(name, None, text, flag_values=values)
    # ml_collections would run the file inside the module that an earlier one left.
    sys.modules.pop("config_config", None)
    try:
        stray = values(argv)[1:]
    except UserError:
        raise
    except flags.Error as error:
        raise UserError(" ".join(str(error).split())) from None
    except Exception as error:  # whatever a configuration file may do wrong
        reason = str(error).strip().splitlines()[-1:] or [""]
        raise UserError(f"--config cannot be read, {type(error).__name__}: {reason[0]}") from error
    if not isinstance(values["config"].value, ConfigDict):
        raise UserError("--config cannot be read: it needs a get_config(variant) -> ConfigDict")
    if stray:
        hint = f"; write --{stray[0]}" if stray[0].startswith("config.") else ""
        raise UserError(f"stray argument {stray[0]!r}{hint}")
    return values


def _check_keys(keys: list[str], config: Config) -> None:
    known = list(_dotted(config))
    for key in keys:
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"; did you mean config.{near[0]}?" if near else ""
            raise UserError(f"there is no config.{key}{hint}")


def _dotted(config: ConfigDict, prefix: str = "") -> Iterator[str]:
    for key, value in config.items():
        if isinstance(value, ConfigDict):
            yield from _dotted(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"


def run(command: Callable[[Sequence[str]], None]) -> NoReturn:
    """Runs a command on sys.argv and exits: 0, or 1 after one line on what the user can mend."""
    # Grain's worker processes refuse to start while absl's own flags are not parsed.
    flags.FLAGS(sys.argv[:1])
    try:
        command(sys.argv)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        sys.exit(130)
    sys.exit(0)


def join_cluster() -> None:
    """Joins the other processes of a run where SSL_JAX_DISTRIBUTED is set.

    On TPU pods, Slurm and Open MPI jax finds them by itself. Elsewhere, or where they are set, the
    launcher says it by JAX_COORDINATOR_ADDRESS (host:port), JAX_NUM_PROCESSES and JAX_PROCESS_ID,
    and the process gets all devices that it sees.

    Raises:
      UserError: where neither says what is needed.
    """
    if not os.environ.get("SSL_JAX_DISTRIBUTED"):
        return
    names = [f"JAX_{name}" for name in ("COORDINATOR_ADDRESS", "NUM_PROCESSES", "PROCESS_ID")]
    given = [os.environ.get(name) for name in names]
    _, count, index = given
    try:
        jax.distributed.initialize(
            num_processes=int(count) if count else None,
            process_id=int(index) if index else None,
            # Told everything jax would still look around, and under Slurm leave one GPU of all.
            cluster_detection_method="deactivate" if all(given) else None,
        )
    except ValueError as error:
        raise UserError(
            f"SSL_JAX_DISTRIBUTED needs a cluster or {', '.join(names)}: {error}"
        ) from None
