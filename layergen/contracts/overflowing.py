"""Overflowing: the numbers of a forward can be computed where an argument lies at a bound that it may have.

A power of numbers grows fast: `10 ** n` is larger than what torch takes from `n` = 19 on, and the caller of a layer
whose `n` may be 40 would see Python's OverflowError. What has no bound is not moved: no size is either.
"""

from collections.abc import Iterator, Sequence
from itertools import product

from layergen.diagnostics import FORWARD, Finding, Place
from layergen.domains.limits import Limit, assigned, at_bounds, behind
from layergen.lang import expression as ex
from layergen.lang.interpreter import TOO_LARGE, EvaluationFault, Interpreter
from layergen.lang.visitor import nodes
from layergen.resolve.inference import SCALAR, kinds_of
from layergen.resolve.program import Program
from layergen.rules.cases import IncomputableValue
from layergen.run.trial import fault_at
from layergen.settings.choice import Setting

LARGEST = 3e38  # what float32 holds


def check_overflowing(program: Program, settings: Sequence[Setting]) -> Iterator[Finding]:
    """Yield the numbers of the forward that are too large where an argument lies at one of its bounds.

    Args:
        program: The layer.
        settings: One for each way through the forward, at which the layer works.
    """
    said = set[ex.Node]()
    numbers = list(_numbers(program))
    for setting, node in product(settings, numbers):
        for limit in at_bounds(program, setting) if behind(program, node) else ():
            failed = _too_large(node, limit.setting)
            if failed is None or failed in said or limit.name not in behind(program, node):
                continue
            refused = fault_at(program, limit.setting)
            if refused is not None:  # and no condition keeps the layer from computing it
                said.add(failed)
                message = f"`{ex.show(failed)}` cannot be computed where {limit.words}: {TOO_LARGE}"
                help = _help(program, setting, limit, failed)
                place = Place(FORWARD, failed.span)
                yield IncomputableValue.at(place, message, notes=refused.finding.notes, help=help)


def _numbers(program: Program) -> Iterator[ex.Expression]:
    """What a forward computes of numbers alone."""
    for node in nodes(program.forward.statements):
        if isinstance(node, ex.Binary | ex.Call) and (kinds := kinds_of(node)) and kinds <= SCALAR:
            yield node


def _too_large(node: ex.Expression, setting: Setting) -> ex.Expression | None:
    """The part of an expression that is too large at a setting."""
    try:
        Interpreter(setting.names).evaluate(node)
    except EvaluationFault as fault:
        return fault.node if fault.message == TOO_LARGE and isinstance(fault.node, ex.Expression) else None
    return None


def _help(program: Program, setting: Setting, limit: Limit, node: ex.Expression) -> str:
    """What to write: the bound up to which it can be computed, and for a power of whole numbers one of a fraction."""
    ways = []
    if (bound := _bound(program, setting, limit, node)) is not None:
        ways.append(f"say what `{limit.name}` may be: `{bound}`")
    match node:
        case ex.Binary(operator="**", left=ex.Literal(value=int(base))) if _scales(program, node):
            fraction = ex.Binary("**", ex.Literal(float(base)), node.right)
            try:
                if abs(Interpreter(limit.setting.names).evaluate(fraction)) < LARGEST:
                    ways.append(f"take the power of a float: `{ex.show(fraction)}`")
            except EvaluationFault:
                pass
    return "; or ".join(ways) or "rule it out by a constraint"


def _scales(program: Program, node: ex.Expression) -> bool:
    """Whether a value is multiplied or divided by another one, for which it need not be whole."""
    return any(
        isinstance(other, ex.Binary) and other.operator in ("*", "/") and node in (other.left, other.right)
        for other in nodes(program.forward.statements)
    )


def _bound(program: Program, setting: Setting, limit: Limit, node: ex.Expression) -> str | None:
    """The whole number that lies furthest from where an argument usually is, up to which it can be computed."""
    usual, bound = setting.values[limit.name], limit.setting.values[limit.name]
    if type(usual) not in (int, float) or type(bound) not in (int, float) or _too_large(node, setting) is not None:
        return None
    near, far = int(usual), int(bound)
    while abs(far - near) > 1:
        middle = (near + far) // 2
        moved = assigned(program, setting, limit.name, None, middle)
        if moved is None:
            return None
        near, far = (middle, far) if _too_large(node, moved) is None else (near, middle)
    return f"{'max' if bound > usual else 'min'}: {near}"
