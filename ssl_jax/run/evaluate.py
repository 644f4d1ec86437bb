"""Evaluating the encoder of a run or of an import: which images, which protocols, which files."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
from ml_collections import ConfigDict

from ssl_jax.data.dataset import Splits, fingerprint
from ssl_jax.data.decodable import decodable_splits
from ssl_jax.data.overlap import find_overlap
from ssl_jax.data.summary import origins, summary
from ssl_jax.devices import hardware, sharding
from ssl_jax.encoder.encoder import Encoder, EncoderSpec
from ssl_jax.errors import Problem, UserError, refuse, within
from ssl_jax.evaluation.data_set import load_data_set, result_name
from ssl_jax.evaluation.evaluation_file import write_evaluation
from ssl_jax.evaluation.progress import progress_printer
from ssl_jax.evaluation.run_protocol import run_protocol
from ssl_jax.evaluation.task import make_task
from ssl_jax.run.files import read_settings
from ssl_jax.setup.data import load_splits
from ssl_jax.setup.run_keys import key_problems, range_problems
from ssl_jax.storage import atomic
from ssl_jax.types import Config


class NamedImages(NamedTuple):
    """splits: images to evaluate on. name: of theirs, in results."""

    splits: Splits
    name: str


def own_images(workdir: Path, data_path: str = "") -> NamedImages:
    """The images of a run; `data_path` where they have moved to.

    Raises:
      UserError: if the folder is that of an import, or the images are not there.
    """
    settings = read_settings(workdir)
    if settings is None:
        raise UserError(f"{workdir} has no data of its own: --data=NAME --data_path=DIR")
    config: Config = ConfigDict(settings)
    refuse(within("config", _of_images(config)))
    config.data.path = data_path or config.data.path
    return NamedImages(load_splits(config), images_name(config.data.to_dict()))


def images_name(data: dict[str, Any]) -> str:
    """The name of a run's images in results, by the section `data` of its configuration."""
    limit = f"-{data['limit']}" if data["limit"] else ""
    return result_name(data["name"], data["path"]) + limit


def _of_images(config: Config) -> Iterator[Problem]:
    """What is wrong with those settings that say which images there are."""
    for problem in (*key_problems(config), *range_problems(config)):
        if problem.key.split(".")[0] in ("data", "augment", "seed"):
            yield problem


def other_images(name: str, path: str, classes: str, description: EncoderSpec) -> NamedImages:
    """Another data set than the run's own; see `load_data_set`.

    Raises:
      UserError: where there is no such set; it names the flags of the command.
    """
    try:
        splits = load_data_set(name, path, classes, description)
    except UserError as error:
        text = str(error).replace("config.data.name", "--data").replace("config.data.", "--data_")
        raise UserError(text) from error
    return NamedImages(splits, result_name(name, path))


def evaluate(
    encoder: Encoder,
    images: NamedImages,
    workdir: Path,
    names: Sequence[str],
    *,
    seeds: Sequence[int] = (0,),
    batch_size: int = 256,
    labels: Path | None = None,
    dtype: str = "float32",
) -> None:
    """Runs protocols and writes WORKDIR/evaluations/<protocol>-<data>.json, a line each.

    Args:
      encoder: what is evaluated.
      images: what it is evaluated on.
      workdir: folder of the run or import.
      names: of the protocols; one that fails leaves the others alone.
      seeds: of protocols that are trained.
      batch_size: images that are encoded at a time.
      labels: file that lists the images whose labels count.
      dtype: in which features are kept, float32 or bfloat16.

    Raises:
      UserError: in the end, of all protocols that failed.
    """
    task = make_task(
        encoder,
        decodable_splits(images.splits),
        shardings=sharding.make(jax.device_count()),
        batch_size=batch_size,
        labels=labels,
        progress=progress_printer(),
        dtype=dtype,
    )
    overlap = None
    if jax.process_index() == 0:
        overlap = find_overlap(images.splits)
        for line in summary(images.splits, overlap):
            print(line, flush=True)
    about = {
        "data": images.name,
        "data_origin": origins(images.splits),
        "test_in_train": overlap and overlap._asdict(),
        "data_fingerprint": fingerprint(images.splits.bank),
        "step": encoder.step,
        "device": hardware.device_name(),
        "features": dtype,
    }
    folder = workdir / "evaluations"
    atomic.make_folder(folder)
    failed = []
    for name in names:
        try:
            evaluation = about | run_protocol(name, task, seeds=seeds)
        except UserError as error:
            failed.append(f"{name}: {error}")
            continue
        if jax.process_index() == 0:
            print(write_evaluation(folder, evaluation), flush=True)
    if failed:
        raise UserError("; ".join(failed))
