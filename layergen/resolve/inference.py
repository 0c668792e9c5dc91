"""Which kinds of values an expression can have, told from the kinds of its parts."""

from collections.abc import Iterable
from itertools import product

from layergen import ops
from layergen.lang import expression as ex
from layergen.lang.facts import CalleeKind
from layergen.lang.kinds import Kind, Kinds
from layergen.lang.scalars import SCALARS

UNKNOWN: Kinds = frozenset({Kind.UNKNOWN})
NONE: Kinds = frozenset({Kind.NONE})
TENSOR: Kinds = frozenset({Kind.TENSOR})
TENSORS: Kinds = frozenset({Kind.TENSORS})
INT: Kinds = frozenset({Kind.INT})
BOOL: Kinds = frozenset({Kind.BOOL})
SCALAR: Kinds = frozenset({Kind.INT, Kind.FLOAT, Kind.BOOL, Kind.INTS, Kind.FLOATS})
LITERALS: dict[type, Kind] = {
    bool: Kind.BOOL,
    int: Kind.INT,
    float: Kind.FLOAT,
    str: Kind.STR,
    type(None): Kind.NONE,
}
MEMBER: Kinds = frozenset({Kind.MEMBER})
MEMBERS: Kinds = frozenset({Kind.MEMBERS})
ITEMS = {Kind.INTS: Kind.INT, Kind.FLOATS: Kind.FLOAT, Kind.TENSORS: Kind.TENSOR}
IDENTITY = frozenset({"is", "is not", "in", "not in"})  # comparisons that give a bool even of tensors
MEMBERSHIP = frozenset({"in", "not in"})


def kinds_of(node: ex.Expression) -> Kinds:
    """The kinds that an expression was resolved to; of one that was made since, those that its parts tell."""
    return infer(node) if node.kinds is None else node.kinds


def infer(expression: ex.Expression) -> Kinds:
    """The kinds of an expression whose parts are resolved."""
    match expression:
        case ex.Literal(value=value):
            return frozenset({LITERALS.get(type(value), Kind.UNKNOWN)})
        case ex.Sequence(items=items):
            sizes = [INT] if ex.is_spliced(expression) else []
            return _sequence([*sizes, *(kinds_of(item) for item in items if item != ex.Literal(...))])
        case ex.Splice(value=value):
            return item_kinds(kinds_of(value))
        case ex.Unary(operator=operator, operand=operand):
            if operator == "not":  # of a tensor, it is a fault that is told where it stands
                return UNKNOWN if kinds_of(operand) == TENSOR else BOOL
            return kinds_of(operand)
        case ex.Binary(operator="and" | "or", left=left, right=right):
            return kinds_of(left) | kinds_of(right)
        case ex.Binary(operator=operator, left=left, right=right):
            pairs = product(kinds_of(left), kinds_of(right))
            return frozenset(_combined(operator, *pair) for pair in pairs if Kind.NONE not in pair) or UNKNOWN
        case ex.Compare(left=left, operators=operators, comparators=comparators):
            return _compared(operators, [kinds_of(item) for item in (left, *comparators)])
        case ex.Conditional(then=then, orelse=orelse):
            return kinds_of(then) | kinds_of(orelse)
        case ex.Subscript(value=value, index=index):
            return frozenset(_picked(kind, index) for kind in kinds_of(value))
        case ex.Call():
            return _called(expression)
        case ex.Member():
            return TENSOR
        case _:
            return UNKNOWN


def item_kinds(kinds: Kinds) -> Kinds:
    """The kinds of the items of a value."""
    found = {**ITEMS, Kind.TENSOR: Kind.TENSOR, Kind.MEMBERS: Kind.MEMBER}
    return frozenset(found.get(kind, Kind.UNKNOWN) for kind in kinds)


def arguments_of(call: ex.Call) -> list[tuple[str | None, ex.Expression]]:
    """The arguments of a call, each with its keyword if it has one."""
    return [*((None, value) for value in call.arguments), *((word.name, word.value) for word in call.keywords)]


def bound(call: ex.Call) -> dict[str, ex.Expression]:
    """The arguments of a call that fits its op, by the names of the op's parameters; nothing of one that does not."""
    op = ops.called(call)
    outcome = ops.bind(op, bindable(call)) if op is not None else None
    if not isinstance(outcome, ops.Binding):
        return {}
    values = [value for _, value in arguments_of(call)]
    return {name: values[indices[0]] for name, indices in outcome.given.items()}


def bindable(call: ex.Call) -> list[ops.Argument]:
    """The arguments of a call, as far as binding them to a signature needs to know them."""
    return [ops.Argument(keyword, kinds_of(value)) for keyword, value in arguments_of(call)]


def _sequence(items: list[Kinds]) -> Kinds:
    found = frozenset[Kind]().union(*items)
    if not found:  # the empty list may be one of anything
        return frozenset(ITEMS)
    if found <= {Kind.INT}:
        return frozenset({Kind.INTS})
    if found <= {Kind.INT, Kind.FLOAT}:
        return frozenset({Kind.FLOATS})
    if found <= {Kind.MEMBER, Kind.NONE} and Kind.MEMBER in found:
        return MEMBERS
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
    if MEMBERSHIP.intersection(operators) and operands[0] == TENSOR:
        return UNKNOWN  # and a fault, as above
    if IDENTITY.issuperset(operators) or not found & {Kind.TENSOR, Kind.UNKNOWN}:
        return BOOL
    return TENSOR if Kind.TENSOR in found else UNKNOWN


def _picked(kind: Kind, index: ex.Expression) -> Kind:
    """The kind of ``value[index]`` for a value of some kind."""
    if kind is Kind.TENSOR:
        return Kind.TENSOR
    if kind is Kind.MEMBERS:
        return kind if isinstance(index, ex.Slice) else Kind.MEMBER
    if kind in ITEMS:
        return kind if isinstance(index, ex.Slice) else ITEMS[kind]
    return Kind.UNKNOWN


def _called(call: ex.Call) -> Kinds:
    if call.callee is None:
        return UNKNOWN
    match call.callee.kind:
        case CalleeKind.SCALAR:
            result = SCALARS[call.callee.name].result
            return frozenset({result}) if result else _gathered(kinds_of(value) for _, value in arguments_of(call))
        case CalleeKind.FAN:
            return INT
        case CalleeKind.ITERATION:
            return UNKNOWN
        case CalleeKind.OP:
            op = ops.called(call) or ops.get(call.callee.name)
            outcome = ops.bind(op, bindable(call))
            if isinstance(outcome, ops.Binding):
                return _returned(call, outcome.signature)
            return frozenset[Kind]().union(*(signature.returns for signature in op.signatures))
        case _:
            return TENSOR


def _returned(call: ex.Call, signature: ops.Signature) -> Kinds:
    """The kinds of what a call gives, of which one of its arguments may decide."""
    if not signature.switch:
        return signature.returns
    names = (formal.name for formal in signature.positional)
    given = dict(zip(names, call.arguments, strict=False)) | {part.name: part.value for part in call.keywords}
    match given.get(signature.switch, ex.Literal(False)):
        case ex.Literal(value=bool(several)):
            return signature.returns - (TENSOR if several else frozenset({Kind.TENSORS}))
    return signature.returns


def _gathered(arguments: Iterable[Kinds]) -> Kinds:
    """The kinds of what ``min``, ``abs`` or ``sum`` gives: those of its numbers, be they listed or not."""
    return frozenset(ITEMS.get(kind, kind) for kinds in arguments for kind in kinds) or UNKNOWN
