"""Collisions: where two indices are equal, an op that overwrites does not choose by chance what stays.

Torch leaves open which one does, and what the others bring is lost: a sum was meant, or the indices are distinct.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from layergen.contracts.finite import floats
from layergen.contracts.promise import Promise
from layergen.diagnostics import FORWARD, Finding, Place
from layergen.lang import expression as ex
from layergen.probe.probing import differs
from layergen.probe.sites import CPU, SMALL, started
from layergen.probe.values import drawn
from layergen.probe.ways import Ways
from layergen.resolve.program import Program
from layergen.rules.values import CollidingIndices
from layergen.run.forward import ForwardInterpreter, Run, TrialFault
from layergen.run.instance import Instance, Placement

OVERWRITING = {
    "scatter": ("input", "dim", "index", "src", "reduce"),
    "index_copy": ("input", "dim", "index", "source"),
    "index_put": ("input", "indices", "values", "accumulate"),
    "put": ("input", "index", "source", "accumulate"),
}
"""Ops that put entries where indices say, and what they are given."""

ADDING = {
    "scatter": "scatter_add",
    "index_copy": "index_add",
    "index_put": "index_put(…, accumulate=True)",
    "put": "put(…, accumulate=True)",
}


class Backwards(ForwardInterpreter):
    """Lets a call overwrite in the opposite order, so that of equal indices another one comes last.

    Args:
        one: Which; or all that overwrite.
        given: What any run of a forward is given.
    """

    def __init__(self, one: ex.Call | None, *given: Any) -> None:
        super().__init__(*given)
        self.one = one
        self.turned: list[ex.Call] = []

    def call(self, node: ex.Call, arguments: list[Any], keywords: dict[str, Any]) -> Any:
        names = OVERWRITING.get(node.function.rstrip("_"), ()) if self.one in (None, node) else ()
        given = {**dict(zip(names, arguments, strict=False)), **keywords}
        turned = _turned(given) if names else None
        if turned is None:
            return super().call(node, arguments, keywords)
        self.turned.append(node)
        positional = [turned[name] for name in names[: len(arguments)]]
        return super().call(node, positional, {name: turned[name] for name in keywords})


def _turned(given: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What an op is given, with its entries in the opposite order; None where it brings together what collides."""
    if given.get("reduce") or given.get("accumulate"):
        return None
    match given:
        case {"dim": int(dim), "index": Tensor() as index, "src": Tensor() as source} if index.dim() == source.dim():
            inside = source[tuple(slice(size) for size in index.shape)]
            return {**given, "index": _flipped(index, dim), "src": _flipped(inside, dim)}
        case {"dim": int(dim), "index": Tensor() as index, "source": Tensor() as source} if index.dim() == 1:
            return {**given, "index": index.flip(0), "source": _flipped(source, dim)}
        case {"indices": [*indices], "values": Tensor() as values} if _are_whole(indices):
            places = torch.broadcast_tensors(*indices)  # type: ignore[no-untyped-call]
            rest = given["input"].shape[len(indices) :]
            spread = values.expand(*places[0].shape, *rest).reshape(-1, *rest)
            return {**given, "indices": tuple(place.reshape(-1).flip(0) for place in places), "values": spread.flip(0)}
        case {"index": Tensor() as index, "source": Tensor() as source}:
            return {**given, "index": index.reshape(-1).flip(0), "source": source.reshape(-1).flip(0)}
    return None


def _flipped(tensor: Tensor, dim: int) -> Tensor:
    return tensor.flip(dim) if tensor.dim() else tensor


def _are_whole(indices: Sequence[Any]) -> bool:
    return bool(indices) and all(isinstance(one, Tensor) and one.dtype in (torch.int32, torch.int64) for one in indices)


def check_collisions(ways: Ways) -> Iterator[Finding]:
    """Yield the first op that overwrites entries of which no word tells that they do not collide."""
    program = ways.program
    if program.matches or not any(call.function.rstrip("_") in OVERWRITING for call in program.forward.calls):
        return
    for runs in ways.runs:
        if not all(seen.evidence for seen in runs.seen(SMALL)):
            continue
        instance = Instance(program, runs.setting, Placement(CPU, torch.float64))
        for training in program.modes:
            for equal in (False, True):
                finding = _collision(instance, training, equal)
                if finding is not None:
                    yield finding
                    return


COLLISIONS = Promise(check_collisions, (SMALL,))


def _collision(instance: Instance, training: bool, equal: bool) -> Finding | None:
    """What is wrong if an output is another one where ops overwrite in the opposite order."""
    try:
        usual = _run(instance, training, equal, ForwardInterpreter)
        turned: list[Backwards] = []
        other = _run(instance, training, equal, lambda *given: _kept(turned, Backwards(None, *given)))
        if not any(_changed(usual, other)):
            return None
        for call in dict.fromkeys(turned[0].turned):
            other = _run(instance, training, equal, partial(Backwards, call))
            for name in _changed(usual, other):
                return _finding(call, name, instance)
    except TrialFault:
        return None
    return None


def _kept(kept: list[Backwards], interpreter: Backwards) -> Backwards:
    kept.append(interpreter)
    return interpreter


def _changed(usual: Run, other: Run) -> Iterator[str]:
    return (name for name, output in floats(usual).items() if differs(output, other.outputs[name]))


def _run(instance: Instance, training: bool, equal: bool, interpreter: Callable[..., ForwardInterpreter]) -> Run:
    """A run on the numbers of a seed, whole ones all equal if asked for.

    Raises:
        TrialFault: If the layer does not run.
    """
    with drawn():
        started(instance)
        for name, (low, _) in instance.ranges() if equal else ():
            tensor = instance.inputs[name]
            if tensor is not None and not tensor.is_floating_point() and not instance.program.inputs[name].distinct:
                tensor.fill_(int(low))
        return instance.run(training, interpreter=interpreter)


def _finding(call: ex.Call, name: str, instance: Instance) -> Finding:
    op = call.function.rstrip("_")
    message = f"`{call.function}` overwrites entries where indices are equal, and torch leaves open which `{name}` gets"
    help = f"add them up, `{ADDING[op]}`{_or_distinct(instance.program, call)}"
    return CollidingIndices.at(Place(FORWARD, call.span), message, notes=instance.explainer.notes(), help=help)


def _or_distinct(program: Program, call: ex.Call) -> str:
    """What else to say: that the entries of an input which the call reads are distinct."""
    for name in sorted(ex.names(call) & program.inputs.keys()):
        part = program.inputs[name]
        if part.range is not None and not part.floating and part.entries:
            return f", or say that no two of `{name}` are equal: `distinct: {ex.show(part.entries[-1])}`"
    return ", or let the indices be distinct, as those of `argsort` and `topk` are"
