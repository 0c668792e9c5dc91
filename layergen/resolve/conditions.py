"""What is known where a condition holds: the single questions in it, each with its answer."""

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace

from layergen.lang import expression as ex

Facts = frozenset[tuple[ex.Expression, bool]]  # questions that stand for themselves, and their answers

NOTHING: Facts = frozenset()
OPPOSITES = {"is not": "is", "!=": "==", "not in": "in"}


def facts(test: ex.Expression, holds: bool = True) -> Facts:
    """What is known where a condition holds, or where it does not."""
    match test:
        case ex.Unary(operator="not", operand=operand):
            return facts(operand, not holds)
        case ex.Binary(operator="and" | "or" as word, left=left, right=right) if holds == (word == "and"):
            return facts(left, holds) | facts(right, holds)
        case ex.Compare(left=left, operators=(sign,), comparators=comparators) if sign in OPPOSITES:
            return facts(ex.Compare(left, (OPPOSITES[sign],), comparators), not holds)
        case _:
            return frozenset({(test, holds)})


def present(name: str) -> Facts:
    """What is known where a value is not None."""
    return facts(ex.Compare(ex.Name(name), ("is not",), (ex.Literal(None),)))


def without_questions(node: ex.Expression, names: Collection[str]) -> ex.Expression:
    """An expression in which it is known of some values whether they are None."""

    def known(part: ex.Expression) -> ex.Expression | None:
        match part:
            case ex.Compare(left=ex.Name(id=name), operators=("is" | "is not",), comparators=(ex.Literal(value=None),)):
                return ex.Literal(True, span=part.span) if name in names else None
        return None

    return ex.transform(node, known) if names else node


def settled(test: ex.Expression, name: str) -> ex.Expression:
    """What is left of a condition where a value is known not to be None."""
    match test:
        case ex.Compare(left=ex.Name(id=asked), operators=("is" | "is not" as sign,), comparators=(ex.Literal(None),)):
            return ex.Literal(sign == "is not") if asked == name else test
        case ex.Unary(operator="not", operand=operand):
            inner = settled(operand, name)
            return ex.Literal(not inner.value) if isinstance(inner, ex.Literal) else replace(test, operand=inner)
        case ex.Binary(operator="and" | "or" as word, left=left, right=right):
            sides = settled(left, name), settled(right, name)
            for one, other in (sides, sides[::-1]):
                if isinstance(one, ex.Literal):  # True decides an `or`, and falls away in an `and`
                    return one if bool(one.value) == (word == "or") else other
            return replace(test, left=sides[0], right=sides[1])
    return test


def exclude(one: Facts, other: Facts) -> bool:
    """Whether two places cannot both be reached in one run."""
    return any((question, not answer) in other for question, answer in one)


def about(known: Facts, changing: set[str]) -> Facts:
    """The facts that stay true: those about names that are not assigned."""
    return frozenset(fact for fact in known if not ex.names(fact[0]) & changing)


def condition(known: Facts) -> str:
    """Facts as one condition, in the words of the language."""
    parts = [(ex.show(question), question, answer) for question, answer in known]
    return " and ".join(_said(question, answer) for _, question, answer in sorted(parts, key=lambda part: part[0]))


def _said(question: ex.Expression, answer: bool) -> str:
    match question:
        case ex.Compare(left=left, operators=(sign,), comparators=comparators) if not answer:
            negative = {positive: negative for negative, positive in OPPOSITES.items()}
            if sign in negative:
                return ex.show(ex.Compare(left, (negative[sign],), comparators))
    return ex.show(question if answer else ex.Unary("not", question))


def situated(node: ex.Expression, known: Facts, change: Callable[[ex.Name, Facts], ex.Expression]) -> ex.Expression:
    """An expression with its names changed, each by what is known where it stands."""

    def inner(part: ex.Expression) -> ex.Expression:
        return situated(part, known, change)

    match node:
        case ex.Name():
            return change(node, known)
        case ex.Binary(operator="and" | "or" as word, left=left, right=right):
            there = known | facts(left, word == "and")
            return replace(node, left=inner(left), right=situated(right, there, change))
        case ex.Conditional(test=test, then=then, orelse=orelse):
            chosen = (situated(part, known | facts(test, part is then), change) for part in (then, orelse))
            return replace(node, test=inner(test), then=next(chosen), orelse=next(chosen))
        case _:
            return ex.with_children(node, inner)


def names(node: ex.Expression, known: Facts) -> Iterator[tuple[ex.Name, Facts]]:
    """The names of an expression, with what is known where each stands."""
    found: list[tuple[ex.Name, Facts]] = []

    def note(name: ex.Name, there: Facts) -> ex.Expression:
        found.append((name, there))
        return name

    situated(node, known, note)
    yield from found
