"""What the constructors of members are given fits what the specs of these demand, as far as it can be read."""

from collections.abc import Iterator, Mapping
from contextlib import suppress

from layergen.diagnostics import Finding, Label, Place
from layergen.lang import expression as ex
from layergen.lang.bounds import refusal
from layergen.lang.interpreter import EvaluationFault, Interpreter
from layergen.resolve.program import Child, Constructible, Member, Program
from layergen.rules.members import WrongMember
from layergen.words import listed


def check_handed(call: ex.Call, of: Constructible, member: Member, program: Program) -> Iterator[Finding]:
    """Yield what a constructor is given and refuses: a value that stands there, or a choice of an argument."""
    if not isinstance(of, Child):
        return
    for name, node in _given(call, of).items():
        problem = _refused(name, node, of) or _choices(name, node, of, member, program)
        if problem:
            label = Label(Place(("arguments", name), key=True), "declared here", of.file)
            place = Place(("modules", member.name, "module"), node.span)
            yield WrongMember.at(place, f"`{of.name}` refuses {problem}", labels=(label,))


def _given(call: ex.Call, of: Child) -> Mapping[str, ex.Expression]:
    """What the arguments of a child are given."""
    positional = dict(zip(of.program.arguments, call.arguments, strict=False))
    given = {**positional, **{keyword.name: keyword.value for keyword in call.keywords}}
    return {name: node for name, node in given.items() if name in of.program.arguments}


def _refused(name: str, node: ex.Expression, of: Child) -> str | None:
    """What is wrong with a value without names."""
    if ex.names(node):
        return None
    with suppress(EvaluationFault):
        problem = refusal(name, of.program.arguments[name], Interpreter({}).evaluate(node))
        return f"it: {problem}" if problem else None
    return None


def _choices(name: str, node: ex.Expression, of: Child, member: Member, program: Program) -> str | None:
    """Which choices of an argument that is handed on are none of the child's, unless a condition may leave them out."""
    if not isinstance(node, ex.Name) or node.id not in program.arguments:
        return None
    conditions = (*program.argument_constraints, *([member.when] if member.when is not None else []))
    if any(node.id in ex.names(condition) for condition in conditions):
        return None
    ours, theirs = program.arguments[node.id].choices or (), of.program.arguments[name].choices
    beyond = [f"`{choice!r}`" for choice in ours if theirs and choice not in theirs]
    if not beyond:
        return None
    taken = listed([f"`{choice!r}`" for choice in theirs or ()], "or")
    return f"{listed(beyond)}, which `{node.id}` may be: `{name}` must be {taken}"
