"""Two kernels of a program, and the events of two steps of it."""

from hlo import categories
from hlo.kernels import Kernel
from hlo.text import Shape
from step_profile.trace import Event

SHAPE = Shape("bf16", (1000,))
KERNEL = Kernel(
    name="cudnn-conv.1",
    opcode="custom-call",
    kind="",
    target="__cudnn$convForward",
    inner=(),
    operands=(SHAPE,),
    outputs=(SHAPE,),
    read=2000,
    written=2000,
    flop=8_000_000,
    product=categories.FORWARD,
    op_name="jit(single)/jvp(loss)/ResNet/conv1/conv_general_dilated",
    count=1,
    loop="",
)
FUSION = KERNEL._replace(
    name="loop_multiply_fusion.2",
    opcode="fusion",
    kind="kLoop",
    target="",
    flop=0,
    product="",
    op_name="jit(single)/optimizer/mul",
    count=2,
)


def events(*rows):
    """Events from rows (name, op, start, duration) in microseconds."""
    return [Event(n, op, start * 1e-6, (start + time) * 1e-6) for n, op, start, time in rows]


# In each step the convolution has two events, one of which changes the layout.
TRACE = events(
    ("nchwToNhwcKernel", "cudnn-conv.1", 0, 10),
    ("sm90_xmma_fprop", "cudnn-conv.1", 10, 30),
    ("loop_multiply_fusion_2", "", 45, 5),  # inside a CUDA graph: no instruction is named
    ("loop_multiply_fusion_2", "command_buffer.1", 48, 5),  # on another stream, overlaps
    ("MemcpyH2D", "", 60, 2),
    ("nchwToNhwcKernel", "cudnn-conv.1", 200, 10),
    ("sm90_xmma_fprop", "cudnn-conv.1", 210, 30),
    ("loop_multiply_fusion_2", "loop_multiply_fusion.2", 240, 10),
    ("sm90_xmma_dgrad", "command_buffer.1", 250, 8),
)
