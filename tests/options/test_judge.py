"""Signatures say what their options may be, also those that state no range, a user's own too."""

import inspect
import math
from collections.abc import Sequence
from typing import Annotated, Literal

import pytest

from ssl_jax import methods
from ssl_jax.errors import UserError
from ssl_jax.names.lookup import choices, find
from ssl_jax.options.judge import checked, options_of, value_problems
from ssl_jax.options.kinds import Ascending, Length, Range, one_of


def make(
    backbone,
    *,
    width: int = 8,
    start: int = 0,
    offset: int = -1,
    scale: float = 1.0,
    flag: bool = False,
    name: str = "a",
    mode: Literal["x", "y"] = "x",
    share: Annotated[float, Range(0.0, 1.0)] = 0.5,
    either: Annotated[float | int, Range(0.0, 1.0)] = 0.5,
    above: Annotated[float, Range(0.0, 1.0, above=True, below=True)] = 0.5,
    menu: Annotated[int, one_of(0, 1, 3)] = 0,
    pair: Annotated[tuple[float, float], Ascending()] = (0.0, 1.0),
    sizes: Annotated[Sequence[int], Length(1, 3)] = (1,),
    maybe: float | None = None,
    plain=0.1,
    unknown: "NoSuchType" = None,  # noqa: F821  # pyright: ignore
):
    return width


GOOD = {
    "width": [1, 2**31 - 1],
    "start": [0],
    "offset": [-5, 0],
    "scale": [-1.0, 0, 1e30],
    "flag": [True, False],
    "name": ["", "b"],
    "mode": ["y"],
    "share": [0, 1, 0.3],
    "either": [0, 1, 0.3],
    "above": [0.3],
    "menu": [0, 1, 3],
    "pair": [(0, 1), [0.5, 0.5], (-1.0, 2.0)],
    "sizes": [(3,), [1, 2, 3]],
    "maybe": [None, 0.5],
    "plain": [3, 0.5],
    "unknown": [object()],
}
BAD = {
    "width": [0, -1, 2**31, 1.0, True, "1", None, (1,)],
    "start": [-1, math.nan],
    "offset": [2**40],
    "scale": [math.nan, math.inf, -math.inf, 1e300, "1", None, True, 10**400],
    "flag": [0, 1, "True", None],
    "name": [3, None, b"a"],
    "mode": ["z", None, 1],
    "share": [-0.01, 1.01, math.nan],
    "either": [-0.01, 2, math.nan, "x", None, True],
    "above": [0.0, 1.0, 0, 1],
    "menu": [2, False, 1.0],
    "pair": [(1, 0), (1,), (1, 2, 3), 1, None, "ab", (math.nan, 1.0), ("a", "b")],
    "sizes": [(), (1, 2, 3, 4), (0,), (1.5,), (True,), 3, "12"],
    "maybe": [math.nan, "x"],
    "plain": [math.nan, "0.1", None],
}


@pytest.mark.parametrize("key", GOOD)
def test_values_within_a_range_are_taken(key):
    for value in GOOD[key]:
        assert not list(value_problems(options_of(make), {key: value})), value


@pytest.mark.parametrize("key", BAD)
def test_values_out_of_range_are_refused_in_a_line(key):
    for value in BAD[key]:
        (problem,) = value_problems(options_of(make), {key: value})
        assert problem.key == key and problem.what.startswith("must")
        assert len(str(problem)) < 300 and str(problem).isprintable()


def test_a_checked_function_refuses_before_it_runs():
    ran = checked(lambda *, width=3: width)
    assert ran(width=5) == 5
    with pytest.raises(UserError, match="width=nan must be a finite number; its default is 3"):
        ran(width=math.nan)


@pytest.mark.parametrize("name", choices(methods))
def test_every_number_of_a_method_states_its_range(name):
    for key, option in options_of(find(methods, name, "make")).items():
        assert option.kind not in (int, float, str), f"{key} has no range"


def test_methods_refuse_when_called_directly_too():
    network = object()
    for name in choices(methods):
        make = find(methods, name, "make")
        key = next(iter(options_of(make)))
        with pytest.raises(UserError):
            make(network, 10, **{key: math.nan})
        assert list(inspect.signature(make).parameters)[:2] == ["backbone", "steps"]
