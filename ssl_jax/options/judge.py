"""Whether values are what the signature that defines them allows; nothing is called or built."""

import functools
import inspect
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import (
    Annotated,
    Any,
    Literal,
    NamedTuple,
    ParamSpec,
    TypeVar,
    Union,
    get_args,
    get_origin,
)

from ssl_jax.errors import Problem, refuse
from ssl_jax.options.kinds import FLOAT32, INT32, OneOf, Range

P = ParamSpec("P")
R = TypeVar("R")
SHOWN = 60  # characters of a default in a remedy
WORDS = {
    int: "a whole number",
    float: "a number",
    bool: "True or False",
    str: "text",
}


class Option(NamedTuple):
    """An option of a function or a class.

    kind: its annotation; that of its default where it has none.
    default: its value where none is given.
    """

    kind: Any
    default: Any


@functools.lru_cache(maxsize=256)
def options_of(function: Callable[..., Any], *without: str) -> dict[str, Option]:
    """The options of a function or a class that have defaults, by name, in their order.

    >>> def make(backbone, *, hidden: int = 2048): ...
    >>> options_of(make)
    {'hidden': Option(kind=<class 'int'>, default=2048)}
    """
    try:
        signature = inspect.signature(function, eval_str=True)
    except Exception:  # an annotation may name what exists for a type checker only
        signature = inspect.signature(function)
    found = {}
    for name, parameter in signature.parameters.items():
        if parameter.default is parameter.empty or name in without:
            continue
        kind = parameter.annotation
        if kind is parameter.empty or isinstance(kind, str):
            kind = _kind_of(parameter.default)
        found[name] = Option(kind, parameter.default)
    return found


def value_problems(options: Mapping[str, Option], values: Mapping[str, Any]) -> Iterator[Problem]:
    """One problem per value that its option cannot have; values without an option are skipped.

    >>> def make(backbone, *, hidden: int = 2048): ...
    >>> [str(problem) for problem in value_problems(options_of(make), {"hidden": 0})]
    ['hidden=0 must be in [1, 2147483647]']
    """
    for key, value in values.items():
        if key in options and (rule := broken_rule(options[key], value)):
            default = repr(options[key].default)
            told = 0 < len(default) <= SHOWN and options[key].default not in ("", (), None)
            yield Problem(key, value, rule, f"its default is {default}" if told else "")


def checked(make: Callable[P, R]) -> Callable[P, R]:
    """Makes a function refuse options that its signature does not allow.

    >>> @checked
    ... def make(*, hidden: int = 2048): ...
    >>> make(hidden=0)
    Traceback (most recent call last):
    ssl_jax.errors.UserError: hidden=0 must be in [1, 2147483647]; its default is 2048
    """
    options = options_of(make)

    @functools.wraps(make)
    def checking(*args: P.args, **kwargs: P.kwargs) -> R:
        refuse(value_problems(options, kwargs))
        return make(*args, **kwargs)

    return checking


def broken_rule(option: Option, value: Any) -> str:
    """The rule that a value breaks, a clause that follows "key=value"; "" if there is none.

    Without a range in the signature, counts are at least 1, or 0 where that is the default, and
    numbers are finite in float32.
    """
    return _broken(option.kind, value, option.default)


def _broken(kind: Any, value: Any, default: Any) -> str:
    rules: list[Any] = []
    if get_origin(kind) is Annotated:
        kind, *rules = get_args(kind)
    if get_origin(kind) is Literal:
        kind, rules = object, [OneOf(get_args(kind)), *rules]
    if get_origin(kind) in (Union, types.UnionType):
        found = [_broken(one, value, default) for one in get_args(kind)]
        if "" not in found or value is None:
            return "" if "" in found else found[0]
        kind = object
    if kind is int and not rules:
        rules = [_count(default)]
    origin = get_origin(kind) or kind
    if inspect.isclass(origin) and origin is not str and issubclass(origin, Sequence):
        broken = _broken_sequence(get_args(kind), value, default)
    else:
        broken = _broken_scalar(kind, value)
    return broken or next((rule.rule for rule in rules if not rule.holds(value)), "")


def _count(default: Any) -> Range:
    """The range of a whole number whose signature states none."""
    least = min(default, 1) if isinstance(default, int) else 1
    return Range(least if least >= 0 else -INT32, INT32)


def _broken_scalar(kind: Any, value: Any) -> str:
    if kind in (type(None), None):
        return "" if value is None else "must be None"
    if (get_origin(kind) or kind) is Callable:
        return "" if callable(value) else "must be a function"
    if kind not in WORDS:
        return ""  # a kind of a user's own
    right = isinstance(value, (int, float) if kind is float else kind)
    if not right or (isinstance(value, bool) and kind is not bool):
        return f"must be {WORDS[kind]}"
    if kind is float and not abs(value) <= FLOAT32:
        return "must be a finite number"
    return ""


def _broken_sequence(kinds: tuple[Any, ...], value: Any, default: Any) -> str:
    fixed = len(kinds) > 1 and kinds[1] is not Ellipsis
    needed = f"{len(kinds)} values" if fixed else "values"
    if not isinstance(value, tuple | list):
        return f"must be a tuple of {needed}"
    if fixed and len(value) != len(kinds):
        return f"must be a tuple of {needed}"
    each = kinds if fixed else kinds[:1] * len(value)
    smallest = min(default) if default else 0
    for one, entry in zip(each, value, strict=False):
        if broken := _broken(one, entry, smallest):
            return f"must be a tuple of {needed}, each of which {broken}"
    return ""


def _kind_of(default: Any) -> Any:
    """What an option without an annotation may be, from its default."""
    if isinstance(default, bool | str):
        return type(default)
    if isinstance(default, int | float):
        return float
    if isinstance(default, tuple | list):
        return tuple
    return object
