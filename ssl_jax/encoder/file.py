"""An encoder in a safetensors file, with names of torchvision or timm and its specification."""

from pathlib import Path

import safetensors
import safetensors.numpy

from ssl_jax.encoder.encoder import EncoderSpec
from ssl_jax.errors import UserError
from ssl_jax.networks.backbone import make_backbone
from ssl_jax.networks.state_dicts import from_state_dict, to_state_dict
from ssl_jax.storage.atomic import replacing
from ssl_jax.types import Params

FILE = "encoder.safetensors"  # in the folder of an import
KEY = "ssl_jax"  # of the specification in the header


def write(path: Path, description: EncoderSpec, variables: Params) -> None:
    """Writes an encoder to a safetensors file, completely or not at all.

    Its arrays have the names of torchvision (ResNets) or timm (Vision Transformers).

    Raises:
      UserError: if it cannot be written.
    """
    backbone = make_backbone(**description.network)
    state_dict = to_state_dict(backbone, variables, image_size=description.image_size)
    # Not `save_file`, whose files are readable only by their owner.
    with replacing(path) as part:
        part.write_bytes(safetensors.numpy.save(state_dict, {KEY: description.to_json()}))


def read(path: Path) -> tuple[EncoderSpec, Params]:
    """Reads a file that `write` has written.

    Returns:
      (specification, variables).

    Raises:
      UserError: if the file is something else.
    """
    try:
        with safetensors.safe_open(path, "numpy") as file:
            header = (file.metadata() or {}).get(KEY)
            state_dict = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, safetensors.SafetensorError) as error:
        raise UserError(f"{path} is not a safetensors file: {error}") from None
    if header is None:
        raise UserError(
            f"{path} does not specify its network; convert it to an encoder with "
            "python -m ssl_jax.import_weights"
        )
    description = EncoderSpec.from_json(header)
    return description, from_state_dict(make_backbone(**description.network), state_dict)
