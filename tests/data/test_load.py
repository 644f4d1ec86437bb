"""Data sets by name."""

import subprocess
import sys

import pytest

from ssl_jax.data.load import load
from ssl_jax.errors import UserError


def test_an_unknown_name_lists_those_that_exist():
    with pytest.raises(UserError) as error:
        load("digit")
    assert str(error.value) == (
        "config.data.name 'digit' must be one of cifar10, cifar100, digits, folder, npz, stl10, "
        "tiny_imagenet, voc07"
    )


def test_a_module_elsewhere_is_not_a_data_set():
    with pytest.raises(UserError, match="must be one of"):
        load("..order")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"image_size": 32}, "config.data.image_size 32 must be 0: images of digits are 8x8"),
        ({"channels": 3}, "config.data.channels 3 must be 0: images of digits have 1"),
        ({"image_size": -8}, "config.data.image_size -8"),
    ],
)
def test_arrays_are_not_resized(arguments, message):
    with pytest.raises(UserError, match=message):
        load("digits", **arguments)


def test_the_size_that_the_images_have_is_accepted():
    assert len(load("digits", image_size=8, channels=1)[0].images) == 1437


def test_reading_data_imports_neither_jax_nor_tensorflow_datasets():
    # grain's workers read data; they must not touch the accelerator.
    script = (
        "import sys, ssl_jax.data.load, ssl_jax.data.stats, ssl_jax.data.sources.folder,"
        " ssl_jax.data.sources.stl10\n"
        "print(sorted({'jax', 'tensorflow', 'tensorflow_datasets'} & set(sys.modules)))"
    )
    output = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert output.stdout == "[]\n", output.stderr
