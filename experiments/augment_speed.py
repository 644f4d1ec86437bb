"""Time of SimCLR's augmentation in this package and in kornia, in one process on one machine.

    python experiments/augment_speed.py [--json FILE]

Needs torch and kornia, which the package does not: pip install torch kornia. Run on an idle
machine; kornia runs on the CPU, so let JAX do so too (JAX_PLATFORMS=cpu).

One view of each image of a batch of uint8 noise: crop, flip, colour jitter, grey and blur as in
SimCLR (strength 0.5), from integers to floats in [0, 1]. This package runs as one jit. The two take
turns, and the median over the rounds counts. They do not do quite the same: kornia draws one order
of the colour operations per batch, this package one per image.
"""

import argparse
import json
import os
import statistics
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from ssl_jax.augment import ViewSpec, make_augment

CASES = ((32, 256, 0.0), (32, 256, 0.5), (96, 64, 0.0), (96, 64, 0.5))  # side, images, blur
JITTER = dict(brightness=0.4, contrast=0.4, saturation=0.4, hue=0.1)
ROUNDS, REPEATS = 9, 5


def of_this_package(images, blur):
    spec = ViewSpec(size=images.shape[1], jitter_probability=0.8, grey=0.2, blur=blur, **JITTER)
    augment = jax.jit(make_augment([spec], images.shape[1:]))
    keys = jax.random.split(jax.random.key(0), len(images))
    images = jnp.asarray(images)
    return lambda: jax.block_until_ready(augment(keys, images))


def of_kornia(images, blur):
    import kornia.augmentation as K
    import torch

    side = images.shape[1]
    kernel = max(3, side // 10 | 1)
    operations = [
        K.RandomResizedCrop((side, side), scale=(0.08, 1.0)),
        K.RandomHorizontalFlip(),
        K.ColorJitter(**JITTER, p=0.8),
        K.RandomGrayscale(p=0.2),
        *([K.RandomGaussianBlur((kernel, kernel), (0.1, 2.0), p=blur)] if blur else []),
    ]
    augment = K.AugmentationSequential(*operations)
    images = torch.from_numpy(images.transpose(0, 3, 1, 2).copy())
    return lambda: augment(images.float() / 255)


def milliseconds(functions):
    """Median time of each of `functions`, measured in turn."""
    times = {name: [] for name in functions}
    for _ in range(ROUNDS):
        for name, function in functions.items():
            time.sleep(0.3)  # the threads of the one before spin for a while when they are done
            function()
            start = time.perf_counter()
            for _ in range(REPEATS):
                function()
            times[name].append((time.perf_counter() - start) * 1e3 / REPEATS)
    return {name: round(statistics.median(values), 2) for name, values in times.items()}


def measure(side, count, blur):
    shape = (count, side, side, 3)
    images = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    times = milliseconds(
        {"ssl_jax": of_this_package(images, blur), "kornia": of_kornia(images, blur)}
    )
    ratio = round(times["kornia"] / times["ssl_jax"], 2)
    row = {"side": side, "images": count, "blur": blur, **times, "kornia / ssl_jax": ratio}
    print("  ".join(f"{name} {value}" for name, value in row.items()), flush=True)
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="file to write the table to")
    arguments = parser.parse_args()
    try:
        import kornia
        import torch
    except ImportError as error:
        raise SystemExit(f"{error}: this comparison needs torch and kornia") from None

    print("milliseconds per batch; blur is its probability")
    rows = [measure(*case) for case in CASES]
    versions = {"jax": jax.__version__, "torch": torch.__version__, "kornia": kornia.__version__}
    machine = {"device": jax.devices()[0].device_kind, "cores": os.cpu_count()}
    if arguments.json:
        table = {**versions, **machine, "unit": "ms", "rows": rows}
        arguments.json.write_text(json.dumps(table, indent=1) + "\n")


if __name__ == "__main__":
    main()
