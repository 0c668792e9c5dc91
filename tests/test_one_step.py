"""Fused recurrences without data: one step tells of them what torch tells step by step."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small import DIM, program, sized
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from layergen import ops
from layergen.ops.one_step import AtOneStep, at_one_step
from layergen.ops.recurrences import unchecked
from layergen.prove.proven import Proof

GATES = {"lstm": 4, "gru": 3, "rnn_relu": 1, "rnn_tanh": 1}
INT = st.integers(1, 3)
FEW = st.integers(1, 2)


def arguments(
    name: str, sizes: tuple[int, ...], flags: tuple[bool, ...], dtype: torch.dtype = torch.float32
) -> tuple[list[Any], list[Tensor]]:
    """The arguments of a recurrence on the meta device, and the leaves among them."""
    steps, samples, features, hidden, layers = sizes
    biases, bidirectional, batch_first, training = flags
    leaves: list[Tensor] = []

    def leaf(*shape: int) -> Tensor:
        leaves.append(torch.empty(shape, device="meta", dtype=dtype, requires_grad=True))
        return leaves[-1]

    directions, width = (2 if bidirectional else 1), GATES[name] * hidden
    parameters: list[Tensor] = []
    for layer in range(layers):
        below = directions * hidden if layer else features
        for _ in range(directions):
            parameters += [leaf(width, below), leaf(width, hidden)]
            parameters += [leaf(width), leaf(width)] if biases else []
    value = leaf(*((samples, steps) if batch_first else (steps, samples)), features)
    states = [leaf(directions * layers, samples, hidden)]
    if name == "lstm":
        states.append(leaf(directions * layers, samples, hidden))
    state = states if name == "lstm" else states[0]
    return [value, state, parameters, biases, layers, 0.25, training, bidirectional, batch_first], leaves


def counted(function: Any, *given: Any) -> tuple[Any, int]:
    """What a call gives, and the products that are counted in it."""
    with FlopCounterMode(display=False) as counter:
        found = function(*given)
    return found, counter.get_total_flops()


@pytest.mark.parametrize("name", GATES)
@given(sizes=st.tuples(FEW, INT, INT, INT, FEW), flags=st.tuples(*[st.booleans()] * 4))
@settings(max_examples=8, deadline=None)
def test_what_is_told(name: str, sizes: tuple[int, ...], flags: tuple[bool, ...]) -> None:
    op = ops.get(name)
    call, leaves = arguments(name, sizes, flags)
    (theirs, expected), (ours, products) = counted(op.function, *call), counted(at_one_step, op, call, {})
    assert [(part.shape, part.stride(), part.dtype) for part in ours] == [
        (part.shape, part.stride(), part.dtype) for part in theirs
    ]
    assert products == expected
    for own, other in zip(ours, theirs, strict=True):
        reached = [
            [
                slope is not None
                for slope in torch.autograd.grad(part.sum(), leaves, retain_graph=True, allow_unused=True)
            ]
            for part in (own, other)
        ]
        assert reached[0] == reached[1]


@pytest.mark.parametrize("name", GATES)
@pytest.mark.parametrize("state", [(1, 1, 4), (1, 3, 4), (2, 2, 4), (1, 2, 5), (2, 4)], ids=str)
def test_another_state_is_left_to_torch(name: str, state: tuple[int, ...]) -> None:
    op = ops.get(name)
    call, _ = arguments(name, (3, 2, 5, 4, 1), (True, False, False, False))
    other = torch.empty(state, device="meta")
    call[1] = [other, *call[1][1:]] if name == "lstm" else other
    if unchecked(op, call, {}):  # torch is not even asked
        return
    try:
        found = at_one_step(op, call, {})
    except RuntimeError:
        found = None
    if found is not None:  # then torch takes it, too
        assert [part.shape for part in found] == [part.shape for part in op.function(*call)]
    else:
        with pytest.raises(RuntimeError):
            op.function(*call)


@pytest.mark.parametrize("name", GATES)
def test_other_dtypes_are_left_to_torch(name: str) -> None:
    op = ops.get(name)
    call, _ = arguments(name, (3, 2, 5, 4, 1), (True, False, False, False))
    call[0] = call[0].double()
    assert at_one_step(op, call, {}) is None


def test_data_and_other_calls_are_left_alone() -> None:
    call, _ = arguments("gru", (3, 2, 5, 4, 1), (True, False, False, False))
    assert at_one_step(ops.get("relu"), [call[0]], {}) is None
    with_data = [torch.zeros(3, 2, 5), torch.zeros(1, 2, 4), *call[2:]]
    assert at_one_step(ops.get("gru"), with_data, {}) is None


def projected(
    sizes: tuple[int, ...], flags: tuple[bool, ...], width: int, gradients: bool = False, apart: int = 0
) -> list[Any]:
    """The arguments of an `lstm` with projections; these are so much wider than the states that they give."""
    steps, samples, features, hidden, layers = sizes
    biases, bidirectional, batch_first, training = flags
    ways = 2 if bidirectional else 1

    def leaf(*shape: int) -> Tensor:
        return torch.empty(shape, device="meta", requires_grad=gradients)

    parameters: list[Tensor] = []
    for layer in range(layers):
        for _ in range(ways):
            parameters += [leaf(4 * hidden, ways * width if layer else features), leaf(4 * hidden, width)]
            parameters += [leaf(4 * hidden), leaf(4 * hidden)] if biases else []
            parameters.append(leaf(width + apart, hidden))
    value = leaf(*((samples, steps) if batch_first else (steps, samples)), features)
    states = [leaf(ways * layers, samples, width), leaf(ways * layers, samples, hidden)]
    return [value, states, parameters, biases, layers, 0.25, training, bidirectional, batch_first]


@given(sizes=st.tuples(FEW, INT, INT, INT, FEW), flags=st.tuples(*[st.booleans()] * 4), width=INT)
@settings(max_examples=12, deadline=None)
def test_what_is_told_of_a_projected_state(sizes: tuple[int, ...], flags: tuple[bool, ...], width: int) -> None:
    op, call = ops.get("lstm"), projected(sizes, flags, width)
    if width >= sizes[3]:  # which a constructor refuses
        return
    assert unchecked(op, call, {}) is None
    (theirs, expected), (ours, products) = counted(op.function, *call), counted(at_one_step, op, call, {})
    assert [(part.shape, part.stride(), part.dtype) for part in ours] == [
        (part.shape, part.stride(), part.dtype) for part in theirs
    ]
    assert products == expected


def test_a_projected_state_is_left_to_torch_where_gradients_tell() -> None:
    """A step gives its cell no share of the projection, and the next one does."""
    op, call = ops.get("lstm"), projected((3, 2, 5, 4, 1), (False, False, False, False), 3, gradients=True)
    assert unchecked(op, call, {}) is None
    assert at_one_step(op, call, {}) is None


def test_another_projection_is_left_to_torch() -> None:
    call = projected((3, 2, 5, 4, 1), (True, False, False, False), 3, apart=-1)
    assert at_one_step(ops.get("lstm"), call, {}) is None


@pytest.mark.parametrize("make", [torch.nn.GRU, torch.nn.LSTM, torch.nn.RNN])
def test_modules_of_torch_take_one_step_too(make: Any) -> None:
    module = make(3, 4, num_layers=2, bidirectional=True, device="meta")

    def operations(steps: int) -> Any:
        with CountsOps() as counted, AtOneStep():  # type: ignore[no-untyped-call]
            output, _ = module(torch.empty(steps, 2, 3, device="meta"))
        assert output.shape == module(torch.empty(steps, 2, 3, device="meta"))[0].shape
        return counted.number

    assert operations(3) == operations(9)


class CountsOps(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts what torch computes."""

    number = 0

    def __torch_dispatch__(self, function: Any, types: Any, arguments: Any = (), keywords: Any = None) -> Any:
        self.number += 1
        return function(*arguments, **(keywords or {}))


def test_any_number_of_steps_is_proven_at_once() -> None:
    parts: dict[str, Any] = {
        "arguments": {"dim": DIM},
        "modules": {"rnn": {"module": "nn.GRU(dim, dim, batch_first=True)"}},
        "inputs": {"x": ["N", "L", "dim"]},
        "outputs": {"y": ["N", "L", "dim"]},
    }
    proof = sized(program("y, _ = rnn(x)", **parts)).proofs[0]
    assert isinstance(proof, Proof)
    assert [str(size) for size in proof.outputs["y"]][:2] == ["N", "L"]


@pytest.mark.parametrize("name", GATES)
@pytest.mark.parametrize("batch_first", [True, False])
def test_a_state_of_another_batch_does_not_reach_torch(name: str, batch_first: bool) -> None:
    """With data, torch reads and writes beyond its end."""
    op = ops.get(name)
    call, _ = arguments(name, (3, 2, 5, 4, 1), (True, False, False, batch_first))
    assert unchecked(op, call, {}) is None
    other = torch.zeros(1, 1, 4)
    call[1] = [other, other] if name == "lstm" else other
    assert unchecked(op, call, {}) == f"`{name}` takes a state of 2 sequences here, but is given one of 1"
