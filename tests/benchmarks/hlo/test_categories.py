"""The category of a kernel, by its path in the source program."""

import pytest
from hlo import categories
from hlo.kernels import kernels

from tests.benchmarks.hlo.gpu_program import GPU


@pytest.mark.parametrize(
    ("path", "category"),
    [
        ("jit(single)/augment/vmap(vmap(jit(_uniform)))/vmap(vmap())/add", categories.RANDOM),
        ("jit(single)/vmap()/vmap(jit(_threefry_fold_in))/slice", categories.RANDOM),
        ("jit(single)/augment/vmap(vmap(chw,pw->chp))/dot_general", categories.AUGMENTATION),
        ("jit(single)/jvp(loss)/ResNet/layer1_0/jit(relu)/max", categories.NETWORK),
        ("jit(single)/transpose(jvp(loss))/ResNet/ResNet._stem/bn1/reduce_sum", categories.NETWORK),
        ("jit(single)/jvp(loss)/jit(logsumexp)/exp", categories.LOSS),
        ("jit(single)/jvp()/exp", categories.LOSS),
        ("jit(single)/metrics/jit(_std)/sqrt", categories.METRICS),
        ("jit(single)/optimizer/integer_pow", categories.OPTIMIZER),
        ("jit(single)/gather", categories.OTHER),
        ("", categories.OTHER),
    ],
)
def test_category_by_path(path, category):
    kernel = kernels(GPU)[0]._replace(op_name=path)
    assert categories.category(kernel) == category
