"""The flags of commands with a configuration.

    --config=NAME or FILE[:VARIANT]   --config.KEY=VALUE   --workdir=DIR

ml_collections parses them; what is wrong ends in one line instead of tracebacks.
"""

import functools
import operator
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from absl import flags
from ml_collections import config_flags

from ssl_jax import __version__
from ssl_jax.command_line import config_files
from ssl_jax.command_line.config_help import config_help
from ssl_jax.errors import Problem, UsageError, in_section
from ssl_jax.names.dotted import dotted
from ssl_jax.names.similar import similar
from ssl_jax.options.judge import WORDS

_OVERRIDE = re.compile(r"--?(?:no)?config\.([^=]+)")


class Command(NamedTuple):
    """A parsed command line.

    config: a ConfigDict, with all overrides.
    workdir: where the run lies.
    extra: other flags by name.
    """

    config: Any
    workdir: Path
    extra: dict[str, str | None]


def parse(
    argv: Sequence[str], description: str | None = None, default: str = "", **extra: str
) -> Command:
    """The configuration and the run's folder, by default runs/<config>[-<variant>]-seed<seed>.

    Args:
      argv: the command line, the program's name first.
      description: docstring of the command's module, printed for --help.
      default: the configuration where none is named.
      extra: further flags that the command has, by name, with their help.

    Raises:
      UsageError: for an unknown key or flag, a wrong type, a missing file, a stray argument.
      UserError: for a configuration file that cannot be run.
    """
    answer(argv, description, extra)
    text = named(argv) or default
    if not text:
        raise UsageError("which configuration? for instance --config=ba_moco")
    chosen = config_files.choose(text)
    config: Any = config_files.load(chosen)
    argv = [argv[0], *_without_config(argv[1:])]
    keys = [match[1] for arg in argv if (match := _OVERRIDE.match(arg))]
    _check_keys(keys, list(dotted(config)))
    values = _read(argv, config, extra)
    _drop_options(config, keys)
    parts = [chosen.file.stem, *filter(None, [chosen.variant]), f"seed{config.seed}"]
    return Command(
        config,
        Path(values["workdir"].value or Path("runs") / "-".join(parts)).expanduser(),
        {name: values[name].value for name in extra},
    )


def _drop_options(config: Any, keys: Sequence[str]) -> None:
    """Resets options that the config has for its own network or method and a user's one lacks.

    Nobody who names a network of their own in a flag knows which options the config had set for
    the network that it replaces. What is itself in a flag stays, and is refused later.
    """
    # Late: `--help` needs neither.
    from ssl_jax import methods
    from ssl_jax.names.lookup import find
    from ssl_jax.networks.backbone import superfluous
    from ssl_jax.options.judge import options_of

    if "network.name" in keys and "." in config.network.name:
        options = {k: v for k, v in config.network.items() if k not in ("name", "dtype", "weights")}
        with in_section("config.network"):
            changes = superfluous(config.network.name, options)
        given = [key for key in changes if f"network.{key}" in keys]
        config.network.update({key: changes[key] for key in changes if key not in given})
    if "method.name" in keys and "." in config.method.name:
        with in_section("config.method"):
            known = options_of(find(methods, config.method.name, "make"))
        with config.unlocked():
            for key in set(config.method) - {"name", *known}:
                if f"method.{key}" not in keys:
                    del config.method[key]


def named(argv: Sequence[str]) -> str:
    """The last --config=NAME[:VARIANT] or --config NAME[:VARIANT]; "" if there is none."""
    for index in reversed(range(len(argv))):
        if match := re.match(r"--?config=(.*)", argv[index]):
            return match[1]
        if argv[index] in ("--config", "-config") and index + 1 < len(argv):
            return argv[index + 1]
    return ""


def answer(argv: Sequence[str], description: str | None, extra: Mapping[str, str]) -> None:
    """Exits after --help or --version."""
    if any(arg in ("-h", "--help", "--helpfull") for arg in argv[1:]):
        print(config_help(description or "", extra))
        sys.exit(0)
    if "--version" in argv[1:]:
        print(__version__)
        sys.exit(0)


def _without_config(argv: Sequence[str]) -> list[str]:
    """The flags but for --config itself."""
    kept, skip = [], False
    for arg in argv:
        if skip or re.match(r"--?config=", arg):
            skip = False
        elif arg in ("--config", "-config"):
            skip = True
        else:
            kept.append(arg)
    return kept


def _read(argv: list[str], config: Any, extra: Mapping[str, str]) -> flags.FlagValues:
    """The flags, after `config` has been changed by those for its keys."""
    values = flags.FlagValues()
    config_flags.DEFINE_config_dict("config", config, flag_values=values, sys_argv=argv)
    for name, text in {"workdir": "Folder of the run.", **extra}.items():
        flags.DEFINE_string(name, None, text, flag_values=values)
    try:
        stray = values(argv)[1:]
    except flags.UnrecognizedFlagError as error:
        keys = [f"config.{key}" for key in dotted(config)]
        near = similar(error.flagname, [*keys, "config", "workdir", *extra])
        hint = f"did you mean --{near}?" if near else "--help lists those that there are"
        raise UsageError(f"there is no flag --{error.flagname}; {hint}") from None
    except (flags.Error, OverflowError) as error:
        raise _refusal(argv, config, error) from None
    if stray:
        hint = f"; write --{stray[0]}" if stray[0].startswith("config.") else ""
        raise UsageError(f"stray argument {stray[0]!r}{hint}")
    return values


def _refusal(argv: list[str], config: Any, error: Exception) -> UsageError:
    """The refusal of the value of a flag, in our words."""
    for arg in argv:
        match = _OVERRIDE.match(arg)
        if match and "=" in arg and _is_refused(config, arg):
            key, text = f"config.{match[1]}", arg.partition("=")[2]
            kind = type(functools.reduce(operator.getitem, match[1].split("."), config))
            problem = Problem(key, text, f"must be {WORDS.get(kind, 'a tuple, as (1, 2)')}")
            return UsageError(f"--{key}={text} {problem.what}", problem)
    return UsageError(" ".join(str(error).split()))


def _is_refused(config: Any, arg: str) -> bool:
    """Whether ml_collections does not take one flag by itself."""
    values, copy = flags.FlagValues(), config.copy_and_resolve_references()
    config_flags.DEFINE_config_dict("config", copy, flag_values=values, sys_argv=["", arg])
    try:
        values(["", arg])
    except (flags.Error, OverflowError):
        return True
    return False


def _check_keys(keys: Sequence[str], known: Sequence[str]) -> None:
    for key in keys:
        if key not in known:
            inside = [name for name in known if name.startswith(f"{key}.")]
            near = min(inside, key=lambda name: not name.endswith(".name"), default="")
            near = near or similar(key, known)
            hint = f"did you mean config.{near}?" if near else "--help says where all keys are"
            raise UsageError(f"there is no config.{key}; {hint}")
