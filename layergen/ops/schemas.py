"""The signatures of torch's functions, read from torch itself.

All that the ops need of torch's private interfaces stands here. Tried on torch 2.13.

A function of torch has one of two sources of truth. One written in C++ has an *operator schema* for each overload,
``conv2d(Tensor input, Tensor weight, Tensor? bias=None, SymInt[2] stride=1, …) -> Tensor``; one written in Python has
annotations. Whatever has neither, or asks for something that a spec cannot say (a function, a device, a storage), or
returns something other than tensors, has no signature here and so is no op.
"""

import inspect
import types
import typing
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import cache
from typing import Any

import torch
from torch import Tensor, _jit_internal

from layergen.lang.kinds import Kind, Kinds
from layergen.ops.model import TENSORS, Formal, Signature

NUMBER = frozenset({Kind.INT, Kind.FLOAT, Kind.BOOL})
NONE = frozenset({Kind.NONE})
KINDS: dict[str, Kinds] = {
    "Tensor": frozenset({Kind.TENSOR}),
    "int": frozenset({Kind.INT}),
    "float": frozenset({Kind.FLOAT}),
    "number": NUMBER,
    "bool": frozenset({Kind.BOOL}),
    "str": frozenset({Kind.STR}),
    "ScalarType": frozenset({Kind.DTYPE}),
    "List[int]": frozenset({Kind.INTS}),
    "List[float]": frozenset({Kind.FLOATS}),
    "List[number]": frozenset({Kind.FLOATS}),
    "List[Tensor]": frozenset({Kind.TENSORS}),
    "List[Optional[Tensor]]": frozenset({Kind.TENSORS}),
}
ANNOTATIONS: dict[object, Kinds] = {
    Tensor: KINDS["Tensor"],
    int: KINDS["int"],
    float: KINDS["float"],
    bool: KINDS["bool"],
    str: KINDS["str"],
    torch.dtype: KINDS["ScalarType"],
    list[int]: KINDS["List[int]"],
    list[float]: KINDS["List[float]"],
    list[Tensor]: KINDS["List[Tensor]"],
    types.NoneType: NONE,
    None: frozenset({Kind.INT, Kind.INTS}),  # what is left at run time of torch's `BroadcastingList2[int]`
}
ALIASES = {"dim": ("axis",), "keepdim": ("keepdims",)}  # of the parser that all functions written in C++ share
SPARSE = "sparse"  # asks for a gradient that is a sparse tensor, which most optimizers and checks do not take
HIDDEN = frozenset({"out", "pin_memory", "non_blocking", "requires_grad", "size_average", SPARSE})


def from_operator(name: str, operator: str, *, method: bool = False) -> tuple[Signature, ...]:
    """The signatures of a function written in C++, one for each overload.

    Args:
        name: The op's name in a spec.
        operator: The operator's name: ``fft_rfft`` for ``torch.fft.rfft``.
        method: Whether it is called as a method of its first argument.
    """
    found = (_from_schema(name, schema, method=method) for schema in _schemas(operator))
    return tuple(signature for signature in found if signature)


def from_text(name: str, text: str, *, method: bool = False) -> tuple[Signature, ...]:
    """The signature that a text in torch's own schema language says."""
    signature = _from_schema(name, torch._C.parse_schema(text), method=method)
    return (signature,) if signature else ()


def from_annotations(name: str, function: Callable[..., Any]) -> tuple[Signature, ...]:
    """The signature of a function written in Python, if it is a function of tensors."""
    both = _jit_internal.boolean_dispatched.get(function)  # `max_pool2d` and the like: two functions in one
    described = inspect.signature(both["if_true"] if both else function)
    deprecated = HIDDEN | {"reduce"} if "size_average" in described.parameters else HIDDEN
    parameters = [_from_annotation(parameter, deprecated) for parameter in described.parameters.values()]
    returned = KINDS["Tensor"] if described.return_annotation is Tensor else KINDS["List[Tensor]"]
    signature = _signature(name, parameters, TENSORS if both else returned)
    if signature and both:
        signature = replace(signature, switch=str(both["arg_name"]))
    return (signature,) if signature else ()


def is_random(operator: str) -> bool:
    """Whether an operator may draw random numbers."""
    overloads = (schema.overload_name for schema in _schemas(operator))
    tags = (torch._C._get_operation_overload(f"aten::{operator}", overload)[2] for overload in overloads)
    return any(torch.Tag.nondeterministic_seeded in found for found in tags)


@cache
def _registered() -> frozenset[str]:
    """All operators of tensors. TorchScript knows others by similar names, such as ``aten::save``."""
    return frozenset(torch._C._dispatch_get_all_op_names())


def _schemas(operator: str) -> Iterator[Any]:
    """The schemas of an operator's overloads, the shortest first."""
    qualified = f"aten::{operator}"
    found = torch._C._jit_get_schemas_for_operator(qualified)
    for schema in sorted(found, key=lambda schema: (len(schema.arguments), schema.overload_name)):
        overload = f"{qualified}.{schema.overload_name}" if schema.overload_name else qualified
        names_dimensions = "name" in schema.overload_name.lower()  # named tensors are given up
        if overload in _registered() and not names_dimensions:
            yield schema


def _from_schema(name: str, schema: Any, *, method: bool) -> Signature | None:
    returned = [str(value.type) for value in schema.returns]
    written = any(argument.alias_info and argument.alias_info.is_write for argument in schema.arguments)
    if not returned or set(returned) - {"Tensor", "List[Tensor]"} or written != name.endswith("_"):
        return None
    parameters = [_from_argument(argument) for argument in schema.arguments]
    if method:
        parameters[0] = replace(parameters[0], positional_only=True)
    listed = [parameter for parameter in parameters if not parameter.keyword_only and not parameter.positional_only]
    if len(listed) == 1 and Kind.INTS in listed[0].accepts:
        parameters[parameters.index(listed[0])] = replace(listed[0], variadic=True)
    makes = any(str(argument.type) == "Optional[Device]" for argument in schema.arguments)
    returns = KINDS["Tensor"] if returned == ["Tensor"] else KINDS["List[Tensor]"]
    return _signature(name, parameters, returns, makes=makes)


def _from_argument(argument: Any) -> Formal:
    """The parameter that an operator's argument is to a caller in Python."""
    written = str(argument.real_type)
    text = written.removeprefix("Optional[").removesuffix("]") if written.startswith("Optional[") else written
    accepts = frozenset[Kind]() if argument.name in HIDDEN else KINDS.get(text, frozenset())
    default = argument.default_value
    if accepts and text != written:
        accepts |= NONE
    if argument.N is not None and text.startswith("List["):  # a list of fixed length may be given as one number
        accepts |= {Kind.INT if Kind.INTS in accepts else Kind.FLOAT}
        default = default[0] if default and len(set(default)) == 1 else default
    return Formal(
        name="input" if argument.name == "self" else argument.name,
        accepts=accepts,
        required=not argument.has_default_value(),
        keyword_only=argument.kwarg_only,
        default=default,
        aliases=ALIASES.get(argument.name, ()),
    )


def _from_annotation(parameter: inspect.Parameter, hidden: frozenset[str]) -> Formal:
    private = parameter.name.startswith("_") or parameter.name in hidden
    accepts = frozenset[Kind]() if private else _annotated(parameter.annotation)
    if parameter.name == "dtype" and accepts:  # annotated as an int, as TorchScript has it
        accepts = KINDS["ScalarType"] | NONE
    required = parameter.default is inspect.Parameter.empty
    return Formal(
        name=parameter.name,
        accepts=accepts,
        required=required,
        keyword_only=parameter.kind is inspect.Parameter.KEYWORD_ONLY,
        tupled=parameter.annotation in (None, types.NoneType),
        default=None if required else parameter.default,
    )


def _annotated(annotation: object) -> Kinds:
    if annotation is types.NoneType:  # `BroadcastingList2[int] | None`
        return ANNOTATIONS[None] | NONE
    members = typing.get_args(annotation) if _is_union(annotation) else (annotation,)
    return frozenset[Kind]().union(*(ANNOTATIONS.get(member, frozenset()) for member in members))


def _is_union(annotation: object) -> bool:
    return typing.get_origin(annotation) in (typing.Union, types.UnionType)


def _signature(name: str, parameters: Iterable[Formal], returns: Kinds, *, makes: bool = False) -> Signature | None:
    """A signature of what a spec can set, unless more than that is required, or no tensor comes in or is made."""
    kept: list[Formal] = []
    hidden = False
    for parameter in parameters:
        if parameter.accepts:
            kept.append(replace(parameter, keyword_only=parameter.keyword_only or hidden))
        elif parameter.required:
            return None
        else:
            hidden = True  # what follows can be reached by keyword alone
    takes = any(parameter.accepts & TENSORS for parameter in kept)
    reads_text = any(Kind.STR in parameter.accepts for parameter in kept)
    return Signature(name, tuple(kept), returns) if takes or (makes and not reads_text) else None
