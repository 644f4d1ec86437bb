"""The scales at which every table can be run, and what each changes."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ml_collections import ConfigDict

from experiments import cifar10_small
from experiments.engine.table import Row
from ssl_jax.command_line import config_files

# Epochs at the scale `gpu`, where the paper has more.
GPU_EPOCHS = 200
# In the root of the repository, CMC's list of 100 folder names.
IMAGENET100 = "imagenet100.txt"
# Protocols that train a classifier for longer than a small run trains its encoder.
TRAINED = (
    "ba_ssl", "multi_network", "msbreg", "moco", "places205", "inat18", "tuned",
    "multi_network_cached", "msbreg_cached", "moco_cached",
)  # fmt: skip


# A data set that a column names, and no other in its place.
ITSELF = "itself"


class Scale(NamedTuple):
    """A scale.

    about: what it changes, in words; a rendered table prints it.
    config: row -> its configuration, before the row's own changes.
    protocols: what takes the place of a protocol, by its name.
    data: what takes the place of another data set that a column names: ITSELF, the name of one, or
      empty where such columns are left out.
    """

    about: str
    config: Callable[[Row], ConfigDict]
    protocols: Mapping[str, str] = {}
    data: str = ""


def _smoke(row: Row) -> ConfigDict:
    return config_files.module(row.config).get_config("tiny")


def _digits(row: Row) -> ConfigDict:
    return config_files.module(row.config).get_config()


def _small(row: Row) -> ConfigDict:
    config = cifar10_small.get_config(row.config)
    config.data.limit = 10_000
    config.log_every_steps = 78
    return config


def _gpu(row: Row) -> ConfigDict:
    config = config_files.module(row.config).get_config(row.gpu)
    config.epochs = min(config.epochs, GPU_EPOCHS)
    return config


def _paper(row: Row) -> ConfigDict:
    config = config_files.module(row.config).get_config(row.paper)
    if row.paper.startswith("imagenet100"):
        # Both sets are one folder, by which alone they could not be told apart.
        config.data.classes = IMAGENET100
    return config


SCALES = {
    "smoke": Scale(
        "64 of scikit-learn's digits, one epoch, a network of width 4: whether it runs at all",
        _smoke,
        dict.fromkeys((*TRAINED, "finetune", "finetune_1", "finetune_10"), "ridge"),
        data="digits",
    ),
    "digits": Scale(
        "scikit-learn's 1,797 digits, the bare configs, 40 epochs; a minute or two a row on a core",
        _digits,
        dict.fromkeys(TRAINED, "ridge"),
        data="digits",
    ),
    "small": Scale(
        "10,000 images of CIFAR-10, 10 epochs of batch 128, a ResNet of width 16 with one block "
        "per stage, AdamW 2e-3, heads of the bare config; linear classifiers in closed form "
        "(ridge)",
        _small,
        dict.fromkeys(TRAINED, "ridge"),
    ),
    "gpu": Scale(
        f"CIFAR-10 at full width, at most {GPU_EPOCHS} epochs, one accelerator; CIFAR-100 in place "
        "of other data sets to transfer to",
        _gpu,
        data="cifar100",
    ),
    "paper": Scale(
        "exactly the paper's settings; ImageNet-100 is the folder of ImageNet with the classes "
        f"that {IMAGENET100} lists: put CMC's list (github.com/HobbitLong/CMC), which the papers "
        "cite, in the root of the repository",
        _paper,
        data=ITSELF,
    ),
}


def resolve(row: Row, scale: str, *, seed: int, data: Mapping[str, str]) -> ConfigDict:
    """The configuration of a row.

    Args:
      row: of a table.
      scale: a key of SCALES.
      seed: of the run.
      data: folders by the name of a data set; "" is that of all others.

    Raises:
      KeyError: for a change of a key that the configuration does not have.
    """
    config = SCALES[scale].config(row)
    for changes in (row.changes, row.at.get(scale, {})):
        for key, value in changes.items():
            set_key(config, key, value)
    config.seed = seed
    if config.data.name != "digits":
        config.data.path = data.get(config.data.name, data.get("", ""))
    return config


def set_key(config: ConfigDict, key: str, value: Any) -> None:
    """Sets a dotted key; only options of the method may be new."""
    *sections, last = key.split(".")
    for section in sections:
        config = config[section]
    if last not in config and sections != ["method"]:
        raise KeyError(f"there is no {key}")
    config[last] = value


def protocol_at(scale: str, protocol: str) -> str:
    """The protocol that measures a column at a scale."""
    return SCALES[scale].protocols.get(protocol, protocol)
