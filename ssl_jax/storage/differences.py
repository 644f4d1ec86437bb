"""Differences between two JSON documents."""

from typing import Any


def differences(old: dict[str, Any], new: dict[str, Any], prefix: str = "") -> list[str]:
    """Dotted names of the keys that differ between two nested dictionaries, sorted."""
    names = []
    for key in sorted(set(old) | set(new)):
        name, a, b = f"{prefix}{key}", old.get(key), new.get(key)
        if isinstance(a, dict) and isinstance(b, dict):
            names += differences(a, b, name + ".")
        elif key not in old or key not in new or a != b:
            names.append(name)
    return names
