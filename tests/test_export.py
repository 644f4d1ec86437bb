"""The command on random encoders; each format is loaded like its users do, without PyTorch."""

import importlib.util
import io
import json
import os
import pickle
import re
from pathlib import Path

import jax
import numpy as np
import pytest
import safetensors
import safetensors.numpy

from ssl_jax import load_encoder
from ssl_jax.encoder.encoder import Encoder, EncoderSpec
from ssl_jax.encoder.file import FILE, write
from ssl_jax.errors import UserError
from ssl_jax.export import main
from ssl_jax.formats import timm, torchvision
from ssl_jax.networks.backbone import make_backbone
from tests.formats.encoders import RESNET, VIT, make

MEAN, STD = (0.48, 0.45, 0.4), (0.2, 0.25, 0.3)
FULL = {"name": "resnet18", "stem": "imagenet", "mean": MEAN, "std": STD}


@pytest.fixture
def export(tmp_path, capsys):
    """Exports an encoder; returns the file and the printed text."""

    def run(encoder, format):
        write(tmp_path / FILE, encoder.description, encoder.variables)
        path = tmp_path / "out/file"
        path.parent.mkdir(exist_ok=True)
        main(["export", f"--workdir={tmp_path}", f"--format={format}", f"--output={path}"])
        assert os.listdir(path.parent) == [path.name]
        return path, capsys.readouterr().out

    return run


@pytest.mark.parametrize("format, network", [("torchvision", RESNET), ("timm", VIT)])
def test_files_with_torch_names_contain_a_complete_encoder(export, format, network):
    encoder = make({**network}, crop=0.8)
    path, printed = export(encoder, format)
    assert "largest difference" in printed
    with safetensors.safe_open(path, "numpy") as file:
        description = json.loads(file.metadata()["ssl_jax"])
    assert description["image_size"] == 16 and description["crop"] == 0.8
    for key in ("mean", "std"):
        assert description["network"][key] == list(network[key])
    images = np.random.default_rng(2).integers(0, 256, (3, 20, 24, 3), np.uint8)
    features = load_encoder(path)(images)
    assert features.std() > 0.01
    np.testing.assert_array_equal(features, encoder(images))


@pytest.mark.parametrize("format", [torchvision, timm])
def test_advice_adapts_the_first_layers_of_a_resnet(format):
    conv, pool = "model.conv1 = torch.nn.Conv2d", "model.maxpool = torch.nn.Identity()"
    network = {"name": "resnet18", "mean": (0.5,), "std": STD[:1]}

    def lines(stem, channels):
        description = EncoderSpec({**network, "stem": stem}, 32, 1.0, channels)
        encoder = Encoder(description, make_backbone(**description.network), {})
        return format.advice(encoder, Path("file"))

    assert f"{conv}(3, 64, 3, 1, 1, bias=False)" in lines("cifar", 3)
    assert pool in lines("cifar", 3) and pool not in lines("small", 3)
    assert f"{conv}(1, 64, 3, 1, 1, bias=False)" in lines("small", 1)
    assert f"{conv}(1, 64, 7, 2, 3, bias=False)" in lines("imagenet", 1)
    assert not any("conv1" in line or "maxpool" in line for line in lines("imagenet", 3))
    assert any("mean [0.5, 0.5, 0.5] and std [0.2, 0.2, 0.2]" in line for line in lines("small", 3))


def test_a_detectron2_file_has_its_names_and_plain_arrays(export):
    encoder = make(FULL, image_size=32)
    path, printed = export(encoder, "detectron2")
    assert b"numpy._core" not in path.read_bytes() and b"numpy.core" not in path.read_bytes()
    content = pickle.load(io.BytesIO(path.read_bytes()))
    assert content["__author__"] and content["matching_heuristics"] is True
    model = content["model"]
    norm = ("weight", "bias", "running_mean", "running_var")
    blocks = [f"res{stage}.{index}" for stage in (2, 3, 4, 5) for index in (0, 1)]
    convolutions = [
        "stem.conv1",
        *(f"{block}.conv{i}" for block in blocks for i in (1, 2)),
        *(f"res{stage}.0.shortcut" for stage in (3, 4, 5)),
    ]
    assert set(model) == {
        *(f"{conv}.weight" for conv in convolutions),
        *(f"{conv}.norm.{leaf}" for conv in convolutions for leaf in norm),
    }
    params, stats = encoder.variables["params"], encoder.variables["batch_stats"]
    for name, value in {
        "stem.conv1.weight": params["conv1"]["kernel"].transpose(3, 2, 0, 1),
        "stem.conv1.norm.bias": params["bn1"]["bias"],
        "res2.1.conv2.norm.running_var": stats["layer1_1"]["bn2"]["var"],
        "res5.0.shortcut.norm.weight": params["layer4_0"]["downsample_bn"]["scale"],
    }.items():
        np.testing.assert_array_equal(model[name], value)
        assert type(model[name]) is np.ndarray and model[name].flags.writeable
    assert "PIXEL_MEAN: [122.4, 114.75, 102.0]" in printed
    assert "PIXEL_STD: [51.0, 63.75, 76.5]" in printed
    assert 'FORMAT: "RGB"' in printed and "STRIDE_IN_1X1: False" in printed


@pytest.mark.parametrize("network", [RESNET, {**VIT, "positions": "learned"}])
def test_stablehlo_takes_any_number_of_images(export, network):
    encoder = make(network, crop=0.8)
    path, printed = export(encoder, "stablehlo")
    assert "[N, 20, 20, 3]" in printed
    exported = jax.export.deserialize(bytearray(path.read_bytes()))
    assert set(exported.platforms) == {"cpu", "cuda", "tpu"}
    for n in (1, 5):
        images = jax.random.uniform(jax.random.key(n), (n, 20, 20, 3))
        expected = encoder.encode(images)
        np.testing.assert_allclose(exported.call(images), expected, rtol=1e-4, atol=1e-5)
    # It may be given away: neither this machine's folders nor names of source files are in it.
    assert not re.search(rb"\.py\b|/(home|root|usr|tmp)/", path.read_bytes())


@pytest.mark.parametrize(
    "format, network, message",
    [
        ("torchvision", VIT, "timm"),
        ("detectron2", VIT, "Detectron2"),
        ("detectron2", {**FULL, "stem": "cifar"}, "network.stem=imagenet"),
        ("detectron2", {**FULL, "width": 8}, "usual width"),
    ],
)
def test_networks_that_a_format_does_not_support(export, format, network, message, tmp_path):
    with pytest.raises(UserError, match=message):
        export(make(network, image_size=32), format)
    assert not os.listdir(tmp_path / "out")


def test_onnx_without_its_extra(export, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"torch.*pip install 'ssl_jax\[export\]'"):
        export(make(RESNET), "onnx")


def test_a_file_that_differs_is_not_kept(export, monkeypatch, tmp_path):
    def damaged(encoder, path):
        params = {**encoder.variables["params"]}
        params["bn1"] = {**params["bn1"], "scale": params["bn1"]["scale"] * 1.01}
        write(path, encoder.description, {**encoder.variables, "params": params})

    (tmp_path / "out").mkdir()
    (tmp_path / "out/file").write_text("older")
    monkeypatch.setattr(torchvision, "write", damaged)
    with pytest.raises(UserError, match="not kept: its features differ"):
        export(make(RESNET), "torchvision")
    assert os.listdir(tmp_path / "out") == ["file"]
    assert (tmp_path / "out/file").read_text() == "older"


@pytest.mark.parametrize("output, message", [("nowhere/file", "cannot be written"), ("", "folder")])
def test_outputs_that_cannot_be_written(tmp_path, output, message):
    path = tmp_path / output
    with pytest.raises(UserError, match=message):
        main(["export", f"--workdir={tmp_path}", "--format=timm", f"--output={path}"])


def test_a_folder_without_encoder(tmp_path):
    with pytest.raises(UserError, match="no encoder"):
        main(["export", f"--workdir={tmp_path}", "--format=timm", f"--output={tmp_path}/file"])
    assert not os.listdir(tmp_path)
