"""Families: tensors that are declared together, one for every index; what is wrong with them, and what they become."""

import operator
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from layergen.diagnostics import Finding, Label, Path, Place
from layergen.lang import expression as ex
from layergen.lang.interpreter import EvaluationFault, Interpreter
from layergen.lang.model import Buffer, LayerSpec, Parameter
from layergen.lang.values import Family
from layergen.lang.visitor import expressions, mapped
from layergen.resolve.program import Program
from layergen.resolve.reserved import reserved_names
from layergen.resolve.scope import CONSTANTS
from layergen.rules.calls import WholeFamily
from layergen.rules.names import ShadowedName

LARGEST = 1000  # tensors of a family
Owned = TypeVar("Owned", Parameter, Buffer)


def families(spec: LayerSpec) -> dict[str, Parameter | Buffer]:
    """The families among the tensors of a layer."""
    return {name: tensor for name, tensor in spec.tensors.items() if tensor.each is not None}


def check_families(spec: LayerSpec) -> Iterator[Finding]:
    """Yield what is wrong with the names of families, and where one is read as a whole."""
    found = families(spec)
    tied = next((tie.each for tie in spec.ties if tie.each is not None), None)
    if tied is not None:
        yield from _check_index(spec, tied.index, Place(("ties", *tied.path), key=True))
    for name, tensor in found.items():
        assert tensor.each is not None
        place = Place((_section(spec, name), name, *tensor.each.path), key=True)
        yield from _check_index(spec, tensor.each.index, place)
        yield from _check_names(spec, name, tensor)
    if not found:
        return
    for expression in expressions(spec.forward):
        yield from _whole(expression, ("forward",), found)
    if spec.penalty is not None:
        yield from _whole(spec.penalty, ("penalty",), found)
    scalars = {*spec.arguments, *spec.derived}
    for name, tensor in spec.tensors.items():
        path = (_section(spec, name), name, "init")
        for expression in tensor.init.expressions:
            yield from _whole(expression, path, {other: part for other, part in found.items() if other not in scalars})


def _section(spec: LayerSpec, name: str) -> str:
    return "parameters" if name in spec.parameters else "buffers"


def _check_index(spec: LayerSpec, index: str, place: Place) -> Iterator[Finding]:
    if index in {*spec.arguments, *spec.derived, *spec.tensors, *spec.modules, *CONSTANTS, *Parameter.model_fields}:
        yield ShadowedName.at(place, f"the index `{index}` has a meaning already", help="choose another name")
    else:
        yield from reserved_names(index, place)


def _check_names(spec: LayerSpec, name: str, tensor: Parameter | Buffer) -> Iterator[Finding]:
    """The names that are made of numbers are those of nothing else."""
    if tensor.named is None:
        return
    before, after = tensor.name("\0").split("\0")
    for section in ("arguments", "derived", "parameters", "buffers"):
        for other, part in getattr(spec, section).items():
            taken = getattr(part, "named", None)
            own = other if taken is None else part.name("0")
            middle = own[len(before) : len(own) - len(after)]
            made = own.startswith(before) and own.endswith(after) and middle.isdigit()
            if made and not (section == _section(spec, name) and other == name):
                place = Place((_section(spec, name), name, "named"))
                label = Label(Place((section, other), key=True), "has it already")
                yield ShadowedName.at(place, f"one of these names is `{own}`", labels=(label,), help="choose others")
                return


def _whole(node: ex.Node, path: Path, found: Mapping[str, Parameter | Buffer]) -> Iterator[Finding]:
    """The places at which a family is read otherwise than one tensor at a time."""
    match node:
        case ex.Subscript(value=ex.Name(id=name), index=index) if name in found:
            if isinstance(index, ex.Slice | ex.Sequence) or index == ex.Literal(None):
                message = f"`{ex.show(node)}` is none of the tensors of `{name}`, which are read one at a time"
                yield WholeFamily.at(Place(path, node.span), message, help=f"write `{name}[0]`, and go on from there")
            yield from _whole(index, path, found)
        case ex.Compare(left=ex.Name(id=name), operators=("is" | "is not",)) if name in found:
            return
        case ex.Name(id=name) if name in found:
            message = f"`{name}` is a family of tensors, which are read one at a time"
            yield WholeFamily.at(Place(path, node.span), message, help=f"write `{name}[0]`, or `{name}[k]` in a loop")
        case _:
            for child in node.children:
                yield from _whole(child, path, found)


def count_of(family: Family, interpreter: Interpreter) -> int:
    """How many tensors a family has by the values of an interpreter; of a symbol, the number that it stands for.

    Raises:
        EvaluationFault: If that is no number of tensors.
    """
    value = interpreter.evaluate(family.count)
    try:
        count = -1 if isinstance(value, bool) else operator.index(value)
    except TypeError:
        count = -1
    if not 0 <= count <= LARGEST:
        raise EvaluationFault(family.count, f"a family has from 0 to {LARGEST} tensors, got `{value}`")
    return count


def at_values(program: Program, values: Mapping[str, Any]) -> Program:
    """A program at the numbers of a setting.

    Raises:
        EvaluationFault: If the number of some tensors cannot be computed.
    """
    interpreter = Interpreter(values)
    parts = program.families.items()
    return expanded(program, {name: count_of(part.each, interpreter) for name, part in parts if part.each})


def expanded(program: Program, counts: Mapping[str, int]) -> Program:
    """A program in which each family has become its tensors, by the names that they have in the state dict.

    Args:
        program: The program.
        counts: How many tensors each family has.
    """
    if not counts:
        return program
    key = tuple(counts.items())
    if key not in program.expansions:
        program.expansions[key] = _expanded(program, counts)
    return program.expansions[key]


def _expanded(program: Program, counts: Mapping[str, int]) -> Program:
    members = {name: tuple(_names(name, program.tensors[name], count)) for name, count in counts.items()}
    order = [member for name in program.initial_order for member in members.get(name, (name,))]
    return replace(
        program,
        parameters=_members(program.parameters, members),
        buffers=_members(program.buffers, members),
        initial_order=tuple(order),
        kin=members,
        declared={member: name for name, several in members.items() for member in several},
    )


def _names(name: str, tensor: Parameter | Buffer, count: int) -> Iterator[str]:
    for index in range(count):
        yield tensor.name(index) if tensor.named is not None else f"{name}.{index}"


def _members(tensors: Mapping[str, Owned], members: Mapping[str, tuple[str, ...]]) -> dict[str, Owned]:
    """The tensors in the order of a state dict: those of lists come last."""
    own: dict[str, Owned] = {}
    lists: dict[str, Owned] = {}
    waiting = list(tensors.items())
    while waiting:
        name, tensor = waiting.pop(0)
        if name not in members:
            own[name] = tensor
        elif tensor.named is None:
            lists |= {member: _member(tensor, index) for index, member in enumerate(members[name])}
        else:  # neighbours that one loop makes
            together = [(name, tensor)]
            while waiting and made_together(tensor, waiting[0][1]):
                together.append(waiting.pop(0))
            for index in range(len(members[name])):
                own |= {members[other][index]: _member(part, index) for other, part in together}
    return own | lists


def made_together(first: Parameter | Buffer, second: Parameter | Buffer) -> bool:
    """Whether one loop makes the tensors of two families that are neighbours."""
    return first.named is not None and second.named is not None and first.each == second.each


Run = list[tuple[str, Parameter | Buffer]]  # neighbours that one loop makes, or a tensor by itself


def loops(tensors: Mapping[str, Parameter | Buffer]) -> Iterator[Run]:
    """Tensors in their order, those together that one loop makes."""
    run: Run = []
    for name, tensor in tensors.items():
        if run and not made_together(run[-1][1], tensor):
            yield run
            run = []
        run.append((name, tensor))
    if run:
        yield run


def shared_condition(run: Run) -> ex.Expression | None:
    """The condition under which there are all tensors of a run, if it is the same for each."""
    first, *others = (common_condition(tensor) for _, tensor in run)
    return first if all(other == first for other in others) else None


def asked_inside(run: Run) -> bool:
    """Whether a run's loop asks turn by turn for some of its tensors."""
    return any(tensor.when is not None and tensor.when != shared_condition(run) for _, tensor in run)


def _member(tensor: Owned, index: int) -> Owned:
    """One tensor of a family."""
    assert tensor.each is not None
    name = ex.Name(tensor.each.index)

    def at(node: ex.Expression) -> ex.Expression:
        return ex.transform(node, lambda part: replace(ex.Literal(index), span=part.span) if part == name else None)

    shape = tuple(map(at, tensor.shape)) if isinstance(tensor.shape, tuple) else at(tensor.shape)
    init = replace(tensor.init, value=at(tensor.init.value), before=mapped(tensor.init.before, at))
    update: dict[str, object] = {"shape": shape, "init": init, "each": None, "named": None}
    if tensor.when is not None:
        update["when"] = at(tensor.when)
    if isinstance(tensor, Parameter) and tensor.requires_grad is not None:
        update["requires_grad"] = at(tensor.requires_grad)
    return tensor.model_copy(update=update)


def misses_some(tensor: Parameter | Buffer) -> bool:
    """Whether some tensors of a family may not be there."""
    return tensor.each is not None and tensor.when is not None and tensor.each.index in ex.names(tensor.when)


def common_condition(tensor: Parameter | Buffer) -> ex.Expression | None:
    """The condition under which there is a tensor, or a family at all."""
    return None if misses_some(tensor) else tensor.when
