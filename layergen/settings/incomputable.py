"""Why no setting is found where a default, a derived value or a constraint can be computed at none."""

from collections.abc import Iterator
from contextlib import suppress
from itertools import islice, product
from typing import Any

from layergen.diagnostics import Finding, Place
from layergen.lang import expression as ex
from layergen.lang.interpreter import EvaluationFault, Interpreter
from layergen.resolve.program import Member, Program
from layergen.resolve.scope import Scoped
from layergen.rules.cases import Unsatisfiable
from layergen.settings.computable import condition_of
from layergen.settings.search import candidates, values_of
from layergen.words import shorten

TRIES = 200  # settings that are looked at


def incomputable(program: Program) -> Finding | None:
    """The finding for the expression that fails at all settings, if it is the same one everywhere."""
    found: list[EvaluationFault] = []
    for given in islice(_given(program), TRIES):
        if _is_refused(program, given):
            continue  # which a caller is told of before
        fault = _fault(program, given)
        if fault is None or (found and fault.node is not found[0].node):
            return None
        found.append(fault)
    if not found:
        return None
    node = found[0].node
    for part in program.scoped:
        if any(other is node for other in ex.walk(part.expression)):
            shown = f"`{shorten(ex.show(node))}`" if isinstance(node, ex.Expression) else "this"
            message = f"{shown} cannot be computed at any setting: {found[0].message}"
            help = deferred(part) or _help(program, node)
            return Unsatisfiable.at(Place(part.path, node.span), message, help=help)
    return None


def _help(program: Program, node: ex.Node) -> str | None:
    """What to write instead of a number, where that is a list or the index of one."""
    if (help := of_entries(program, node)) is not None:
        return help
    for member in program.members.values():
        constructor = member.constructor
        if isinstance(constructor, ex.Comprehension) and constructor.target.id in ex.names(node):
            index = constructor.target.id
            return f"`{index}` begins at 0 in `{ex.show(constructor.iterable)}`: write `{index} + 1` where that fails"
    condition = condition_of(program, node) if isinstance(node, ex.Subscript) else None
    return f"add the constraint `{ex.show(condition)}`" if condition is not None else None


def of_entries(program: Program, node: ex.Node) -> str | None:
    """What to write where something is computed of a list that is computed of numbers."""
    listed = [part for part in _operands(node) if isinstance(part, ex.Name) and _is_list(program, part.id)]
    if not listed or not isinstance(node, ex.Expression):
        return None

    def of(made: ex.Expression) -> str:
        return f"`{shorten(ex.show(ex.transform(node, lambda part: made if part in listed else None)))}`"

    text = f"`{listed[0].id}` is a list: write it of an entry, {of(ex.Subscript(listed[0], ex.Literal(0)))}"
    return f"{text}, or of all, {of(ex.Call('prod', (listed[0],)))}" if isinstance(node, ex.Call) else text


def _operands(node: ex.Node) -> tuple[ex.Expression, ...]:
    """What an operator or a function of numbers is given."""
    match node:
        case ex.Binary(left=left, right=right):
            return left, right
        case ex.Compare(left=left, comparators=comparators):
            return left, *comparators
        case ex.Unary(operand=operand):
            return (operand,)
        case ex.Call(arguments=arguments):
            return arguments
    return ()


def _is_list(program: Program, name: str) -> bool:
    return name in program.decided and program.decided[name].type.listed


def _given(program: Program) -> Iterator[dict[str, Any]]:
    """Values for the required arguments, whether or not they keep the constraints."""
    names = [name for name, argument in program.arguments.items() if argument.required]
    pools = [candidates(program.arguments[name], defaulted=False) for name in names]
    yield from (dict(zip(names, values, strict=True)) for values in product(*pools))


def deferred(part: Scoped) -> str | None:
    """What to write instead of a default that cannot be computed: no constraint is asked before it."""
    if part.path[0] != "arguments":
        return None
    name = part.path[1]
    return f"let `{name}` be None by default, and compute it behind the constraints: `derived: {{{name}: …}}`"


def _fault(program: Program, given: dict[str, Any]) -> EvaluationFault | None:
    try:
        values = values_of(program, given)
        for constraint in program.argument_constraints:
            Interpreter(values).truth(constraint)
        for member in program.members.values():
            compute_made(member, Interpreter(values))
    except EvaluationFault as fault:
        return fault
    return None


def _is_refused(program: Program, given: dict[str, Any]) -> bool:
    """Whether a constraint on what is given does not hold, as far as that can be told."""
    known = dict(given)
    for name, argument in program.arguments.items():
        if name not in known and argument.default is not None:
            with suppress(EvaluationFault):
                known[name] = Interpreter(known).evaluate(argument.default)
    for constraint in program.argument_constraints:
        with suppress(EvaluationFault):
            if ex.names(constraint) <= known.keys() - program.replaced and not Interpreter(known).truth(constraint):
                return True
    return False


def compute_made(member: Member, interpreter: Interpreter) -> None:
    """Compute what a member is made with, at each index of a list.

    Raises:
        EvaluationFault: If that is impossible.
    """
    if member.when is not None and not interpreter.truth(member.when):
        return
    constructor = member.constructor
    if isinstance(constructor, ex.Comprehension):
        indices = interpreter.items(constructor.iterable)
        turns = [Interpreter({**interpreter.values, constructor.target.id: index}) for index in indices]
    else:
        turns = [interpreter]
    for turn in turns:
        for made in member.made:
            for value in (*made.call.arguments, *(keyword.value for keyword in made.call.keywords)):
                if ex.names(value) <= turn.values.keys():
                    turn.evaluate(value)
