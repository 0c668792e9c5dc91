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
    """The numbers that integer inputs may have as labels that stand for something else than the others do."""
    found = dict.fromkeys(number for _, own in labelled(instance) for number in own)
    compared = dict.fromkeys(_numbers(instance))
    ordered = [*(number for number in compared if number in found), *(n for n in found if n not in compared)]
    return tuple(islice(ordered, MOST))


def labelled(instance: Instance) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Of each integer input, the numbers that it says it may have beside its range.

    Of one that does not say so, those that the forward compares with or tells ops to ignore, if it may have them.
    """
    compared = tuple(dict.fromkeys(_numbers(instance)))
    for name, (low, high) in instance.ranges():
        if is_label(instance, name):
            told = instance.program.inputs[name].also
            yield name, instance.also(name) if told else tuple(one for one in compared if int(low) <= one < int(high))


def sought(instance: Instance) -> dict[str, int | None]:
    """Of each integer input of a forward that takes some for special, a number that it looks for there."""
    program = instance.program
    told = any(part.also for part in program.inputs.values())
    if not told and not any(isinstance(part, ex.Name) and part.id in program.arguments for part in _compared(program)):
        return {}
    found: dict[str, int | None] = {}
    for name, own in labelled(instance):
        tensor = instance.inputs[name]
        found[name] = next(iter(own[:MOST]), None) if tensor is not None and tensor.numel() > 1 else None
    return found


def all_of(number: int) -> Callable[[Instance], None]:
    """Makes all labels the same, in the inputs that may have it."""

    def change(instance: Instance) -> None:
        for name, own in labelled(instance):
            tensor = instance.inputs[name]
            low, high = dict(instance.ranges())[name]
            if tensor is not None and (number in own or low <= number < high):
                tensor.fill_(number)

    return change


def is_label(instance: Instance, name: str) -> bool:
    """Whether an input is there and has integers."""
    tensor = instance.inputs[name]
    return tensor is not None and not instance.program.inputs[name].floating and tensor.dtype is not torch.bool


def compared_arguments(program: Program, instance: Instance) -> Iterator[tuple[str, int]]:
    """The arguments that labels are compared with, and a label that each may be where it is none."""
    told = {name for name, part in program.inputs.items() if part.also}
    ranges = [
        (int(low), int(high))
        for name, (low, high) in instance.ranges()
        if is_label(instance, name) and name not in told
    ]
    names = {part.id for part in _compared(program) if isinstance(part, ex.Name)}
    names -= {part.id for name in told for part in program.inputs[name].also if isinstance(part, ex.Name)}
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


def _numbers(instance: Instance) -> Iterator[int]:
    """The numbers that a forward compares with or tells ops to ignore."""
    interpreter = Interpreter(instance.setting.names)
    for part in _compared(instance.program):
        yield from _number(part, interpreter)


def _number(part: ex.Expression, interpreter: Interpreter) -> Iterator[int]:
    """The integer that an expression in arguments is."""
    try:
        value = interpreter.evaluate(part)
    except EvaluationFault:
        return
    if type(value) is int:
        yield value
