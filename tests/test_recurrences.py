"""The recurrences that torch has fused are ops, of whole sequences and of single steps."""

import pytest
import torch
from small import checked, program, settings_of
from torch import Tensor, nn

from layergen import ops
from layergen.prove.demands import SizeDemand
from layergen.run.forward import TrialFault
from layergen.run.instance import Instance, Placement

CPU = torch.device("cpu")
GATES = {"lstm": 4, "gru": 3, "rnn_tanh": 1, "rnn_relu": 1}
SEQUENCES = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn_tanh": nn.RNN, "rnn_relu": nn.RNN}
SHAPES = {"inputs": {"x": ["N", "L", 3]}, "outputs": {"y": ["N", "L", 4]}}


def weights(name: str) -> dict[str, dict[str, object]]:
    rows = 4 * GATES[name]
    shapes = {"w_ih": [rows, 3], "w_hh": [rows, 4], "b_ih": [rows], "b_hh": [rows]}
    return {key: {"shape": shape, "init": "uniform(-0.5, 0.5)"} for key, shape in shapes.items()}


def fused(name: str) -> str:
    """A forward that runs a whole sequence by one op."""
    start, rest = ("[h, h]", "_, _") if name == "lstm" else ("h", "_")
    call = f"{name}(x, {start}, [w_ih, w_hh, b_ih, b_hh], True, 1, 0.0, training, False, True)"
    return f"h = zeros(1, N, 4)\ny, {rest} = {call}"


def stepwise(name: str) -> str:
    """The same, step by step."""
    state, start = ("h, c", "[h, c]") if name == "lstm" else ("h", "h")
    return (
        f"h = zeros(N, 4)\n{'c = zeros(N, 4)' if name == 'lstm' else ''}\nys = []\nfor x_t in unbind(x, 1):\n"
        f"    {state} = {name}_cell(x_t, {start}, w_ih, w_hh, b_ih, b_hh)\n    append(ys, h)\ny = stack(ys, 1)"
    )


@pytest.mark.parametrize("name", GATES)
@pytest.mark.parametrize("write", [fused, stepwise])
def test_recurrences_compute_what_the_modules_do(name: str, write: object) -> None:
    torch.manual_seed(0)
    forward = fused(name) if write is fused else stepwise(name)
    plain = program(forward, parameters=weights(name), **SHAPES)
    module = SEQUENCES[name](3, 4, batch_first=True, **({"nonlinearity": "relu"} if name == "rnn_relu" else {}))
    module.double()
    instance = Instance(plain, settings_of(plain)[0], Placement(CPU, torch.float64))
    instance.state = {
        key: getattr(module, f"{'weight' if key[0] == 'w' else 'bias'}{key[1:]}_l0").detach() for key in instance.state
    }
    x = torch.randn(*(part for part in _shape(instance)), dtype=torch.float64)
    found = instance.run(training=False, inputs={"x": x}).outputs["y"]
    torch.testing.assert_close(found, module(x)[0])


def _shape(instance: Instance) -> tuple[int, ...]:
    tensor = instance.inputs["x"]
    assert isinstance(tensor, Tensor)
    return tuple(tensor.shape)


def test_a_recurrence_without_dropout_draws_nothing() -> None:
    layer = checked(program(fused("lstm"), parameters=weights("lstm"), **SHAPES))
    assert not layer.program.forward.draws
    dropping = program(fused("lstm").replace("0.0", "0.5"), parameters=weights("lstm"), **SHAPES)
    assert dropping.forward.draws


@pytest.mark.parametrize(("given", "drawn"), [("", False), (", dropout_p=0.0", False), (", dropout_p=0.1", True)])
def test_an_attention_that_drops_nothing_draws_nothing(given: str, drawn: bool) -> None:
    text = f"y = scaled_dot_product_attention(x, x, x{given})"
    shape = {"inputs": {"x": ["N", "L", 4]}, "outputs": {"y": ["N", "L", 4]}}
    assert program(text, **shape, random="always" if drawn else "training").forward.draws == drawn


@pytest.mark.parametrize("name", ["lstm", "gru", "rnn_tanh", "rnn_relu", "lstm_cell", "gru_cell", "rnn_tanh_cell"])
def test_recurrences_have_signatures(name: str) -> None:
    (signature,) = ops.get(name).signatures
    assert [part.name for part in signature.parameters][:2] == ["input", "hx"]


@pytest.mark.parametrize(("name", "checks"), [("lstm", True), pytest.param("gru", False, marks=pytest.mark.slow)])
def test_a_width_that_a_kernel_would_not_miss_is_checked(name: str, checks: bool) -> None:
    """In single precision, the `lstm` of a CPU takes features of any width; the others refuse them."""
    layer = checked(program(fused(name), parameters=weights(name), **SHAPES))
    found = [check.demand.entry.position for check in layer.input_checks if isinstance(check.demand, SizeDemand)]
    assert (2 in found) == checks


@pytest.mark.parametrize("parts", ["[h, c]", "[c, h]"])
def test_an_lstm_is_given_states_of_its_widths(parts: str) -> None:
    tensors = {"w_ih": [16, 3], "w_hh": [16, 2], "w_hr": [2, 4]}
    plain = program(
        f"h = zeros(1, N, 2)\nc = zeros(1, N, 4)\n"
        f"y, _, _ = lstm(x, {parts}, [w_ih, w_hh, w_hr], False, 1, 0.0, training, False, True)",
        parameters={key: {"shape": shape, "init": "uniform(-0.5, 0.5)"} for key, shape in tensors.items()},
        inputs={"x": ["N", "L", 3]}, outputs={"y": ["N", "L", 2]},
    )  # fmt: skip
    instance = Instance(plain, settings_of(plain)[0], Placement(CPU))
    if parts == "[h, c]":
        instance.run(training=True)
    else:
        with pytest.raises(TrialFault, match="takes a state of width 2 here, but is given 4"):
            instance.run(training=True)
