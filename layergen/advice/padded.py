"""Padding: what an embedding gives for its padding index is zero when training starts, and stays so."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import torch
from torch import Tensor

from layergen.contracts.training import bound
from layergen.diagnostics import FORWARD, Finding, Place
from layergen.lang import expression as ex
from layergen.lang.interpreter import EvaluationFault, Interpreter
from layergen.lang.visitor import calls
from layergen.ops import called
from layergen.probe.sites import CPU, started
from layergen.probe.values import drawn
from layergen.resolve.program import Program
from layergen.rules.advice import PaddingNotZero
from layergen.run.environment import CONSTANTS
from layergen.run.forward import ForwardInterpreter, TrialFault
from layergen.run.instance import Instance, Placement
from layergen.settings.choice import Setting

LOOKUPS = ("embedding", "nn.Embedding")
DRAWS = 3  # of inputs, of which some have the padding index among them


class Zeroed(ForwardInterpreter):
    """Takes what one call gives for its padding index to be zero.

    Args:
        node: The call.
        padding: The index, where a member is called.
        owned: Where the memory of the layer's own tensors begins: what a caller hands in starts as it will.
        given: What an interpreter of the forward is given.
    """

    def __init__(self, node: ex.Call, padding: int | None, owned: frozenset[int], *given: Any) -> None:
        super().__init__(*given)
        self.node, self.padding, self.owned = node, padding, owned

    def call(self, node: ex.Call, arguments: list[Any], keywords: dict[str, Any]) -> Any:
        value = super().call(node, arguments, keywords)
        if node is not self.node or not isinstance(value, Tensor):
            return value
        index, padding = next(iter((*arguments, *keywords.values()))), self.padding
        op = called(node)
        if op is not None:
            given = bound(op, arguments, keywords)
            index, table = given["input"], given["weight"]
            padding = _from_start(given["padding_idx"], len(table)) if _memory(table) in self.owned else None
        return value if padding is None else value.masked_fill((index == padding)[..., None], 0)


def _memory(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


def _from_start(padding: int | None, rows: int) -> int | None:
    """A padding index that is counted from the start."""
    return padding if padding is None or padding >= 0 else padding + rows


def padding_not_zero(program: Program, settings: Sequence[Setting]) -> Iterator[Finding]:
    """Yield the look-ups that do not give zero for their padding index in a new layer, where that counts."""
    if program.matches is not None:
        return
    for node in calls(program.forward.statements):
        if any(_counts(program, setting, node) for setting in settings if _looks_up(program, node)):
            message = f"`{node.function}` gives its padding index a vector that is not zero, and never learns it"
            help = "start the row at zero, as `randn(n, dim) * (arange(n) != padding_idx)[:, None]` does"
            yield PaddingNotZero.at(Place(FORWARD, node.span), message, help=help)


def _looks_up(program: Program, node: ex.Call) -> bool:
    member = program.members.get(node.function)
    return node.function == LOOKUPS[0] if member is None else [made.of.name for made in member.made] == [LOOKUPS[1]]


def _counts(program: Program, setting: Setting, node: ex.Call) -> bool:
    """Whether outputs of the new layer are others where a call gives zero for its padding index."""
    with suppress(TrialFault, EvaluationFault, RuntimeError):
        padding = _padding(program, setting, node)
        for seed in range(DRAWS):
            with drawn(seed), torch.no_grad():
                instance = Instance(program, setting, Placement(CPU))
                started(instance)
                owned = frozenset(_memory(tensor) for tensor in instance.state.values() if tensor is not None)
                usual, zeroed = _outputs(instance), _outputs(instance, partial(Zeroed, node, padding, owned))
            if any(not torch.allclose(usual[name], zeroed[name], rtol=0, atol=0, equal_nan=True) for name in usual):
                return True
    return False


def _padding(program: Program, setting: Setting, node: ex.Call) -> int | None:
    """The padding index of a member, counted from the start."""
    member = program.members.get(node.function)
    if member is None:
        return None
    (made,) = member.made
    keywords = {keyword.name: keyword.value for keyword in made.call.keywords}
    given = bound(made.of.constructor, made.call.arguments, keywords)
    interpreter = Interpreter({**CONSTANTS, **setting.values})
    if not isinstance(given["padding_idx"], ex.Expression):
        return None
    return _from_start(interpreter.evaluate(given["padding_idx"]), interpreter.evaluate(given["num_embeddings"]))


def _outputs(instance: Instance, kind: Callable[..., ForwardInterpreter] = ForwardInterpreter) -> Mapping[str, Tensor]:
    torch.manual_seed(0)
    return instance.run(not instance.program.asks_mode, interpreter=kind).outputs
