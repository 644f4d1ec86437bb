"""Messages about image files that cannot be read."""

import re

import pytest

from ssl_jax.data.skipped import none_readable, skipped_files


@pytest.mark.parametrize(
    ("count", "message"),
    [
        (1, "skipped 1 unreadable image file: 0.png"),
        (2, "skipped 2 unreadable image files: 0.png, 1.png"),
        (10, "skipped 10 unreadable image files: 0.png, 1.png, 2.png, .* 8.png, 9.png$"),
        (1234, "skipped 1,234 unreadable image files: 0.png, 1.png, .* 9.png, ...$"),
    ],
)
def test_the_first_ten_skipped_files_are_named(count, message):
    assert re.match(message, skipped_files([f"{index}.png" for index in range(count)]))


def test_a_folder_without_readable_images():
    one = none_readable("photos", ["a.png"])
    assert one == "the only image file in photos cannot be read: a.png"
    many = none_readable("photos", [f"{index}.png" for index in range(1234)])
    assert many == "none of the 1,234 image files in photos can be read, starting with 0.png"
