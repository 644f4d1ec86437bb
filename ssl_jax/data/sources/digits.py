"""The 1,797 handwritten digits that scikit-learn ships with: grey, 8 x 8."""

import numpy as np
from sklearn.datasets import load_digits

from ssl_jax.data.dataset import Dataset
from ssl_jax.data.splits import set_aside


def load(*, path: str, image_size: int, channels: int) -> tuple[Dataset, Dataset]:
    """Loads the digits and splits them, as the set comes without a split.

    E. Alpaydin, C. Kaynak: Optical Recognition of Handwritten Digits, UCI (1998).

    Returns:
      (1,437 training images, 360 test images), the same on every call.
    """
    del path, image_size, channels
    pixels, labels = load_digits(return_X_y=True)
    images = np.round(pixels * (255 / 16)).astype(np.uint8).reshape(-1, 8, 8, 1)  # stored: 0..16
    digits = Dataset(images, labels.astype(np.int32), tuple("0123456789"))
    return set_aside(digits, 360)
