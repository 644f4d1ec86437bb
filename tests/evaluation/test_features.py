"""Features are those of each image, whatever the batches, the storage and the devices."""

import jax
import jax.numpy as jnp
import numpy as np

from ssl_jax.devices import sharding
from ssl_jax.evaluation.extract import extract, pixels
from ssl_jax.evaluation.features import Labelled, join, select

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (11, 3, 2, 3), dtype=np.uint8)
WEIGHTS = RNG.normal(size=(18, 5))
EXPECTED = np.tanh((IMAGES.reshape(11, 18) / 255.0) @ WEIGHTS)


def encode(images: jax.Array) -> jax.Array:
    return jnp.tanh(images.reshape(len(images), -1) @ jnp.asarray(WEIGHTS, jnp.float32))


class Stored:
    """Images that are read one by one."""

    shape = IMAGES.shape

    def __len__(self) -> int:
        return len(IMAGES)

    def __getitem__(self, index: int, /) -> np.ndarray:
        return IMAGES[index]

    def subset(self, indices: np.ndarray) -> "Stored":
        raise NotImplementedError

    def identity(self) -> str:
        raise NotImplementedError


def test_features_do_not_depend_on_batches_or_storage() -> None:
    shapes = []

    def recorded(images: jax.Array) -> jax.Array:
        shapes.append((images.shape, images.dtype))
        return encode(images)

    for images in (IMAGES, Stored()):
        features = extract(recorded, images, batch_size=4)
        assert features.dtype == np.float32
        np.testing.assert_allclose(features, EXPECTED, rtol=0, atol=1e-5)
    assert shapes == 6 * [((4, 3, 2, 3), jnp.float32)]  # one shape, so one compilation
    whole = extract(encode, IMAGES, batch_size=11)
    np.testing.assert_allclose(whole, EXPECTED, rtol=0, atol=1e-5)
    half = extract(lambda x: encode(x).astype(jnp.bfloat16), IMAGES, batch_size=4)
    assert half.dtype == np.float32
    np.testing.assert_allclose(half, EXPECTED, rtol=0, atol=1e-2)


def test_batches_are_split_over_the_devices() -> None:
    shardings = sharding.make(8)
    where = []

    def recorded(images: jax.Array) -> jax.Array:
        where.append(images.sharding.is_equivalent_to(shardings.batch, images.ndim))
        return encode(images)

    features = extract(recorded, IMAGES, batch_size=8, shardings=shardings)
    assert where == [True, True]
    np.testing.assert_allclose(features, EXPECTED, rtol=0, atol=1e-5)


def test_pixels_are_the_images_in_0_to_1() -> None:
    values = pixels(IMAGES)
    assert values.dtype == np.float32
    assert values[7, 2 * 3 + 1] == np.float32(IMAGES[7, 1, 0, 1] / 255)
    np.testing.assert_array_equal(values, pixels(Stored()))


def test_join_and_select() -> None:
    first = Labelled(EXPECTED[:4], np.arange(4))
    both = join(first, Labelled(EXPECTED[4:], np.arange(4, 11)))
    np.testing.assert_array_equal(both.features, EXPECTED)
    np.testing.assert_array_equal(both.labels, np.arange(11))
    some = select(both, np.array([7, 2]))
    np.testing.assert_array_equal(some.features, EXPECTED[[7, 2]])
    np.testing.assert_array_equal(some.labels, [7, 2])
