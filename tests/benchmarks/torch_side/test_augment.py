"""The augmentation in PyTorch makes the views of ssl_jax."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssl_jax.augment import ViewSpec, make_augment

JITTER = dict(jitter_probability=0.8, brightness=0.8, contrast=0.4, saturation=0.4, hue=0.2)
RNG = np.random.default_rng(0)


def numbers(key):
    """What `ssl_jax.augment` draws for a view, in the order of torch_side.augment.NUMBERS."""
    crop, colour, late = jnp.split(jax.random.split(key, 7), (3, 5))
    jittered, jitter = jax.random.split(colour[0])
    counts = ((crop[1], 22), (crop[2], 1), (jittered, 1), (jitter, 6), (colour[1], 1))
    counts += ((late[0], 2), (late[1], 1))
    return jnp.concatenate([jax.random.uniform(key, (count,)) for key, count in counts])


VIEWS = {
    "SimCLR, two alike": [ViewSpec(size=12, copies=2, grey=0.2, **JITTER)],
    "BYOL, unlike, larger and smaller": [
        ViewSpec(size=12, interpolation="bicubic", blur=1.0, blur_kernel=5, grey=0.2, **JITTER),
        ViewSpec(size=24, interpolation="bicubic", blur=0.5, solarize=0.4, grey=0.5, **JITTER),
    ],
    "a box that never fits": [
        ViewSpec(size=12, crop_scale=(0.9, 1.0), crop_ratio=(2.0, 3.0), **JITTER)
    ],
}


@pytest.mark.torch
@pytest.mark.parametrize("name", VIEWS)
def test_views_are_the_same_for_the_same_random_numbers(name):
    torch = pytest.importorskip("torch")
    from torch_side.augment import Augment

    images = RNG.integers(0, 256, (64, 16, 20, 3), dtype=np.uint8)
    keys = jax.random.split(jax.random.key(3), len(images))
    ours = jax.jit(make_augment(VIEWS[name], images.shape[1:]))(keys, images)

    def drawn(view):
        return jax.vmap(lambda key: numbers(jax.random.fold_in(key, view)))(keys)

    u = torch.tensor(np.stack([drawn(view) for view in range(len(ours))]))
    theirs = Augment(VIEWS[name])(torch.tensor(images), u)
    assert len(theirs) == len(ours)
    for view, expected in zip(theirs, ours, strict=True):
        assert np.isfinite(view.numpy()).all()
        np.testing.assert_allclose(view.permute(0, 2, 3, 1), expected, atol=1e-5)
