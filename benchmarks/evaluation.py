"""Evaluation of cached features against scikit-learn and faiss: time, memory, and the same numbers.

    python benchmarks/evaluation.py [--json=FILE] [--only=CASE,CASE]

Run it in the root of the repository; faiss needs `pip install faiss-cpu` and is left out without
it. Features are random clusters of 10 classes, 512 wide: a bank of 200,000 for neighbours, 50,000
for the rest. Every case is a process of its own, pinned to nothing, with all cores; its peak memory
is that of the process less what it took before the case began. What ours and theirs compute is
compared by their accuracies. Memory at the size of ImageNet is that of the compiled programs.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ssl_jax.command_line import plain_flags, run_command
from ssl_jax.errors import UserError
from ssl_jax.storage import atomic

WIDTH, CLASSES = 512, 10
TEST, EPOCHS = 2000, 5


def main(argv: Sequence[str]) -> None:
    """Flags: --json=FILE  --only=CASE,CASE"""
    parser = plain_flags.parser("python benchmarks/evaluation.py", __doc__)
    parser.add_argument("--json", type=plain_flags.path, help="where to write the figures, too")
    parser.add_argument("--only", default="", help=f"of {', '.join(CASES)}")
    parser.add_argument("--run", default="", help="for its own processes: a case, printed as JSON")
    flags = parser.parse_args(argv[1:])
    if flags.run:
        print(json.dumps(measure(flags.run)))
        return
    memory = imagenet_memory()
    for name, size in memory.items():
        print(f"{name:40}{size:8.0f} MiB on a device", flush=True)
    chosen = flags.only.split(",") if flags.only else list(CASES)
    if unknown := set(chosen) - set(CASES):
        raise UserError(f"--only={flags.only}: there are {', '.join(CASES)}, not {unknown.pop()}")
    figures = {}
    print(f"{'case':26}{'seconds':>9}{'MiB':>8}{'accuracy':>10}", flush=True)
    for name in chosen:
        command = [sys.executable, __file__, f"--run={name}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            print(f"{name:26}  {done.stderr.strip().splitlines()[-1]}", flush=True)
            continue
        found = figures[name] = json.loads(done.stdout.strip().splitlines()[-1])
        top1 = "" if found["accuracy"] is None else f"{found['accuracy']:.4f}"
        print(f"{name:26}{found['seconds']:9.2f}{found['mib']:8.0f}{top1:>10}", flush=True)
        if flags.json:
            about = {"cores": os.cpu_count(), "load": os.getloadavg()[0], "classes": CLASSES}
            whole = {"about": about, "cases": figures, "imagenet_mib_of_a_device": memory}
            atomic.write_json(flags.json, whole)


def imagenet_memory() -> dict[str, float]:
    """MiB of one device, of the programs for 1,281,167 x 2048 features, 50,000 test images."""
    import jax
    import jax.numpy as jnp

    from ssl_jax.devices.hardware import program_memory
    from ssl_jax.evaluation.classifiers import knn, nearest, ridge
    from ssl_jax.evaluation.shares import share

    of, size, width, k = jax.ShapeDtypeStruct, 1_281_167, 2048, 200
    rows, block = nearest.QUERIES_AT_A_TIME, share(size).block
    tiles, labels = -(-50_000 // rows), of((size,), jnp.int32)
    features, numbers = of((block, width), jnp.float32), of((block,), jnp.int32)
    kept = nearest.Nearest(
        of((tiles, rows, k), jnp.float32),
        of((tiles, rows, k), jnp.int32),
        of((tiles, rows), jnp.int32),
    )
    queries = of((tiles, rows, width), jnp.float32)
    common = {"same": False, "whole": None}
    programs = {
        "kNN, a block of the bank": nearest.merge.lower(
            kept, queries, features, numbers, labels, None, **common
        ),
        "kNN, votes": knn._hits.lower(
            kept, labels, options=tuple((k, t) for k in (20, 200) for t in (0.07, 0.1))
        ),
        "ridge, a block": ridge._products.lower(features, numbers, labels, num_classes=1000),
    }
    coming = block * width * 4  # the next block arrives meanwhile
    return {k: (program_memory(p.compile()) + coming) / 2**20 for k, p in programs.items()}


def measure(name: str) -> dict[str, Any]:
    """Seconds of a case, the second time where that is cheap, its memory and its accuracy."""
    prepare, size = CASES[name]
    train, test = clusters(size, 0), clusters(TEST, 1)
    run = prepare(train, test)
    before = _memory("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # begins the peak anew (Linux)
    start = time.perf_counter()
    accuracy = run()
    seconds = time.perf_counter() - start
    peak = _memory("VmHWM") - before
    if seconds < 60:  # without compiling
        start = time.perf_counter()
        run()
        seconds = time.perf_counter() - start
    return {"seconds": seconds, "mib": peak / 2**10, "accuracy": accuracy}


def _memory(name: str) -> int:
    """KiB of this process, now (VmRSS) or at most (VmHWM)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def clusters(size: int, seed: int) -> Any:
    """Overlapping clusters, float32 [size, 512], with their classes."""
    from ssl_jax.evaluation.features import Labelled

    centres = np.random.default_rng(9).normal(size=(CLASSES, WIDTH)).astype(np.float32)
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, CLASSES, size)
    features = 6 * rng.standard_normal((size, WIDTH), np.float32)
    features += centres[labels]
    return Labelled(features, labels)


def knn(train: Any, test: Any) -> Callable[[], float]:
    """Ours, 20 neighbours by cosine similarity, weighted votes."""
    from ssl_jax.evaluation.classifiers.knn import knn_accuracy

    return lambda: knn_accuracy(train, test, num_classes=CLASSES)[20].top1


def _vote(labels: np.ndarray, similarities: np.ndarray, truth: np.ndarray) -> float:
    from ssl_jax.page.feature_analysis import vote

    return float(np.mean(vote(labels, similarities, CLASSES) == truth))


def knn_faiss(train: Any, test: Any) -> Callable[[], float]:
    """IndexFlatIP on unit vectors, votes by NumPy."""
    import faiss

    from ssl_jax.health.representation import unit

    def run() -> float:
        index = faiss.IndexFlatIP(WIDTH)
        index.add(unit(train.features).astype(np.float32))
        similarities, rows = index.search(unit(test.features).astype(np.float32), 20)
        return _vote(train.labels[rows], similarities, test.labels)

    return run


def knn_sklearn(train: Any, test: Any) -> Callable[[], float]:
    """KNeighborsClassifier, brute force."""
    from sklearn.neighbors import KNeighborsClassifier

    model = KNeighborsClassifier(
        20, metric="cosine", algorithm="brute", weights=lambda distance: np.exp(-distance / 0.07)
    )
    return lambda: float(model.fit(*train).score(*test))


def _thirds(train: Any) -> tuple[Any, Any]:
    from ssl_jax.evaluation.features import select

    cut = len(train.labels) * 9 // 10
    rows = np.arange(len(train.labels))
    return select(train, rows[:cut]), select(train, rows[cut:])


def ridge(train: Any, test: Any) -> Callable[[], float]:
    """Ours, seven penalties, chosen on a tenth."""
    from ssl_jax.evaluation.classifiers.ridge import ridge_probe

    parts = _thirds(train)
    return lambda: ridge_probe(*parts, test, num_classes=CLASSES).accuracy.top1


def ridge_sklearn(train: Any, test: Any) -> Callable[[], float]:
    """Ridge with the same grid and split."""
    from sklearn.linear_model import Ridge

    from ssl_jax.evaluation.classifiers.ridge import LAMBDAS

    fitted, held = _thirds(train)

    def score(model: Any, images: Any) -> float:
        return float(np.mean(model.predict(images.features).argmax(axis=1) == images.labels))

    def run() -> float:
        def fit(images: Any, value: float) -> Any:
            model = Ridge(value * len(images.labels))
            return model.fit(images.features, np.eye(CLASSES, dtype=np.float32)[images.labels])

        scores = [score(fit(fitted, value), held) for value in LAMBDAS]
        return score(fit(train, LAMBDAS[int(np.argmax(scores))]), test)

    return run


def tuned(train: Any, test: Any) -> Callable[[], float]:
    """Ours, SGD with five rates at once, five epochs."""
    from ssl_jax.evaluation.classifiers.sgd import sgd_probe

    parts = _thirds(train)
    options: Any = {"num_classes": CLASSES, "epochs": EPOCHS, "weight_decays": (1e-5,)}
    return lambda: sgd_probe(*parts, test, **options).accuracy.top1


def tuned_sklearn(train: Any, test: Any) -> Callable[[], float]:
    """SGDClassifier with five penalties, five epochs, a class against the rest, on all cores."""
    from sklearn.linear_model import SGDClassifier

    fitted, held = _thirds(train)

    def run() -> float:
        def fit(images: Any, alpha: float) -> Any:
            model = SGDClassifier("log_loss", alpha=alpha, max_iter=EPOCHS, tol=None, n_jobs=-1)
            return model.fit(images.features / WIDTH**0.5, images.labels)

        def score(model: Any, images: Any) -> float:
            return float(model.score(images.features / WIDTH**0.5, images.labels))

        grid = [10.0**power for power in range(-6, -1)]
        scores = [score(fit(fitted, value), held) for value in grid]
        return score(fit(train, grid[int(np.argmax(scores))]), test)

    return run


def svm(train: Any, test: Any) -> Callable[[], float]:
    """Ours by SGD, one cost, ten epochs."""
    from ssl_jax.evaluation.classifiers import hinge
    from ssl_jax.evaluation.classifiers.descent import Run
    from ssl_jax.evaluation.classifiers.linear_head import head_accuracy
    from ssl_jax.evaluation.classifiers.sgd import unstack
    from ssl_jax.evaluation.features import Labelled, Unit, as_features

    def run() -> float:
        images, tested = (
            Labelled(as_features(part.features).standardized(Unit()), part.labels)
            for part in (train, test)
        )
        (heads,) = hinge.fit(images, [Run(0)], [1.0], num_classes=CLASSES, epochs=10)
        return head_accuracy(unstack(heads)[0], tested).top1

    return run


def svm_sklearn(train: Any, test: Any) -> Callable[[], float]:
    """LinearSVC, the same cost."""
    from sklearn.svm import LinearSVC

    from ssl_jax.health.representation import unit

    model = LinearSVC(C=1.0, dual=False)
    return lambda: float(
        model.fit(unit(train.features), train.labels).score(unit(test.features), test.labels)
    )


def geometry(train: Any, test: Any) -> Callable[[], None]:
    """Ours: uniformity of all pairs, spectrum, effective rank; scikit-learn has none of them."""
    from ssl_jax.evaluation.protocols.geometry import spectrum, uniformity
    from ssl_jax.health.representation import health

    def run() -> None:
        uniformity(train.features), spectrum(train.features), health(train.features)

    return run


CASES: dict[str, tuple[Callable[[Any, Any], Callable[[], float | None]], int]] = {
    "knn 200,000": (knn, 200_000),
    "knn 200,000 faiss": (knn_faiss, 200_000),
    "knn 200,000 sklearn": (knn_sklearn, 200_000),
    "knn": (knn, 50_000),
    "knn faiss": (knn_faiss, 50_000),
    "knn sklearn": (knn_sklearn, 50_000),
    "ridge": (ridge, 50_000),
    "ridge sklearn": (ridge_sklearn, 50_000),
    "tuned": (tuned, 50_000),
    "tuned sklearn": (tuned_sklearn, 50_000),
    "svm": (svm, 50_000),
    "svm sklearn": (svm_sklearn, 50_000),
    "geometry": (geometry, 50_000),
}


if __name__ == "__main__":
    run_command.run(main)
