"""The line about what bounds a run."""

import jax
import jax.numpy as jnp

from ssl_jax.training import bottleneck
from ssl_jax.training.step import TrainState


def test_the_steps_after_compiling_are_timed_once(monkeypatch):
    now, seconds, lines, calls = [0.0], iter([50, 4, 1, 2, 9, 9]), [], []
    monkeypatch.setattr(bottleneck.time, "monotonic", lambda: now[0])

    def advance(train, inputs, count):
        calls.append(inputs)
        now[0] += next(seconds)
        return train._replace(step=train.step + count), {"loss": jnp.zeros(())}

    steps = bottleneck.FirstSteps(advance, reading=30.0, batch_size=100, report=lines.append)
    train = TrainState(jnp.zeros((), int), {}, {}, None, jax.random.key(0))
    for step in range(6):
        train, metrics = steps(train, step, 1)
        assert len(lines) == (step >= 3)
    assert calls == [0, 1, 2, 3, 4, 5] and train.step == 6 and set(metrics) == {"loss"}
    # The median of 4, 1 and 2 seconds a batch of 100.
    assert lines[0].startswith("reading gives 30 images/s, the train step takes 50: reading bounds")
    assert "config.data.workers" in lines[0]
