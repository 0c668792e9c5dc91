"""Edge starts: a tensor that starts with what is made of uniform random numbers starts with numbers, whatever is drawn.

A logarithm of a 0 is minus infinity. In half precision a 0 is one in 256 or in 2048 entries, and so is the largest
number below 1, which a product and a sum may round to 1.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from layergen.contracts.edge_draws import UNIFORM
from layergen.contracts.promise import Promise
from layergen.diagnostics import Finding, Place
from layergen.lang import expression as ex
from layergen.lang.interpreter import EvaluationFault
from layergen.probe.sites import CPU, SMALL
from layergen.probe.values import drawn
from layergen.probe.ways import Ways
from layergen.rules.behaviour import UnboundedDraw
from layergen.run.environment import TensorCalls
from layergen.run.forward import TrialFault
from layergen.run.initial import evaluated, tensors_read
from layergen.run.instance import Instance, Placement
from layergen.run.started import start

STEPS = {torch.float16: 2.0**-11, torch.bfloat16: 2.0**-8, torch.float32: 2.0**-24, torch.float64: 2.0**-53}
"""How far apart the numbers are that torch draws between 0 and 1 in each dtype."""

PRECISIONS = (torch.float32, torch.bfloat16, torch.float16)


@dataclass(frozen=True)
class EdgeCalls(TensorCalls):
    """Draws as others do, but for the first entry of what is uniform between 0 and 1: the least or the most."""

    most: bool = False

    def __call__(self, node: ex.Call, arguments: list[Any], keywords: dict[str, Any]) -> Any:
        value = super().__call__(node, arguments, keywords)
        if node.function in UNIFORM and isinstance(value, Tensor) and value.numel():
            value.view(-1)[0] = 1 - STEPS[value.dtype] if self.most else 0
        return value


def check_edge_starts(ways: Ways) -> Iterator[Finding]:
    """Yield the first tensor that starts with what is no number where a random number is at an end of its range."""
    program = ways.program
    names = {name: call for name in program.initial_order if (call := _uniform(program.tensors[name].init.nodes()))}
    if not names:
        return
    for runs in ways.runs:
        if not all(seen.evidence for seen in runs.seen(SMALL)):
            continue
        for dtype in PRECISIONS:
            instance = Instance(program, runs.setting, Placement(CPU, dtype))
            for name, call in names.items():
                for most in (False, True):
                    if _fails(instance, name, most):
                        yield _finding(instance, name, call, most)
                        return


EDGE_STARTS = Promise(check_edge_starts, (SMALL,))


def _uniform(nodes: Iterator[ex.Node]) -> ex.Call | None:
    return next((node for node in nodes if isinstance(node, ex.Call) and node.function in UNIFORM), None)


def _fails(instance: Instance, name: str, most: bool) -> bool:
    """Whether a tensor is a number where it is drawn as usual, and none where a draw is at an end."""
    target = instance.state[name]
    if target is None or not target.is_floating_point():
        return False
    try:
        with drawn():
            start(instance)
            usual = _started(instance, name, TensorCalls(CPU, target.dtype))
            edge = _started(instance, name, EdgeCalls(CPU, target.dtype, most=most))
    except (TrialFault, EvaluationFault):  # what cannot be computed is told elsewhere
        return False
    return bool((~edge.isfinite()).any()) and bool(usual.isfinite().all())


@torch.no_grad()
def _started(instance: Instance, name: str, calls: TensorCalls) -> Tensor:
    tensor = instance.program.tensors[name]
    value = evaluated(instance, tensor, calls, tensors_read(instance, tensor))
    if not isinstance(value, Tensor):
        raise EvaluationFault(tensor.init.value, "the initial value is no tensor")
    return value


def _finding(instance: Instance, name: str, call: ex.Call, most: bool) -> Finding:
    target = instance.state[name]
    assert target is not None, "it was started"
    precision = str(target.dtype).removeprefix("torch.")
    ends = f"{1 - STEPS[target.dtype]:.8g} in {precision}, the most that it may be" if most else "a 0, which it may"
    message = f"`{instance.program.shown(name)}` starts with what is no number where `{ex.show(call)}` draws {ends}"
    wide = ex.show(ex.Call(call.function, call.arguments, (*call.keywords, ex.Keyword("dtype", ex.Name("float32")))))
    help = f"draw in float32 and keep away from the ends: `clamp({wide}, 1e-6, 1 - 1e-6)`"
    place = Place((*instance.program.path(name), "init"), call.span)
    return UnboundedDraw.at(place, message, notes=instance.explainer.notes(), help=help)
