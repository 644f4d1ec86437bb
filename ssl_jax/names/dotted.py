"""The keys of nested sections as dotted names."""

from collections.abc import Iterator

from ml_collections import ConfigDict


def dotted(config: ConfigDict, prefix: str = "") -> Iterator[str]:
    """The keys of a configuration, as "optimizer.name"."""
    for key, value in config.items():
        if isinstance(value, ConfigDict):
            yield from dotted(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"
