"""The cases METHOD-NETWORK-BATCH and their configs."""

from pathlib import Path

from ssl_jax.command_line import config_flags
from ssl_jax.errors import UserError
from ssl_jax.types import Config

CONFIGS = Path(__file__).resolve().parents[2] / "configs"
METHODS = ("simclr", "byol", "moco_v3")
# The variant of the config, and the changes to it.
NETWORKS = {
    "resnet18": ("cifar10",),
    "resnet50": ("imagenet", "--config.network.name=resnet50"),
    "tiny": ("cifar10", "--config.network.width=8", "--config.data.image_size=16"),
}
# The most important first, because device time may run out before the end of the list.
ON_GPU = (
    "simclr-resnet18-512",
    "byol-resnet50-128",
    "simclr-resnet18-256",
    "byol-resnet18-512",
    "moco_v3-resnet18-512",
    "simclr-resnet50-128",
    "byol-resnet18-256",
    "moco_v3-resnet18-256",
    "moco_v3-resnet50-128",
)
ON_CPU = ("simclr-tiny-16", "byol-tiny-16", "moco_v3-tiny-16")


def config_of(name: str) -> Config:
    """The config of the case METHOD-NETWORK-BATCH."""
    method, network, batch = name.split("-") if name.count("-") == 2 else ("", "", "")
    if method not in METHODS or network not in NETWORKS or not batch.isdecimal():
        raise UserError(
            f"there is no case {name!r}: METHOD-NETWORK-BATCH of {', '.join(METHODS)} and "
            f"{', '.join(NETWORKS)}, as simclr-resnet18-512"
        )
    variant, *changes = NETWORKS[network]
    file = CONFIGS / f"{method}.py"
    flags = [f"--config={file}:{variant}", f"--config.batch_size={batch}", *changes]
    config = config_flags.parse(["", *flags]).config
    config.probe_every_epochs = 0
    if network == "tiny":
        config.network.stages = (1, 1, 1, 1)
        for view in config.augment.values():
            view.size = config.data.image_size
    return config
