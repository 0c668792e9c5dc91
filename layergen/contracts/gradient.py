"""Gradient: it reaches every parameter and every floating input, and is not zero everywhere on its way."""

from collections.abc import Iterable, Iterator
from typing import Any

from torch import Tensor

from layergen.diagnostics import Finding, Place
from layergen.resolve.program import Program
from layergen.rules.behaviour import NoGradient
from layergen.run.forward import TrialFault
from layergen.run.instance import Instance, Placement
from layergen.settings.choice import Setting

# The backward functions of ops that are flat: their gradient is zero wherever it exists.
FLAT = ("Round", "Floor", "Ceil", "Trunc", "Sign", "Sgn", "Heaviside")


def check_gradient(program: Program, paths: list[Setting]) -> Iterator[Finding]:
    """Yield the parameters and floating inputs that no gradient reaches at any of the settings."""
    if not any(tensor.floating for tensor in program.outputs.values()):
        return
    wanted = {
        **{name: ("parameters", name) for name, part in program.parameters.items() if part.gradient},
        **{name: ("inputs", name) for name, part in program.inputs.items() if part.gradient and part.floating},
    }
    reached: set[str] = set()
    seen: set[str] = set()
    for setting in paths:
        for training in program.forward.modes:
            try:
                instance = Instance(program, setting, Placement(gradients=True))
                outputs = instance.run(training).outputs
            except TrialFault:
                continue
            leaves = {
                name: tensor for name, tensor in {**instance.state, **instance.inputs}.items() if tensor is not None
            }
            found, near = reachable(outputs.values())
            reached |= {name for name, leaf in leaves.items() if id(leaf) in found}
            seen |= {name for name, leaf in leaves.items() if id(leaf) in near}
    for name, path in wanted.items():
        if name not in reached:
            role = path[0].removesuffix("s")
            obstacle = "is flat everywhere" if name in seen else "has no derivative, as `argmax` and `detach`"
            message = f"the {role} `{name}` gets no gradient: it reaches the outputs only through an op that {obstacle}"
            help = f"a straight-through estimate is `{name} + detach(round({name}) - {name})`, with `gradient: false`"
            yield NoGradient.at(Place(path, key=True), message, help=help if name in seen else _declare(role))


def _declare(role: str) -> str:
    return "declare it `gradient: false`" if role == "input" else "make it a buffer, or let the outputs depend on it"


def reachable(outputs: Iterable[Tensor]) -> tuple[set[int], set[int]]:
    """The leaves that a gradient reaches, and those that are connected at all, by their ids."""
    reached: set[int] = set()
    connected: set[int] = set()
    visited: set[tuple[int, bool]] = set()
    pending: list[tuple[Any, bool]] = []
    for output in outputs:
        if output.grad_fn is not None:
            pending.append((output.grad_fn, True))
        elif output.requires_grad:
            reached.add(id(output))
    while pending:
        node, alive = pending.pop()
        if node is None or (id(node), alive) in visited:
            continue
        visited.add((id(node), alive))
        variable = getattr(node, "variable", None)
        if variable is not None:
            connected.add(id(variable))
            if alive:
                reached.add(id(variable))
        alive = alive and not node.name().startswith(FLAT)
        pending += [(following, alive) for following, _ in node.next_functions]
    return reached, connected
