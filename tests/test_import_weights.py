"""State dicts in the layout of published ones, imported into a folder for `load_encoder`."""

import sys
import types
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
        (
            {},
            ["--mean=123.675,116.28,103.53", "--std=58.395,57.12,57.375"],
            r"--mean=.* on the scale of 0 to 255 these would be \(0.485, 0.456, 0.406\)$",
        ),
        ({}, ["--std=58.395,57.12,57.375"], r"--std=.* would be \(0.229, 0.224, 0.225\)$"),
        ({}, ["--std=0"], "--std="),
        ({}, ["--std=0,0.2,0.2"], "--std="),
        ({}, ["--std=nan"], "--std=nan must be a finite number"),
        ({}, ["--mean=-1"], "--mean="),
        ({}, ["--mean=a,b"], "--mean=a must be a number"),
        ({}, ["--image_size=0"], "--image_size=0 must be in"),
        ({}, ["--image_size=1000000000"], "--image_size=1000000000 must be in"),
        ({}, ["--crop=nan"], "--crop=nan must be a finite number"),
        ({}, ["--crop=1.5"], "--crop=1.5 must be in"),
        ({}, ["--heads=-1"], "--heads=-1 must be in"),
    ],
)
def test_wrong_entries_and_flags_are_refused(run, tmp_path, changes, flags, message):
    entries = state_dict(resnet())
    for name, shape in changes.items():
        entries.pop(name, None)
        if shape is not None:
            entries[name] = np.zeros(shape)
    with pytest.raises(UserError, match=message) as caught:
        run(entries, *flags)
    assert str(caught.value).isprintable()
    assert not (tmp_path / "encoder").exists()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_refused(run, tmp_path, value):
    entries = {name: array.copy() for name, array in state_dict(resnet()).items()}
    entries["bn1.weight"][3] = value
    with pytest.raises(UserError, match="bn1.weight contains values that are not finite"):
        run(entries)
    assert not (tmp_path / "encoder").exists()


@pytest.mark.parametrize("shape", [(1, 5, 96), (5, 192), (2, 5, 192), (192,), (1, 4, 192)])
def test_positions_of_another_width_or_rank_are_refused(run, tmp_path, shape):
    entries = state_dict(vit()) | {"pos_embed": np.zeros(shape, np.float32)}
    with pytest.raises(UserError, match="pos_embed has"):
        run(entries, "--image_size=16", architecture="vit_tiny")
    assert not (tmp_path / "encoder").exists()


@pytest.mark.parametrize("shape", [(192,), (192, 192), (192, 3, 8)])
def test_patches_of_another_rank_are_refused(run, shape):
    entries = state_dict(vit()) | {"patch_embed.proj.weight": np.zeros(shape, np.float32)}
    with pytest.raises(UserError, match="patch_embed.proj.weight has shape"):
        run(entries, "--image_size=16", architecture="vit_tiny")


class Tensor:
    """What PyTorch's tensors have of what is read, so that no PyTorch is needed."""

    def __init__(self, array, *, layout="torch.strided", quantized=False, broken=False):
        self.array, self.layout, self.is_quantized, self.broken = array, layout, quantized, broken

    def detach(self):
        return self

    def is_floating_point(self):
        return self.array.dtype.kind == "f"

    def float(self):
        return self

    def numpy(self):
        if self.broken:
            raise NotImplementedError("Cannot copy out of meta tensor; no data!\nStack")
        return self.array


@pytest.mark.parametrize(
    ("tensor", "why"),
    [
        (Tensor(np.ones(64, np.float32), quantized=True), "is quantized"),
        (Tensor(np.ones(64, np.float32), layout="torch.sparse_coo"), "is stored as sparse_coo"),
        (Tensor(np.ones(64, np.complex64)), "is complex"),
        (Tensor(np.ones(64, np.float32), broken=True), "Cannot copy out of meta tensor"),
    ],
)
def test_tensors_that_are_no_plain_arrays_are_refused_if_they_are_needed(
    tmp_path, monkeypatch, tensor, why
):
    content = {"state": {name: Tensor(v) for name, v in state_dict(resnet()).items()}}
    torch = types.ModuleType("torch")
    monkeypatch.setattr(torch, "load", lambda *_, **__: content, raising=False)
    monkeypatch.setitem(sys.modules, "torch", torch)
    (tmp_path / "weights.pt").write_bytes(b"")
    flags = [f"--file={tmp_path}/weights.pt", "--architecture=resnet18"]
    content["momentum"] = tensor  # not of the network
    main(["import_weights", f"--workdir={tmp_path}/encoder", *flags])
    assert load_encoder(tmp_path / "encoder").features == 512
    content["state"]["bn1.weight"] = tensor
    with pytest.raises(UserError, match=f"entry bn1.weight .*{why}"):
        main(["import_weights", f"--workdir={tmp_path}/other", *flags])
    assert not (tmp_path / "other").exists()


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
