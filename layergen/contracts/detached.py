"""Detached: the gradient is the derivative, also where a `detach` or the update of a buffer cuts off a part of it.

The gradient of a straight-through estimate is no derivative, and its author knows. Of a `detach` that has slipped in he
does not: the two are told apart by what is said of `gradient`. Some ops detach inside of torch, where they are told to:
a hard sample of `gumbel_softmax`, or the padding row of an `embedding`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from layergen import ops
from layergen.contracts.gradient import nodes, nodes_behind
from layergen.contracts.promise import Promise
from layergen.contracts.training import bound
from layergen.diagnostics import FORWARD, Finding, Label, Place
from layergen.lang import expression as ex
from layergen.lang.facts import CalleeKind
from layergen.lang.visitor import assignments, expressions
from layergen.probe.sites import WITH_DATA
from layergen.probe.ways import Ways
from layergen.resolve.program import Program
from layergen.rules.calls import CutGradient
from layergen.run.forward import Run
from layergen.run.instance import Instance, Placement
from layergen.run.on_data import CPU, drawn, fill
from layergen.run.watching import BOTH, Bystander, Seen, Site, Watch
from layergen.words import listed

STEP = 1e-6
TOLERANCE = 1e-3  # between a slope that is measured over two steps and one that is computed, both in float64
ROUNDING = 1e-6  # of a value of 1, and of the parts of a slope that cancel out, to which one is measured

CUTTING = {"gumbel_softmax": ("hard",), "embedding": ("padding_idx", "scale_grad_by_freq")}
"""What makes the gradient of an op something else than its derivative, by the names of its parameters."""

Cut = ex.Call | ex.Apply | ex.Name

IN_FLOAT64 = Site(Placement(CPU, torch.float64, gradients=True), drawn, fill, admission=WITH_DATA.admission)
SLOPES = Watch(IN_FLOAT64, BOTH, Bystander)


def check_detached(ways: Ways) -> Iterator[Finding]:
    """Yield the first `detach`, or update of a buffer, of a layer whose gradient is not its derivative."""
    program = ways.program
    cuts = list(_cuts(program))
    if not cuts:
        return
    # What no way reaches is another contract's to judge.
    runs = [seen for seen in ways.seen(SLOPES) if seen.fault is None and is_exact(seen.run)]
    gradients = [{name: gradient_of(seen, name) for name in _wanted(seen.instance)} for seen in runs]
    reached = {name for found in gradients for name, gradient in found.items() if gradient is not None}
    for seen, found in zip(runs, gradients, strict=True):
        wrong = [name for name, gradient in found.items() if name in reached and differs_along(seen, name, gradient)]
        if wrong:
            yield _finding(program, cuts[0], wrong)
            return


def may_cut(program: Program) -> bool:
    """Whether something in a layer may cut off a gradient, at some values at least."""
    return any(_cuts(program))


def may_detach(program: Program) -> bool:
    """Whether something does so on purpose, and not by the update of a buffer alone."""
    return any(not isinstance(cut, ex.Name) for cut in _cuts(program))


def _cuts(program: Program) -> Iterator[Cut]:
    """Where a gradient may be cut off: calls of `detach` and the like, values that a buffer is given, and members."""
    yield from (call for call in program.forward.calls if call.function == "detach" or _is_cutting(call))
    if any(_leaves_gradients(child.program) for child in program.children.values()):
        parts = (part for node in expressions(program.forward.statements) for part in ex.walk(node))
        calls = (part for part in parts if isinstance(part, ex.Call | ex.Apply) and part.callee is not None)
        yield from (call for call in calls if call.callee is not None and call.callee.kind is CalleeKind.MEMBER)
    read = {name for name in program.forward.reads if name in program.buffers}
    yield from (target for target in assignments(program.forward.statements) if target.id in read)


def _leaves_gradients(program: Program) -> bool:
    """Whether a layer says of one of its gradients that it is not the derivative, or a member of it does."""
    told = [part.gradient for part in program.inputs.values() if part.floating]
    told += [part.gradient for part in program.parameters.values()]
    return not all(told) or any(_leaves_gradients(child.program) for child in program.children.values())


def _is_cutting(call: ex.Call) -> bool:
    """Whether a call asks an op for a gradient that is not its derivative, or may do so."""
    op = ops.called(call)
    if op is None or op.name not in CUTTING:
        return False
    given = bound(op, call.arguments, {keyword.name: keyword.value for keyword in call.keywords})
    values = [value.value if isinstance(value, ex.Literal) else value for value in map(given.get, CUTTING[op.name])]
    return any(value is not None and value is not False for value in values)


def _wanted(instance: Instance) -> tuple[str, ...]:
    """The tensors whose gradient is to be the derivative."""
    program = instance.program
    inputs = [name for name, part in program.inputs.items() if part.floating and part.gradient]
    own = [name for name, part in program.parameters.items() if part.gradient]
    return (*inputs, *own, *(path for path, part in instance.inner.items() if part.parameter and part.gradient))


def is_exact(run: Run) -> bool:
    """Whether nothing on the way is so narrow that a small step is lost in its rounding."""
    values = [*run.outputs.values(), *(step.value for step in run.steps)]
    floating = [value for value in values if isinstance(value, Tensor) and value.is_floating_point()]
    return all(value.dtype is torch.float64 for value in floating)


def _leaf(seen: Seen[None], name: str) -> Tensor | None:
    """The tensor of a run whose gradient is kept, if it is there."""
    leaf = {**seen.instance.inputs, **seen.instance.state}.get(name)
    return leaf if leaf is not None and leaf.requires_grad else None


def gradient_of(seen: Seen[None], name: str, seed: int = 0) -> Tensor | None:
    """The gradient that a run gives a tensor, with the random numbers of a seed; None where it gets none."""
    leaf = _leaf(seen, name)
    total = None if leaf is None else _end(seen, seed)
    if leaf is None or total is None or not total.requires_grad:
        return None
    (found,) = torch.autograd.grad(total, leaf, allow_unused=True)
    return found


def differs_along(seen: Seen[None], name: str, gradient: Tensor | None) -> bool:
    """Whether the slope along some direction is not what the gradient says; where there is none, it says zero."""
    leaf = _leaf(seen, name)
    if leaf is None:
        return False
    direction = torch.linspace(-1, 1.5, leaf.numel(), dtype=leaf.dtype).reshape(leaf.shape)
    told = 0.0 if gradient is None else float((gradient * direction).sum())
    start, ends = leaf.detach().clone(), []
    for step in (STEP, -STEP):
        with torch.no_grad():
            leaf.data.copy_(start + step * direction)  # what autograd has saved need not know: it will be as it was
            ends.append(float(_end(seen)))
            leaf.data.copy_(start)
    measured = (ends[0] - ends[1]) / (2 * STEP)
    parts = 0.0 if gradient is None else float((gradient * direction).abs().sum())
    room = TOLERANCE * (abs(measured) + abs(told)) + ROUNDING * (1 + abs(ends[0]) + parts)
    return abs(measured - told) > room  # false where one is not a number


class Uncut(torch.autograd.Function):
    """What is put in the place of a `detach`: a step that a gradient goes through, and that its graph shows."""

    @staticmethod
    def forward(context: Any, value: Tensor) -> Tensor:
        return value.view_as(value)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> Tensor:
        return gradients[0]


class _Shown(TorchFunctionMode):
    """Lets gradients through each `detach`, so that the graph of an output tells of those on the way to it."""

    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: Any,
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if function in (torch.detach, Tensor.detach) and args:
            return Uncut.apply(args[0])  # type: ignore[no-untyped-call]
        return function(*args, **(kwargs or {}))


def detaches_on_the_way(seen: Seen[None], name: str) -> bool:
    """Whether a `detach` lies between a tensor and an output of a run; one that a buffer alone takes in does not."""
    leaf = _leaf(seen, name)
    with drawn(0), _Shown():
        outputs = seen.instance.run(seen.training).outputs
    cuts = (node for node in nodes(outputs.values()) if node.name().startswith(Uncut.__name__))
    return leaf is not None and any(_leads_to(cut, leaf) for cut in cuts)


def _leads_to(cut: Any, leaf: Tensor) -> bool:
    return any(getattr(node, "variable", None) is leaf for node in nodes_behind([cut]))


def _end(seen: Seen[None], seed: int = 0) -> Tensor:
    """One number that the layer comes to with its tensors as they are, and with the same random numbers each time."""
    with drawn(seed):
        return _weighed(seen.instance.run(seen.training).outputs)


def _weighed(outputs: Mapping[str, Tensor]) -> Tensor:
    """One number of all floating outputs, of which no two entries weigh the same."""
    floating = [output.reshape(-1) for output in outputs.values() if output.is_floating_point()]
    parts = [(part * torch.linspace(0.5, 2, part.numel(), dtype=part.dtype)).sum() for part in floating]
    return torch.stack(parts).sum() if parts else torch.zeros(())


def _finding(program: Program, cut: Cut, wrong: list[str]) -> Finding:
    members = {name: name.split(".")[0] for name in wrong if name.split(".")[0] in program.members}
    wrong = list(dict.fromkeys(members.get(name, name) for name in wrong))
    several = len(wrong) > 1
    names = listed([f"`{name}`" for name in wrong])
    says = "s of " + names + " are not their derivatives" if several else f" of {names} is not its derivative"
    what = f"the update of the buffer `{cut.id}`" if isinstance(cut, ex.Name) else f"`{_called(cut)}`"
    message = f"the gradient{says}: {what} cuts off a part"
    section = {**dict.fromkeys(program.members, "modules"), **dict.fromkeys(program.inputs, "inputs")}
    labels = [Label(Place((section.get(name, "parameters"), name), key=True), "without it") for name in wrong]
    taken = [f"`{name}`" for name in wrong if name in program.inputs]
    others = [f"`{name}`" for name in wrong if name not in program.inputs]
    words = [f"`gradient: false` for {listed(taken)} (or `surrogate`, so that one has to flow)"] if taken else []
    words += [f"`gradient: false` for {listed(others)}"] if others else []
    help = f"if it is meant, as in a straight-through estimate, declare {listed(words)}"
    if isinstance(cut, ex.Name):
        help = f"give the value a name of its own and read that, or, if it is meant, declare {listed(words)}"
    return CutGradient.at(Place(FORWARD, cut.span), message, labels=labels, help=help)


def _called(cut: ex.Call | ex.Apply) -> str:
    return cut.function if isinstance(cut.function, str) else ex.show(cut.function)


DETACHED = Promise(check_detached, (SLOPES,))
