"""What the files of a run hold, whatever has happened to them."""

from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from ssl_jax.errors import UserError
from ssl_jax.evaluation.table import ENCODERS
from ssl_jax.run.changes import changed_keys, decisive, told
from ssl_jax.setup.defaults import base
from ssl_jax.storage import atomic
from ssl_jax.storage.checkpoint import Checkpoints


def read_result(workdir: Path) -> dict[str, Any] | None:
    """result.json; None if there is none, or it is not the result of a run."""
    result = atomic.read_object(workdir / "result.json")
    return result if result is not None and _is_result(result) else None


def read_settings(workdir: Path) -> dict[str, Any] | None:
    """The settings of a run: those of its latest checkpoint, or config.json if there is none yet.

    Returns:
      None if neither holds any.

    Raises:
      UserError: if the disk cannot be read.
    """
    latest = Checkpoints(workdir / "checkpoints").latest_meta()
    if latest is None:
        return _configuration(workdir)
    try:
        settings, lines = settings_of(workdir, latest.step, latest.meta)
    except UserError:
        return None
    for line in lines:
        print(line)
    return settings


def settings_of(workdir: Path, step: int, meta: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The settings of a checkpoint, and what is to be said of config.json beside it.

    Args:
      workdir: folder of the run.
      step: of the checkpoint.
      meta: of the checkpoint.

    Raises:
      UserError: if neither the checkpoint nor config.json holds them.
    """
    file = workdir / "config.json"
    written, stored = _configuration(workdir), meta.get("config")
    if not isinstance(stored, dict):  # written by an older version
        if written is None or not isinstance(written.get("epochs"), int):
            raise UserError(
                f"{file} is not the configuration of a run, and checkpoint {step} does not hold "
                "the settings either; choose another --workdir, or restore the file"
            )
        return written, []
    if written is None:
        return stored, [f"{file} is missing or broken; checkpoint {step} holds the settings, too"]
    if edited := decisive(changed_keys(stored, written)):
        was = told(edited, stored, written)
        return stored, [f"{file} was edited: the run was trained with {was}"]
    # The latest sitting may have moved the images and saved nothing yet.
    return written | {"epochs": stored["epochs"]}, []


def require_settings(workdir: Path) -> dict[str, Any]:
    """The same, for those that cannot do without.

    Raises:
      UserError: if there are none.
    """
    settings = read_settings(workdir)
    if settings is not None:
        return settings
    if not (workdir / "config.json").exists():
        raise UserError(f"{workdir} has no config.json: not the folder of a run")
    raise UserError(f"{workdir / 'config.json'} is not the configuration of a run")


def _configuration(workdir: Path) -> dict[str, Any] | None:
    """config.json; None if there is none, or it is not the configuration of a run."""
    found = atomic.read_object(workdir / "config.json")
    if found is None or not isinstance(found.get("method"), dict):
        return None
    sections = [key for key, value in base().items() if isinstance(value, ConfigDict)]
    return found if all(isinstance(found.get(key, {}), dict) for key in sections) else None


def _is_result(result: dict[str, Any]) -> bool:
    needed = {"config": _is_object, "steps": _is_number, "digest": _is_text, "seconds": _is_number}
    optional = {
        "images_per_second": _is_number,
        "data_fingerprint": _is_text,
        "warnings": _are_texts,
        "skipped_files": _are_texts,
        "evaluation": _is_evaluation,
        "evaluated": _are_texts,
    }
    return all(is_right(result.get(key)) for key, is_right in needed.items()) and all(
        result.get(key) is None or is_right(result[key]) for key, is_right in optional.items()
    )


def _is_evaluation(value: Any) -> bool:
    """Scores of the trained encoder, and of the others by the same classifiers."""
    if not _is_object(value) or not _is_object(value.get("trained")):
        return False
    scores = [value[encoder] for encoder in ENCODERS if value.get(encoder) is not None]
    columns = [key for key in ("knn_top1", "linear_top1") if key in value["trained"]]
    return all(_is_object(one) and all(_is_number(one.get(c)) for c in columns) for one in scores)


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(_is_text(one) for one in value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and abs(value) < 1e300
