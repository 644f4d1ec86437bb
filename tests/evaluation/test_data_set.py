"""Data sets other than the run's: what the encoder takes, and their names in results."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ssl_jax.encoder.encoder import EncoderSpec
from ssl_jax.errors import UserError
from ssl_jax.evaluation.data_set import load_data_set, result_name
from tests import tiny


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two class folders of twelve images."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for index in range(24):
        path = tmp_path / "photos" / "ab"[index % 2] / f"{index:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((30, 20, 3), index, np.uint8)).save(path)
    return tmp_path / "photos"


def test_files_are_decoded_to_what_the_encoder_takes(photos: Path) -> None:
    splits = load_data_set("folder", str(photos), "", EncoderSpec({**tiny.NETWORK}, 8, 0.5, 1))
    assert splits.test is not None and splits.holdout is None
    assert splits.bank.images.shape[1:] == splits.test.images.shape[1:] == (16, 16, 1)
    assert len(splits.bank.images) + len(splits.test.images) == 24
    assert splits.bank.classes == ("a", "b")


def test_a_data_set_that_there_is_not(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="nosuch"):
        load_data_set("nosuch", str(tmp_path), "", EncoderSpec({**tiny.NETWORK}, 8, 1.0, 3))


def test_own_data_sets_are_named_by_their_folders(tmp_path: Path) -> None:
    assert result_name("folder", f"{tmp_path}/cats/") == "folder-cats"
    assert result_name("npz", "dogs.npz") == "npz-dogs.npz"
    assert result_name("cifar10", "anywhere") == "cifar10"
