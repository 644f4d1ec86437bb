#!/usr/bin/env bash
# Everything to measure on an accelerator, or only the parts named; figures go to OUT.
#
#   benchmarks/measure.sh OUT [numerics] [benchmark] [profile] [costs] [compare]
#
# from the root of the repository. PYTHON=PROGRAM chooses the interpreter, by default .venv/bin/python;
# PLATFORM=tpu or cpu another device than cuda. A part that fails is named at the end; the others still
# run. `compare` needs PyTorch. Each part should take two to ten minutes of an H200.
set -uo pipefail

python=${PYTHON:-.venv/bin/python} platform=${PLATFORM:-cuda}
[[ $# -ge 1 && -f benchmarks/measure.sh ]] || {
    echo "usage, in the root of the repository: benchmarks/measure.sh OUT [PART ...]" >&2
    exit 1
}
out=$1 all="numerics benchmark profile costs compare"
shift
[[ $# -gt 0 ]] || set -- $all
mkdir -p "$out"

# Tests the contract only of the methods that are measured, because each compiles for a while.
numerics() {
    SSL_JAX_TEST_PLATFORM=$platform XLA_PYTHON_CLIENT_PREALLOCATE=false "$python" -m pytest -q -n 4 \
        -m "not slow and not torch and not browser" \
        -k "not test_contract or simclr or byol or moco_v3 or msbreg or multi_network" \
        tests/accelerator tests/augment tests/losses tests/networks tests/methods/test_contract.py \
        tests/optim/test_optimizers.py tests/optim/test_norms.py
}

benchmark() {
    "$python" -m ssl_jax.benchmark --json="$out/benchmark_512.json" &&
        "$python" -m ssl_jax.benchmark --config.batch_size=256 --json="$out/benchmark_256.json"
}

profile() {
    "$python" benchmarks/profile_step.py --json="$out/profile.json"
}

costs() {
    "$python" benchmarks/cost_of_methods.py --json="$out/cost_of_methods.json"
}

compare() {
    "$python" benchmarks/compare_torch.py --json="$out/compare_torch.json"
}

failed=()
for part; do
    [[ " $all " == *" $part "* ]] || { echo "error: no part $part; there are $all" >&2 && exit 1; }
    echo "== $part"
    "$part" 2>&1 | tee "$out/$part.txt" || failed+=("$part")
done
[[ ${#failed[@]} == 0 ]] || {
    echo "failed: ${failed[*]}" >&2
    exit 1
}
