from functools import partial

import jax
import jax.numpy as jnp
import pytest

from ssl_jax.errors import UserError
from ssl_jax.networks import resnet, vit
from ssl_jax.networks.backbone import make_backbone
from ssl_jax.networks.norm import BatchNorm

COMMON = {"dtype": jnp.bfloat16, "mean": (0.5,), "std": (0.2,)}
# The sections of a config whose values say nothing: as JSON has it, tuples may be lists.
NEUTRAL = {
    "width": 0,
    "stages": [],
    "stem": "cifar",
    "stem_padding": 1,
    "zero_init_residual": False,
    "batch_norm_groups": 1,
    "patch_size": 0,
    "depth": 0,
    "heads": 0,
    "mlp_ratio": 4.0,
    "dropout": 0.0,
    "positions": "sincos",
    "pooling": "class",
}


@pytest.mark.parametrize("name", ["resnet18", "resnet34", "resnet50"])
def test_resnets_by_name(name):
    network = make_backbone(name, **NEUTRAL, **COMMON)
    expected = getattr(resnet, name)(stem="cifar", **COMMON)
    assert network == expected.clone(norm=network.norm)
    assert network.norm.func is BatchNorm and network.norm.keywords == {"groups": 1}


@pytest.mark.parametrize("name", ["vit_tiny", "vit_small", "vit_base"])
def test_vits_by_name(name):
    assert make_backbone(name, **NEUTRAL, **COMMON) == getattr(vit, name)(**COMMON)


def test_options_reach_the_resnet():
    network = make_backbone(
        "resnet50",
        width=8,
        stages=(1, 2),
        stem="imagenet",
        stem_padding=2,
        zero_init_residual=True,
        batch_norm_groups=4,
    )
    assert network == resnet.ResNet(
        (1, 2),
        resnet.Bottleneck,
        width=8,
        stem="imagenet",
        stem_padding=2,
        zero_init_residual=True,
        norm=network.norm,
    )
    assert network.norm.keywords == {"groups": 4}


def test_options_reach_the_vit():
    """Downscaled SimCLR's: 8 layers and heads, dropout 0.2, an MLP that is not wider."""
    options = {
        "width": 768,
        "depth": 8,
        "heads": 8,
        "mlp_ratio": 1.0,
        "dropout": 0.2,
        "positions": "learned",
        "pooling": "mean",
    }
    assert make_backbone("vit", **options) == vit.VisionTransformer(patch_size=16, **options)
    network = make_backbone("vit_tiny", patch_size=4, **options)
    assert network == vit.VisionTransformer(patch_size=4, **options)


def test_every_name_makes_a_network_with_known_width():
    x = jax.ShapeDtypeStruct((2, 32, 32, 3), jnp.float32)
    for name, options, width in (
        ("resnet18", {}, 512),
        ("vit_tiny", {}, 192),
        ("vit", {"width": 24, "depth": 1, "heads": 3, "patch_size": 8}, 24),
    ):
        network = make_backbone(name, **options)
        run = partial(network.init_with_output, train=True)
        features, _ = jax.eval_shape(run, jax.random.key(0), x)
        assert features.shape == (2, width) and network.features == width


@pytest.mark.parametrize(
    "name, option, value, neutral",
    [
        ("resnet18", "patch_size", 4, 0),
        ("resnet18", "depth", 12, 0),
        ("resnet18", "heads", 3, 0),
        ("resnet18", "mlp_ratio", 1.0, 4.0),
        ("resnet34", "dropout", 0.2, 0.0),
        ("resnet50", "positions", "learned", "sincos"),
        ("resnet50", "pooling", "mean", "class"),
        ("vit_tiny", "stages", (1, 1), ()),
        ("vit_small", "zero_init_residual", True, False),
        ("vit_base", "batch_norm_groups", 8, 1),
    ],
)
def test_options_of_other_networks_are_refused(name, option, value, neutral):
    with pytest.raises(UserError) as error:
        make_backbone(name, **{option: value})
    assert str(error.value) == f"network {name} has no {option}: {value!r} must be {neutral!r}"


def test_the_stem_of_a_vit_is_ignored():
    assert make_backbone("vit_tiny", stem="imagenet", stem_padding=2) == vit.vit_tiny()


def test_other_errors_of_the_user():
    names = "resnet18, resnet34, resnet50, vit_tiny, vit_small, vit_base, vit"
    with pytest.raises(UserError, match=f"unknown network 'vgg'; there are {names}$"):
        make_backbone("vgg")
    with pytest.raises(UserError, match="vit needs width, depth and heads, not 64, 2 and 0"):
        make_backbone("vit", width=64, depth=2)
