"""The initializers of torch.nn.init and the modules of torch.nn, as ops whose calls can be checked like any other."""

import inspect
import typing
from collections.abc import Callable
from functools import cache
from typing import Any

from torch import nn

from layergen.lang.inits import INITIALIZERS
from layergen.lang.kinds import Kind
from layergen.ops.model import Formal, Op, Signature
from layergen.ops.schemas import SPARSE

ANYTHING = frozenset(Kind)
TENSOR = frozenset({Kind.TENSOR})
ANNOTATIONS = {
    int: frozenset({Kind.INT}),
    float: frozenset({Kind.FLOAT}),
    bool: frozenset({Kind.BOOL}),
    str: frozenset({Kind.STR}),
}
VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
HIDDEN = {"self", "tensor", "generator", "device", "dtype", SPARSE}  # what generated code gives itself, and no one


@cache
def find_initializer(name: str) -> Op | None:
    """The initializer that a spec calls without its underscore."""
    if name not in INITIALIZERS:
        return None
    return _op(name, f"init.{name}_", getattr(nn.init, f"{name}_"))


@cache
def find_module(name: str) -> Op | None:
    """The class of torch.nn that a spec calls as ``nn.Conv2d``."""
    bare = name.removeprefix("nn.")
    found = getattr(nn, bare, None) if bare.isidentifier() else None
    if not (isinstance(found, type) and issubclass(found, nn.Module)):
        return None
    return _op(name, name, found)


@cache
def module_names() -> tuple[str, ...]:
    """The names of all modules of torch.nn, as a spec writes them."""
    return tuple(sorted(f"nn.{name}" for name in dir(nn) if find_module(f"nn.{name}")))


def options_after(name: str) -> int:
    """How many parameters of a module's constructor stand before ``device`` and ``dtype``."""
    found = find_module(name)
    assert found is not None, "the module of `matches` has been found before"
    names = list(_described(found.function).parameters)
    names = names[1:] if names[:1] == ["self"] else names
    return names.index("device") if "device" in names else len(names)


def _op(name: str, python: str, function: Callable[..., Any]) -> Op:
    parameters = [
        _parameter(parameter)
        for parameter in _described(function).parameters.values()
        if parameter.name not in HIDDEN and not parameter.name.startswith("_") and parameter.kind not in VARIADIC
    ]
    signature = Signature(name, tuple(parameters), TENSOR)
    return Op(name, "torch", python, function, (signature,), methodic=False, random=False, floating=None, untyped=False)


def _described(function: Callable[..., Any]) -> inspect.Signature:
    """What a function takes: `nn.LSTM` says in an overload what its `*args` are; `nn.Tanh` has no use for any."""
    overloads = typing.get_overloads(function.__init__) if isinstance(function, type) else ()  # type: ignore[misc]
    return inspect.signature(next(iter(overloads), function))


def _parameter(parameter: inspect.Parameter) -> Formal:
    required = parameter.default is inspect.Parameter.empty
    return Formal(
        name=parameter.name,
        accepts=ANNOTATIONS.get(parameter.annotation, ANYTHING),
        required=required,
        keyword_only=parameter.kind is inspect.Parameter.KEYWORD_ONLY,
        default=None if required else parameter.default,
    )
