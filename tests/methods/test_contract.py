"""Every file of the folder keeps the contract, bare and in each wrapper; so does a user's."""

import jax
import jax.numpy as jnp
import pytest

from ssl_jax.command_line import config_flags
from ssl_jax.networks.vit import VisionTransformer
from tests.methods import cases
from tests.methods.contract import PROMISES, run_steps

# By the name of a wrapper: what makes it, and the cases that are tried in it outside slow tests.
WRAPPERS = {
    "fused": (dict(fused=(1,)), cases.FUSED),
    "penalized": (dict(penalized=True), cases.PENALIZED),
}
CASES = [
    *[pytest.param((case, {}), id=case) for case in cases.CASES],
    *[
        pytest.param(
            (case, wrapper), id=f"{case}-{name}", marks=() if case in quick else pytest.mark.slow
        )
        for name, (wrapper, quick) in WRAPPERS.items()
        for case in cases.CASES
    ],
]


@pytest.fixture(scope="module", params=CASES)
def steps(request):
    case, wrapper = request.param
    return run_steps(cases.named(case), **wrapper)


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.__name__)
def test_every_method_keeps_the_contract(steps, promise):
    promise(steps)


@pytest.mark.parametrize("case", cases.CASES)
def test_every_method_takes_a_vision_transformer(case):
    network = dict(patch_size=2, width=8, depth=1, heads=2, dropout=0.1, positions="learned")
    backbone = VisionTransformer(**network, mean=cases.MEAN, std=cases.STD)
    method, batch = (
        cases.method_of(case, backbone=backbone),
        cases.batch_of(cases.named(case).sides),
    )
    params, state = jax.eval_shape(method.init, jax.random.key(0), batch)
    step = jax.grad(method.loss, has_aux=True)
    gradient, aux = jax.eval_shape(step, params, state, batch, jax.random.key(1), jnp.int32(0))
    shapes = [jax.tree.map(lambda x: (x.shape, x.dtype), t) for t in (params, gradient)]
    assert shapes[0] == shapes[1]
    assert jax.tree.structure(aux.state) == jax.tree.structure(state)


METHOD = """
import jax
from ssl_jax.losses import nt_xent
from ssl_jax.methods.parts.base import Aux, Method, facts_of
from ssl_jax.methods.parts.chain import apply_together, encode_with, init_chain
from ssl_jax.networks.heads import MLP


def make(backbone, steps, *, width: int = 128, temperature: float = 0.5) -> Method:
    chain = {"backbone": backbone, "projector": MLP((width, width), dtype=backbone.dtype)}

    def init(key, batch):
        params, stats = init_chain(key, chain, batch.views[0])
        return params, {"stats": stats}

    def loss(params, state, batch, key, step):
        z, stats = apply_together(chain, params, state["stats"], batch.views, key)
        return nt_xent(z[0], z[1], temperature), Aux({"stats": stats}, {}, z)

    return Method(init, loss, encode_with(backbone))
"""
CONFIG = """
from ml_collections import ConfigDict
from ssl_jax.configs import common


def get_config(variant=""):
    return common.choose(variant, VARIANTS)


def digits():
    config = common.digits(common.base())
    config.method = ConfigDict({"name": "my_package.my_method", "width": 64})
    return config


def tiny():
    config = common.tiny(digits())
    config.method.width = 8
    return config


VARIANTS = {"digits": digits, "tiny": tiny}
"""


def test_a_method_in_a_folder_of_ones_own_is_one_file_and_one_config(tmp_path, monkeypatch):
    (tmp_path / "my_package").mkdir()
    (tmp_path / "my_package" / "my_method.py").write_text(METHOD)
    (tmp_path / "my_config.py").write_text(CONFIG)
    monkeypatch.syspath_prepend(tmp_path)

    def config(variant):
        return config_flags.parse(["x", f"--config={tmp_path}/my_config.py:{variant}"]).config

    case = cases.case_of_config(config("tiny"), config("digits"))
    assert case.options == {"width": 8} and case.sides == (8, 8)
    steps = run_steps(case)
    for promise in PROMISES:
        promise(steps)
