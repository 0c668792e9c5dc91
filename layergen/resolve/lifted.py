"""The constraints of a layer's members, said in its own arguments: what it refuses because they do."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, product

from layergen.lang import expression as ex
from layergen.lang.argument_types import ArgumentType, Base
from layergen.lang.interpreter import EvaluationFault, Interpreter
from layergen.resolve.program import Child, Made, Member, Program

MOST = 3  # names in a constraint that is looked at with numbers
SMALL = 13  # numbers that each of them is given
TRUE, FALSE = ex.Literal(True), ex.Literal(False)
Names = Mapping[str, ex.Expression]  # what each name of a child is to its owner


@dataclass(frozen=True)
class Lifted:
    """A constraint of a member, where there is the member."""

    constraint: ex.Expression
    when: ex.Expression = TRUE


def lifted(program: Program) -> tuple[Lifted, ...]:
    """What the members of a layer demand of its arguments beyond its own constraints, as far as words can say it."""
    made = ((member, made) for member in program.members.values() for made in member.made)
    found: list[Lifted] = []
    for each in chain.from_iterable(_of_member(program, member, one) for member, one in made):
        known = [
            *program.argument_constraints,
            *(other.constraint for other in found if other.when in (TRUE, each.when)),
        ]
        if not _follows(program, each.constraint, known):
            found.append(each)
    return tuple(found)


def _of_member(program: Program, member: Member, made: Made) -> Iterator[Lifted]:
    child = made.of
    if not isinstance(child, Child):
        return
    names = _handed(made.call, child.program)
    listed = {name for name, argument in child.program.arguments.items() if argument.type.listed}
    own = _defined(program, {})
    for each in (*map(Lifted, child.program.argument_constraints), *lifted(child.program)):
        if (ex.names(each.constraint) | ex.names(each.when)) & listed:  # whose entries are not words of the owner
            continue
        when = (
            _said(each.when, names) if member.when is None else ex.Binary("and", member.when, _said(each.when, names))
        )
        constraint, when = (_folded(_said(part, own)) for part in (_said(each.constraint, names), when))
        sayable = ex.names(constraint) | ex.names(when) <= {*program.arguments}
        if sayable and not isinstance(constraint, ex.Literal) and when != FALSE:
            yield Lifted(constraint, when)


def _handed(call: ex.Call, child: Program) -> Names:
    """What the arguments and derived values of a child are, in the words of its owner."""
    given = dict(zip(child.arguments, call.arguments, strict=False))
    given |= {keyword.name: keyword.value for keyword in call.keywords}
    names: dict[str, ex.Expression] = {}
    for name, argument in child.arguments.items():
        if name in given:
            names[name] = given[name]
        elif argument.default is not None:
            names[name] = _said(argument.default, names)
    return _defined(child, names)


def _defined(program: Program, names: Names) -> Names:
    """What the derived values of a layer are, beside what its other names are."""
    found = dict(names)
    for name, value in program.derived.items():
        found[name] = _said(value, found)
    return found


def _follows(program: Program, constraint: ex.Expression, known: Sequence[ex.Expression]) -> bool:
    """Whether no small numbers are seen to break a constraint and keep those that are known."""
    names = sorted(ex.names(constraint))
    arguments = [program.arguments[name] for name in names]
    if constraint in known or len(names) > MOST or any(part.type != ArgumentType(Base.INT) for part in arguments):
        return constraint in known
    about = [other for other in known if ex.names(other) <= {*names}]
    lows = [part.min if isinstance(part.min, int) else 1 for part in arguments]
    for point in product(*(range(low, low + SMALL) for low in lows)):
        interpreter = Interpreter(dict(zip(names, point, strict=True)))
        try:
            if all(map(interpreter.truth, about)) and not interpreter.truth(constraint):
                return False
        except EvaluationFault:
            continue
    return True


def _said(node: ex.Expression, names: Names) -> ex.Expression:
    """An expression of a child in the words of its owner."""
    return ex.transform(node, lambda part: names.get(part.id) if isinstance(part, ex.Name) else None)


def _folded(node: ex.Expression) -> ex.Expression:
    """An expression without what is known: comparisons of constants, and what they decide."""
    node = ex.with_children(node, _folded)
    match node:
        case ex.Binary(operator="and" | "or" as word, left=left, right=right):
            decides, idle = (FALSE, TRUE) if word == "and" else (TRUE, FALSE)
            if decides in (left, right):
                return decides
            return right if left == idle else left if right == idle else node
        case ex.Binary(operator="%", left=left, right=right) if right in (left, ex.Literal(1)):
            return ex.Literal(0)
        case ex.Binary(operator="//", left=left, right=ex.Literal(value=1)):
            return left
        case ex.Compare() | ex.Unary() | ex.Binary() | ex.Conditional() if not ex.names(node):
            try:
                value = Interpreter({}).evaluate(node)
            except EvaluationFault:
                return node
            return replace(ex.Literal(value), kinds=node.kinds) if isinstance(value, bool | int | float) else node
    return node
