"""The arguments that a layer gives to a member of another spec, and what that says of them."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from layergen.diagnostics import Label, Place
from layergen.lang import expression as ex
from layergen.lang.bounds import refusal
from layergen.lang.interpreter import EvaluationFault, Interpreter
from layergen.resolve.program import Child, Made
from layergen.run.environment import CONSTANTS
from layergen.run.fault import MemberFault
from layergen.settings.search import values_of


def given_arguments(made: Made, child: Child, given: tuple[list[Any], dict[str, Any]]) -> dict[str, Any]:
    """All arguments of a child, and its derived values.

    Raises:
        MemberFault: If its constructor refuses an argument.
    """
    program, call = child.program, made.call
    by_name = dict(zip(program.arguments, given[0], strict=False)) | given[1]
    symbolic = any(isinstance(part, torch.SymInt) for value in by_name.values() for part in _parts(value))
    if symbolic:
        return _symbolic(child, by_name)
    for name, value in by_name.items():
        problem = refusal(name, program.arguments[name], value)
        if problem:
            label = Label(Place(("arguments", name), key=True), "declared here", child.file)
            raise MemberFault(_argument(call, child, name), f"`{child.name}` refuses it: {problem}", (label,))
    try:
        values = values_of(program, by_name)
        for index, constraint in enumerate(program.constraints):
            if ex.names(constraint) <= values.keys() and not Interpreter(values).truth(constraint):
                label = Label(Place(("constraints", index)), "demanded here", child.file)
                shown = ", ".join(f"{name}={values[name]}" for name in sorted(ex.names(constraint)))
                message = f"`{child.name}` refuses it: expected `{ex.show(constraint)}`, got {shown}"
                raise MemberFault(call, message, (label,))
    except MemberFault:
        raise
    except EvaluationFault as fault:
        raise MemberFault(call, f"`{child.name}` cannot be made: {fault.message}") from None
    return values


def _parts(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else (value,)


def _symbolic(child: Child, given: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a child where they are symbols, which have been found to be allowed at their hints."""
    values: dict[str, Any] = {}
    for name, argument in child.program.decided.items():
        value = given.get(name)
        if name not in given and name in child.program.values and argument.required:
            continue  # a call gives it
        if name not in given and argument.default is not None:
            value = Interpreter({**CONSTANTS, **values}).evaluate(argument.default)
        if argument.type.listed and value is not None and not isinstance(value, str):
            value = tuple(value) if isinstance(value, list | tuple) else (value,) * (argument.type.count or 1)
        values[name] = value
    for name, expression in child.program.derived.items():
        values[name] = Interpreter({**CONSTANTS, **values}).evaluate(expression)
    return values


def _argument(call: ex.Call, child: Child, name: str) -> ex.Node:
    """The part of a constructor's call that gives an argument."""
    position = list(child.program.arguments).index(name)
    if position < len(call.arguments):
        return call.arguments[position]
    return next((keyword.value for keyword in call.keywords if keyword.name == name), call)
