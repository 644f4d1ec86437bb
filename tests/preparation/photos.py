"""Small photographs in class folders, for tests of what reads and writes them."""

import numpy as np
from PIL import Image

CLASSES = ("cow", "dog", "emu")


def write_photos(root, counts, seed=0):
    """{"train": 5}: five images of every class below root/train, of different sizes and kinds."""
    rng = np.random.default_rng(seed)
    for part, count in counts.items():
        for name in CLASSES:
            folder = root / part / name
            folder.mkdir(parents=True)
            for index in range(count):
                pixels = rng.integers(0, 256, (4, 5, 3), np.uint8)
                size = (30 + 3 * index, 24) if index % 2 else (20, 26 + 5 * index)
                image = Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC)
                suffix = "png" if index % 3 == 1 else "jpg"
                image.save(folder / f"{index:02}.{suffix}")
    return root
