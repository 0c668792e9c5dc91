"""Powers of numbers whose exponent is an argument without a maximum: somewhere they are too large for a float."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from layergen.diagnostics import FORWARD, Finding, Label, Place
from layergen.lang import expression as ex
from layergen.lang.argument_types import ArgumentType, Base
from layergen.lang.interpreter import EvaluationFault, Interpreter
from layergen.lang.kinds import Kind
from layergen.lang.visitor import expressions
from layergen.resolve.inference import kinds_of
from layergen.resolve.program import Program
from layergen.rules.advice import UnboundedPower
from layergen.settings.choice import Setting

MOST = 1 << 14  # up to which an argument is tried: 1.05 to this power is too large


def unbounded_powers(program: Program, settings: Sequence[Setting]) -> Iterator[Finding]:
    """Yield the arguments that make a power too large, though the spec allows them, each once."""
    told = set[str]()
    for place, node in _powers(program):
        for name in sorted(ex.names(node.right) - told):
            found = _least(program, settings, node, name) if _is_open(program, name) else None
            if found is None:
                continue
            told.add(name)
            setting, least = found
            message = f"`{name}` has no `max`, and from {name}={least} on `{ex.show(node)}` is too large for a float"
            others = ", ".join(f"{other}={setting.values[other]}" for other in sorted(ex.names(node) - {name}))
            yield UnboundedPower.at(
                Place(("arguments", name), key=True),
                message,
                labels=(Label(place, "is computed here"),),
                notes=(f"setting: {others}",) if others else (),
                help=f"write how large it may be: `max: {least - 1}`, or less",
            )


def _powers(program: Program) -> Iterator[tuple[Place, ex.Binary]]:
    """The powers of floats, which are numbers themselves."""
    wholes = [(part.path, part.expression) for part in program.scoped if part.path[0] != "laws"]
    wholes += [(FORWARD, whole) for whole in expressions(program.forward.statements)]
    for path, whole in wholes:
        for node in ex.walk(whole):
            if isinstance(node, ex.Binary) and node.operator == "**" and kinds_of(node) == {Kind.FLOAT}:
                yield Place(path, node.span), node


def _is_open(program: Program, name: str) -> bool:
    """Whether a name is an argument that may be any large integer."""
    part = program.arguments.get(name)
    return part is not None and part.type == ArgumentType(Base.INT) and part.max is None and part.choices is None


def _least(program: Program, settings: Sequence[Setting], node: ex.Expression, name: str) -> tuple[Setting, int] | None:
    """The least value of an argument from which a power is too large, and at which setting, if the spec allows it."""
    for setting in settings:
        low, high = setting.values.get(name), MOST
        if not isinstance(low, int) or not _overflows(program, setting.values, node, {name: high}):
            continue
        while high - low > 1:
            middle = (low + high) // 2
            too_large = _overflows(program, setting.values, node, {name: middle})
            low, high = (low, middle) if too_large else (middle, high)
        return setting, high
    return None


def _overflows(program: Program, known: Mapping[str, Any], node: ex.Expression, changed: Mapping[str, int]) -> bool:
    """Whether a power is too large at arguments that the constraints allow, as far as these can be told."""
    values = {name: value for name, value in {**known, **changed}.items() if name not in program.derived}
    for name, derived in program.derived.items():
        with suppress(EvaluationFault):
            values[name] = Interpreter(values).evaluate(derived)
    told = (part for part in program.argument_constraints if ex.names(part) <= values.keys())
    try:
        if not ex.names(node) <= values.keys() or not all(map(Interpreter(values).truth, told)):
            return False
        Interpreter(values).evaluate(node)
    except EvaluationFault as fault:
        return fault.arithmetic and fault.node is node
    return False
