"""What every method promises, for every file of the folder, bare and in each of the wrappers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ssl_jax.devices import sharding
from ssl_jax.networks.vit import VisionTransformer
from ssl_jax.setup.components import method_names
from tests.methods import cases

# By the name of a wrapper: what makes it, and the cases that are tried in it outside slow tests.
WRAPPERS = {
    "fused": (dict(fused=(1,)), cases.FUSED),
    "penalized": (dict(penalized=True), cases.PENALIZED),
}
CASES = [
    *[pytest.param((case, {}), id=case) for case in cases.OPTIONS],
    *[
        pytest.param(
            (case, wrapper), id=f"{case}-{name}", marks=() if case in quick else pytest.mark.slow
        )
        for name, (wrapper, quick) in WRAPPERS.items()
        for case in cases.OPTIONS
    ],
]


def values(train):
    """What changes, on the host: a copy, as the arrays are donated."""
    names = ("step", "params", "state", "opt")
    return jax.tree.map(np.array, {name: getattr(train, name) for name in names})


@pytest.fixture(scope="module", params=CASES)
def run(request):
    """Two steps on one device, the same two on eight, and what was seen on the way."""
    case, wrapper = request.param
    method = cases.method_of(case, **wrapper)
    init, step = cases.program(method, cases.sides_of(case))
    seen = {"case": case, "method": method, "results": []}
    with jax.default_matmul_precision("highest"):
        start = jax.jit(init)(jax.random.key(0), cases.images_of().images)
        for devices in (jax.devices()[:1], jax.devices()):
            shardings = sharding.make(cases.BATCH, devices)
            batch = jax.device_put(cases.images_of(), shardings.batch)
            # A copy: the step is given its buffers.
            state = jax.device_put(start, shardings.replicated, may_alias=False)
            compiled = jax.jit(step, donate_argnums=0, out_shardings=(shardings.replicated,) * 2)
            trail = [values(state)]
            for _ in range(2):
                state, metrics = compiled(state, batch)
                trail.append(values(state))
            seen["results"].append((trail, jax.device_get(metrics), compiled._cache_size()))
    return seen


def test_every_method_of_the_folder_has_a_case():
    assert {name for name, _ in cases.OPTIONS.values()} == set(method_names())


def test_one_device_equals_eight(run):
    (one, _, _), (eight, _, _) = run["results"]
    first, second = jax.tree.leaves_with_path(one[1]), jax.tree.leaves(eight[1])
    for (path, a), b in zip(first, second, strict=True):
        a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
        assert np.isfinite(a).all() and np.isfinite(b).all()
        # A bias in front of BatchNorm has no gradient but what rounding leaves.
        least = 5e-2 if "bias" in str(path[-1]) else 1e-2
        scale = max(np.abs(a).max(initial=0.0), least)
        np.testing.assert_allclose(b, a, rtol=1e-4, atol=1e-4 * scale, err_msg=str(path))


def test_the_step_is_compiled_once_and_keeps_the_structure(run):
    for trail, _, compilations in run["results"]:
        assert compilations == 1
        shapes = [jax.tree.map(lambda x: (x.shape, x.dtype), state) for state in trail]
        assert shapes[0] == shapes[1] == shapes[2]


def test_every_kernel_moves(run):
    (trail, _, _), _ = run["results"]
    before, after = trail[0]["params"], trail[1]["params"]
    still = cases.STILL.get(cases.OPTIONS[run["case"]][0], "nothing")
    for (path, a), b in zip(jax.tree.leaves_with_path(before), jax.tree.leaves(after), strict=True):
        name = jax.tree_util.keystr(path)
        if a.ndim > 1:
            # SwAV normalises its prototypes again after a step that did not move them.
            stays = np.allclose(a, b, rtol=1e-6, atol=1e-7)
            assert stays == (still in name), f"{name} moves, or does not"


def test_features_of_an_image_do_not_depend_on_its_batch(run):
    method, (trail, _, _) = run["method"], run["results"][0]
    images = cases.images_of().images.astype(jnp.float32) / 255.0
    encode = jax.jit(lambda images: method.encode(trail[2]["params"], trail[2]["state"], images))
    together = encode(images)
    assert np.isfinite(together).all() and np.std(together, axis=0).max() > 0
    alone = jnp.concatenate([encode(images[:8]), encode(images[8:])])
    np.testing.assert_allclose(alone, together, rtol=1e-4, atol=1e-5)


def test_embeddings_are_one_array_a_view_that_the_loss_depends_on(run):
    method, (trail, _, _) = run["method"], run["results"][0]
    _, aux = jax.eval_shape(
        method.loss,
        trail[0]["params"],
        trail[0]["state"],
        cases.batch_of(run["case"]),
        jax.random.key(2),
        jnp.int32(0),
    )
    assert aux.embeddings
    assert {e.shape for e in aux.embeddings} == {(cases.BATCH, aux.embeddings[0].shape[1])}


@pytest.mark.parametrize("case", cases.OPTIONS)
def test_every_method_takes_a_vision_transformer(case):
    network = dict(patch_size=2, width=8, depth=1, heads=2, dropout=0.1, positions="learned")
    backbone = VisionTransformer(**network, mean=cases.MEAN, std=cases.STD)
    method, batch = cases.method_of(case, backbone=backbone), cases.batch_of(case)
    params, state = jax.eval_shape(method.init, jax.random.key(0), batch)
    step = jax.grad(method.loss, has_aux=True)
    gradient, aux = jax.eval_shape(step, params, state, batch, jax.random.key(1), jnp.int32(0))
    shapes = [jax.tree.map(lambda x: (x.shape, x.dtype), t) for t in (params, gradient)]
    assert shapes[0] == shapes[1]
    assert jax.tree.structure(aux.state) == jax.tree.structure(state)
