"""What a layer owns is moved away from its initial values, and buffers keep what they are."""

from typing import Any

import torch
from small import DIM, instance_of, program
from torch import Tensor

from layergen.contracts.values import drawn
from layergen.run.instance import Placement
from layergen.run.moving import move
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
