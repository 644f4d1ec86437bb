"""Every example in a docstring of the package gives the result that it shows."""

import doctest
import importlib
from pathlib import Path

import pytest

import ssl_jax

ROOT = Path(ssl_jax.__file__).parent
PROMPT = ">>> "
MODULES = {
    ".".join(["ssl_jax", *path.relative_to(ROOT).with_suffix("").parts]): path
    for path in sorted(ROOT.rglob("*.py"))
    if PROMPT in path.read_text()
}


@pytest.mark.parametrize("name", MODULES)
def test_examples_give_what_they_show(name):
    module = importlib.import_module(name)
    result = doctest.testmod(module, optionflags=doctest.ELLIPSIS)
    # None is missed, as doctest does behind some decorators.
    assert result.attempted == MODULES[name].read_text().count(PROMPT)
    assert result.attempted > 0 and result.failed == 0


def test_there_are_examples():
    assert "ssl_jax.losses.contrastive" in MODULES
