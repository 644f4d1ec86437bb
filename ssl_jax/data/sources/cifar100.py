"""CIFAR-100: 50,000 training and 10,000 test images in colour, 32 x 32, 100 classes."""

from ssl_jax.data.archives import cifar
from ssl_jax.data.dataset import Dataset

LAYOUT = cifar.Layout(
    name="cifar100",
    archive=cifar.archive("cifar-100-python.tar.gz", md5="eb9058c3a382ffc7106e4002c42a8d85"),
    folder="cifar-100-python",
    train=("train",),
    test=("test",),
    labels=b"fine_labels",
    meta="meta",
    classes=b"fine_label_names",
)


def load(*, path: str, image_size: int, channels: int) -> tuple[Dataset, Dataset]:
    """(train, test); see `cifar.load`."""
    del image_size, channels
    return cifar.load(LAYOUT, path=path)
