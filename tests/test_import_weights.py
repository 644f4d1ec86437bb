"""State dicts in the layout of published ones, imported into a folder for `load_encoder`."""

import sys
from functools import cache

import jax
import numpy as np
import pytest
import safetensors.numpy

from ssl_jax import load_encoder
from ssl_jax.errors import UserError
from ssl_jax.import_weights import main
from ssl_jax.networks.state_dicts import to_state_dict
from ssl_jax.networks.vit import VisionTransformer
from tests.formats.encoders import make


@cache
def resnet():
    return make({"name": "resnet18", "stem": "imagenet"}, image_size=32)


@cache
def vit():
    return make({"name": "vit_tiny", "positions": "learned", "patch_size": 8}, image_size=16)


def state_dict(encoder):
    size = encoder.description.image_size
    return to_state_dict(encoder.backbone, encoder.variables, image_size=size)


@pytest.fixture
def run(tmp_path):
    """Imports entries; returns the folder."""

    def run(entries, *flags, architecture="resnet18"):
        path = tmp_path / "file.safetensors"
        safetensors.numpy.save_file(entries, path)
        flags = [f"--file={path}", f"--architecture={architecture}", *flags]
        main(["import_weights", f"--workdir={tmp_path}/encoder", *flags])
        return tmp_path / "encoder"

    return run


@pytest.mark.parametrize("prefix", ["", "module.backbone."])
def test_a_resnet_with_its_classifier(run, capsys, prefix):
    entries = {f"{prefix}{name}": value for name, value in state_dict(resnet()).items()}
    entries[f"{prefix}fc.weight"] = entries[f"{prefix}prototypes.weight"] = np.zeros((5, 512))
    if prefix:  # entries outside the network are ignored
        entries["module.queue"] = np.zeros(3)
    entries = {k: v for k, v in entries.items() if "num_batches" not in k}
    statistics = ["--mean=0.0,0.0,0.0", "--std=1.0,1.0,1.0"]
    folder = run(entries, "--image_size=32", "--crop=1.0", *statistics)
    printed = capsys.readouterr().out
    assert "fc.weight, prototypes.weight" in printed and prefix in printed
    encoder = load_encoder(folder)
    assert encoder.description[1:] == (32, 1.0, 3)
    jax.tree.map(np.testing.assert_array_equal, encoder.variables, resnet().variables)


def test_defaults_are_those_of_imagenet(run):
    description = load_encoder(run(state_dict(resnet()))).description
    assert description.network["mean"] == (0.485, 0.456, 0.406)
    assert description.network["std"] == (0.229, 0.224, 0.225)
    assert description.network["stem"] == "imagenet"
    assert (description.image_size, description.crop) == (224, 0.875)


def test_a_vit_for_another_image_size_in_half_precision(run):
    entries = {name: value.astype(np.float16) for name, value in state_dict(vit()).items()}
    entries |= {"head.weight": np.zeros((2, 192)), "head.bias": np.zeros(2)}
    encoder = load_encoder(run(entries, "--image_size=24", "--heads=6", architecture="vit_tiny"))
    network = encoder.backbone
    assert isinstance(network, VisionTransformer)
    assert (network.patch_size, network.heads, network.pooling) == (8, 6, "class")
    halved = jax.tree.map(lambda leaf: leaf.astype(np.float16), vit().variables["params"])
    halved["positions"] = jax.image.resize(
        halved["positions"].astype(np.float32), (3, 3, 192), "bicubic"
    )
    jax.tree.map(np.testing.assert_array_equal, encoder.variables["params"], halved)


@pytest.mark.parametrize(
    "changes, flags, message",
    [
        (
            {"a.layer1.0.conv1.weight": (2,)},
            [],
            "several networks: choose one with --prefix='.*' or '.*'$",
        ),
        ({}, ["--prefix=b."], "--prefix=b. must be ''"),
        ({"bn1.bias": None}, [], r"lacks bn1.bias \[64\]"),
        ({"bn1.bias": (8,)}, [], r"bn1.bias has shape \[8\], but \[64\] in resnet18"),
        ({"layer1.2.bn1.bias": (64,)}, [], r"resnet18 has no entry layer1.2.bn1.bias \[64\]"),
        ({"conv1.weight": (64, 3, 3, 3)}, [], "--stem=cifar, or --stem=small"),
        ({"conv1.weight": (64, 3, 5, 5)}, [], r"\[64, 3, 5, 5\]"),
        ({"conv1.weight": None}, [], "lacks conv1.weight of resnet18"),
        ({}, ["--stem=cifar"], r"\[64, 3, 7, 7\]"),
        ({}, ["--mean=0.5,0.5"], r"mean and std=\(0.5, 0.5\)"),
    ],
)
def test_wrong_entries_and_flags_are_refused(run, changes, flags, message):
    entries = state_dict(resnet())
    for name, shape in changes.items():
        entries.pop(name, None)
        if shape is not None:
            entries[name] = np.zeros(shape)
    with pytest.raises(UserError, match=message):
        run(entries, *flags)


def test_a_run_is_not_mixed_with_an_import(run, tmp_path):
    (tmp_path / "encoder").mkdir()
    (tmp_path / "encoder" / "encoder.json").write_text("")
    with pytest.raises(UserError, match="is the folder of a run"):
        run(state_dict(resnet()))


def test_a_file_of_another_network(run):
    with pytest.raises(UserError, match="contains no resnet18.*layer1.0.conv1.weight, but x$"):
        run({"x": np.zeros(2)})


def test_the_first_missing_entry_of_a_deeper_network_is_named(run):
    with pytest.raises(UserError, match="the file lacks layer1.2.bn1"):
        run(state_dict(resnet()), architecture="resnet34")


def test_files_that_cannot_be_read(tmp_path, monkeypatch):
    def read(name):
        flags = [f"--file={tmp_path}/{name}", "--architecture=resnet18"]
        main(["import_weights", f"--workdir={tmp_path}/encoder", *flags])

    for name in ("broken.safetensors", "model.pth"):
        (tmp_path / name).write_bytes(b"broken")
    with pytest.raises(UserError, match="other.pth does not exist"):
        read("other.pth")
    with pytest.raises(UserError, match="not a safetensors file"):
        read("broken.safetensors")
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(UserError, match="pip install torch"):
        read("model.pth")


@pytest.mark.torch
def test_a_checkpoint_of_pytorch(tmp_path):
    torch = pytest.importorskip("torch")
    tensors = {k: torch.from_numpy(np.asarray(v)) for k, v in state_dict(resnet()).items()}
    queries = {f"module.encoder_q.{name}": value for name, value in tensors.items()}
    keys = {f"module.encoder_k.{name}": -value for name, value in tensors.items()}
    momentum = {0: {"momentum_buffer": torch.zeros(3)}}
    content = {"epoch": 3, "state_dict": {**keys, **queries}, "optimizer": {"state": momentum}}
    torch.save(content, tmp_path / "model.pth.tar")
    flags = [f"--file={tmp_path}/model.pth.tar", "--architecture=resnet18"]
    flags += [f"--workdir={tmp_path}/encoder"]
    with pytest.raises(UserError, match="state_dict.module.encoder_k.*state_dict.module.encoder_q"):
        main(["import_weights", *flags])
    main(["import_weights", *flags, "--prefix=module.encoder_q."])
    kernel = load_encoder(tmp_path / "encoder").variables["params"]["conv1"]["kernel"]
    np.testing.assert_array_equal(kernel, resnet().variables["params"]["conv1"]["kernel"])

    torch.save(
        {"state_dict": tensors, "code": test_a_checkpoint_of_pytorch}, tmp_path / "model.pth.tar"
    )
    with pytest.raises(UserError, match="cannot be read with weights_only"):
        main(["import_weights", *flags])
