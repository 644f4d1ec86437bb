"""Training from Python: what `python -m ssl_jax.main` does, on images that Python has in hand."""

import csv
import io
import os
from collections.abc import Mapping, Sequence
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from ml_collections import ConfigDict

from ssl_jax.command_line import config_flags
from ssl_jax.data import sources
from ssl_jax.encoder.encoder import Encoder
from ssl_jax.encoder.load import load_encoder
from ssl_jax.errors import UserError
from ssl_jax.names.dotted import dotted
from ssl_jax.names.lookup import choices
from ssl_jax.names.similar import similar
from ssl_jax.run.evaluate import evaluate, own_images
from ssl_jax.run.files import read_result, require_settings
from ssl_jax.run.train import train
from ssl_jax.setup.build import build
from ssl_jax.storage import atomic
from ssl_jax.training.curves import curves
from ssl_jax.training.metrics_log import read_metrics
from ssl_jax.types import Config

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def pretrain(
    config: str | Config,
    *,
    images: Any = None,
    labels: Any = None,
    epochs: int | None = None,
    workdir: str | os.PathLike[str] | None = None,
    changes: Mapping[str, Any] | None = None,
    extend: str = "",
) -> "Run":
    """Trains an encoder, or goes on where the same call was stopped, and evaluates it at the end.

    It is the command `python -m ssl_jax.main`, with the same folder, which either of them resumes.
    Ctrl-C saves, and is then raised as KeyboardInterrupt.

    Args:
      config: NAME[:VARIANT] as `configs` lists them, a file of one's own, or a ConfigDict, which is
        not changed.
      images: what to train on, in place of what the configuration names: a folder or a list in a
        .csv file; a sequence of image files; uint8 [N, H, W, C]; or the name of a data set that
        needs no path, as "digits". Arrays and sequences are written to the run's folder.
      labels: a class for each image of an array or a sequence; [N], whole numbers or names.
      epochs: length of the run.
      workdir: folder of the run; by default that of the command.
      changes: values by dotted key, as {"network.width": 32}.
      extend: where the epochs of a run are raised, "constant", "restart" or "rewind"; see
        docs/reliability.md.

    Returns:
      The run, finished.

    Raises:
      UserError: for anything that cannot work.

    Example:
      run = ssl_jax.pretrain("byol:cifar10", images="photos/", epochs=20, workdir="runs/photos")
      features = run.encoder("photos/")
    """
    chosen, folder = _configuration(config)
    folder = folder if workdir is None else Path(workdir).expanduser()
    _change(chosen, {**({} if epochs is None else {"epochs": epochs}), **(changes or {})})
    if images is None:
        if labels is not None:
            raise UserError("labels are those of images: give images as well")
    else:
        _use(chosen, images, labels, folder)
    train(chosen, folder, extend=extend)
    run = Run(folder)
    if run.result is None:  # only a signal ends it earlier
        raise KeyboardInterrupt(f"saved in {folder}; the same call resumes")
    return run


class Run:
    """A run in its folder, whether a command or `pretrain` trained it.

    Args:
      workdir: the folder.

    Raises:
      UserError: if it is not the folder of a run.
    """

    def __init__(self, workdir: str | os.PathLike[str]):
        self.workdir = Path(workdir).expanduser()
        require_settings(self.workdir)
        self._encoder: Encoder | None = None

    @property
    def config(self) -> Config:
        """The run's configuration."""
        return ConfigDict(require_settings(self.workdir))

    @property
    def result(self) -> dict[str, Any] | None:
        """The content of result.json; None before the run has ended."""
        return read_result(self.workdir)

    @property
    def metrics(self) -> list[dict[str, float]]:
        """What was logged while training, a dict for each line of metrics.jsonl."""
        return read_metrics(self.workdir / "metrics.jsonl")

    @property
    def encoder(self) -> Encoder:
        """The encoder of the latest checkpoint, loaded once."""
        if self._encoder is None:
            self._encoder = load_encoder(self.workdir)
        return self._encoder

    def curves(self) -> "Figure":
        """The curves of the run as a matplotlib figure; curves.png is the same."""
        return curves(self.metrics, build(self.config).expectation)

    def evaluate(self, *protocols: str, seeds: Sequence[int] = (0,)) -> dict[str, dict[str, Any]]:
        """Evaluates the encoder on the run's images, as `python -m ssl_jax.evaluate` does.

        Args:
          protocols: names of them, as "knn" and "ridge".
          seeds: of protocols that are trained.

        Returns:
          Metrics and settings by protocol; what was written to the folder's evaluations/.
        """
        images = own_images(self.workdir)
        evaluate(self.encoder, images, self.workdir, protocols, seeds=seeds)
        folder = self.workdir / "evaluations"
        found = {
            name: atomic.read_json(folder / f"{name}-{images.name}.json") for name in protocols
        }
        return {name: evaluation for name, evaluation in found.items() if evaluation is not None}

    def __repr__(self) -> str:
        return f"Run({str(self.workdir)!r})"


def config(name: str) -> Config:
    """The configuration NAME[:VARIANT], or that of FILE[:VARIANT]; to change and to train.

    Raises:
      UserError: where there is none.
    """
    return _configuration(name)[0]


def _configuration(config: str | Config) -> tuple[Config, Path]:
    """A configuration of one's own, and the folder of its run unless another is named."""
    if isinstance(config, ConfigDict):
        return config.copy_and_resolve_references(), Path("runs", f"python-seed{config.seed}")
    found = config_flags.parse(["pretrain", f"--config={config}"])
    return found.config, found.workdir


def _change(config: Config, changes: Mapping[str, Any]) -> None:
    known = list(dotted(config))
    for key, value in changes.items():
        if key not in known:
            near = similar(key, known)
            hint = f"; did you mean {near}?" if near else ""
            raise UserError(f"there is no config.{key}{hint}")
        section, _, last = key.rpartition(".")
        place = attrgetter(section)(config) if section else config
        with place.ignore_type():
            place[last] = value


def _use(config: Config, images: Any, labels: Any, workdir: Path) -> None:
    """Lets the configuration name these images; writes those that are in no file of their own."""
    if isinstance(images, str | os.PathLike):
        if labels is not None:
            raise UserError("labels are for arrays and lists of files; folders name classes")
        path = Path(images).expanduser()
        if not path.exists() and str(images) in choices(sources):
            config.data.name, config.data.path = str(images), ""
        else:
            config.data.name = "npz" if path.suffix == ".npz" else "folder"
            config.data.path = str(path.absolute())
        return
    if hasattr(images, "dtype"):
        config.data.name, config.data.path = "npz", str(_write_array(images, labels, workdir))
    else:
        config.data.name, config.data.path = "folder", str(_write_list(images, labels, workdir))


def _write_array(images: Any, labels: Any, workdir: Path) -> Path:
    """The array in a file, unless it is there already."""
    content = io.BytesIO()
    if labels is None:
        np.savez(content, image=np.asarray(images))
    else:
        np.savez(content, image=np.asarray(images), label=np.asarray(labels))
    return _write(workdir, "images/train.npz", content.getvalue()).parent


def _write_list(images: Any, labels: Any, workdir: Path) -> Path:
    if not isinstance(images, Sequence) or not all(
        isinstance(image, str | os.PathLike) for image in images
    ):
        raise UserError(
            "images must be a folder, a sequence of image files, uint8 [N, H, W, C] or the name of "
            f"a data set, not {type(images).__name__}"
        )
    columns = [[str(Path(image).expanduser().absolute()) for image in images]]
    if labels is not None:
        columns.append([str(label) for label in labels])
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["path", "label"][: len(columns)])
    writer.writerows(zip(*columns, strict=True))
    return _write(workdir, "images.csv", text.getvalue().encode())


def _write(workdir: Path, name: str, content: bytes) -> Path:
    """Writes a file in the folder of a run, where only the same content may already be."""
    path = workdir / name
    if jax.process_index() == 0 and not (path.exists() and path.read_bytes() == content):
        if (workdir / "checkpoints").exists():
            raise UserError(f"{workdir} was trained on other images; choose another workdir")
        atomic.make_folder(path.parent)
        with atomic.replacing(path) as part:
            part.write_bytes(content)
    return path.absolute()
