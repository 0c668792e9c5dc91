"""Which equations of a name may hold at one entry, so that it is unclear what this is, or one never gets its turn."""

from collections.abc import Iterator
from itertools import combinations

from layergen.definition.faults import PATH
from layergen.definition.grammar import Equation
from layergen.definition.ranges import Ranges
from layergen.definition.scene import Definition
from layergen.diagnostics import Finding, Label, Place
from layergen.lang import expression as ex
from layergen.rules.cases import IllDefined

CONTRARY = {"==": "!=", "!=": "==", "is": "is not", "is not": "is", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}
BY_TURNS = "say by `if` and `else` when each of them holds"


def check_overlaps(definition: Definition, ranges: Ranges) -> Iterator[Finding]:
    """Yield the equations that another one of the name leaves without an entry, or with entries that both may tell."""
    for name, equations in definition.named.items():
        for first, equation in combinations(equations, 2):
            if exclusive(first, equation):
                continue
            told = _unclear(definition, ranges, first, equation)
            if told is not None:
                message, label, help = told
                labels = [Label(Place(PATH, first.span), label)]
                yield IllDefined.at(Place(PATH, equation.span), f"{message} `{name}`", labels=labels, help=help)
                break


def _unclear(
    definition: Definition, ranges: Ranges, first: Equation, equation: Equation
) -> tuple[str, str, str] | None:
    """What is wrong with two equations of a name, what is said of the first one, and what helps."""
    if len(first.indices) != len(equation.indices):
        return "this may hold beside an equation with other indices of", "which is this one", BY_TURNS
    if not _meet(definition, first, equation):
        return None
    apart = _apart(definition, ranges, first, equation)
    if apart is not None:
        help = f"give `{apart}` one range, and choose by a condition: `… if {apart} < … else …`"
        return "an index has another range in this equation of", "than in this one, and both may hold", help
    if _alike(definition, first, equation) and {*first.conditions} <= {*equation.conditions}:
        return "nothing is left for this equation of", "which this one tells before", f"delete one, or {BY_TURNS}"
    return None


def exclusive(one: Equation, other: Equation) -> bool:
    """Whether the conditions of an equation rule out those of another, as those of ``if`` and ``else`` do."""
    return any(_opposite(test, against) for test in one.conditions for against in other.conditions)


def _opposite(one: ex.Expression, other: ex.Expression) -> bool:
    match one, other:
        case (ex.Compare(left=left, operators=("==",), comparators=(ex.Literal(value=value),)),
              ex.Compare(left=same, operators=("==",), comparators=(ex.Literal(value=another),))):  # fmt: skip
            return left == same and value != another
        case ex.Compare(operators=(sign,)), ex.Compare(operators=(against,)) if CONTRARY.get(sign) == against:
            return (one.left, one.comparators) == (other.left, other.comparators)
    return ex.Unary("not", one) == other or ex.Unary("not", other) == one


def _meet(definition: Definition, one: Equation, other: Equation) -> bool:
    """Whether two equations may hold at one entry, for all that their fixed indices say."""
    sides = zip(one.indices, other.indices, definition.free(one), definition.free(other), strict=True)
    return not any(
        (mine is None and theirs is None and _differ(left, right))
        or (mine is None and theirs is not None and is_below_zero(left))
        or (theirs is None and mine is not None and is_below_zero(right))
        for left, right, mine, theirs in sides
    )


def _differ(one: ex.Expression, other: ex.Expression) -> bool:
    return isinstance(one, ex.Literal | ex.Unary) and isinstance(other, ex.Literal | ex.Unary) and one != other


def _alike(definition: Definition, one: Equation, other: Equation) -> bool:
    """Whether two equations have their fixed indices at the same places, and those are the same."""
    sides = zip(one.indices, other.indices, definition.free(one), definition.free(other), strict=True)
    return all((left == right) if mine is None else theirs is not None for left, right, mine, theirs in sides)


def _apart(definition: Definition, ranges: Ranges, one: Equation, other: Equation) -> str | None:
    """The first index that is free in two equations and has a range in each."""
    for place, (mine, theirs) in enumerate(zip(definition.free(one), definition.free(other), strict=True)):
        sizes = [ranges.left(equation, place) for equation in (one, other)]
        if mine is not None and theirs is not None and all(sizes) and sizes[0][0].size != sizes[1][0].size:
            return theirs
    return None


def is_below_zero(index: ex.Expression) -> bool:
    """Whether an index on a left side is fixed before the first one, as where a recurrence begins."""
    return isinstance(index, ex.Unary) and index.operator == "-" and isinstance(index.operand, ex.Literal)
