"""What `--help` prints for commands with a configuration: flags, configs, methods, keys."""

from collections.abc import Mapping

from ssl_jax import methods
from ssl_jax.command_line import config_files
from ssl_jax.data import sources
from ssl_jax.names.lookup import choices

FLAGS = {
    "--config=NAME[:VARIANT]": "a configuration that comes with the package, listed below",
    "--config=FILE[:VARIANT]": "a Python file with get_config(variant) -> ConfigDict",
    "--config.KEY=VALUE": "another value of one of its keys, as --config.epochs=5",
    "--workdir=DIR": "folder of the run; default: runs/<config>[-<variant>]-seed<seed>",
}
TAIL = (
    "All keys with their defaults: ssl_jax/setup/defaults.py, and the signatures that it names.\n"
    "What a configuration is made of and where its settings come from: its docstring in configs/."
)


def config_help(description: str, extra: Mapping[str, str]) -> str:
    """The help of a command, from the docstring of its module and its further flags."""
    configs = {name: ", ".join(config_files.variants(name)) for name in config_files.names()}
    flags = FLAGS | {f"--{name}=...": text for name, text in extra.items()}
    flags |= {"--no_cache": "compile everything anew, and keep no compiled program"}
    flags |= {"--version": "print the version", "--help": "print this"}
    return "\n".join(
        [
            description.rstrip(),
            "",
            "flags:",
            *(f"  {flag:27}{text}" for flag, text in flags.items()),
            "",
            "configs and their variants, the default first:",
            *(f"  {name:20}{variants}" for name, variants in configs.items()),
            "",
            f"config.method.name: {', '.join(choices(methods))}",
            f"config.data.name: {', '.join(choices(sources))}",
            "  each of them, and config.network.name, may also be the dotted path of your own",
            "",
            TAIL,
        ]
    )
