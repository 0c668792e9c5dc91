"""Labels that are all the one which a forward compares them with: where that counts for nothing, nothing is left."""

from collections.abc import Callable, Iterator
from itertools import islice

import torch

from layergen.domains.site import Edge
from layergen.lang import expression as ex
from layergen.lang.bounds import refusal
from layergen.lang.interpreter import EvaluationFault, Interpreter
from layergen.lang.visitor import nodes
from layergen.resolve.program import Program
from layergen.run.instance import Instance

EQUATIONS = frozenset({"==", "!="})
EQUAL = frozenset({"eq", "ne"})
IGNORED = "ignore_index"  # by which ops of torch are told what counts for nothing
EDGES = frozenset({Edge.DIVISION, Edge.IGNORED, Edge.EMPTY, Edge.LOGARITHM, Edge.SPREAD})
MOST = 4  # numbers that are tried


def labels(instance: Instance) -> tuple[int, ...]:
    """The numbers that a forward compares with or tells ops to ignore, as far as an integer input may have them."""
    ranges = [(int(low), int(high)) for name, (low, high) in instance.ranges() if is_label(instance, name)]
    interpreter = Interpreter(instance.setting.names)
    found = dict.fromkeys(number for part in _compared(instance.program) for number in _number(part, interpreter))
    there = (number for number in found if any(low <= number < high for low, high in ranges))
    return tuple(islice(there, MOST))


def sought(instance: Instance) -> dict[str, int | None]:
    """Of each integer input of a forward that compares some with an argument, a number that it looks for there."""
    program = instance.program
    if not any(isinstance(part, ex.Name) and part.id in program.arguments for part in _compared(program)):
        return {}
    ranges = dict(instance.ranges())
    found: dict[str, int | None] = {}
    for name in ranges:
        if is_label(instance, name):
            low, high = ranges[name]
            tensor = instance.inputs[name]
            inside = (number for number in labels(instance) if low <= number < high)
            found[name] = next(inside, None) if tensor is not None and tensor.numel() > 1 else None
    return found


def all_of(number: int) -> Callable[[Instance], None]:
    """Makes all labels the same, in the inputs that may have it."""

    def change(instance: Instance) -> None:
        for name, (low, high) in instance.ranges():
            tensor = instance.inputs[name]
            if tensor is not None and is_label(instance, name) and low <= number < high:
                tensor.fill_(number)

    return change


def is_label(instance: Instance, name: str) -> bool:
    """Whether an input is there and has integers."""
    tensor = instance.inputs[name]
    return tensor is not None and not instance.program.inputs[name].floating and tensor.dtype is not torch.bool


def compared_arguments(program: Program, instance: Instance) -> Iterator[tuple[str, int]]:
    """The arguments that labels are compared with, and a label that each may be where it is none."""
    ranges = [(int(low), int(high)) for name, (low, high) in instance.ranges() if is_label(instance, name)]
    names = {part.id for part in _compared(program) if isinstance(part, ex.Name)}
    for name, argument in program.arguments.items():
        value = instance.setting.values[name]
        outside = type(value) is int and not any(low <= value < high for low, high in ranges)
        if name in names and outside:
            for low, _ in ranges[:1]:
                if not refusal(name, argument, low):
                    yield name, low


def _compared(program: Program) -> Iterator[ex.Expression]:
    for node in nodes(program.forward.statements):
        match node:
            case ex.Compare(left, (sign, *_), (right, *_)) if sign in EQUATIONS:
                yield from (left, right)
            case ex.Call(function=function, arguments=arguments, keywords=keywords):
                yield from arguments if function in EQUAL else ()
                yield from (keyword.value for keyword in keywords if keyword.name == IGNORED)


def _number(part: ex.Expression, interpreter: Interpreter) -> Iterator[int]:
    """The integer that an expression in arguments is."""
    try:
        value = interpreter.evaluate(part)
    except EvaluationFault:
        return
    if type(value) is int:
        yield value
