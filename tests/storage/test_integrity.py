"""The digest of a pytree."""

import hashlib

import jax
import jax.numpy as jnp
import numpy as np

from ssl_jax.devices import sharding
from ssl_jax.storage.integrity import digest
from tests.storage.states import Moments, make_state


def test_digest_is_of_names_dtypes_shapes_and_bytes() -> None:
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    inner = hashlib.sha256(b"float32 (2, 3) " + array.tobytes()).hexdigest()
    expected = hashlib.sha256(f"a/b {inner}\n".encode()).hexdigest()
    assert digest({"a": {"b": jnp.asarray(array)}}) == expected

    state = make_state(1)
    moments = Moments(mean=jnp.zeros(2), count=jnp.ones(2))
    assert digest(moments) == digest(moments._asdict())  # ordered by name
    assert digest(state) == digest(jax.device_put(state, sharding.make(8).replicated))
    others = [
        make_state(2),
        {**state, "key": jax.random.key(2)},
        {**state, "flags": jnp.asarray([1, 0], jnp.int8)},
        {**state, "flags": jnp.asarray([[True, False]])},
        {("marks" if name == "flags" else name): leaf for name, leaf in state.items()},
    ]
    assert len({digest(tree) for tree in [state, *others]}) == 6
