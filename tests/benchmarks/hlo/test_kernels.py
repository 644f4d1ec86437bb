"""Kernels read from HLO in the form that XLA gives it on a GPU."""

from hlo import categories
from hlo.categories import category
from hlo.kernels import kernels
from hlo.text import module_name

from tests.benchmarks.hlo.gpu_program import GPU, TAPS

# By name: category, bytes read, bytes written, operations, runs.
EXPECTED = {
    # The gathered rows, not the data set: 8 x 48 bytes, and 8 numbers of 4.
    "loop_convert_fusion": (categories.AUGMENTATION, 384 + 32, 384 * 4, 0, 1),
    "cudnn-conv.1": (categories.FORWARD, 2048 * 2 + 4608 * 2, 4096 * 2, TAPS, 1),
    "input_reduce_fusion": (categories.NETWORK, 4096 * 2, 2 * 32 * 4, 0, 1),
    "loop_subtract_fusion": (categories.NETWORK, 4096 * 2 + 32 * 4, 4096 * 4, 0, 1),
    "input_transpose_fusion": (categories.LAYOUT, 4096 * 4, 4096 * 2, 0, 1),
    "cudnn-conv.2": (categories.DATA, 4096 * 2 + 4608 * 2, 8192 * 2, TAPS, 1),  # of stride 2
    "cudnn-conv.3": (categories.FILTER, 2048 * 2 + 4096 * 2, 4608 * 2, TAPS, 1),
    "cudnn-conv.4": (categories.FILTER, 2048 * 2 + 4096 * 2, 4608 * 2, TAPS, 1),
    "pooled": (categories.NETWORK, 256 * 2, 256 * 2, 0, 1),
    "gemm_fusion_dot": (categories.MATRIX, 256 * 2 + 2048 * 2, 512 * 2, 2 * 8 * 32 * 64, 1),
    # Of the loss, not of a head; both operands are one array.
    "cublas-gemm.1": (categories.LOSS, 512 * 2, 64 * 4, 2 * 8 * 8 * 64, 1),
    "less": (categories.OPTIMIZER, 4, 1, 0, 6),  # five times in one loop, once in the other
    "bits.1": (categories.RANDOM, 8, 16, 0, 6),
    "copy.1": (categories.LAYOUT, 4096, 4096, 0, 1),
    "decayed": (categories.OPTIMIZER, 4608 * 4, 4608 * 4, 0, 1),
    "all-reduce-start": (categories.COLLECTIVES, 4608 * 4, 4608 * 4, 0, 1),
    "loop_dus_fusion": (categories.OPTIMIZER, 64 * 4 + 4, 64 * 4, 0, 1),  # the new rows alone
}


def test_kernels_of_a_gpu_program():
    found = {kernel.name: kernel for kernel in kernels(GPU)}
    assert set(found) == set(EXPECTED)
    for name, expected in EXPECTED.items():
        k = found[name]
        assert (category(k), k.read, k.written, k.flop, k.count) == expected, name
    assert module_name(GPU) == "jit_single"


def test_what_a_kernel_says_about_itself():
    found = {kernel.name: kernel for kernel in kernels(GPU)}
    forward, moments = found["cudnn-conv.1"], found["input_reduce_fusion"]
    assert (forward.opcode, forward.target) == ("custom-call", "__cudnn$convForward")
    assert [str(s) for s in forward.operands] == ["bf16[8,4,4,16]", "bf16[32,3,3,16]"]
    assert [str(s) for s in forward.outputs] == ["bf16[8,4,4,32]"]  # without the scratch space
    assert (moments.kind, moments.inner) == ("kInput", ("convert", "reduce", "multiply"))
    assert found["gemm_fusion_dot"].kind == "kCustom __triton_gemm"
    # The path of the kernel itself, of a fused instruction, of an operand.
    assert found["decayed"].op_name == "jit(single)/optimizer/mul"
    assert found["loop_convert_fusion"].op_name.startswith("jit(single)/augment/")
    assert found["input_transpose_fusion"].op_name == "jit(single)/jvp(loss)/ResNet/bn1/sub"
