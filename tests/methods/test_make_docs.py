"""The docstring of every method explains each of its options, that of every loss its arguments."""

import inspect
import re

import pytest

from ssl_jax import losses, methods
from ssl_jax.names.lookup import choices, find


def sections(function):
    """The text of every section of a docstring in Google style, by its name."""
    parts = re.split(
        r"^(Args|Returns|Raises|Example):$", inspect.getdoc(function) or "", flags=re.M
    )
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def explained(function):
    """Names in the Args section that are followed by an explanation, in order."""
    return re.findall(r"^  (\w+): \S", sections(function)["Args"], re.M)


@pytest.mark.parametrize("name", choices(methods))
def test_every_option_of_a_method_is_explained(name):
    make = find(methods, name, "make")
    assert explained(make) == list(inspect.signature(make).parameters)
    assert sections(make)["Returns"].strip()


@pytest.mark.parametrize("name", losses.__all__)
def test_every_argument_and_the_result_of_a_loss_are_explained(name):
    loss = getattr(losses, name)
    assert explained(loss) == list(inspect.signature(loss).parameters)
    assert sections(loss)["Returns"].strip()
    assert ">>> " in sections(loss)["Example"]
