"""What runs on data show, what they let pass, and what is said of them."""

from functools import partial
from typing import Any

import pytest
import torch
from small import DIM, breaches, checked, fault_of, faults_of, forward_lines, instance_of, program

from layergen.contracts.finite import FINITE
from layergen.domains.labels import sought
from layergen.domains.site import Edge
from layergen.domains.study import study
from layergen.present.guarantees import guarantees
from layergen.probe.attempts import TOLERANCE, Attempt, off
from layergen.probe.lengths import counted
from layergen.probe.values import HUGE, ORDINARY, ZERO, drawn, give, strided
from layergen.run.instance import Placement
from layergen.run.on_data import fill
from layergen.run.started import start
from layergen.settings.choice import settings

CPU = Placement(torch.device("cpu"))
SCALAR = {"x": ["N", "C"]}


def codes(forward: str, **parts: Any) -> set[str]:
    return {finding.rule.code for finding in faults_of(program(forward, **parts))}


def said(contract: str, forward: str, **parts: Any) -> list[str]:
    layer = checked(program(forward, **parts))
    return [guarantee.detail for guarantee in guarantees(layer) if guarantee.contract == contract]


# Values of inputs and of the layer's own tensors.


def test_both_ends_of_a_range_and_the_arguments_in_it_are_drawn() -> None:
    layer = program(
        "y = x * sum(labels)",
        arguments={"skip": {"type": "int", "default": -7, "doc": "Label."}},
        inputs={**SCALAR, "labels": {"shape": ["N", "C"], "dtype": "int64", "range": [-9, 5]}},
    )
    instance = instance_of(layer, CPU)
    give(instance, ORDINARY)
    labels = instance.inputs["labels"]
    assert labels is not None
    assert {-9, 4, -7} <= set(labels.flatten().tolist()) <= set(range(-9, 5))


BESIDE = {"skip": {"type": "int", "optional": True, "default": -7, "doc": "Label."}}


@pytest.mark.parametrize("skip", [-7, None])
def test_values_beside_a_range_are_drawn_and_tested(skip: int | None) -> None:
    layer = program(
        "y = x * sum(labels)",
        arguments={"skip": BESIDE["skip"] | {"default": skip}},
        inputs={**SCALAR, "labels": {"shape": ["N", "C"], "dtype": "int64", "range": [0, 5], "also": ["skip", -9]}},
    )
    instance = instance_of(layer, CPU)
    singles = {-9} if skip is None else {-9, skip}
    for put in (fill, partial(give, point=ORDINARY)):
        put(instance)
        labels = instance.inputs["labels"]
        assert labels is not None
        assert singles <= set(labels.flatten().tolist()) <= singles | set(range(5))
    assert sought(instance) == {"labels": -9 if skip is None else skip}


SCORES = "y = nll_loss(x, labels, {}reduction='sum') + one_hot(where(labels == {}, 0, labels), C)"


@pytest.mark.parametrize(
    ("also", "forward", "left"),
    [
        (["skip"], "y = x * one_hot(where(labels == skip, 0, labels), C)", 0),
        (["skip"], "y = x * one_hot(where(labels != skip, labels, 0), C)", 0),
        (["skip", -1], "t = where(labels == skip, 0, labels)\ny = x * one_hot(where(t == -1, 0, t), C)", 0),
        (["skip", -1], "t = masked_fill(labels, labels == -1, 0)\ny = x * one_hot(where(t == skip, 0, t), C)", 0),
        ([-2], "y = x * one_hot(clamp(labels, min=0), C)", 0),
        (["skip"], SCORES.format("ignore_index=skip, ", "skip"), 0),
        ([-100], SCORES.format("", "-100"), 0),
        (["skip"], "y = x * one_hot(clamp(labels, min=0), C)", 1),  # it may be larger than all others
        (["skip", -1], "y = x * one_hot(where(labels == skip, 0, labels), C)", 1),
        (["skip"], "y = x * one_hot(where(labels == 3, 0, labels), C)", 1),
        (["skip"], SCORES.format("", "skip"), 1),
    ],
)
def test_an_index_is_proven_where_values_beside_its_range_are_left_out(
    also: list[Any], forward: str, left: int
) -> None:
    layer = program(
        forward,
        arguments={"C": {"type": "int", "min": 2, "doc": "Classes."}} | {"skip": BESIDE["skip"] | {"optional": False}},
        inputs={**SCALAR, "labels": {"shape": ["N"], "dtype": "int64", "range": [0, "C"], "also": also}},
    )
    known = study(layer, settings(layer)[:1])
    assert [suspect.edge for suspect in known.suspects] == [Edge.INDEX] * left


@pytest.mark.parametrize("point", [ORDINARY, ZERO, HUGE], ids=lambda point: point.words)
def test_values_stay_in_their_range_and_are_the_same_in_all_dtypes(point: Any) -> None:
    layer = program("y = x", inputs={"x": {"shape": ["N", "C"], "range": [0.25, 1]}})
    given = []
    for dtype in (torch.float64, torch.bfloat16, torch.float16):
        instance = instance_of(layer, Placement(torch.device("cpu"), dtype))
        with drawn():
            give(instance, point, rounded=torch.bfloat16)
        x = instance.inputs["x"]
        assert x is not None
        given.append(x)
    assert all((tensor >= 0.25).all() and (tensor < 1).all() for tensor in given)
    assert all(torch.equal(tensor.double(), given[0]) for tensor in given)


def test_constants_are_moved_and_buffers_are_not() -> None:
    ones = {"shape": ["dim"], "init": "ones"}
    layer = program("y = x * w + b[0]", arguments={"dim": DIM}, parameters={"w": ones}, buffers={"b": ones},
                    inputs={"x": ["N", "dim"]}, outputs={"y": ["N", "dim"]})  # fmt: skip
    instance = instance_of(layer, CPU)
    start(instance, shake=0.25)
    w, b = instance.state["w"], instance.state["b"]
    assert w is not None and b is not None
    assert (w != 1).any() and (w - 1).abs().max() <= 0.25 and (b == 1).all()


@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 4), (2, 3, 4, 5), (1, 2, 2)])
def test_no_two_dimensions_of_a_slice_can_be_viewed_as_one(shape: tuple[int, ...]) -> None:
    tensor = torch.randn(shape)
    cut = strided(tensor)
    assert torch.equal(cut, tensor) and cut.stride(-1) == 1
    for index in range(1, len(shape) - 1):
        merged = (*shape[:index], shape[index] * shape[index + 1], *shape[index + 2 :])
        with pytest.raises(RuntimeError, match="view"):
            cut.view(merged)


# Precisions.


def test_list_of_lists_takes_the_dtype_of_the_input() -> None:
    layer = program("y = x @ tensor([[0.0, -1.0], [-1.0, 5.0]])", inputs={"x": ["N", 2]}, outputs={"y": ["N", 2]})
    assert checked(layer)
    assert any("dtype=x.dtype" in line for line in forward_lines(layer))


def test_list_of_lists_of_ints_stays_one_of_ints() -> None:
    layer = program("y = x + tensor([[0, 1], [2, 3]])[0, 1]", inputs={"x": ["N", 2]}, outputs={"y": ["N", 2]})
    assert not any("dtype" in line for line in forward_lines(layer))


def test_float_that_is_given_as_an_int_fills_a_floating_tensor() -> None:
    alpha = {"type": "float", "default": 1, "doc": "The constant."}
    layer = program("y = full([N], alpha)", arguments={"alpha": alpha}, outputs={"y": ["N"]},
                    inputs={"x": {"shape": ["N"], "partial": True}})  # fmt: skip
    assert any("self.alpha, device=x.device, dtype=x.dtype" in line for line in forward_lines(layer))
    assert {case.outputs["y"].dtype for case in checked(layer).cases} == {"float32"}


def test_buffer_of_fixed_dtype_is_not_multiplied_in_float64() -> None:
    buffer = {"shape": ["dim", "dim"], "init": "eye", "dtype": "float32"}
    parts = {"arguments": {"dim": DIM}, "buffers": {"b": buffer}, "inputs": {"x": ["N", "dim"]}}
    finding = fault_of(program("y = x @ b", outputs={"y": ["N", "dim"]}, **parts))
    assert finding.rule.code == "LG304" and "which torch does not mix" in finding.message


def test_weights_that_a_member_does_not_take_under_autocast_are_brought_to_the_dtype_of_its_own() -> None:
    index = {"shape": ["N", 3], "dtype": "int64", "range": [0, 5]}
    parts = {
        "modules": {"bag": 'nn.EmbeddingBag(5, 4, mode="sum")', "proj": "nn.Linear(4, 3)"},
        "inputs": {"x": ["N", 4], "index": index},
        "outputs": {"y": ["N", 4]},
    }
    finding = fault_of(program("y = bag(index, per_sample_weights=proj(x))", **parts))
    assert (finding.rule.code, finding.help) == ("LG304", "bring the tensors to one dtype: `type_as(a, b)`")
    assert checked(program("y = bag(index, per_sample_weights=type_as(proj(x), bag.weight))", **parts)).cases


def test_precision_without_a_kernel_is_left_out_and_said_to_be() -> None:
    parts = {"outputs": {"y": ["N", "N"]}}
    assert any("not in float16 and bfloat16" in text for text in said("dtype", "y = cdist(x, x + 1)", **parts))
    assert not said("precision", "y = cdist(x, x + 1)", **parts)


def test_half_precision_is_not_compared_where_numbers_are_random() -> None:
    assert not said("precision", "y = x + randn_like(x)", random="always")
    assert said("precision", "y = x + randn_like(x) if training else x")


def test_what_rounding_of_the_inputs_explains_is_no_fault() -> None:
    layer = program("y = cos(1000 * x)")
    (attempt,) = [Attempt(layer, settings(layer)[0], torch.bfloat16, training=True)]
    assert attempt.error(0) > TOLERANCE
    assert checked(layer)


def test_overflow_of_float16_on_the_way_is_a_fault() -> None:
    assert codes("y = sqrt(square(x * 1000) + 1) / 1000") == {"LG320"}
    assert checked(program("h = upcast(x)\ny = type_as(sqrt(square(h * 1000) + 1) / 1000, x)"))


def test_positions_count_along_the_dimensions_that_they_name() -> None:
    layer = program("i = arange(C)\nsize = N\nj = arange(size)\ny = x + i + j[:, None]")
    assert counted(layer) == ("N", "C")
    assert counted(program("y = x * arange(3)[0]")) == ()


def test_error_is_measured_where_the_dtype_holds_the_result() -> None:
    exact = torch.tensor([1.0, 1e6, 3.0], dtype=torch.float64)
    assert off(torch.tensor([1.0, torch.inf, 3.0]).half(), exact, torch.float16) == 0
    assert off(torch.tensor([1.0, 1.0, torch.inf]).half(), exact, torch.float16) == float("inf")
    assert off(torch.tensor([True]), torch.tensor([False]), torch.float16) == 0


# Finite values and gradients.


@pytest.mark.parametrize(
    ("forward", "code"),
    [
        ("h = upcast(x)\ny = type_as(exp(h) / sum(exp(h), dim=1, keepdim=True), x)", "LG321"),
        ("h = upcast(x)\ny = type_as(log(1 + exp(h)), x)", "LG321"),
        ("h = upcast(x)\ny = type_as(log(1 - sigmoid(h)), x)", "LG321"),
        ("h = upcast(x)\ny = type_as((exp(h) - exp(-h)) / (exp(h) + exp(-h)), x)", "LG321"),
        ("h = upcast(x)\ny = type_as(1 / (1 + exp(-h)), x)", "LG322"),
        ("h = upcast(x)\ny = type_as(sqrt(sum(h * h, dim=1, keepdim=True)) + h, x)", "LG322"),
        ("h = upcast(x)\ny = type_as(h / sqrt(sum(h * h, dim=1, keepdim=True)), x)", "LG313"),
        ("h = upcast(x) - mean(upcast(x), dim=1, keepdim=True)\ny = type_as(h / mean(abs(h), dim=1, keepdim=True), x)",
         "LG313"),
    ],
)  # fmt: skip
def test_value_or_gradient_that_could_be_a_number_is_a_fault(forward: str, code: str) -> None:
    assert {finding.rule.code for finding in breaches(FINITE, program(forward))} == {code}


@pytest.mark.parametrize(
    "forward",
    [
        "y = exp(x)",  # as large as the author wants it
        "h = upcast(x)\ny = type_as(exp(square(h)), x)",
        "h = upcast(x)\ny = type_as(softplus(h) + logsigmoid(h), x)",
        "h = upcast(x)\ny = type_as(h * tanh(softplus(h)), x)",
        "h = upcast(x)\ny = type_as((1 - sigmoid(h)) ** 2 * softplus(h), x)",  # a power at zero, as one asks for it
        "h = upcast(x)\ny = type_as(h / sqrt(sum(h * h, dim=1, keepdim=True) + 1e-6), x)",
    ],
)
def test_sound_value_passes(forward: str) -> None:
    assert checked(program(forward))


def test_gradient_of_what_rounds_to_zero_is_left_to_the_author() -> None:
    forward = 'loss = type_as(kl_div(log_softmax(upcast(x), dim=1), softmax(upcast(t), dim=1), reduction="sum"), x)'
    assert checked(program(forward, inputs={**SCALAR, "t": ["N", "C"]}, outputs={"loss": []}))


def test_loss_of_torch_that_overflows_by_itself_is_not_the_layers_fault() -> None:
    target = {"shape": ["N", "C"], "range": [-1, 1]}
    forward = 'y = soft_margin_loss(x, t, reduction="none")'
    assert checked(program(forward, inputs={**SCALAR, "t": {**target, "gradient": False}}))
    finding = fault_of(program(forward, inputs={**SCALAR, "t": target}))
    assert (finding.rule.code, finding.message) == (
        "LG309",
        "`soft_margin_loss` has no derivative with respect to `target`",
    )


# Learning and buffers.


def scalar(init: str) -> dict[str, Any]:
    return {"shape": [], "init": init}


@pytest.mark.parametrize(
    ("forward", "inits", "learns"),
    [
        ("y = x * a * b", "zeros ones", True),
        ("y = x * a * b", "zeros zeros", False),
        ("y = x + a * (x + b)", "zeros zeros", True),  # one step after the other
        ("y = x + relu(a - 100) + b", "zeros zeros", False),
        ("y = x + relu(x + a - 1) * b", "zeros ones", True),
    ],
)
def test_parameter_has_to_move(forward: str, inits: str, learns: bool) -> None:
    first, second = inits.split()
    layer = program(forward, parameters={"a": scalar(first), "b": scalar(second)})
    if learns:
        assert checked(layer)
    else:
        assert fault_of(layer).rule.code == "LG323"


@pytest.mark.parametrize(
    ("forward", "code"),
    [
        ("y = x + total\ntotal = total + 1", "LG324"),
        ("if training:\n    total = total + 1\ny = x + total", None),
        ("if not training:\n    total = total + 1\ny = x + total", "LG324"),
    ],
)
def test_buffer_is_updated_in_training_alone(forward: str, code: str | None) -> None:
    layer = program(forward, buffers={"total": scalar("zeros")})
    if code is None:
        assert said("buffers", forward, buffers={"total": scalar("zeros")})
    else:
        assert fault_of(layer).rule.code == code


def test_op_that_writes_unseen_is_found() -> None:
    buffers = {"m": {"shape": ["dim"], "init": "zeros"}, "v": {"shape": ["dim"], "init": "ones"}}
    parts = {"arguments": {"dim": DIM}, "buffers": buffers}
    shape = ["N", "dim", "L"]
    finding = fault_of(
        program("y = batch_norm(x, m, v, training=True)", inputs={"x": shape}, outputs={"y": shape}, **parts)
    )
    assert finding.rule.code == "LG308"
    assert "`batch_norm` writes to `m` and `v`" in finding.message
    sound = program("y = batch_norm(x, m, v, training=False)", inputs={"x": shape}, outputs={"y": shape}, **parts)
    assert checked(sound)


# The fan of a stack.


@pytest.mark.parametrize(
    ("forward", "shape", "init", "help"),
    [
        ("y = bmm(x, w)", ["E", "dim", "width"], "kaiming_normal", "write `normal(0, sqrt(2 / dim))`"),
        ("y = x @ w", ["E", "dim", "width"], "kaiming_uniform", "write `uniform(-sqrt(6 / dim), sqrt(6 / dim))`"),
        ('y = einsum("eni,eio->eno", x, w)', ["E", "dim", "width"], "uniform(0, 1 / sqrt(fan_in(w)))", "write `dim`"),
        ('y = einsum("eni,eoi->eno", x, w)', ["E", "width", "dim"], "kaiming_uniform(a=sqrt(5))",
         "write `uniform(-1 / sqrt(dim), 1 / sqrt(dim))`"),
        ('y = einsum("eni,eio->eno", x, w)', ["E", "dim", "width"], "xavier_uniform", None),
    ],
)  # fmt: skip
def test_fan_is_that_of_one_matrix(forward: str, shape: list[str], init: str, help: str | None) -> None:
    layer = program(
        forward,
        arguments=dict.fromkeys(("E", "dim", "width"), DIM),
        parameters={"w": {"shape": shape, "init": init}},
        inputs={"x": ["E", "N", "dim"]},
        outputs={"y": ["E", "N", "width"]},
    )
    if help is None:
        assert checked(layer)
    else:
        finding = fault_of(layer)
        assert (finding.rule.code, finding.help) == ("LG312", help)
