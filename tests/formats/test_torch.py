"""Exported files in torchvision, timm and onnxruntime, loaded as `advice` explains."""

import functools

import jax.numpy as jnp
import numpy as np
import pytest

from ssl_jax.encoder.file import FILE
from ssl_jax.formats import onnx, timm, torchvision
from ssl_jax.formats.parts.check import difference
from ssl_jax.formats.parts.images import example
from tests.formats.encoders import make

pytestmark = pytest.mark.torch

STATISTICS = {"mean": (0.48, 0.45, 0.4), "std": (0.2, 0.25, 0.3)}
VIT = {"name": "vit", "width": 48, "depth": 3, "heads": 3, "patch_size": 8}
RESNETS = {
    "resnet18": {"name": "resnet18", "stem": "imagenet"},
    "resnet50": {"name": "resnet50", "stem": "imagenet"},
    "cifar": {"name": "resnet18", "stem": "cifar"},
}
VITS = {
    "class": VIT,
    "learned": {**VIT, "positions": "learned"},
    "mean": {**VIT, "pooling": "mean", "mlp_ratio": 2.0},
    "vit_tiny": {"name": "vit_tiny"},
}


@functools.cache
def encoder_of(case):
    return make({**RESNETS, **VITS}[case] | STATISTICS, image_size=64)


def features_by_advice(format, encoder, path):
    """Features of the model that the lines of `advice` construct."""
    torch = pytest.importorskip("torch")
    images = example(encoder)
    normal = (images - np.float32(encoder.backbone.mean)) / np.float32(encoder.backbone.std)
    lines = format.advice(encoder, path)
    namespace = {}
    exec("\n".join(lines[: lines.index("")]), namespace)
    with torch.inference_mode():
        x = torch.from_numpy(np.ascontiguousarray(np.moveaxis(normal, -1, 1)))
        return namespace["model"].eval()(x).numpy()


def compare(features, encoder):
    expected = np.asarray(encoder.encode(jnp.asarray(example(encoder))))[: len(features)]
    deviation = difference(features, expected)
    print(f"largest difference relative to the largest value: {deviation:.1e}")
    assert expected.std() > 0.01 and deviation <= 1e-5


CASES = [("torchvision", case) for case in RESNETS] + [("timm", case) for case in [*RESNETS, *VITS]]


@pytest.mark.parametrize("framework, case", CASES)
def test_exported_files_load_as_advised(framework, case, tmp_path):
    pytest.importorskip(framework)
    form = {"torchvision": torchvision, "timm": timm}[framework]
    encoder = encoder_of(case)
    form.write(encoder, tmp_path / FILE)
    compare(features_by_advice(form, encoder, tmp_path / FILE), encoder)


@pytest.mark.parametrize("case", [*RESNETS, *VITS])
def test_every_network_in_onnxruntime(case, tmp_path):
    pytest.importorskip("torch")
    ort = pytest.importorskip("onnxruntime")
    encoder = encoder_of(case)
    path = tmp_path / "encoder.onnx"
    onnx.write(encoder, path)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]
    compare(onnx.features(path, encoder, example(encoder)), encoder)
    # Another number of images.
    images = np.ascontiguousarray(np.moveaxis(example(encoder)[:1], -1, 1))
    (features,) = ort.InferenceSession(path).run(None, {"images": images})
    compare(features, encoder)
