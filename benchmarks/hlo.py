"""The kernels of a compiled program, read from the text of its optimized HLO.

    parts = kernels(compiled.as_text())
    category(parts[0])                          # one of CATEGORIES
    findings(parts, activation=10**6, compute="bfloat16")

Bytes are those that a kernel would move if nothing stayed in a cache: every operand and result
once, but of what is gathered or sliced just the part that is taken.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

FORWARD = "convolution forward"
DATA, FILTER = "convolution backward, data", "convolution backward, filter"
BACKWARD = "convolution backward"  # where data and filter cannot be told apart
MATRIX = "matrix product"
NETWORK = "normalisation and activation"  # and all else in the networks, such as casts of weights
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
# The scopes that the train step gives names to, as they stand in the path of an operation.
SCOPES = {
    "augment": AUGMENTATION,
    "loss": LOSS,
    "metrics": METRICS,
    "optimizer": OPTIMIZER,
    "update": OPTIMIZER,
}


class Shape(NamedTuple):
    dtype: str
    dims: tuple[int, ...]

    @property
    def elements(self) -> int:
        return math.prod(self.dims)

    @property
    def bytes(self) -> int:
        bits = 8 if self.dtype == "pred" else int((re.findall(r"\d+", self.dtype) or [0])[0])
        return math.ceil(self.elements * bits / 8)  # tokens have none

    def __str__(self) -> str:
        return f"{self.dtype}[{','.join(map(str, self.dims))}]"


class Kernel(NamedTuple):
    """What runs as one unit: one launch, or the few of a library call.

    name: of the instruction, as profiles call it. opcode: "fusion", "custom-call", "copy", ...
    kind: of a fusion, kLoop, kInput, kOutput, or kCustom with its backend ("kCustom
    __triton_gemm"). target: of a custom call. inner: the opcodes inside a fusion, each once.
    operands, outputs: arrays, a tuple's one by one; without the scratch space of libraries.
    read, written: bytes. flop: of convolutions and products, padding counted as data, else 0.
    product: the kind of convolution, or MATRIX, or "". op_name: the path in the source program,
    of what is fused last where a fusion has none, else of the nearest of what it reads.
    count: how often it runs in the program; in a loop of unknown length, whose name is `loop`, as
    if it had one turn.
    """

    name: str
    opcode: str
    kind: str
    target: str
    inner: tuple[str, ...]
    operands: tuple[Shape, ...]
    outputs: tuple[Shape, ...]
    read: int
    written: int
    flop: int
    product: str
    op_name: str
    count: int
    loop: str

    @property
    def bytes(self) -> int:
        """Moved in one run."""
        return self.read + self.written


class Findings(NamedTuple):
    """What one step does, by category, and what it should not do.

    kernels, bytes, flop: by category, in one run of the program. loops: those whose length XLA
    does not know; on a GPU the host waits in every turn. layout: kernels that write activations
    and transpose or copy, alone or with other work. float32: kernels that write activations as
    float32 although the program computes in bfloat16.
    """

    kernels: dict[str, int]
    bytes: dict[str, int]
    flop: dict[str, int]
    loops: tuple[str, ...]
    layout: tuple[Kernel, ...]
    float32: tuple[Kernel, ...]


def kernels(text: str) -> tuple[Kernel, ...]:
    """All kernels of a module, in the order of its text (the schedule, where it has one).

    text: of an optimized module, `compiled.as_text()`.

    Raises:
      ValueError: if the text has no entry computation.
    """
    computations, entry = _computations(text)
    found: dict[str, Kernel] = {}
    for kernel in _walk(computations, entry, 1, ""):
        before = found.get(kernel.name)  # of a computation that is called from several places
        found[kernel.name] = (
            kernel._replace(count=kernel.count + before.count) if before else kernel
        )
    return tuple(found.values())


def module_name(text: str) -> str:
    """The module's name, as profiles call it."""
    match = re.match(r"HloModule ([\w.\-]+)", text)
    return match[1] if match else ""


def category(kernel: Kernel) -> str:
    """What a kernel is for, one of CATEGORIES.

    By purpose before kind: the products of the augmentation, the loss and the optimizer belong to
    these. Copies and transposes by themselves are layout wherever they stand.
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


def findings(parts: Iterable[Kernel], *, activation: int, compute: str) -> Findings:
    """See `Findings`.

    activation: elements from which on an array is activation-sized; more than the largest
    parameter has is a good choice. compute: what the networks compute in, as jnp.dtype names it.
    """
    parts = tuple(parts)
    count, moved, flop = Counter(), Counter(), Counter()
    for kernel in parts:
        name = category(kernel)
        count[name] += kernel.count
        moved[name] += kernel.count * kernel.bytes
        flop[name] += kernel.count * kernel.flop
    large = [k for k in parts if any(o.elements >= activation for o in k.outputs)]
    moves = {"copy", "transpose"}
    return Findings(
        kernels=dict(count),
        bytes=dict(moved),
        flop=dict(flop),
        loops=tuple(dict.fromkeys(k.loop for k in parts if k.loop)),
        layout=tuple(k for k in large if moves & {k.opcode, *k.inner}),
        float32=tuple(
            k
            for k in large
            if compute in ("bfloat16", "float16")
            and any(o.dtype == "f32" and o.elements >= activation for o in k.outputs)
        ),
    )


# ------------------------------------------------------------------------------------ judgement

_RANDOM = re.compile(
    r"_?threefry\w*|_(uniform|bernoulli|randint|normal\w*|gumbel|shuffle|permutation)|random_bits"
)


def _area(op_name: str) -> str:
    """The category that a path speaks for."""
    wrapped = op_name.split("/")
    parts = [re.sub(r"^(\w+\()+|\)+$", "", part) for part in wrapped]
    if any(_RANDOM.fullmatch(part) for part in parts):
        return RANDOM
    area = next((SCOPES[part] for part in parts if part in SCOPES), OTHER)
    differentiated = any("jvp(" in part for part in wrapped)
    if area == LOSS or (area == OTHER and differentiated):
        # Modules stand in the path with the names of their classes.
        return NETWORK if any(re.fullmatch(r"[A-Z]\w*", part) for part in parts) else LOSS
    return area


def _only_moves(kernel: Kernel) -> bool:
    done = {kernel.opcode} if kernel.opcode != "fusion" else set(kernel.inner)
    done -= {"convert", "reshape"}
    return bool(done) and done <= {"copy", "transpose"}


# -------------------------------------------------------------------------------------- reading

_COMMENT = re.compile(r"/\*.*?\*/")
_HEADER = re.compile(r"^(ENTRY )?%?([\w.\-]+) .*\{$")
_LINE = re.compile(r"^\s+(ROOT )?%?([\w.\-]+) = (.*)$")
_ARRAY = re.compile(r"\b([a-z]\w*)\[([\d,<=]*)\]")
_TRIPS = re.compile(r'"known_trip_count":\{"n":"(\d+)"')
_NO_KERNELS = {
    "parameter",
    "constant",
    "tuple",
    "get-tuple-element",
    "bitcast",
    "after-all",
    "add-dependency",
    "opt-barrier",
    "partition-id",
    "replica-id",
}


class _Instruction(NamedTuple):
    name: str
    root: bool
    shapes: tuple[Shape, ...]
    opcode: str
    arguments: str  # what stands between the parentheses
    attributes: str

    @property
    def operands(self) -> list[str]:
        return list(dict.fromkeys(re.findall(r"%([\w.\-]+)", self.arguments)))

    def attribute(self, pattern: str) -> str:
        match = re.search(pattern, self.attributes)
        return match[1] if match else ""

    @property
    def op_name(self) -> str:
        return self.attribute(r'op_name="((?:[^"\\]|\\.)*)"').replace("\\'", "'")

    @property
    def called(self) -> str:
        return self.attribute(r"calls=%?([\w.\-]+)")

    @property
    def bytes(self) -> int:
        return sum(shape.bytes for shape in self.shapes)


_Computation = dict[str, _Instruction]


def _computations(text: str) -> tuple[dict[str, _Computation], str]:
    """All computations by name, and the name of the entry."""
    computations: dict[str, _Computation] = {}
    entry, current = "", None
    for line in text.splitlines():
        if current is None:
            # A module's own line may end in a brace as well.
            if (match := _HEADER.match(line)) and not line.startswith("HloModule"):
                current = computations.setdefault(match[2], {})
                entry = match[2] if match[1] else entry
        elif line.startswith("}"):
            current = None
        elif match := _LINE.match(_COMMENT.sub("", line)):
            instruction = _instruction(match[2], bool(match[1]), match[3])
            current[instruction.name] = instruction
    if not entry:
        raise ValueError("the text has no ENTRY computation: is it an HLO module?")
    return computations, entry


def _instruction(name: str, root: bool, text: str) -> _Instruction:
    """Of `type opcode(arguments), attributes`."""
    end = _closing(text, 0) if text.startswith("(") else text.index(" ")
    opening = text.index("(", end)
    closing = _closing(text, opening)
    return _Instruction(
        name,
        root,
        _arrays(text[:end]),
        re.sub("(?<!async)-start$", "", text[end:opening].strip()),
        text[opening + 1 : closing - 1],
        text[closing:],
    )


def _closing(text: str, start: int) -> int:
    """The place after the parenthesis that closes the one at `start`."""
    depth = 0
    for place in range(start, len(text)):
        depth += (text[place] == "(") - (text[place] == ")")
        if depth == 0:
            return place + 1
    raise ValueError(f"parentheses do not match in {text[start : start + 80]!r}")


def _arrays(text: str) -> tuple[Shape, ...]:
    return tuple(
        Shape(dtype, tuple(int(d.lstrip("<=")) for d in dims.split(",") if d))
        for dtype, dims in _ARRAY.findall(text)
    )


def _walk(
    computations: dict[str, _Computation], name: str, count: int, loop: str
) -> Iterator[Kernel]:
    """The kernels of a computation and of those that it runs."""
    computation = computations[name]
    for instruction in computation.values():
        opcode = instruction.opcode
        if opcode == "while":
            trips = _TRIPS.search(instruction.attributes)
            turns = count * int(trips[1]) if trips else count
            inside = loop if trips else instruction.name
            for part in ("condition", "body"):
                called = instruction.attribute(rf"{part}=%?([\w.\-]+)")
                yield from _walk(computations, called, turns, inside)
        elif opcode in ("call", "async-start"):
            called = instruction.attribute(r"to_apply=%?([\w.\-]+)") or instruction.called
            yield from _walk(computations, called, count, loop)
        elif opcode == "conditional":  # every branch, as if it were taken
            listed = instruction.attribute(r"branch_computations=\{([^}]*)\}")
            branches = re.findall(r"[\w.\-]+", listed) or re.findall(
                r"(?:true|false)_computation=%?([\w.\-]+)", instruction.attributes
            )
            for branch in branches:
                yield from _walk(computations, branch, count, loop)
        elif opcode not in _NO_KERNELS and not opcode.endswith(("-done", "-update")):
            yield _kernel(computations, computation, instruction, count, loop)


def _kernel(
    computations: dict[str, _Computation],
    computation: _Computation,
    instruction: _Instruction,
    count: int,
    loop: str,
) -> Kernel:
    fused = list(_fused(computations, instruction))
    target = instruction.attribute(r'custom_call_target="([^"]*)"')
    backend = instruction.attribute(r'"kind":\s*"(__[^"]*)"')
    own = _own_path(instruction, fused)
    outputs = instruction.shapes
    if target.startswith("__cu") and len(outputs) > 1 and outputs[-1].dtype in ("u8", "s8"):
        outputs = outputs[:-1]  # scratch space
    sources = [computation[name] for name in instruction.operands if name in computation]
    products = [
        (_product(i, i.op_name or own), _flop(inner, i))
        for inner, i in [(computation, instruction), *fused]
    ]
    body = computations.get(instruction.called, {}) if instruction.opcode == "fusion" else {}
    return Kernel(
        name=instruction.name,
        opcode=instruction.opcode,
        kind=" ".join(filter(None, [instruction.attribute(r"kind=(k\w+)"), backend])),
        target=target,
        inner=tuple(dict.fromkeys(i.opcode for _, i in fused if i.opcode not in _NO_KERNELS)),
        operands=tuple(shape for source in sources for shape in source.shapes),
        outputs=outputs,
        read=_read(instruction, sources, body),
        written=_written(instruction, computation, outputs, body),
        flop=sum(flop for _, flop in products),
        product=next((product for product, _ in products if product), ""),
        op_name=own or _path(computations, computation, sources),
        count=count,
        loop=loop,
    )


def _own_path(instruction: _Instruction, fused: Sequence[tuple[_Computation, _Instruction]]) -> str:
    return instruction.op_name or next((i.op_name for _, i in reversed(fused) if i.op_name), "")


def _path(
    computations: dict[str, _Computation],
    computation: _Computation,
    sources: Sequence[_Instruction],
    depth: int = 4,
) -> str:
    """The path of the nearest of `sources`, or of what they come from; "" if all is too far."""
    for source in sources:
        path = _own_path(source, list(_fused(computations, source)))
        if "/" in path:  # that of a parameter is its name
            return path
    further = [computation[name] for s in sources for name in s.operands if name in computation]
    return _path(computations, computation, further, depth - 1) if further and depth else ""


def _fused(
    computations: dict[str, _Computation], instruction: _Instruction
) -> Iterator[tuple[_Computation, _Instruction]]:
    """What is inside a fusion, fusions in it included, each with the computation it stands in."""
    if instruction.opcode != "fusion":
        return
    inner = computations.get(instruction.called, {})
    for part in inner.values():
        yield inner, part
        yield from _fused(computations, part)


# ---------------------------------------------------------------------------------------- bytes

_TAKES = ("gather", "slice", "dynamic-slice")


def _read(instruction: _Instruction, sources: Sequence[_Instruction], body: _Computation) -> int:
    if body:
        return sum(_taken(body, p) for p in body.values() if p.opcode == "parameter")
    sizes = [source.bytes for source in sources]
    if instruction.opcode in _TAKES:
        sizes[0] = min(sizes[0], instruction.bytes)
    if instruction.opcode == "dynamic-update-slice":
        sizes[0] = 0
    return sum(sizes)


def _taken(body: _Computation, source: _Instruction) -> int:
    """The bytes of `source`, an operand of a fusion or a view of it, that the fusion reads."""
    taken = 0
    for user in body.values():
        if source.name not in user.operands:
            continue
        first = user.operands[0] == source.name
        if user.opcode in ("bitcast", "reshape"):
            taken += _taken(body, user)
        elif first and user.opcode in _TAKES:
            taken += user.bytes
        elif not (first and user.opcode == "dynamic-update-slice"):
            return source.bytes
    return min(taken, source.bytes)


def _written(
    instruction: _Instruction,
    computation: _Computation,
    outputs: Sequence[Shape],
    body: _Computation,
) -> int:
    results = [instruction]
    if body:
        computation = body
        results = [i for i in body.values() if i.root]
        if results[0].opcode == "tuple":
            results = [body[name] for name in results[0].operands]
    updates = [r for r in results if r.opcode == "dynamic-update-slice"]
    saved = sum(r.bytes - computation[r.operands[1]].bytes for r in updates)
    return sum(shape.bytes for shape in outputs) - saved


# ------------------------------------------------------------------------------------- products


def _product(instruction: _Instruction, path: str) -> str:
    """The kind of convolution, or MATRIX, or ""."""
    target = instruction.attribute(r'custom_call_target="([^"]*)"')
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
    if target:  # a gradient to the data may be one more forward convolution
        return DATA if backward else FORWARD
    if path and not backward:
        return FORWARD
    # The gradient to the filter slides one map over the other, and few places remain.
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


def _flop(computation: _Computation, instruction: _Instruction) -> int:
    """Two per multiply-add of a convolution or matrix product; 0 for all else."""
    target = instruction.attribute(r'custom_call_target="([^"]*)"')
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
    if "cublas" in target:
        axes = instruction.attribute(r'"lhs_contracting_dimensions":\[([\d,"]*)\]')
        return 2 * out.elements * _sizes(arrays[0], axes.replace('"', ""))
    if instruction.opcode == "convolution":
        return _convolution_flop(instruction, arrays, out)
    if target.startswith("__cudnn$conv"):
        # The labels are those of the forward convolution, whichever array is its result.
        features = instruction.attribute(r"dim_labels=\w+_\w+->(\w+)").index("f")
        if target.endswith("BackwardFilter"):
            result, kernel = arrays[1], out
        elif target.endswith("BackwardInput"):
            result, kernel = arrays[0], arrays[1]
        else:
            result, kernel = out, arrays[1]
        return 2 * result.elements * kernel.elements // result.dims[features]
    return 0


def _convolution_flop(instruction: _Instruction, arrays: Sequence[Shape], out: Shape) -> int:
    labels = re.search(r"dim_labels=(\w+)_(\w+)->", instruction.attributes)
    assert labels is not None
    left, right = arrays[0], arrays[1]
    if instruction.attribute(r"convolution_kind=(\w+)") == "dgrad":
        return 2 * left.elements * right.elements // left.dims[labels[1].index("f")]
    taps = math.prod(_window(instruction, "size")) * right.dims[labels[2].index("i")]
    # Zeros that stand between the values of a gradient are no work.
    return 2 * out.elements * taps // math.prod(_window(instruction, "lhs_dilate"))


def _window(instruction: _Instruction, field: str) -> list[int]:
    """A field of the window such as size=3x3; empty where it is not given."""
    value = instruction.attribute(rf"window=\{{[^}}]*\b{field}=([\dx]+)")
    return [int(size) for size in value.split("x")] if value else []


def _sizes(shape: Shape, axes: str) -> int:
    return math.prod(shape.dims[int(axis)] for axis in axes.split(",") if axis)
