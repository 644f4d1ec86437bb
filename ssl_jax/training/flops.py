"""Floating-point operations of a program, counted from its convolutions and matrix products.

A multiply-add counts as two operations and padding counts as data, as in published numbers.
(`cost_analysis` of a compiled program excludes padding and operations that were fused away: about
0.87 of this count for the CIFAR ResNet-18.)
"""

import math
from collections.abc import Callable
from typing import Any

import jax
from jax.extend.core import ClosedJaxpr, Jaxpr
from jax.interpreters import partial_eval


def forward(function: Callable[..., Any], *args: Any) -> int:
    """Operations of one call of `function`; `args` may be `jax.ShapeDtypeStruct`s."""
    jaxpr = jax.make_jaxpr(function)(*args).jaxpr
    # Drops what the result does not depend on, such as the derivative of a stopped gradient.
    needed, _ = partial_eval.dce_jaxpr(jaxpr, [True] * len(jaxpr.outvars))
    return _count(needed)


def trained(loss: Callable[[Any], Any], params: Any) -> int:
    """Operations of the loss and of its gradient with respect to `params`.

    Counts the loss with its forward-mode derivative, which has one product for every product of
    the backward pass. Trained networks thus count three times their forward pass, less the
    gradient of the first layer with respect to the images; networks that are not trained, such as
    targets, count once.
    """
    return forward(lambda p, t: jax.jvp(loss, (p,), (t,)), params, params)


def _count(jaxpr: Jaxpr) -> int:
    return sum(_equation(equation) for equation in jaxpr.eqns)


def _equation(equation: Any) -> int:
    params, out = equation.params, equation.outvars[0].aval
    if equation.primitive.name == "conv_general_dilated":
        kernel = equation.invars[1].aval.shape
        spec = params["dimension_numbers"].rhs_spec
        taps = math.prod(kernel[axis] for axis in spec[2:]) * kernel[spec[1]]
        return 2 * math.prod(out.shape) * taps
    if equation.primitive.name == "dot_general":
        (contracted, _), _ = params["dimension_numbers"]
        left = equation.invars[0].aval.shape
        return 2 * math.prod(out.shape) * math.prod(left[axis] for axis in contracted)
    inner = sum(_count(jaxpr) for value in params.values() for jaxpr in _jaxprs(value))
    return inner * params.get("length", 1)  # of a scan


def _jaxprs(value: Any) -> list[Jaxpr]:
    if isinstance(value, ClosedJaxpr):
        return [value.jaxpr]
    if isinstance(value, Jaxpr):
        return [value]
    if isinstance(value, (list, tuple)):
        return [jaxpr for item in value for jaxpr in _jaxprs(item)]
    return []
