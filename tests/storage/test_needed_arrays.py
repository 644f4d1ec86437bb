"""A checkpoint of another architecture is refused."""

import re
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import pytest

from ssl_jax.errors import UserError
from ssl_jax.storage.checkpoint import Checkpoints
from tests.storage.states import abstract, make_state, refuse, save

HELD = r"params/conv/kernel \[3, 3, 4, 8\]"


def wider() -> Any:
    state = make_state(0)
    state["params"]["conv"]["kernel"] = jnp.zeros((3, 3, 4, 16))
    return state


def half() -> Any:
    state = make_state(0)
    state["params"]["conv"]["kernel"] = jnp.zeros((3, 3, 4, 8), jnp.bfloat16)
    return state


@pytest.mark.parametrize(
    ("needed", "message"),
    [
        (
            wider(),
            rf"holds {HELD}, .* needs \[3, 3, 4, 16\]",
        ),
        (
            half(),
            "holds params/conv/kernel float32, .* needs bfloat16",
        ),
        (
            {**make_state(0), "queue": jnp.zeros((6, 2))},
            r"lacks queue \[6, 2\]",
        ),
        (
            {name: leaf for name, leaf in make_state(0).items() if name != "params"},
            f"holds {HELD}, .* does not have",
        ),
    ],
)
def test_other_arrays_than_needed_are_refused_in_one_line(
    needed: Any, message: str, tmp_path: Path
) -> None:
    save(tmp_path, 1, 120)
    with pytest.raises(UserError) as error:
        Checkpoints(tmp_path, report=refuse).restore(abstract(needed))
    line = f"checkpoint {tmp_path}/120 {message}: .*architecture or batch size.*"
    assert re.fullmatch(line, str(error.value))  # "." does not match a line break
