"""Writes vectors.npz, the values that the augmentations are tested against.

Made with torchvision 0.28.0 and torch 2.13.0 (CPU), numpy 2; needs both, which ssl_jax does not.
From this folder: python make_vectors.py

All values are those of `torchvision.transforms.functional` on float32 tensors in [0, 1], moved to
[H, W, C]. The image is noise, the hardest case for a resampling filter, with some pixels set to
greys and to ties between channels, where hue has its special cases.
"""

import itertools
from pathlib import Path

import numpy as np
import torch
import torchvision.transforms.functional as F
from torchvision.transforms import InterpolationMode

FACTORS = [0.0, 0.45, 1.0, 1.7]
SHIFTS = [-0.5, -0.11, 0.0, 0.04, 0.3, 0.5]
THRESHOLDS = [0.25, 0.5]
BLURS = [(3, 0.1), (3, 1.0), (5, 0.7), (9, 2.0), (23, 1.3)]  # kernel, sigma
BOXES = [  # top, left, height, width of an image of 20 x 24
    (0, 0, 20, 24),
    (0, 0, 9, 7),
    (11, 17, 9, 7),
    (5, 3, 6, 11),
    (0, 10, 20, 2),
    (7, 23, 1, 1),
]
SIZES = [3, 8, 13, 25]  # from shrinking all boxes but the last to enlarging them all
JITTER = {"brightness": 1.3, "contrast": 0.6, "saturation": 1.6, "hue": 0.09}


def pixels():
    image = np.random.default_rng(0).integers(0, 256, (20, 24, 3), dtype=np.uint8)
    image[0, :5] = [(0, 0, 0), (255, 255, 255), (90, 90, 90), (200, 200, 10), (10, 200, 200)]
    image[1, :5] = [(200, 10, 200), (200, 10, 10), (10, 200, 10), (10, 10, 200), (128, 128, 127)]
    return image


def planes(image):
    return torch.from_numpy(image).permute(2, 0, 1).to(torch.float32).div(255)


def array(*results):
    return np.stack([result.permute(1, 2, 0).numpy() for result in results])


def crops(image, mode):
    # torchvision leaves the overshoot of bicubic on float tensors; ssl_jax clips it.
    return {
        f"{mode.value}_{size}": array(
            *(
                F.resized_crop(image, *box, [size, size], mode, antialias=True).clamp(0, 1)
                for box in BOXES
            )
        )
        for size in SIZES
    }


def orders(image):
    """All 24 orders of the four operations."""
    results = []
    for order in itertools.permutations(JITTER):
        result = image
        for name in order:
            result = getattr(F, f"adjust_{name}")(result, JITTER[name])
        results.append(result)
    return array(*results)


def main():
    image = planes(pixels())
    small = image[:, :8, :8]
    vectors = {
        "image": array(image)[0],
        "factors": np.array(FACTORS, np.float32),
        "brightness": array(*(F.adjust_brightness(image, f) for f in FACTORS)),
        "contrast": array(*(F.adjust_contrast(image, f) for f in FACTORS)),
        "contrast_one_channel": array(*(F.adjust_contrast(image[:1], f) for f in FACTORS)),
        "saturation": array(*(F.adjust_saturation(image, f) for f in FACTORS)),
        "shifts": np.array(SHIFTS, np.float32),
        "hue": array(*(F.adjust_hue(image, s) for s in SHIFTS)),
        "greyscale": array(F.rgb_to_grayscale(image, num_output_channels=3))[0],
        "thresholds": np.array(THRESHOLDS, np.float32),
        "solarize": array(*(F.solarize(image, t) for t in THRESHOLDS)),
        "blurs": np.array(BLURS, np.float32),
        "blur": array(*(F.gaussian_blur(image, [k, k], [s, s]) for k, s in BLURS)),
        "boxes": np.array(BOXES, np.int32),
        "sizes": np.array(SIZES),
        **crops(image, InterpolationMode.BILINEAR),
        **crops(image, InterpolationMode.BICUBIC),
        "jitter": np.array(list(JITTER.values()), np.float32),
        "orders": np.array(list(itertools.permutations(range(4)))),
        "jittered": orders(small),
    }
    np.savez_compressed(Path(__file__).with_name("vectors.npz"), **vectors)


if __name__ == "__main__":
    main()
