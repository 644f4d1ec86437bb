"""launch/finished.py on what may lie in the folder of a run."""

import importlib.util
import itertools
import json
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "launch" / "finished.py"
CONFIG = {"epochs": 2, "evaluation": {"at_end": ["knn", "ridge"]}}
DONE = {"config": CONFIG, "evaluated": ["ridge", "knn", "svm"]}


@pytest.fixture(scope="module")
def finished():
    spec = importlib.util.spec_from_file_location("finished", SCRIPT)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.finished


def write(folder, result, config):
    for name, content in (("result.json", result), ("config.json", config)):
        if not isinstance(content, bytes):
            content = json.dumps(content).encode()
        (folder / name).write_bytes(content)
    return folder


@pytest.mark.parametrize(
    ("result", "config", "expected"),
    [
        (DONE, CONFIG, True),
        (DONE | {"evaluated": ["knn"]}, CONFIG, False),
        (DONE, CONFIG | {"epochs": 3}, False),
        ({"config": CONFIG}, CONFIG, True),  # of an earlier version
        ({"config": {"epochs": 2}, "evaluated": []}, {"epochs": 2}, True),
        ({"evaluated": ["knn", "ridge"]}, CONFIG, False),
    ],
)
def test_a_result_for_the_settings(finished, tmp_path, result, config, expected):
    assert finished(write(tmp_path, result, config)) is expected


ODD = [None, [], [1], 7, True, "text", {}, {"config": None}, {"evaluation": 3}, b"", b"{", b"\xff"]
ODD += [b"[" * 100_000, CONFIG | {"evaluation": {"at_end": None}}, DONE | {"evaluated": 3}]
ODD += [DONE | {"evaluated": [[], {}]}, CONFIG | {"evaluation": {"at_end": [[1]]}}]


def test_anything_else_is_not_finished(finished, tmp_path):
    for result, config in itertools.product([*ODD, DONE], [*ODD, CONFIG]):
        if (result, config) != (DONE, CONFIG):
            assert finished(write(tmp_path, result, config)) is False, (result, config)
    for name in ("result.json", "config.json"):
        write(tmp_path, DONE, CONFIG)
        (tmp_path / name).unlink()
        assert not finished(tmp_path)
        (tmp_path / name).mkdir()
        assert not finished(tmp_path)
        (tmp_path / name).rmdir()
    assert not finished(tmp_path / "nowhere")
