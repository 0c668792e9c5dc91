"""What is known where a condition holds: the single questions in it, each with its answer."""

from layergen.lang import expression as ex

Facts = frozenset[tuple[ex.Expression, bool]]  # questions without `not`, `and` or `or` at their top, and their answers

NOTHING: Facts = frozenset()
OPPOSITES = {"is not": "is", "!=": "==", "not in": "in"}


def facts(test: ex.Expression, holds: bool = True) -> Facts:
    """What is known where a condition holds, or where it does not."""
    match test:
        case ex.Unary(operator="not", operand=operand):
            return facts(operand, not holds)
        case ex.Binary(operator="and" | "or" as word, left=left, right=right):
            return facts(left, holds) | facts(right, holds) if holds == (word == "and") else NOTHING
        case ex.Compare(left=left, operators=(sign,), comparators=comparators) if sign in OPPOSITES:
            return facts(ex.Compare(left, (OPPOSITES[sign],), comparators), not holds)
        case _:
            return frozenset({(test, holds)})


def present(name: str) -> Facts:
    """What is known where a value is not None."""
    return facts(ex.Compare(ex.Name(name), ("is not",), (ex.Literal(None),)))


def exclude(one: Facts, other: Facts) -> bool:
    """Whether two places cannot both be reached in one run."""
    return any((question, not answer) in other for question, answer in one)


def about(known: Facts, changing: set[str]) -> Facts:
    """The facts that stay true: those about names that are not assigned."""
    return frozenset(fact for fact in known if not ex.names(fact[0]) & changing)
