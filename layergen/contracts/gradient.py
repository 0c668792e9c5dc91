"""Gradient: it reaches every parameter and every floating input, and is not zero everywhere on its way."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from torch import Tensor

from layergen.contracts.promise import Promise
from layergen.diagnostics import FORWARD, Finding, Place
from layergen.lang import expression as ex
from layergen.lang.tensors import SURROGATE
from layergen.lang.visitor import Block, expressions
from layergen.probe.sites import WITH_GRADIENTS
from layergen.probe.ways import Ways
from layergen.rules.behaviour import NoGradient
from layergen.run.watching import BOTH, Bystander, Watch

# The backward functions of ops that are flat: their gradient is zero wherever it exists.
FLAT = ("Round", "Floor", "Ceil", "Trunc", "Sign", "Sgn", "Heaviside")

# The backward function of ops that torch lets through and does not differentiate, as `//` of a tensor.
NOT_IMPLEMENTED = "NotImplemented"
NOT_IMPLEMENTED_HELP = "write `floor(a / b)` for `a // b`, whose gradient is zero, or declare `gradient: false`"

NOT_DIFFERENTIABLE = re.compile(r"'(\w+)' is not differentiable with respect to argument '(\w+)'")

GRAPHS = Watch(WITH_GRADIENTS, BOTH, Bystander)


def check_gradient(ways: Ways) -> Iterator[Finding]:
    """Yield the parameters and floating inputs that no gradient reaches on any way."""
    program = ways.program
    if not any(tensor.floating for tensor in program.outputs.values()):
        return
    inputs = [name for name, part in program.inputs.items() if part.gradient and part.floating]
    values = set(values_read(program.forward.statements))
    wanted: dict[str, Place] = {name: Place(("inputs", name), key=True) for name in inputs if name in values}
    shown = {name: name for name in inputs}
    reached: set[str] = set()
    connected: set[str] = set()
    inner: dict[str, str] = {}  # the parameters of members, each with the member
    for seen in ways.seen(GRAPHS):
        if seen.fault is not None:
            refused = NOT_DIFFERENTIABLE.search(seen.fault.message)
            if refused:
                yield _missing(seen.fault, *refused.groups())
                return
            continue
        if any(node.name().endswith(NOT_IMPLEMENTED) for node in nodes(seen.run.outputs.values())):
            message = "the backward pass fails: torch has no derivative of one of the ops"
            yield NoGradient.at(FORWARD, message, help=NOT_IMPLEMENTED_HELP)
            return
        inner |= {
            path: path.split(".")[0] for path, part in seen.instance.inner.items() if part.gradient and part.learned
        }
        leaves = {**seen.instance.state, **seen.instance.inputs}
        own = seen.instance.program
        learned = [name for name in own.parameters if seen.instance.learns(name)]
        learned = [name for name in learned if leaves[name] is not None or name not in own.declared]
        wanted |= {name: Place(own.path(name), key=True) for name in learned if name not in wanted}
        shown |= {name: own.shown(name) for name in learned}
        found, near = reachable(seen.run.outputs.values())
        reached |= {name for name, leaf in leaves.items() if id(leaf) in found}
        connected |= {name for name, leaf in leaves.items() if id(leaf) in near}
    said: set[Place] = set()
    for name, place in wanted.items():
        if name not in reached:
            role, text = str(place.path[0]).removesuffix("s"), shown[name]
            obstacle = "is flat everywhere" if name in connected else "has no derivative, as `argmax` and `detach`"
            message = f"the {role} `{text}` gets no gradient: it reaches the outputs only through an op that {obstacle}"
            if text != name and name not in connected:
                message = f"the {role} `{text}` gets no gradient: no output depends on it"
            estimate = f"`{text} + detach(round({text}) - {text})`"
            help = f"a straight-through estimate is {estimate}, with `gradient: {word(role)}`"
            if place not in said:  # of a family, one will do
                yield NoGradient.at(place, message, help=help if name in connected else declare(role))
            said.add(place)
    lists = {name for name, part in program.members.items() if part.listed}
    for parameter, member in inner.items():
        place = Place(("modules", member), key=True)
        if parameter not in reached and place not in said:
            if member in lists:  # one will do for all
                said.add(place)
            message = f"the parameter `{parameter}` gets no gradient: it does not reach the outputs"
            help = "let what the member gives be used, or make the member without it"
            yield NoGradient.at(place, message, help=help)


GRADIENT = Promise(check_gradient, (GRAPHS,))


def _missing(fault: Finding, function: str, argument: str) -> Finding:
    """The finding for an op that torch cannot differentiate by one of its arguments."""
    message = f"`{function}` has no derivative with respect to `{argument}`"
    help = f"say `gradient: false` of the input that is its `{argument}`"
    return NoGradient.at(fault.place, message, notes=fault.notes, help=help)


def word(role: str) -> str:
    """What is said of a gradient that is not the derivative on purpose."""
    return SURROGATE if role == "input" else "false"


def declare(role: str) -> str:
    """What to say of a tensor that is to have no gradient."""
    return "declare it `gradient: false`" if role == "input" else "make it a buffer, or let the outputs depend on it"


def values_read(block: Block) -> Iterator[str]:
    """The names whose values a block reads; whether something is None, or how large it is, is no value of it."""
    for expression in expressions(block):
        yield from ex.names(values_of(expression))


def values_of(expression: ex.Expression) -> ex.Expression:
    """An expression without the questions whether something is None."""
    return ex.transform(expression, lambda node: ex.Literal(None) if _asks_for_none(node) else None)


def _asks_for_none(node: ex.Expression) -> bool:
    return isinstance(node, ex.Compare) and set(node.operators) <= {"is", "is not"}


def nodes(outputs: Iterable[Tensor]) -> Iterator[Any]:
    """The backward functions behind some tensors."""
    return nodes_behind(output.grad_fn for output in outputs)


def nodes_behind(ends: Iterable[Any]) -> Iterator[Any]:
    """Some backward functions, and all that they hand their gradients on to."""
    visited: set[int] = set()
    pending: list[Any] = list(ends)
    while pending:
        node = pending.pop()
        if node is None or id(node) in visited:
            continue
        visited.add(id(node))
        yield node
        pending += [following for following, _ in node.next_functions]


def reachable(outputs: Iterable[Tensor]) -> tuple[set[int], set[int]]:
    """The leaves that a gradient reaches, and those that are connected at all, by their ids."""
    ends = list(outputs)
    reached = {id(output) for output in ends if output.grad_fn is None and output.requires_grad}
    connected: set[int] = set()
    for node, alive in walked(ends):
        variable = getattr(node, "variable", None)
        if variable is not None:
            connected.add(id(variable))
            if alive:
                reached.add(id(variable))
    return reached, connected


def walked(outputs: Iterable[Tensor]) -> Iterator[tuple[Any, bool]]:
    """The backward functions behind some tensors, each with whether a gradient comes to it that may not be zero."""
    visited: set[tuple[int, bool]] = set()
    pending: list[tuple[Any, bool]] = [(output.grad_fn, True) for output in outputs]
    while pending:
        node, alive = pending.pop()
        if node is None or (id(node), alive) in visited:
            continue
        visited.add((id(node), alive))
        yield node, alive
        alive = alive and not node.name().startswith(FLAT)
        pending += [(following, alive) for following, _ in node.next_functions]
