"""What a kernel is for."""

import re

from hlo.kernels import Kernel
from hlo.products import BACKWARD, DATA, FILTER, FORWARD, MATRIX

# Includes everything in the networks that has no category of its own, such as casts of weights.
NETWORK = "normalisation and activation"
AUGMENTATION, LOSS, METRICS = "augmentation", "loss", "metrics"
OPTIMIZER = "optimizer and momentum"
LAYOUT, RANDOM, COLLECTIVES, OTHER = "layout", "random numbers", "collectives", "other"
CATEGORIES = (
    FORWARD,
    DATA,
    FILTER,
    BACKWARD,
    MATRIX,
    NETWORK,
    AUGMENTATION,
    LOSS,
    METRICS,
    OPTIMIZER,
    LAYOUT,
    RANDOM,
    COLLECTIVES,
    OTHER,
)
# The scopes that the train step names, as they appear in the path of an operation.
SCOPES = {
    "augment": AUGMENTATION,
    "loss": LOSS,
    "metrics": METRICS,
    "optimizer": OPTIMIZER,
    "update": OPTIMIZER,
}
_RANDOM = re.compile(
    r"_?threefry\w*|_(uniform|bernoulli|randint|normal\w*|gumbel|shuffle|permutation)|random_bits"
)


def category(kernel: Kernel) -> str:
    """What a kernel is for, one of CATEGORIES.

    Purpose comes before kind: matrix products of the augmentation, the loss and the optimizer
    belong to these. A kernel that only copies or transposes is layout wherever it stands.
    """
    area = _area(kernel.op_name)
    if re.match(r"all-|reduce-scatter|collective-|ragged-all|send|recv", kernel.opcode):
        return COLLECTIVES
    if kernel.product.startswith("convolution"):
        return kernel.product
    if kernel.product == MATRIX:
        return area if area in (AUGMENTATION, LOSS, METRICS, OPTIMIZER) else MATRIX
    if _only_moves(kernel):
        return LAYOUT
    if "threefry" in kernel.target or kernel.opcode.startswith("rng"):
        return RANDOM
    return area


def _area(op_name: str) -> str:
    """The category that a path in the source program suggests."""
    wrapped = op_name.split("/")
    parts = [re.sub(r"^(\w+\()+|\)+$", "", part) for part in wrapped]
    if any(_RANDOM.fullmatch(part) for part in parts):
        return RANDOM
    area = next((SCOPES[part] for part in parts if part in SCOPES), OTHER)
    differentiated = any("jvp(" in part for part in wrapped)
    if area == LOSS or (area == OTHER and differentiated):
        # Modules appear in the path under the names of their classes.
        return NETWORK if any(re.fullmatch(r"[A-Z]\w*", part) for part in parts) else LOSS
    return area


def _only_moves(kernel: Kernel) -> bool:
    done = {kernel.opcode} if kernel.opcode != "fusion" else set(kernel.inner)
    done -= {"convert", "reshape"}
    return bool(done) and done <= {"copy", "transpose"}
