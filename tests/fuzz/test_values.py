"""A sample of the fuzz of values: no traceback, no accepted nonsense; `make test-fuzz` runs all."""

import math
import os

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ssl_jax.options import judge
from tests.fuzz import values
from tests.fuzz.sense import sensible

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "150"))
numbers = st.one_of(st.floats(), st.integers(), st.sampled_from([2**31, 2**32, 2**63, 10**400]))
scalars = st.one_of(numbers, st.text(max_size=20), st.none(), st.booleans(), st.binary(max_size=5))
anything = st.one_of(
    st.sampled_from(values.HOSTILE),
    scalars,
    st.lists(scalars, max_size=4),
    st.lists(numbers, max_size=4).map(tuple),
    st.dictionaries(st.text("abc", min_size=1, max_size=3), scalars, max_size=2),
)
texts = st.one_of(
    st.sampled_from(values.TEXTS),
    st.text(st.characters(exclude_characters="\x00"), max_size=20),
    st.floats().map(repr),
    st.lists(numbers, max_size=3).map(lambda some: repr(tuple(some))),
)
some = settings(
    max_examples=EXAMPLES,
    derandomize=True,
    deadline=None,
    database=None,
    phases=(Phase.explicit, Phase.generate),  # shrinking takes minutes
    suppress_health_check=list(HealthCheck),
)


# Which variant, and which of its keys; configurations are made outside of the strategy.
places = st.tuples(st.integers(0, 10**6), st.integers(0, 10**6))


def at(place):
    """(name, variant, key) at a place."""
    variants = values.variants()
    name, variant = variants[place[0] % len(variants)]
    keys = values.keys(name, variant)
    return name, variant, keys[place[1] % len(keys)]


@given(places, anything)
@some
def test_what_a_file_sets_is_refused_in_a_line_or_makes_sense(place, value):
    outcome = values.set_in_python(*at(place), value)
    assert outcome.kind in ("refused", "taken"), outcome


@given(places, texts)
@some
def test_what_a_flag_sets_is_refused_in_a_line_or_makes_sense(place, text):
    outcome = values.set_by_flag(*at(place), text)
    assert outcome.kind in ("refused", "taken"), outcome


@pytest.mark.parametrize("name", ["ba_moco", "dino", "swav", "w_mse"])
def test_every_key_refuses_nan_and_the_defaults_make_sense(name):
    config = values.config_files.module(name).get_config("tiny")
    for key in values.keys(name, "tiny"):
        value = config
        for part in key.split("."):
            value = value[part]
        names = ("data.name", "network.name", "method.name")
        assert key in names or sensible(key, value), f"{key}={value!r} makes no sense"
        assert values.set_in_python(name, "tiny", key, math.nan).kind == "refused", key


def test_the_fuzz_finds_an_option_that_has_lost_its_range(monkeypatch):
    assert values.set_in_python("byol", "tiny", "learning_rate", -1.0).kind == "refused"
    monkeypatch.setattr(judge, "broken_rule", lambda option, value: "")
    assert values.set_in_python("byol", "tiny", "learning_rate", -1.0).kind == "nonsense"
