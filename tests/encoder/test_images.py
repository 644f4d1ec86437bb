"""What an encoder takes: arrays, files, folders and Pillow images of any size."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from ssl_jax.augment.policy import to_float
from ssl_jax.encoder.encoder import IMAGES_AT_A_TIME, prepare
from ssl_jax.encoder.images import Form, central_square
from ssl_jax.errors import UserError
from tests.tiny import encoder as tiny


def some_images(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


@pytest.fixture
def compilations():
    """A list that grows with every program that is compiled."""
    found = []

    def listen(event, seconds, **_):
        if event == "/jax/core/compile/backend_compile_duration":
            found.append(seconds)

    jax.monitoring.register_event_duration_secs_listener(listen)
    yield found
    jax.monitoring.unregister_event_duration_listener(listen)


@pytest.mark.parametrize("channels", [1, 3, 5])
@pytest.mark.parametrize("crop", [1.0, 0.875])
@pytest.mark.parametrize("shape", [(8, 8), (9, 9), (37, 21), (6, 30), (4, 4), (1, 3)])
def test_the_central_square_is_that_of_the_devices(shape, crop, channels):
    image = some_images(*shape, channels)
    expected = prepare(to_float(jnp.asarray(image[None])), size=8, crop=crop)[0]
    found = central_square(image, Form(8, crop, channels))
    np.testing.assert_allclose(found, expected, atol=2e-6)


def test_another_number_or_size_of_images_compiles_nothing(compilations):
    encoder = tiny()
    encoder(some_images(10, 8, 8, 3))
    before = len(compilations)
    assert before > 0
    encoder(some_images(7, 8, 8, 3))
    encoder(some_images(IMAGES_AT_A_TIME + 1, 13, 9, 3))
    encoder([some_images(5 + i, 9, 3) for i in range(4)])
    assert len(compilations) == before
    encoder(some_images(1, 8, 8, 3))
    single = len(compilations)
    encoder(some_images(1, 30, 20, 3))
    encoder([some_images(5, 9, 3)])
    assert len(compilations) == single


def test_features_do_not_depend_on_how_many_images_there_are():
    encoder, images = tiny(), some_images(IMAGES_AT_A_TIME + 3, 8, 8, 3)
    one_by_one = np.concatenate([encoder(images[i : i + 1]) for i in range(len(images))])
    np.testing.assert_allclose(encoder(images), one_by_one, rtol=1e-5, atol=1e-6)


def photos(folder):
    """Four files of different sizes, one of them unreadable; returns the arrays by name."""
    arrays = {
        "a.png": some_images(12, 12, 3, seed=1),
        "b/c.png": some_images(20, 16, 3, seed=2),
        "d.png": some_images(9, 31, 3, seed=3),
    }
    (folder / "b").mkdir(parents=True)
    for name, array in arrays.items():
        Image.fromarray(array).save(folder / name)
    (folder / "broken.png").write_bytes(b"nothing")
    return arrays


def test_a_folder_a_list_of_files_and_pillow_images_are_the_same(tmp_path):
    arrays = photos(tmp_path)
    encoder = tiny(image_size=16)
    with pytest.warns(UserWarning, match="skipped 1 unreadable image file: broken.png"):
        of_folder = encoder(tmp_path)
    names = [tmp_path / name for name in arrays]
    assert sorted(encoder.paths) == sorted(str(name) for name in names)
    by_path = dict(zip(encoder.paths, of_folder, strict=True))
    of_files = encoder([str(name) for name in names])
    assert encoder.paths == tuple(str(name) for name in names)
    np.testing.assert_array_equal(of_files, [by_path[str(name)] for name in names])
    of_images = encoder([Image.open(name) for name in names])
    assert encoder.paths == ()
    np.testing.assert_array_equal(of_images, of_files)
    np.testing.assert_allclose(encoder(str(names[0]))[0], of_files[0], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(encoder(Image.open(names[0]))[0], of_files[0], rtol=1e-5, atol=1e-6)


def test_a_mixed_list_keeps_its_order(tmp_path):
    arrays = photos(tmp_path)
    square = arrays["a.png"]
    encoder = tiny(image_size=12)
    mixed = encoder([square, tmp_path / "a.png", Image.fromarray(square), some_images(5, 7, 3)])
    np.testing.assert_allclose(mixed[0], mixed[1], rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(mixed[1], mixed[2])
    assert np.abs(mixed[3] - mixed[0]).max() > 1e-3


@pytest.mark.parametrize(
    ("images", "message"),
    [
        ("nothing", "nothing does not exist"),
        (["broken.png"], "broken.png cannot be read"),
        ([some_images(8, 8, 3), "b"], "b is not a file"),
        ([some_images(8, 8, 1)], r"images must be uint8 \[H, W, 3\]"),
        ([None], "images must be uint8"),
        (7, "images must be uint8"),
    ],
)
def test_what_is_no_image_is_refused(images, message, tmp_path, monkeypatch):
    photos(tmp_path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=message) as error:
        tiny()(images)
    assert "\n" not in str(error.value)


def test_a_folder_without_readable_images_is_refused(tmp_path):
    (tmp_path / "broken.png").write_bytes(b"nothing")
    with pytest.raises(UserError, match="the only image file in .* cannot be read"):
        tiny()(tmp_path)


def test_files_cannot_have_the_channels_of_an_encoder_of_five(tmp_path):
    photos(tmp_path)
    with pytest.raises(UserError, match="expects 5 channels; image files have 1 or 3"):
        tiny(channels=5)(tmp_path)
