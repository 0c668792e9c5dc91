"""What a layer owns is moved away from its initial values, and buffers keep what they are."""

from typing import Any

import torch
from small import DIM, instance_of, program
from torch import Tensor

from layergen.probe.values import drawn
from layergen.run.instance import Placement
from layergen.run.moving import learned, move, move_buffers
from layergen.run.started import start, start_what_stays

ON_DATA = Placement(torch.device("cpu"), torch.float64)
BUFFERS: dict[str, Any] = {
    "mean": {"shape": ["dim"], "init": "zeros"},
    "variance": {"shape": ["dim"], "init": "ones"},
    "covariance": {"shape": ["dim", "dim"], "init": "eye"},
    "knots": {"shape": [5], "init": "linspace(-1, 1, 5)"},
    "count": {"shape": [], "init": "zeros", "dtype": "int64"},
}
PARAMETERS: dict[str, Any] = {"weight": {"shape": ["dim"], "init": "ones"}}


def moved() -> dict[str, Tensor]:
    instance = instance_of(program(arguments={"dim": DIM}, buffers=BUFFERS, parameters=PARAMETERS), ON_DATA)
    with drawn():
        start(instance)
        move(instance)
    return {name: tensor for name, tensor in instance.state.items() if tensor is not None}


def test_no_number_is_equal_by_accident() -> None:
    state = moved()
    for name in ("mean", "variance", "weight"):
        assert len(set(state[name].tolist())) == state[name].numel()


def test_buffers_keep_what_they_are() -> None:
    state = moved()
    assert state["mean"].min() > 0 and state["mean"].max() < 0.5
    assert state["variance"].min() >= 0.5 and state["variance"].max() < 1
    assert torch.linalg.cholesky(state["covariance"]).isfinite().all()
    assert (state["knots"].diff() > 0).all() and state["knots"][2] == 0
    assert state["count"] == 0


def test_constants_stay() -> None:
    """What no state dict brings and no call writes has the values that are computed of the arguments."""
    constant = {"shape": ["dim"], "init": "arange(dim) + 1.0", "persistent": False}
    buffers = {"rates": constant, "kept": {**constant, "persistent": True}, "last": constant}
    layer = program("y = x * rates * kept\nlast = last + rates", arguments={"dim": DIM}, buffers=buffers)
    instance = instance_of(layer, ON_DATA)
    with drawn():
        start(instance)
        move(instance)
    state = {name: tensor for name, tensor in instance.state.items() if tensor is not None}
    numbers = torch.arange(len(state["rates"])).double() + 1
    assert torch.equal(state["rates"], numbers)
    assert not torch.equal(state["kept"], numbers) and not torch.equal(state["last"], numbers)


def test_parameters_that_nobody_reads_need_no_start() -> None:
    """Where they get other values afterwards; a buffer starts with the values of those that it reads."""
    parameters = {**PARAMETERS, "scale": {"shape": ["dim"], "init": "full([dim], 3.0)"}}
    buffers = {**BUFFERS, "twice": {"shape": ["dim"], "init": "2 * scale"}}
    instance = instance_of(program(arguments={"dim": DIM}, buffers=buffers, parameters=parameters), ON_DATA)
    for tensor in instance.state.values():
        assert tensor is not None
        tensor.fill_(9)
    start_what_stays(instance)
    state = {name: tensor for name, tensor in instance.state.items() if tensor is not None}
    assert (state["weight"] == 9).all()
    assert (state["scale"] == 3).all() and (state["twice"] == 6).all()
    assert (state["variance"] == 1).all() and state["count"] == 0


def test_a_tied_tensor_is_moved_once_and_as_what_it_is() -> None:
    layer = program(
        "y = second(first(x))",
        arguments={"dim": DIM},
        modules={"first": "nn.Linear(dim, dim, bias=False)", "second": "nn.Linear(dim, dim, bias=False)"},
        ties={"second.weight": "first.weight"},
        inputs={"x": ["N", "dim"]},
        outputs={"y": ["N", "dim"]},
    )
    instance, generator = instance_of(layer, ON_DATA), torch.Generator()
    assert [tensor is instance.state["first.weight"] for tensor in learned(instance)] == [True]
    for value in (0.0, 1.0, float("nan")):  # as memory may hold before anything is written there
        weight = instance.state["first.weight"]
        assert weight is not None
        weight.detach().fill_(value)
        with drawn():
            move_buffers(instance)
            assert torch.equal(torch.rand(3), torch.rand(3, generator=generator.manual_seed(0)))
