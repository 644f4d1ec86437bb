"""One file per method, its variants by name; `ssl_jax.configs()` lists them."""

import sys
from types import ModuleType


class _Configs(ModuleType):
    """This module, which can be called: in Python, `configs()` is what users look for."""

    def __call__(self) -> list[str]:
        """NAME:VARIANT of every configuration that comes with the package."""
        from ssl_jax.command_line import config_files

        return [
            f"{name}:{variant}"
            for name in config_files.names()
            for variant in config_files.variants(name)
        ]


sys.modules[__name__].__class__ = _Configs
