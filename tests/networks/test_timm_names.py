from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssl_jax.errors import UserError
from ssl_jax.networks.timm_names import from_timm, to_timm
from ssl_jax.networks.vit import VisionTransformer, sincos_positions

tiny = partial(VisionTransformer, patch_size=4, width=8, depth=2, heads=2, mlp_ratio=1.5)


def variables(network):
    x = jax.ShapeDtypeStruct((1, 12, 12, 3), jnp.float32)
    shapes = jax.eval_shape(partial(network.init, train=False), jax.random.key(0), x)
    rng = np.random.default_rng(0)
    return jax.tree.map(lambda leaf: rng.normal(size=leaf.shape).astype(np.float32), shapes)


def test_names_and_layouts_are_timms():
    network = tiny(positions="learned")
    params = variables(network)["params"]
    state_dict = to_timm({"params": params}, network, image_size=12)
    block = {
        **{f"norm{i}.{leaf}": (8,) for i in (1, 2) for leaf in ("weight", "bias")},
        "attn.qkv.weight": (24, 8),
        "attn.qkv.bias": (24,),
        "attn.proj.weight": (8, 8),
        "attn.proj.bias": (8,),
        "mlp.fc1.weight": (12, 8),
        "mlp.fc1.bias": (12,),
        "mlp.fc2.weight": (8, 12),
        "mlp.fc2.bias": (8,),
    }
    assert {name: value.shape for name, value in state_dict.items()} == {
        "cls_token": (1, 1, 8),
        "pos_embed": (1, 10, 8),
        "patch_embed.proj.weight": (8, 3, 4, 4),
        "patch_embed.proj.bias": (8,),
        "norm.weight": (8,),
        "norm.bias": (8,),
        **{f"blocks.{i}.{name}": shape for i in (0, 1) for name, shape in block.items()},
    }
    patches = state_dict["patch_embed.proj.weight"]
    assert patches.flags.c_contiguous and patches.dtype == np.float32
    # Output 5; channel 2, row 1, column 3 of a patch of 4 x 4 pixels with 3 channels.
    assert patches[5, 2, 1, 3] == params["patch_projection"]["kernel"][(1 * 4 + 3) * 3 + 2, 5]
    assert state_dict["blocks.1.mlp.fc1.weight"][11, 2] == params["block1"]["fc1"]["kernel"][2, 11]
    # Behind the class token's: row 2, column 1 of 3 x 3 patches.
    np.testing.assert_array_equal(state_dict["pos_embed"][0, 0], params["class_position"])
    np.testing.assert_array_equal(state_dict["pos_embed"][0, 1 + 7], params["positions"][2, 1])


@pytest.mark.parametrize("pooling", ["class", "mean"])
@pytest.mark.parametrize("positions", ["sincos", "learned"])
def test_round_trip_is_exact(positions, pooling):
    network = tiny(positions=positions, pooling=pooling)
    tree = variables(network)
    back = from_timm(to_timm(tree, network, image_size=12), positions=positions)
    jax.tree.map(np.testing.assert_array_equal, back, tree)


def test_fixed_positions_are_written_out_for_the_image_size():
    network = tiny()
    table = to_timm(variables(network), network, image_size=20)["pos_embed"]
    np.testing.assert_array_equal(table[0, 0], np.zeros(8))
    np.testing.assert_array_equal(table[0, 1:], sincos_positions(5, 5, 8).reshape(25, 8))


def test_learned_positions_are_resized_as_the_network_resizes_them():
    network = tiny(positions="learned", pooling="mean")
    tree = variables(network)
    resized = from_timm(to_timm(tree, network, image_size=20))
    images = jax.random.uniform(jax.random.key(1), (2, 20, 20, 3))
    encode = jax.jit(partial(network.apply, train=False))
    features = encode(resized, images)
    assert np.isfinite(features).all()
    np.testing.assert_allclose(features, encode(tree, images), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "name, shape",
    [
        ("conv1.weight", (4, 3, 7, 7)),
        ("blocks.0.ls1.gamma", (8,)),
        ("blocks.norm1.weight", (8,)),
        ("fc_norm.weight", (8,)),
        ("dist_token", (1, 1, 8)),
    ],
)
def test_entries_of_other_networks_are_named(name, shape):
    with pytest.raises(UserError, match=f"'{name}'"):
        from_timm({name: np.zeros(shape)})


def test_positions_must_be_those_of_a_square():
    with pytest.raises(UserError, match="6 patches"):
        from_timm({"pos_embed": np.zeros((1, 6, 8))})
