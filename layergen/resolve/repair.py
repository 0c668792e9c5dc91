"""Mends calls that do not fit: the call that was probably meant, if it can be told."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile

from layergen import ops
from layergen.lang import expression as ex
from layergen.lang.kinds import Kind
from layergen.ops import BindingFault, Fault, FaultKind, Formal, Op, Signature
from layergen.ops.binding import accepts
from layergen.ops.schemas import SPARSE
from layergen.resolve.inference import arguments_of, bindable, kinds_of
from layergen.suggest import nearest

STEPS = 6  # no call worth guessing at has more faults
PAIRED = frozenset({"pad"})  # parameters that take an even number of ints, so that no one int will do
EITHER_WAY = frozenset({"max", "min"})  # of which `max(0, x)` is no slip of `max(x, 0)`, which asks for a dimension
SUPPLIED = frozenset({"device", "layout", "requires_grad", SPARSE})  # what a layer sees to itself, or has not at all


def repair(call: ex.Call, op: Op) -> ex.Call | None:
    """The call with its faults mended one by one, or None where it then still does not fit."""
    mended: ex.Call | None = call
    for _ in range(STEPS):
        if mended is None:
            return None
        outcome = ops.bind(op, bindable(mended))
        if isinstance(outcome, ops.Binding):
            return mended
        mended = _mend(mended, outcome, op)
    return None


def renamed(call: ex.Call, op: Op, faults: Sequence[Fault]) -> ex.Call | None:
    """The call if what the op lacks has been given to it by names that are like none of its own; else None."""
    unknown = [fault.arguments[0] for fault in faults if fault.kind is FaultKind.UNKNOWN_KEYWORD]
    lacking = [part for fault in faults if fault.kind is FaultKind.MISSING for part in fault.parameters]
    if not unknown or len(unknown) != len(lacking):
        return None
    words = [*call.keywords]
    for index, part in zip(unknown, lacking, strict=True):
        at = index - len(call.arguments)
        if nearest(words[at].name, _parameter_names(op)) or not accepts(part, kinds_of(words[at].value)):
            return None
        words[at] = replace(words[at], name=part.name)
    mended = replace(call, keywords=tuple(words))
    return mended if isinstance(ops.bind(op, bindable(mended)), ops.Binding) else None


def _mend(call: ex.Call, outcome: BindingFault, op: Op) -> ex.Call | None:
    """The call with its first fault mended, if there is a way."""
    fault = outcome.faults[0]
    match fault.kind:
        case FaultKind.UNKNOWN_KEYWORD:
            return _respell_keyword(call, fault.arguments[0] - len(call.arguments), op, outcome.signature)
        case FaultKind.TWICE:
            return _drop_keyword(call, fault.arguments[0] - len(call.arguments))
        case FaultKind.TOO_MANY:
            return (
                _name_arguments(call, fault.arguments[0], op)
                or _name_last(call, fault, outcome.signature)
                or _enlist_sizes(call, op)
            )
        case FaultKind.WRONG_KIND:
            return (
                _name_arguments(call, fault.arguments[0], op)
                or _swap(call, fault.arguments[0], op)
                or _enlist(call, fault)
                or _enlist_sizes(call, op)
            )
        case _:
            return None


def _respell_keyword(call: ex.Call, index: int, op: Op, signature: Signature) -> ex.Call | None:
    """The call with a keyword spelled as the nearest that the op has, or else as the only one that takes its value.

    What the op has no place for at all is left out; where there are several places, nobody can tell which is meant.
    """
    keyword = call.keywords[index]
    if keyword.name == "input" and not call.arguments:  # the tensor whose method is called has no keyword
        return replace(_drop_keyword(call, index), arguments=(keyword.value,))
    given = {other.name for other in call.keywords}
    close = nearest(keyword.name, [name for name in _parameter_names(op) if name not in given])
    if close:
        return _with_keyword(call, index, replace(keyword, name=close))
    free = free_parameters(call, signature)
    if not free or keyword.name in SUPPLIED:
        return _drop_keyword(call, index)
    fitting = [part.name for part in free if accepts(part, kinds_of(keyword.value))]
    return _with_keyword(call, index, replace(keyword, name=fitting[0])) if len(fitting) == 1 else None


def _swap(call: ex.Call, index: int, op: Op) -> ex.Call | None:
    """The call with two of its positional arguments in each other's place, if it fits then."""
    if index >= len(call.arguments) or op.name in EITHER_WAY:
        return None
    for other in range(len(call.arguments)):
        swapped = list(call.arguments)
        swapped[index], swapped[other] = swapped[other], swapped[index]
        mended = replace(call, arguments=tuple(swapped))
        if other != index and isinstance(ops.bind(op, bindable(mended)), ops.Binding):
            return mended
    return None


def _with_keyword(call: ex.Call, index: int, keyword: ex.Keyword) -> ex.Call:
    return replace(call, keywords=(*call.keywords[:index], keyword, *call.keywords[index + 1 :]))


def _drop_keyword(call: ex.Call, index: int) -> ex.Call:
    return replace(call, keywords=call.keywords[:index] + call.keywords[index + 1 :])


def _name_arguments(call: ex.Call, start: int, op: Op) -> ex.Call | None:
    """The call with its positional arguments from one on given by keyword, if each is a parameter's name."""
    names = [value.id for value in call.arguments[start:] if isinstance(value, ex.Name)]
    known = set(_parameter_names(op)) - {keyword.name for keyword in call.keywords}
    if not names or len(names) != len(call.arguments) - start or not known.issuperset(names):
        return None
    keywords = [ex.Keyword(name, value) for name, value in zip(names, call.arguments[start:], strict=True)]
    return replace(call, arguments=call.arguments[:start], keywords=(*keywords, *call.keywords))


def _name_last(call: ex.Call, fault: Fault, signature: Signature) -> ex.Call | None:
    """The call with its last positional argument given by the only keyword that takes such a value."""
    value = call.arguments[-1]
    fitting = [
        parameter
        for parameter in free_parameters(call, signature)
        if parameter.keyword_only and accepts(parameter, kinds_of(value))
    ]
    if len(fitting) != 1 or len(fault.arguments) != 1:
        return None
    keyword = ex.Keyword(fitting[0].name, value)
    return replace(call, arguments=call.arguments[:-1], keywords=(keyword, *call.keywords))


def _enlist(call: ex.Call, fault: Fault) -> ex.Call | None:
    """The call with the argument at fault put into a list: ``layer_norm(x, [dim])``, ``cat([x, y])``."""
    (index,), (parameter,) = fault.arguments, fault.parameters
    value = arguments_of(call)[index][1]
    if Kind.INTS in parameter.accepts and parameter.name not in PAIRED and kinds_of(value) <= {Kind.INT}:
        if index >= len(call.arguments):
            at = index - len(call.arguments)
            return _with_keyword(call, at, replace(call.keywords[at], value=ex.Sequence((value,))))
        return _with_list(call, index, index + 1)
    if Kind.TENSORS in parameter.accepts and index < len(call.arguments):
        following = takewhile(lambda item: kinds_of(item) <= {Kind.TENSOR}, call.arguments[index:])
        count = len(list(following))
        return _with_list(call, index, index + count) if count > 1 else None
    return None


def _enlist_sizes(call: ex.Call, op: Op) -> ex.Call | None:
    """The call with all ints behind its tensor put into one list, ``pad(x, [1, 1])``; one alone stands there twice."""
    sizes = tuple(takewhile(lambda item: kinds_of(item) <= {Kind.INT}, call.arguments[1:]))
    if op.name not in PAIRED or not sizes:
        return None
    listed = sizes * 2 if len(sizes) == 1 else sizes
    return replace(call, arguments=(call.arguments[0], ex.Sequence(listed), *call.arguments[1 + len(sizes) :]))


def _with_list(call: ex.Call, start: int, stop: int) -> ex.Call:
    """The call with some of its positional arguments put into one list."""
    items = ex.Sequence(call.arguments[start:stop])
    return replace(call, arguments=(*call.arguments[:start], items, *call.arguments[stop:]))


def free_parameters(call: ex.Call, signature: Signature) -> list[Formal]:
    """The parameters of a signature that a call gives nothing."""
    taken = {parameter.name for parameter in signature.positional[: len(call.arguments)]}
    taken |= {keyword.name for keyword in call.keywords}
    return [parameter for parameter in signature.parameters if parameter.name not in taken]


def _parameter_names(op: Op) -> list[str]:
    """The names that a keyword of a call may have, by any of the op's signatures."""
    parameters = [parameter for signature in op.signatures for parameter in signature.parameters]
    return list(dict.fromkeys(parameter.name for parameter in parameters if not parameter.positional_only))
