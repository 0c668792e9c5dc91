"""Ops that write running statistics: ``y, mean, variance = batch_norm(x, mean, variance, …)`` says what they write."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from layergen import ops
from layergen.diagnostics import FORWARD, Finding, Place
from layergen.lang import expression as ex
from layergen.lang.facts import CalleeKind, Role
from layergen.lang.inits import is_initializer
from layergen.lang.visitor import statements
from layergen.ops.updating import STATISTICS
from layergen.resolve.inference import TENSORS, bound
from layergen.resolve.program import Program
from layergen.rules.calls import MisplacedUpdate


def as_update(targets: tuple[ex.Name, ...], value: ex.Expression) -> ex.Expression:
    """What some names are given: several get the statistics that an op writes, too, beside its result."""
    if len(targets) == 1 or not isinstance(value, ex.Call) or value.callee is None:
        return value
    if value.callee.kind is not CalleeKind.OP or ops.update(value.callee.name) is None:
        return value
    return replace(value, callee=replace(value.callee, updates=True), kinds=TENSORS)


def written(value: ex.Expression) -> Mapping[str, ex.Expression]:
    """The statistics that a call writes and gives back, by the names of the op's parameters."""
    op = ops.called(value) if isinstance(value, ex.Call) else None
    if op is None or not isinstance(value, ex.Call) or not op.writes:
        return {}
    given = bound(value)
    return {name: given.get(name, ex.Literal(None)) for name in op.writes}


def check_updates(program: Program) -> Iterator[Finding]:
    """Yield the statistics of ops that go elsewhere than to the buffers that they come from, or that are swapped."""
    owned: set[str] = set()
    block = statements(program.forward.statements)
    assigned = [statement for statement in block if isinstance(statement, ex.Assign)]
    for statement in assigned:
        if found := written(statement.value):
            owned |= {part.id for part in found.values() if isinstance(part, ex.Name)}
            yield from tuple(_check(statement, found)) or _check_starts(statement, found, program)
    for statement in assigned:
        for target in statement.targets if not written(statement.value) else ():
            if target.id in owned and target.role is Role.BUFFER:
                message = f"`{target.id}` holds statistics that an op writes, and is assigned here, too"
                help = "keep what is computed otherwise in a buffer of its own"
                yield MisplacedUpdate.at(Place(FORWARD, target.span), message, help=help)


def _check(statement: ex.Assign, found: Mapping[str, ex.Expression]) -> Iterator[Finding]:
    name, call, first = _function(statement), ex.show(statement.value), statement.targets[0].id
    told = bound(statement.value).get("training") if isinstance(statement.value, ex.Call) else None
    if name == "batch_norm" and told in (None, ex.Literal(False)):
        message = f"`{name}` writes statistics in training alone, and is not told of it"
        help = "say `training=training`"
        yield MisplacedUpdate.at(Place(FORWARD, statement.value.span), message, help=help)
        return
    for parameter, part in found.items():
        if not isinstance(part, ex.Name) or part.role is not Role.BUFFER:
            shown = "none" if part == ex.Literal(None) else f"`{ex.show(part)}`, which is no buffer"
            message = f"`{name}` gives back the statistics in buffers, but as `{parameter}` it gets {shown}"
            help = f"declare it under `buffers`, or take the result alone: `{first} = {call}`"
            yield MisplacedUpdate.at(Place(FORWARD, statement.value.span), message, help=help)
            return
    expected = [part.id for part in found.values() if isinstance(part, ex.Name)]
    if [target.id for target in statement.targets[1:]] != expected:
        names = ", ".join(f"`{other}`" for other in expected)
        message = f"what `{name}` writes goes to {names}, the buffers that it is handed"
        help = f"write `{', '.join([first, *expected])} = {call}`"
        if [target.id for target in statement.targets[1:]] == list(found):  # it is the arguments that are swapped
            order = " and then ".join(f"`{parameter}`" for parameter in found)
            help = f"`{name}` takes {order}, and gives them back in this order: hand them over so"
        yield MisplacedUpdate.at(Place(FORWARD, statement.targets[-1].span), message, help=help)


def _check_starts(statement: ex.Assign, found: Mapping[str, ex.Expression], program: Program) -> Iterator[Finding]:
    """Yield the variance that starts at zero beside a mean that starts at one, as where one is taken for the other."""
    mean, variance = (found.get(parameter) for parameter in STATISTICS)
    if not isinstance(mean, ex.Name) or not isinstance(variance, ex.Name):
        return
    starts = [program.buffers[part.id].init.value for part in (mean, variance) if part.id in program.buffers]
    if [start.function for start in starts if is_initializer(start)] == ["ones", "zeros"]:
        name = _function(statement)
        message = f"`{name}` takes `{variance.id}` for the variance, which starts at 0, and `{mean.id}` for the mean"
        help = f"hand over the mean and then the variance: `{name}(…, {variance.id}, {mean.id}, …)`"
        yield MisplacedUpdate.at(Place(FORWARD, statement.value.span), message, help=help)


def _function(statement: ex.Assign) -> str:
    return statement.value.function if isinstance(statement.value, ex.Call) else ""
