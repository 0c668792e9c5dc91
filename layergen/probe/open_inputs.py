"""Which input would keep an op within its domain, if the spec said between which values it lies."""

from layergen.lang import expression as ex
from layergen.lang.kinds import Kind
from layergen.lang.visitor import sources
from layergen.resolve.inference import SCALAR, kinds_of
from layergen.resolve.program import Program

# Ops of which each value is one of the first argument's, perhaps in another dtype.
_MOVES = frozenset(
    {
        *("upcast", "type_as", "to", "clone", "contiguous", "detach", "reshape", "view", "flatten", "unflatten"),
        *("unsqueeze", "squeeze", "transpose", "permute", "movedim", "expand", "expand_as", "reshape_as", "view_as"),
        *("flip", "roll", "amax", "amin", "narrow", "select", "repeat_interleave", "tile"),
    }
)
_RISES = frozenset({"exp", "expm1", "log", "log1p", "sqrt", "sigmoid", "tanh", "softplus", "relu", "neg", "square"})
_PARTIAL = frozenset({"log", "log2", "log10", "log1p", "sqrt", "rsqrt", "asin", "acos", "acosh", "atanh", "logit"})
_ARITHMETIC = frozenset({"+", "-", "*", "/", "**"})


def first_floating(program: Program) -> str | None:
    """The first floating input, whose dtype outputs have that declare none."""
    return next((name for name, part in program.inputs.items() if part.floating), None)


def open_input(program: Program, node: ex.Expression | None) -> str | None:
    """The input without a range that a value is computed of alone, by casts, moves, and steps that rise or fall."""
    return _behind(program, node, frozenset())


def _behind(program: Program, node: ex.Expression | None, seen: frozenset[str]) -> str | None:
    match node:
        case ex.Name(id=name):
            given = list(sources(program.forward.statements, name))
            if name in program.inputs and not given:
                part = program.inputs[name]
                return name if part.floating and part.range is None else None
            return _behind(program, given[0], seen | {name}) if len(given) == 1 and name not in seen else None
        case ex.Call(function=function, arguments=(first, *_)) if function in _MOVES | _RISES:
            return _behind(program, first, seen)
        case ex.Unary(operator="-", operand=inner) | ex.Subscript(value=inner):
            return _behind(program, inner, seen)
        case ex.Binary(operator=sign, left=left, right=right) if sign in _ARITHMETIC:
            if _is_number(right):
                return _behind(program, left, seen)
            return _behind(program, right, seen) if _is_number(left) else None
    return None


def _in_domain(node: ex.Node) -> ex.Expression | None:
    """What an op works on that has no value everywhere."""
    match node:
        case ex.Call(function=function, arguments=(first, *_)) if function in _PARTIAL:
            return first
        case ex.Binary(operator="/" | "//" | "%", right=divisor):
            return divisor
        case ex.Binary(operator="**", left=base):
            return base
    return None


def _is_number(node: ex.Expression) -> bool:
    return bool(kinds_of(node)) and kinds_of(node) <= SCALAR | {Kind.NONE}


def input_behind(program: Program, name: str) -> str | None:
    """The input without a range that is behind an assigned value which is no number.

    Where an op with a domain makes it, that is the one that it is given; else the first that it is computed from.
    """
    assigned = [node for value in sources(program.forward.statements, name) for node in ex.walk(value)]
    partial = [operand for node in assigned if (operand := _in_domain(node)) is not None]
    if partial:
        return next((found for operand in partial if (found := open_input(program, operand))), None)
    read, waiting = set[str](), {name}
    while waiting:
        read |= waiting
        given = (value for each in waiting for value in sources(program.forward.statements, each))
        waiting = set[str]().union(*map(ex.names, given)) - read
    inputs = program.inputs.items()
    return next((each for each, part in inputs if each in read and part.floating and part.range is None), None)
