"""Which kinds of values an expression can have, told from the kinds of its names."""

from collections.abc import Iterable, Mapping
from itertools import product

from layergen import ops
from layergen.lang import expression as ex
from layergen.lang.dtypes import DTYPES
from layergen.lang.kinds import Kind, Kinds
from layergen.lang.scalars import SCALARS

UNKNOWN: Kinds = frozenset({Kind.UNKNOWN})
SCALAR: Kinds = frozenset({Kind.INT, Kind.FLOAT, Kind.BOOL, Kind.INTS, Kind.FLOATS})
CONSTANTS: dict[str, Kinds] = {
    **{name: frozenset({Kind.DTYPE}) for name in DTYPES},
    **{name: frozenset({Kind.FLOAT}) for name in ("pi", "inf", "nan")},
    "training": frozenset({Kind.BOOL}),
}
LITERALS: dict[type, Kind] = {
    bool: Kind.BOOL,
    int: Kind.INT,
    float: Kind.FLOAT,
    str: Kind.STR,
    type(None): Kind.NONE,
}
ITEMS = {Kind.INTS: Kind.INT, Kind.FLOATS: Kind.FLOAT, Kind.TENSORS: Kind.TENSOR}
IDENTITY = frozenset({"is", "is not", "in", "not in"})  # comparisons that give a bool even of tensors


def infer(expression: ex.Expression, environment: Mapping[str, Kinds]) -> Kinds:
    """The kinds of an expression.

    Args:
        expression: What to look at.
        environment: The kinds of the names that it may mention; others, but for the language's constants, are unknown.
    """
    match expression:
        case ex.Literal(value=value):
            return frozenset({LITERALS.get(type(value), Kind.UNKNOWN)})
        case ex.Name(id=name):
            return environment.get(name) or CONSTANTS.get(name, UNKNOWN)
        case ex.Sequence(items=items):
            return _sequence([infer(item, environment) for item in items])
        case ex.Unary(operator=operator, operand=operand):
            kinds = infer(operand, environment)
            return frozenset({Kind.BOOL}) if operator == "not" else kinds
        case ex.Binary(operator="and" | "or", left=left, right=right):
            return infer(left, environment) | infer(right, environment)
        case ex.Binary(operator=operator, left=left, right=right):
            pairs = product(infer(left, environment), infer(right, environment))
            return frozenset(_combined(operator, *pair) for pair in pairs if Kind.NONE not in pair) or UNKNOWN
        case ex.Compare(left=left, operators=operators, comparators=comparators):
            return _compared(operators, [infer(item, environment) for item in (left, *comparators)])
        case ex.Conditional(then=then, orelse=orelse):
            return infer(then, environment) | infer(orelse, environment)
        case ex.Subscript(value=value, index=index):
            return frozenset(_picked(kind, index) for kind in infer(value, environment))
        case ex.Call():
            return _called(expression, environment)
        case _:
            return UNKNOWN


def arguments_of(call: ex.Call) -> list[tuple[str | None, ex.Expression]]:
    """The arguments of a call, each with its keyword if it has one."""
    return [*((None, value) for value in call.arguments), *((word.name, word.value) for word in call.keywords)]


def is_scalar_call(call: ex.Call, kinds: Iterable[Kinds]) -> bool:
    """Whether a call means the scalar function of its name rather than the op."""
    return call.function in SCALARS and all(found <= SCALAR for found in kinds)


def _sequence(items: list[Kinds]) -> Kinds:
    found = frozenset[Kind]().union(*items)
    if not found:  # the empty list may be one of anything
        return frozenset(ITEMS)
    if found <= {Kind.INT}:
        return frozenset({Kind.INTS})
    if found <= {Kind.INT, Kind.FLOAT}:
        return frozenset({Kind.FLOATS})
    return frozenset({Kind.TENSORS}) if found <= {Kind.TENSOR} else UNKNOWN


def _combined(operator: str, left: Kind, right: Kind) -> Kind:
    """The kind of ``left operator right``."""
    pair = {left, right}
    if Kind.TENSOR in pair:
        return Kind.TENSOR
    if pair & set(ITEMS):  # `sizes + sizes` and `[0] * n`
        lists = pair & set(ITEMS)
        return lists.pop() if len(lists) == 1 else Kind.UNKNOWN
    if not pair <= {Kind.INT, Kind.FLOAT, Kind.BOOL}:
        return Kind.UNKNOWN
    return Kind.FLOAT if operator == "/" or Kind.FLOAT in pair else Kind.INT


def _compared(operators: tuple[str, ...], operands: list[Kinds]) -> Kinds:
    found = frozenset[Kind]().union(*operands)
    if IDENTITY.issuperset(operators) or not found & {Kind.TENSOR, Kind.UNKNOWN}:
        return frozenset({Kind.BOOL})
    return frozenset({Kind.TENSOR}) if Kind.TENSOR in found else UNKNOWN


def _picked(kind: Kind, index: ex.Expression) -> Kind:
    """The kind of ``value[index]`` for a value of some kind."""
    if kind is Kind.TENSOR:
        return Kind.TENSOR
    if kind in ITEMS:
        return kind if isinstance(index, ex.Slice) else ITEMS[kind]
    return Kind.UNKNOWN


def _called(call: ex.Call, environment: Mapping[str, Kinds]) -> Kinds:
    arguments = [ops.Argument(keyword, infer(value, environment)) for keyword, value in arguments_of(call)]
    if is_scalar_call(call, (argument.kinds for argument in arguments)):
        result = SCALARS[call.function].result
        return frozenset({result}) if result else _gathered(argument.kinds for argument in arguments)
    op = ops.find(call.function)
    if op is None:
        return UNKNOWN
    outcome = ops.bind(op, arguments)
    if isinstance(outcome, ops.Binding):
        return outcome.signature.returns
    return frozenset[Kind]().union(*(signature.returns for signature in op.signatures))


def _gathered(arguments: Iterable[Kinds]) -> Kinds:
    """The kinds of what ``min``, ``abs`` or ``sum`` gives: those of its numbers, be they listed or not."""
    return frozenset(ITEMS.get(kind, kind) for kinds in arguments for kind in kinds) or UNKNOWN
