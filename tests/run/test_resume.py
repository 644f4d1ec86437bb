"""Which settings may differ when a run resumes; they are part of the checkpoint."""

import json
import re
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import pytest

from ssl_jax.errors import UserError
from ssl_jax.names.dotted import dotted
from ssl_jax.run.files import read_settings
from ssl_jax.run.resume import Past, past_of
from ssl_jax.setup.defaults import base
from ssl_jax.setup.run_keys import MAY_DIFFER
from ssl_jax.setup.settings import as_json
from ssl_jax.storage import atomic
from ssl_jax.storage.checkpoint import Checkpoints

KEYS = [key for key in dotted(base()) if key != "epochs"]


def begin(workdir: Path, settings: dict[str, Any] | None, step: int = 200, **meta: Any) -> None:
    """A run of 20 epochs of 10 steps each that has come to a step."""
    meta = {"steps": 200, "extensions": [], **meta}
    if settings is not None:
        meta["config"] = settings
    with Checkpoints(workdir / "checkpoints") as checkpoints:
        checkpoints.save(step, {"w": jnp.zeros(2)}, meta)
    atomic.write_json(workdir / "config.json", settings)


def past(workdir: Path, config: Any, extend: str = "") -> Past:
    return past_of(workdir, config, Checkpoints(workdir / "checkpoints"), extend)


def config_of(**changes: Any) -> Any:
    config = base()
    config.epochs = 20
    config.update_from_flattened_dict(changes)
    return config


@pytest.fixture
def workdir(tmp_path: Path) -> Path:
    begin(tmp_path, as_json(config_of()))
    return tmp_path


def another(value: Any) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, str):
        return f"{value}x"
    if isinstance(value, tuple):
        return (*value, 1)
    return value + 1


def test_the_same_settings_say_nothing(workdir: Path) -> None:
    assert past(workdir, config_of()) == Past((), (), 200)


def test_keys_that_change_no_number_may_differ_and_that_is_said(workdir: Path) -> None:
    for key in MAY_DIFFER:
        old = dict_at(config_of(), key)
        (line,) = past(workdir, config_of(**{key: another(old)})).lines
        values = [json.loads(json.dumps(value)) for value in (another(old), old)]
        assert f"config.{key}={values[0]!r}, not {values[1]!r}" in line
        assert "no number" in line and "\n" not in line


def test_every_other_key_is_refused_with_both_values(workdir: Path) -> None:
    for key in set(KEYS) - set(MAY_DIFFER):
        old = dict_at(config_of(), key)
        values = [json.loads(json.dumps(value)) for value in (old, another(old))]
        with pytest.raises(UserError) as error:
            past(workdir, config_of(**{key: another(old)}))
        told = f"was trained with config.{key}={values[0]!r}, not {values[1]!r}; choose another"
        assert told in str(error.value) and "\n" not in str(error.value)


def dict_at(config: Any, key: str) -> Any:
    for part in key.split("."):
        config = config[part]
    return config


BROKEN = [None, b"", b"null", b"[]", b"3", b"{", b"\xff\xfe", b'{"method": 3}', b"[" * 100_000]


@pytest.mark.parametrize("content", BROKEN, ids=lambda content: repr(content)[:20])
def test_without_config_json_the_checkpoint_holds_the_settings(
    content: bytes | None, workdir: Path, capsys: Any
) -> None:
    (workdir / "config.json").unlink()
    if content is not None:
        (workdir / "config.json").write_bytes(content)
    (line,) = past(workdir, config_of()).lines
    assert line == (
        f"{workdir / 'config.json'} is missing or broken; checkpoint 200 holds the settings, too"
    )
    with pytest.raises(UserError, match=r"trained with config.learning_rate=0.1, not 0.7"):
        past(workdir, config_of(learning_rate=0.7))
    assert read_settings(workdir) == as_json(config_of())
    assert line in capsys.readouterr().out


def test_an_edited_config_json_does_not_count(workdir: Path) -> None:
    atomic.write_json(workdir / "config.json", as_json(config_of(learning_rate=0.7)))
    (line,) = past(workdir, config_of()).lines
    assert "was edited: the run was trained with config.learning_rate=0.1, not 0.7" in line
    with pytest.raises(UserError, match=r"trained with config.learning_rate=0.1, not 0.7"):
        past(workdir, config_of(learning_rate=0.7))
    settings = read_settings(workdir)
    assert settings is not None and settings["learning_rate"] == 0.1


def test_images_that_have_moved_are_found_where_the_last_sitting_had_them(workdir: Path) -> None:
    atomic.write_json(workdir / "config.json", as_json(config_of(**{"data.path": "elsewhere"})))
    settings = read_settings(workdir)
    assert settings is not None and settings["data"]["path"] == "elsewhere"


def test_a_checkpoint_of_an_older_version_needs_config_json(tmp_path: Path) -> None:
    begin(tmp_path, None)
    with pytest.raises(UserError, match="checkpoint 200 does not hold the settings either"):
        past(tmp_path, config_of())
    atomic.write_json(tmp_path / "config.json", as_json(config_of()))
    assert past(tmp_path, config_of()) == Past((), (), 200)
    with pytest.raises(UserError, match=r"trained with config.seed=0, not 1"):
        past(tmp_path, config_of(seed=1))


def test_a_key_that_an_older_version_did_not_know_counts_as_its_default(tmp_path: Path) -> None:
    old = as_json(config_of())
    del old["penalty"], old["optimizer"]["clip_norm"]
    begin(tmp_path, old)
    assert past(tmp_path, config_of()).lines == ()
    with pytest.raises(UserError, match=r"config.optimizer.clip_norm=\(absent\), not 1.0"):
        past(tmp_path, config_of(**{"optimizer.clip_norm": 1.0}))


def test_a_run_without_a_checkpoint_may_begin_with_any_settings(tmp_path: Path) -> None:
    atomic.write_json(tmp_path / "config.json", as_json(config_of()))
    assert past(tmp_path, config_of(seed=1)) == Past()
    assert "nothing to extend" in past(tmp_path, config_of(), "restart").lines[0]


def test_fewer_epochs_are_refused(workdir: Path) -> None:
    with pytest.raises(UserError, match="epochs 19 is fewer, and it can only be raised"):
        past(workdir, config_of(epochs=19), "restart")


def test_more_epochs_need_a_way_and_each_is_told_with_its_rate(workdir: Path) -> None:
    with pytest.raises(UserError) as error:
        past(workdir, config_of(epochs=200))
    line = str(error.value)
    assert "\n" not in line and f"{workdir} was planned for 20 epochs" in line
    # 0.1 (1 + cos(pi k / K)) / 2 for k/K = 199/200 and 200/2000
    assert "the learning rate of step 200 was 6.17e-06" in line
    found = re.findall(r"(\w+): [^;:]*, learning rate (\S+?)(?:;|$)", line)
    assert found == [("constant", "6.17e-06"), ("restart", "0.1"), ("rewind", "0.0976")]


@pytest.mark.parametrize("way", ["constant", "restart", "rewind"])
def test_a_way_is_said_and_remembered(way: str, workdir: Path) -> None:
    found = past(workdir, config_of(epochs=200), way)
    (extension,) = found.extensions
    assert extension == (200, 20, 200, way)
    (line,) = found.lines
    assert f"raised from 20 to 200 epochs at step 200, --extend={way}: learning rate" in line
    # The same command again, once a checkpoint of the longer run exists, and one without the flag.
    stored = {"steps": 2000, "extensions": [extension._asdict()]}
    begin(workdir, as_json(config_of(epochs=200)), step=300, **stored)
    for again in (way, ""):
        assert past(workdir, config_of(epochs=200), again) == Past((extension,), (), 300)
