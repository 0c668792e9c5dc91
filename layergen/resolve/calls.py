"""Each call of an op fits one of the op's real signatures."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from types import MappingProxyType

from layergen import ops
from layergen.diagnostics import Finding, Label, Path, Place, Rule, Span
from layergen.lang import expression as ex
from layergen.lang.dtypes import DTYPES
from layergen.lang.facts import CalleeKind
from layergen.lang.kinds import Kind, Kinds
from layergen.lang.meant import initializer_meant, literal_meant
from layergen.lang.scalars import BROADCAST, BROADCASTABLE, SCALARS
from layergen.ops import Fault, FaultKind
from layergen.resolve.dots import check_dots
from layergen.resolve.inference import SCALAR, arguments_of, bindable, kinds_of
from layergen.resolve.of_numbers import number_meant
from layergen.resolve.quotients import WHOLE, Derived, labels_of, whole_meant
from layergen.resolve.repair import free_parameters, renamed, repair
from layergen.resolve.unknown_ops import unknown_op
from layergen.rules.calls import DoubledArgument, MissingArgument, UnknownKeyword, UnknownOp, WrongArgumentKind
from layergen.suggest import nearest
from layergen.words import listed, ordinal, plural, shorten

ARTICLES = {
    Kind.TENSOR: "a tensor",
    Kind.INT: "an int",
    Kind.FLOAT: "a float",
    Kind.BOOL: "a bool",
    Kind.STR: "a string",
    Kind.DTYPE: "a dtype",
}


# Arguments whose default is a guess of torch's, which it warns of: for each op the argument, and what is mostly meant.
GUESSED: dict[str, tuple[str, int | str]] = {
    **dict.fromkeys(("softmax", "log_softmax", "softmin"), ("dim", -1)),
    "cross": ("dim", -1),
    "meshgrid": ("indexing", "ij"),
}

# What Python makes of a text, by `float("-inf")`, and what it is here.
FLOATS = {"inf": "inf", "+inf": "inf", "infinity": "inf", "-inf": "-inf", "-infinity": "-inf", "nan": "nan"}

RULES: dict[FaultKind, type[Rule]] = {
    FaultKind.UNKNOWN_KEYWORD: UnknownKeyword,
    FaultKind.MISSING: MissingArgument,
    FaultKind.TWICE: DoubledArgument,
    FaultKind.TOO_MANY: DoubledArgument,
    FaultKind.WRONG_KIND: WrongArgumentKind,
}


def check_call(
    call: ex.Call, path: Path, derived: Derived = MappingProxyType({}), members: Iterable[str] = ()
) -> Iterator[Finding]:
    """Check one call; those among its arguments are calls of their own.

    Args:
        call: The call, resolved. Its spans count from the start of the text at ``path``.
        path: The place in the spec of the text that holds the call.
        derived: The derived values that it may name.
        members: What may be called beside functions.
    """
    if call.callee is None:
        yield unknown_op(call, path, members)
    elif call.callee.kind is CalleeKind.SCALAR:
        yield from tuple(_check_scalar_arguments(call, path)) or _check_scalar_call(call, path)
    elif call.callee.kind is CalleeKind.OP:
        yield from check_against(call, ops.called(call) or ops.get(call.callee.name), path, derived)


def check_against(call: ex.Call, op: ops.Op, path: Path, derived: Derived = MappingProxyType({})) -> Iterator[Finding]:
    """Check one call against an op that is known already."""
    if found := tuple(check_dots(call, op, path)):
        yield from found
        return
    outcome = ops.bind(op, bindable(call))
    if isinstance(outcome, ops.Binding):
        yield from _check_guess(call, outcome, path)
    else:
        repaired = repair(call, op)
        remedy = f"write `{ex.show(repaired)}`" if repaired else None
        # What one repair mends is one mistake: an argument too few shifts all that follow it.
        misnamed = None if repaired else renamed(call, op, outcome.faults)
        for fault in outcome.faults[:1] if repaired or misnamed else outcome.faults:
            message = _message(call, fault, outcome.signature)
            mended = f"write `{ex.show(misnamed)}`" if misnamed else _whole_meant(call, fault, derived) or remedy
            help = mended or _slip_meant(call, fault, outcome.signature)
            labels = labels_of(_value(call, fault), derived) if fault.kind is FaultKind.WRONG_KIND else ()
            yield _finding(call, fault, message, path, help, op, labels)


def _check_guess(call: ex.Call, binding: ops.Binding, path: Path) -> Iterator[Finding]:
    """What torch would guess, and has said that it will guess no longer, has to be said."""
    name, value = GUESSED.get(binding.signature.op, ("", 0))
    given = [arguments_of(call)[index][1] for index in binding.given.get(name, ())]
    if name and all(part == ex.Literal(None) for part in given):
        keywords = (*(word for word in call.keywords if word.name != name), ex.Keyword(name, ex.Literal(value)))
        arguments = call.arguments[: binding.given[name][0]] if given and not call.keywords else call.arguments
        message = f"`{call.function}` is called without `{name}`, which torch would guess"
        help = f"write `{ex.show(replace(call, arguments=arguments, keywords=keywords))}`"
        yield MissingArgument.at(Place(path, call.function_span), message, help=help)


def unknown_function(call: ex.Call, path: Path, known: Iterable[str], expected: str) -> Finding:
    """The finding for a call of a function that is none of those known at its place."""
    near = initializer_meant(call.function) or nearest(call.function, known, cutoff=0.7)
    remedy = f"write `{near}`" if near else None
    message = f"`{call.function}` is not {expected}"
    return UnknownOp.at(Place(path, call.function_span), message, help=remedy)


def _finding(
    call: ex.Call,
    fault: Fault,
    message: str,
    path: Path,
    remedy: str | None,
    op: ops.Op,
    elsewhere: tuple[Label, ...] = (),
) -> Finding:
    """What one fault of a call looks like to the user."""
    spans = [_span(call, index, fault.kind) for index in fault.arguments] or [call.function_span]
    first, *others = [Place(path, span) for span in spans]
    signatures = dict.fromkeys(str(signature) for signature in op.signatures)
    return RULES[fault.kind].at(
        first,
        message,
        labels=[*(Label(place, "") for place in others), *elsewhere],
        notes=[f"signature: {signature}" for signature in signatures],
        help=remedy,
    )


def _message(call: ex.Call, fault: Fault, signature: ops.Signature) -> str:
    given = [arguments_of(call)[index] for index in fault.arguments]
    names = [f"`{parameter.name}`" for parameter in fault.parameters]
    match fault.kind:
        case FaultKind.UNKNOWN_KEYWORD:
            words = [f"`{keyword}`" for keyword, _ in given]
            return f"`{call.function}` has no keyword{'s' * (len(words) > 1)} {listed(words)}"
        case FaultKind.MISSING:
            return f"`{call.function}` is called without {listed(names)}, which it requires"
        case FaultKind.TWICE:
            return f"`{call.function}` is given {names[0]} twice"
        case FaultKind.TOO_MANY:
            most, count = len(signature.positional), len(call.arguments)
            takes = f"{most} argument{'s' * (most != 1)}" + (" by position" if len(signature.parameters) > most else "")
            return f"`{call.function}` takes {takes}, but is given {count}"
        case FaultKind.WRONG_KIND:
            (parameter,), ((keyword, value),) = fault.parameters, given
            where = "," if keyword else f", the {ordinal(fault.arguments[0])} argument,"
            wanted, found = described(parameter.accepts), described(kinds_of(value))
            return f"`{call.function}` takes {wanted} as {names[0]}{where} but {_shown(value)} is {found}"


def _value(call: ex.Call, fault: Fault) -> ex.Expression:
    """The argument at fault."""
    return arguments_of(call)[fault.arguments[0]][1]


def _whole_meant(call: ex.Call, fault: Fault, derived: Derived) -> str | None:
    """What to write if a quotient is a float where the op takes ints."""
    if fault.kind is not FaultKind.WRONG_KIND or not fault.parameters[0].accepts & WHOLE:
        return None
    return whole_meant(_value(call, fault), derived)


def _slip_meant(call: ex.Call, fault: Fault, signature: ops.Signature) -> str | None:
    """What to write if tensors stand for one, or a bool or a text in the place of a number: ``float("inf")``."""
    if fault.kind is not FaultKind.WRONG_KIND:
        return None
    if Kind.DTYPE in fault.parameters[0].accepts and (dtype := _dtype_meant(_value(call, fault))):
        return f"write `{dtype}`"
    if (number := number_meant(call, _value(call, fault), fault.parameters[0].accepts)) is not None:
        return f"write `{number}`"
    if fault.arguments[0] >= len(call.arguments):
        return None
    if clamped := _clamp_meant(call):
        return f"write `{clamped}`"
    value = call.arguments[fault.arguments[0]]
    if call.function == "float" and isinstance(value, ex.Literal) and (number := FLOATS.get(str(value.value).lower())):
        return f"write `{number}`"
    if kinds_of(value) == {Kind.TENSORS} and Kind.TENSOR in fault.parameters[0].accepts:
        return f"take one of them: `{ex.show(ex.Subscript(value, ex.Literal(0)))}`"
    flags = [part.name for part in free_parameters(call, signature) if part.accepts == {Kind.BOOL}]
    if kinds_of(value) != {Kind.BOOL} or not flags:
        return None
    meant = " or ".join(f"`{flag}`" for flag in flags)
    return f"if {meant} is meant, name it: `{flags[0]}={ex.show(value)}`"


def _dtype_meant(value: ex.Expression) -> str | None:
    """The dtype that is named by a text."""
    text = value.value if isinstance(value, ex.Literal) and isinstance(value.value, str) else ""
    return literal_meant(("dtype",), text, DTYPES) if text else None


def _clamp_meant(call: ex.Call) -> str | None:
    """The bound that is meant by the larger one of a number and a tensor."""
    match call:
        case ex.Call(function="max" | "min" as word, arguments=(first, second), keywords=()):
            tensor, number = (second, first) if kinds_of(first) <= SCALAR else (first, second)
            bound = ex.Keyword("min" if word == "max" else "max", number)
            return ex.show(ex.Call("clamp", (tensor,), (bound,)))
    return None


def _check_scalar_call(call: ex.Call, path: Path) -> Iterator[Finding]:
    """Scalar functions take numbers by position, and most of them one."""
    function = SCALARS[call.function]
    count = len(call.arguments)
    for keyword in call.keywords:
        yield UnknownKeyword.at(
            Place(path, _name_span(keyword)), f"`{call.function}` of numbers has no keyword `{keyword.name}`"
        )
    if count < function.least:
        what = "two lists of sizes" if function.least == 2 else "a number"
        yield MissingArgument.at(Place(path, call.function_span), f"`{call.function}` is called without {what}")
    if function.most is not None and count > function.most:
        place = Place(path, call.arguments[function.most].span)
        yield DoubledArgument.at(
            place, f"`{call.function}` of numbers takes {plural(function.most, 'argument')}, but is given {count}"
        )


def _check_scalar_arguments(call: ex.Call, path: Path) -> Iterator[Finding]:
    lists = {Kind.TENSORS, Kind.MEMBERS} if call.function == "len" else set()
    for _, value in arguments_of(call):
        found = kinds_of(value)
        if call.function in (BROADCAST, BROADCASTABLE) and not found & {Kind.INTS, Kind.UNKNOWN}:
            message = f"`{call.function}` takes two lists of sizes, but {_shown(value)} is {described(found)}"
            yield WrongArgumentKind.at(
                Place(path, value.span), message, help=f"write `[{ex.show(value)}]`" if found <= SCALAR else None
            )
        elif not found & (SCALAR | lists | {Kind.UNKNOWN}):
            message = f"`{call.function}` takes numbers, but {_shown(value)} is {described(found)}"
            asked = call.function == "len" and found <= {Kind.TENSOR, Kind.NONE}
            help = "sizes are plain names of dimensions: write the first one of its shape" if asked else None
            yield WrongArgumentKind.at(Place(path, value.span), message, help=help)


def _span(call: ex.Call, index: int, kind: FaultKind) -> Span:
    """The characters of an argument that are at fault: its value, or its keyword."""
    if index < len(call.arguments):
        return call.arguments[index].span
    keyword = call.keywords[index - len(call.arguments)]
    return keyword.value.span if kind is FaultKind.WRONG_KIND else _name_span(keyword)


def _name_span(keyword: ex.Keyword) -> Span:
    start = keyword.span[0]
    return start, start + len(keyword.name)


def described(kinds: Kinds) -> str:
    """Kinds in words: "an int or ints"."""
    named = sorted(kinds - {Kind.NONE}, key=list(Kind).index)
    if {Kind.INT, Kind.FLOAT, Kind.BOOL} <= kinds:
        named = [kind for kind in named if kind not in (Kind.INT, Kind.FLOAT, Kind.BOOL)]
        return " or ".join(["a number", *(ARTICLES.get(kind, kind.value) for kind in named)])
    return " or ".join(ARTICLES.get(kind, kind.value) for kind in named) or "None"


def _shown(value: ex.Expression) -> str:
    return f"`{shorten(ex.show(value))}`"
