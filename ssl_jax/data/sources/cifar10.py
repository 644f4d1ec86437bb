"""CIFAR-10: 50,000 training and 10,000 test images in colour, 32 x 32, 10 classes."""

from ssl_jax.data.archives import cifar
from ssl_jax.data.dataset import Dataset

LAYOUT = cifar.Layout(
    name="cifar10",
    archive=cifar.archive("cifar-10-python.tar.gz", md5="c58f30108f718f92721af3b95e74349a"),
    folder="cifar-10-batches-py",
    train=tuple(f"data_batch_{number}" for number in range(1, 6)),
    test=("test_batch",),
    labels=b"labels",
    meta="batches.meta",
    classes=b"label_names",
)


def load(*, path: str, image_size: int, channels: int) -> tuple[Dataset, Dataset]:
    """(train, test); see `cifar.load`."""
    del image_size, channels
    return cifar.load(LAYOUT, path=path)
