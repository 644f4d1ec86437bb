"""Sizes of arrays, and text that is not HLO."""

import pytest
from hlo.kernels import kernels
from hlo.text import Shape


@pytest.mark.parametrize(
    ("dtype", "dims", "size"),
    [("bf16", (3, 5), 30), ("pred", (9,), 9), ("f8e4m3fn", (7,), 7), ("s4", (3,), 2)]
    + [("f32", (), 4), ("token", (), 0), ("c64", (2,), 16)],
)
def test_bytes_of_a_shape(dtype, dims, size):
    assert Shape(dtype, dims).bytes == size


def test_text_without_hlo_raises():
    with pytest.raises(ValueError, match="no ENTRY"):
        kernels("func.func public @main() {\n}\n")
