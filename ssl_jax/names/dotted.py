"""Keys of nested sections as dotted names."""

from collections.abc import Iterator

from ml_collections import ConfigDict


def dotted(config: ConfigDict, prefix: str = "") -> Iterator[str]:
    """All keys of a configuration, such as "optimizer.name".

    >>> sorted(dotted(ConfigDict({"optimizer": {"name": "sgd"}, "seed": 0})))
    ['optimizer.name', 'seed']
    """
    for key, value in config.items():
        if isinstance(value, ConfigDict):
            yield from dotted(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}"
