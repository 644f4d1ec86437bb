from functools import partial

import jax
import numpy as np
import pytest

from ssl_jax.errors import UserError
from ssl_jax.networks import resnet
from ssl_jax.networks.torch_names import from_torch, to_torch

RNG = np.random.default_rng(0)


def variables():
    def norm(width):
        return {"scale": RNG.normal(size=width), "bias": RNG.normal(size=width)}

    def stats(width):
        return {"mean": RNG.normal(size=width), "var": RNG.normal(size=width)}

    block = {
        "conv1": {"kernel": RNG.normal(size=(3, 2, 4, 5))},
        "bn1": norm(5),
        "downsample_conv": {"kernel": RNG.normal(size=(1, 1, 4, 5))},
        "downsample_bn": norm(5),
    }
    return {
        "params": {"layer1_0": block, "layer2_11": {"bn3": norm(2)}, "fc": dense()},
        "batch_stats": {
            "layer1_0": {"bn1": stats(5), "downsample_bn": stats(5)},
            "layer2_11": {"bn3": stats(2)},
        },
    }


def dense():
    return {"kernel": RNG.normal(size=(5, 7)), "bias": RNG.normal(size=7)}


def test_names_and_layouts():
    tree = variables()
    state_dict = to_torch(tree)
    assert set(state_dict) == {
        "layer1.0.conv1.weight",
        *(
            f"{module}.{leaf}"
            for module in ("layer1.0.bn1", "layer1.0.downsample.1", "layer2.11.bn3")
            for leaf in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
        ),
        "layer1.0.downsample.0.weight",
        "fc.weight",
        "fc.bias",
    }
    block = tree["params"]["layer1_0"]
    conv = state_dict["layer1.0.conv1.weight"]
    assert conv.shape == (5, 4, 3, 2) and conv.flags.c_contiguous
    # Output 3, input 2, row 1, column 0.
    assert conv[3, 2, 1, 0] == block["conv1"]["kernel"][1, 0, 2, 3]
    assert state_dict["fc.weight"][6, 4] == tree["params"]["fc"]["kernel"][4, 6]
    np.testing.assert_array_equal(
        state_dict["layer1.0.downsample.1.running_var"],
        tree["batch_stats"]["layer1_0"]["downsample_bn"]["var"],
    )
    assert state_dict["layer1.0.bn1.num_batches_tracked"].dtype == np.int64


def test_round_trip_is_exact():
    tree = variables()
    jax.tree.map(np.testing.assert_array_equal, from_torch(to_torch(tree)), tree)


@pytest.mark.parametrize("name, shape", [("layer1.0.conv1.alpha", (1,)), ("pos_embed", (1, 4, 8))])
def test_entries_of_other_networks_are_named(name, shape):
    with pytest.raises(UserError, match=f"'{name}'"):
        from_torch({name: np.zeros(shape)})


@pytest.mark.torch
@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_full_networks_agree_with_torchvision(name):
    torch, models = pytest.importorskip("torch"), pytest.importorskip("torchvision.models")
    torch.manual_seed(0)
    theirs = getattr(models, name)()
    ours = getattr(resnet, name)(num_classes=1000)
    x = np.random.default_rng(0).uniform(size=(4, 64, 64, 3)).astype(np.float32)
    channels_first = torch.from_numpy(x.transpose(0, 3, 1, 2).copy())

    # Their weights in our network: scores and, after a step in train mode, running averages.
    variables = from_torch(theirs.state_dict())
    apply = jax.jit(partial(ours.apply, train=True, mutable=["batch_stats"]))
    scores, updated = apply(variables, x)
    expected = theirs.train()(channels_first).detach().numpy()
    assert np.isfinite(expected).all()
    np.testing.assert_allclose(scores, expected, atol=1e-3 * np.abs(expected).max())
    for key, value in to_torch(updated).items():
        if "running" in key:
            np.testing.assert_allclose(value, theirs.state_dict()[key], rtol=1e-3, atol=1e-4)

    # Our weights in their network, loaded strictly.
    variables = jax.jit(partial(ours.init, train=True))(jax.random.key(0), x)
    theirs.load_state_dict({k: torch.from_numpy(v) for k, v in to_torch(variables).items()})
    scores = jax.jit(partial(ours.apply, train=False))(variables, x)
    expected = theirs.eval()(channels_first).detach().numpy()
    assert np.isfinite(expected).all()
    np.testing.assert_allclose(scores, expected, atol=1e-4 * np.abs(expected).max())


@pytest.mark.torch
def test_initial_weights_have_torchvisions_deviations():
    torch, models = pytest.importorskip("torch"), pytest.importorskip("torchvision.models")
    torch.manual_seed(0)
    init = jax.jit(partial(resnet.resnet18(num_classes=1000).init, train=True))
    ours = to_torch(init(jax.random.key(0), np.zeros((2, 32, 32, 3), np.float32)))
    theirs = models.resnet18().state_dict()
    assert set(ours) == set(theirs)
    for name, value in theirs.items():
        np.testing.assert_allclose(ours[name].std(), value.float().std(correction=0), rtol=0.1)
        np.testing.assert_allclose(np.abs(ours[name]).max(), value.abs().max(), rtol=0.4)
