"""Tensors of members that have no elements, and the constraints that would rule them out."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from layergen.diagnostics import Finding, Place
from layergen.faults import SpecError
from layergen.lang import expression as ex
from layergen.lang.interpreter import EvaluationFault, Interpreter
from layergen.resolve.program import Member, Program
from layergen.resolve.torch_module import TorchModule
from layergen.rules.cases import EmptyTensor
from layergen.run.instance import Instance
from layergen.settings.choice import Setting
from layergen.settings.emptiness import help_with, inlined, notes_of


def empty_members(program: Program, setting: Setting) -> Iterator[Finding]:
    """Yield the members of torch that own a tensor without elements at a setting.

    What a layer of another spec is made with is its own to refuse.
    """
    suspects = [(member, *found) for member in program.members.values() for found in _nothing(member, setting)]
    if not suspects:
        return
    try:
        state = Instance(program, setting).state
    except SpecError:
        return  # which is said where the layer is set up
    for member, size, index in suspects:
        own = (name for name, tensor in state.items() if tensor is not None and not tensor.numel())
        prefix = member.name if index is None else f"{member.name}.{index.position}"
        name = next((name for name in own if name.startswith(f"{prefix}.")), None)
        if name is not None:
            whole = inlined(size, program.derived)
            message = f"the tensor `{name}` has no elements: `{ex.show(whole)}` is 0"
            message += f" where `{index.name}` is {index.value}" if index else ""
            help = _help_in_list(whole, index) if index else help_with(program, whole)
            place = Place(("modules", member.name, "module"), size.span)
            yield EmptyTensor.at(place, message, notes=notes_of(program, setting), help=help)
            return


@dataclass(frozen=True)
class Index:
    """One turn of the comprehension that makes a list of members."""

    name: str
    position: int
    value: Any
    of: ex.Expression  # what the comprehension goes through


def _help_in_list(size: ex.Expression, index: Index) -> str:
    """What to write where a size of a list's members is 0 at an index, of which constraints do not speak."""
    if index.value == 0:
        return f"`{index.name}` begins at 0 in `{ex.show(index.of)}`: write `{index.name} + 1` where it is a factor"
    return f"keep the size from 0: `max({ex.show(size)}, 1)`"


def _nothing(member: Member, setting: Setting) -> Iterator[tuple[ex.Expression, Index | None]]:
    """What a module of torch is made with that comes to 0, and in a list the first index at which it does."""
    interpreter = Interpreter(setting.values)
    try:
        if member.when is not None and not interpreter.truth(member.when):
            return
        for turn, index in _turns(member.constructor, interpreter):
            for made in member.made:
                keywords = (keyword.value for keyword in made.call.keywords)
                for given in (*made.call.arguments, *keywords) if isinstance(made.of, TorchModule) else ():
                    value = turn.evaluate(given)
                    if ex.names(given) and type(value) is int and value == 0:
                        yield given, index if index and index.name in ex.names(given) else None
    except EvaluationFault:
        return


def _turns(constructor: ex.Expression, interpreter: Interpreter) -> Iterator[tuple[Interpreter, Index | None]]:
    """What computes the arguments of a member, at each index of a list."""
    if not isinstance(constructor, ex.Comprehension):
        yield interpreter, None
        return
    name = constructor.target.id
    for position, value in enumerate(interpreter.items(constructor.iterable)):
        index = Index(name, position, value, constructor.iterable)
        yield Interpreter({**interpreter.values, name: value}), index
