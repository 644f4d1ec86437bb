"""Data sets other than a run's own, as splits to evaluate an encoder on."""

from pathlib import Path

from ssl_jax.data.dataset import Splits
from ssl_jax.data.load import OF_ANY_SIZE, load
from ssl_jax.encoder.encoder import EncoderSpec
from ssl_jax.errors import in_section

# Data sets whose images are decoded to any size.
OF_FILES = (*OF_ANY_SIZE, "voc07")
# Data sets that a user provides.
OWN = (*OF_ANY_SIZE, "npz")


def load_data_set(name: str, path: str, classes: str, description: EncoderSpec) -> Splits:
    """Loads a data set; image files are decoded to the size and channels that the encoder takes.

    Args:
      name: of the data set, as in `config.data.name`.
      path: its location.
      classes: file that lists its class folders; "" for all of them.
      description: of the encoder.

    Raises:
      UserError: if there is no such data set, or if it cannot be read; the message names arguments
        as a configuration does, as in "config.data.name".
    """
    files = name in OF_FILES
    with in_section("config.data"):
        loaded = load(
            name,
            path=path,
            image_size=description.input_side if files else 0,
            channels=description.channels if files else 0,
            classes=classes,
        )
    labelled = loaded.train if loaded.labelled is None else loaded.labelled
    return Splits(labelled, None, loaded.test)


def result_name(name: str, path: str) -> str:
    """Name of a data set in results; sets that users provide are told apart by their folders."""
    return f"{name}-{Path(path).resolve().name.replace(':', '-')}" if name in OWN else name
