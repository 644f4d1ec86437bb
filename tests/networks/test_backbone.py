from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssl_jax.networks import resnet, vit
from ssl_jax.networks.backbone import make_backbone
from ssl_jax.networks.norm import BatchNorm
from tests.refusals import refuses

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
    with refuses(option, value) as caught:
        make_backbone(name, **{option: value})
    assert repr(neutral) in str(caught.value)


def test_the_stem_of_a_vit_is_ignored():
    assert make_backbone("vit_tiny", stem="imagenet", stem_padding=2) == vit.vit_tiny()


def test_other_errors_of_the_user():
    names = "resnet18, resnet34, resnet50, vit_tiny, vit_small, vit_base, vit"
    with refuses("name", "vgg") as caught:
        make_backbone("vgg")
    assert names in str(caught.value)
    with refuses("heads", 0):
        make_backbone("vit", width=64, depth=2)


class Tiny(nn.Module):
    """A network such as users write: no `train`, one option of ours and one of its own."""

    width: int = 5
    negative: bool = False

    @nn.compact
    def __call__(self, images):
        features = nn.Dense(self.width)(images.mean(axis=(1, 2)))
        return -features if self.negative else features


class Trained(nn.Module):
    @nn.compact
    def __call__(self, images, train):
        return nn.BatchNorm(use_running_average=not train)(images.mean(axis=(1, 2)))


def test_a_module_of_the_user_is_a_backbone_behind_the_normalisation():
    images = jax.random.uniform(jax.random.key(0), (4, 8, 8, 3))
    network = make_backbone(f"{__name__}.Tiny", width=7, mean=(0.5,), std=(0.25,))
    features, variables = network.init_with_output(jax.random.key(1), images, train=True)
    kernel = np.asarray(variables["params"]["network"]["Dense_0"]["kernel"])
    by_hand = ((np.asarray(images) - 0.5) / 0.25).mean(axis=(1, 2)) @ kernel
    np.testing.assert_allclose(features, by_hand, rtol=1e-4, atol=1e-5)
    trained = make_backbone(f"{__name__}.Trained")
    variables = trained.init(jax.random.key(1), images, train=True)
    training, _ = trained.apply(variables, images, train=True, mutable=["batch_stats"])
    np.testing.assert_allclose(np.asarray(training).mean(axis=0), 0.0, atol=1e-5)
    assert np.abs(trained.apply(variables, images, train=False)).min() > 0.1


def test_what_a_module_of_the_user_must_be():
    with refuses("name", "no_such_package.net"):
        make_backbone("no_such_package.net")
    with refuses("name", f"{__name__}.NEUTRAL"):
        make_backbone(f"{__name__}.NEUTRAL")
    with refuses("heads", 3):
        make_backbone(f"{__name__}.Tiny", heads=3)
