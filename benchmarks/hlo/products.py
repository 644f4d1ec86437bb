"""Convolutions and matrix products: which kind an instruction is, and how many operations it takes.

Padding counts as data.
"""

import math
import re
from collections.abc import Sequence

from hlo.text import Computation, Instruction, Shape

FORWARD = "convolution forward"
DATA, FILTER = "convolution backward, data", "convolution backward, filter"
BACKWARD = "convolution backward"  # where data and filter cannot be told apart
MATRIX = "matrix product"


def product(instruction: Instruction, path: str) -> str:
    """The kind of convolution, or MATRIX, or "".

    path: of the instruction in the source program, or of the fusion that it is in.
    """
    target = instruction.target
    if instruction.opcode == "dot" or re.search(r"cublas|matmul|gemm", target):
        return MATRIX
    if instruction.opcode != "convolution" and not re.search(r"conv(?!ert)", target):
        return ""
    kind = instruction.attribute(r"convolution_kind=(\w+)")
    if kind == "wgrad" or target.endswith("BackwardFilter"):
        return FILTER
    if kind == "dgrad" or target.endswith("BackwardInput"):
        return DATA
    backward = "transpose(" in path and "remat" not in path
    if target:  # XLA may write a gradient to the data as another forward convolution
        return DATA if backward else FORWARD
    if path and not backward:
        return FORWARD
    return _by_window(instruction, path)


def _by_window(instruction: Instruction, path: str) -> str:
    """Tells gradients apart by the sizes of window and result.

    The gradient to the filter slides one map over the other, so its window is large and its
    result small.
    """
    labels = instruction.attribute(r"dim_labels=\w+_\w+->(\w+)")
    places = math.prod(
        size
        for label, size in zip(labels, instruction.shapes[0].dims, strict=True)
        if label.isdigit()
    )
    window = math.prod(_window(instruction, "size"))
    if window > places:
        return FILTER
    if not path:
        return FORWARD
    return BACKWARD if window == places else DATA


def flop(computation: Computation, instruction: Instruction) -> int:
    """Two per multiply-add of a convolution or matrix product; 0 for everything else.

    computation: the one that the instruction stands in.
    """
    arrays = [
        shape
        for name in re.findall(r"%([\w.\-]+)", instruction.arguments)
        if name in computation
        for shape in computation[name].shapes
    ]
    out = instruction.shapes[0] if instruction.shapes else Shape("", (0,))
    if instruction.opcode == "dot":
        axes = instruction.attribute(r"lhs_contracting_dims=\{([\d,]*)\}")
        return 2 * out.elements * _sizes(arrays[0], axes)
    if "cublas" in instruction.target:
        axes = instruction.attribute(r'"lhs_contracting_dimensions":\[([\d,"]*)\]')
        return 2 * out.elements * _sizes(arrays[0], axes.replace('"', ""))
    if instruction.opcode == "convolution":
        return _convolution_flop(instruction, arrays, out)
    if instruction.target.startswith("__cudnn$conv"):
        return _cudnn_flop(instruction, arrays, out)
    return 0


def _convolution_flop(instruction: Instruction, arrays: Sequence[Shape], out: Shape) -> int:
    labels = re.search(r"dim_labels=(\w+)_(\w+)->", instruction.attributes)
    assert labels is not None
    left, right = arrays[0], arrays[1]
    if instruction.attribute(r"convolution_kind=(\w+)") == "dgrad":
        return 2 * left.elements * right.elements // left.dims[labels[1].index("f")]
    taps = math.prod(_window(instruction, "size")) * right.dims[labels[2].index("i")]
    # The zeros between the values of a dilated gradient need no work.
    return 2 * out.elements * taps // math.prod(_window(instruction, "lhs_dilate"))


def _cudnn_flop(instruction: Instruction, arrays: Sequence[Shape], out: Shape) -> int:
    # The labels are those of the forward convolution, whichever of its arrays is the result here.
    features = instruction.attribute(r"dim_labels=\w+_\w+->(\w+)").index("f")
    if instruction.target.endswith("BackwardFilter"):
        result, kernel = arrays[1], out
    elif instruction.target.endswith("BackwardInput"):
        result, kernel = arrays[0], arrays[1]
    else:
        result, kernel = out, arrays[1]
    return 2 * result.elements * kernel.elements // result.dims[features]


def _window(instruction: Instruction, field: str) -> list[int]:
    """A field of the window, such as size=3x3; empty if it is not given."""
    value = instruction.attribute(rf"window=\{{[^}}]*\b{field}=([\dx]+)")
    return [int(size) for size in value.split("x")] if value else []


def _sizes(shape: Shape, axes: str) -> int:
    return math.prod(shape.dims[int(axis)] for axis in axes.split(",") if axis)
