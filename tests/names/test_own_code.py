"""A mistake in a user's own module is one line that says where it is."""

import pytest

from ssl_jax.errors import require
from ssl_jax.names.lookup import at_path
from ssl_jax.names.own_code import own_code
from tests.refusals import refuses


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package of a user's, with a mistake in it."""
    folder = tmp_path / "my_own_code"
    folder.mkdir()
    (folder / "fine.py").write_text("import math\n\n\ndef root(x):\n    return math.sqrt(x)\n")
    (folder / "broken.py").write_text("first = 1\nsecond = first / 0\n")
    monkeypatch.syspath_prepend(tmp_path)
    return folder


def test_a_module_that_cannot_be_imported_is_refused_with_its_line(package):
    with refuses("name", "my_own_code.broken.x") as caught:
        at_path("my_own_code.broken.x")
    message = str(caught.value)
    assert "ZeroDivisionError" in message
    assert f"{package / 'broken.py'}, line 2" in message


def test_a_module_that_does_not_exist_has_no_line(package):
    with refuses("name", "my_own_code.missing") as caught:
        at_path("my_own_code.missing")
    assert ".py" not in str(caught.value)


def test_what_a_users_module_raises_is_refused_with_its_line(package):
    root = at_path("my_own_code.fine.root")
    with refuses("name", "my_own_code.fine") as caught, own_code("my_own_code.fine"):
        root("four")
    message = str(caught.value)
    assert "TypeError" in message
    assert f"{package / 'fine.py'}, line 5" in message


def test_what_this_package_raises_is_a_mistake_of_ours():
    with pytest.raises(KeyError), own_code("simclr"):
        {}["x"]


def test_what_a_users_module_refuses_itself_is_kept():
    with refuses("path", "x"), own_code("my_own_code.fine"):
        require(False, "path", "x", "must be a folder")
