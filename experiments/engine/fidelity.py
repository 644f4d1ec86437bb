"""Fidelity cards: which settings of a variant are its paper's, which are a code's, which are ours.

`SOURCES` of each config has them, see configs/sources.py.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ssl_jax.configs import common

from experiments.engine.store import FREE
from ssl_jax.command_line import config_files
from ssl_jax.setup.settings import as_json

ORIGINS = {
    "paper": "paper",
    "official code": "official code",
    "recipe": "recipe of others",
    "ours": "ours",
    "differs": "**ours, not theirs**",
}
# Variants that follow no one.
OWN = ("digits", "tiny")
# What names a run and changes no number that a source could fix.
NAMES = ("data.name", "method.name", "seed", "steps_per_call", "data.image_size", *FREE)
ORDER = ("", "data", "augment", "network", "method", "fusion", "optimizer", "evaluation")
HEAD = """# Fidelity

For every variant of a configuration that follows a publication: which settings are its paper's,
its authors' code's, a recipe's of others who published numbers for the method, and ours.
`ours, not theirs` names what deviates. Settings that are not shown have their neutral values;
`augment.*` are all views. A test compares every value with the configuration.

`python -m experiments fidelity` makes this page of `SOURCES` in [configs](../configs/).
"""


def page() -> str:
    """docs/fidelity.md: a card for all variants with the same sources, config by config."""
    parts = [HEAD]
    for name in config_files.names():
        parts.append(f"## {name}\n")
        parts += [card(name, variants) for variants in config_files.module(name).SOURCES]
    return "\n".join(parts)


def covered(variant: str) -> bool:
    """Whether a variant follows a publication, at least in part."""
    return variant not in OWN


def sources(name: str, variant: str) -> Mapping[tuple[str, str], Mapping[str, Any]]:
    """What `SOURCES` of a config says of a variant.

    Raises:
      KeyError: where it says nothing.
    """
    for variants, found in config_files.module(name).SOURCES.items():
        if variant in variants:
            return found
    raise KeyError(f"{name}: SOURCES says nothing about {variant}")


def card(name: str, variants: Sequence[str]) -> str:
    """A table: origin, place, settings, and those that no source mentions."""
    lines = [
        f"### {name}: {', '.join(variants)}\n",
        "| origin | where | settings |",
        "|---|---|---|",
    ]
    for (origin, place), values in sources(name, variants[0]).items():
        lines.append(f"| {ORIGINS[origin]} | {place} | {_shown(values)} |")
    rest: dict[str, list[str]] = {}
    for variant in variants:
        rest.setdefault(_shown(_together(unmentioned(name, variant))), []).append(variant)
    for shown, of in rest.items():
        lines.append(f"| ours | {', '.join(of) if len(rest) > 1 else ''} | {shown} |")
    return "\n".join([*lines, ""])


def unmentioned(name: str, variant: str) -> dict[str, Any]:
    """The settings of a variant that no source mentions, but those that are neutral."""
    resolved = settings(name, variant)
    base = neutral(resolved)
    mentioned = {
        key
        for values in sources(name, variant).values()
        for wanted in values
        for key in keys_of(wanted, resolved)
    }
    left = sorted(key for key in resolved if key not in mentioned and key not in NAMES)
    return {key: resolved[key] for key in left if base.get(key) != resolved[key]}


def settings(name: str, variant: str) -> dict[str, Any]:
    """Dotted settings of a variant, as JSON has them."""
    return dict(_flat(as_json(config_files.module(name).get_config(variant))))


def neutral(resolved: Mapping[str, Any]) -> dict[str, Any]:
    """The value without effect of each setting that has one; methods' options have none."""
    base = dict(_flat(as_json(common.base())))
    of_view = {key.split(".")[-1]: value for key, value in _flat(common.view().to_dict())}
    views = {
        key: _json(of_view[key.split(".")[-1]]) for key in resolved if key.startswith("augment.")
    }
    found = {**{key: v for key, v in base.items() if not key.startswith("augment.")}, **views}
    if not resolved["fusion.enabled"]:
        found |= {key: value for key, value in resolved.items() if key.startswith("fusion.")}
    return found


def keys_of(key: str, resolved: Mapping[str, Any]) -> list[str]:
    """The settings that a key of `SOURCES` means: "augment.*.blur" is that of all views."""
    start, star, end = key.partition("*")
    if not star:
        return [key]
    return [known for known in resolved if known.startswith(start) and known.endswith(end)]


def problems(name: str, variant: str) -> Iterator[str]:
    """A line on each value of `SOURCES` that the variant does not have."""
    resolved = settings(name, variant)
    for (origin, place), values in sources(name, variant).items():
        if origin not in ORIGINS:
            yield f"there is no origin {origin!r}"
        for wanted, value in values.items():
            for key in keys_of(wanted, resolved) or [wanted]:
                if key not in resolved:
                    yield f"{key}: there is no such setting ({place})"
                elif not _equal(resolved[key], _json(value)):
                    yield f"{key} is {resolved[key]}, {place} has {_json(value)}"


def _flat(section: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in section.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _json(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _equal(ours: Any, theirs: Any) -> bool:
    if isinstance(ours, list) and isinstance(theirs, list):
        return len(ours) == len(theirs) and all(map(_equal, ours, theirs))
    if isinstance(ours, float) and isinstance(theirs, float | int):
        return math.isclose(ours, theirs, rel_tol=1e-12)
    return ours == theirs


def _together(values: Mapping[str, Any]) -> dict[str, Any]:
    """Views that share a value have it as "augment.*"."""
    found: dict[str, Any] = {}
    views = {key.split(".")[1] for key in values if key.startswith("augment.")}
    for key, value in values.items():
        last = key.split(".")[-1]
        of_all = [values.get(f"augment.{view}.{last}") for view in views]
        shared = key.startswith("augment.") and all(other == value for other in of_all)
        found[f"augment.*.{last}" if shared else key] = value
    return found


def _shown(values: Mapping[str, Any]) -> str:
    """Settings in a line, section by section in the order of a configuration."""
    sections: dict[str, list[str]] = {}
    for key, value in values.items():
        section, _, last = key.rpartition(".")
        sections.setdefault(section, []).append(f"{last} {_text(value)}")
    order = sorted(sections, key=lambda section: ORDER.index(section.split(".")[0]))
    return "; ".join(
        (f"`{section}` " if section else "") + ", ".join(sections[section]) for section in order
    )


def _text(value: Any) -> str:
    if isinstance(value, list | tuple):
        return " to ".join(map(_text, value)) if len(value) == 2 else " ".join(map(_text, value))
    return f"{value:.6g}" if isinstance(value, float) else str(value)
