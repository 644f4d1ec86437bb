"""README.md of a set of the Hugging Face Hub: the names of its classes."""

from pathlib import Path
from typing import Any

import yaml

# The card lies beside the files, or above folders as data/ or CONFIG/train/.
LEVELS = 3


def classes(file: Path, label: str) -> tuple[str, ...]:
    """The names of the classes in the column `label` of a file; () if the card does not say.

    Args:
      file: a parquet file of the set.
      label: name of the column.
    """
    for folder in list(file.absolute().parents)[:LEVELS]:
        card = folder / "README.md"
        if card.is_file():
            return _named(_header(card), label)
    return ()


def _header(card: Path) -> Any:
    """The YAML between the two lines of dashes; None if there is none."""
    try:
        parts = card.read_text("utf-8-sig").split("---\n", 2)
        return yaml.safe_load(parts[1]) if len(parts) == 3 and not parts[0].strip() else None
    except (OSError, UnicodeError, yaml.YAMLError):
        return None


def _named(header: Any, label: str) -> tuple[str, ...]:
    try:
        described = header["dataset_info"]
        for config in described if isinstance(described, list) else [described]:
            for feature in config["features"]:
                if feature["name"] == label:
                    names = feature["dtype"]["class_label"]["names"]
                    return tuple(names[key] for key in sorted(names, key=int))
    except (KeyError, TypeError, ValueError):
        pass  # a card without them, or of another form
    return ()
