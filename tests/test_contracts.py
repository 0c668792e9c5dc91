"""The contracts: what breaks each of them, said at the place and with what to write instead."""

from typing import Any

import pytest
from small import DIM, FLAG, MATRIX, breaches, checked, fault_of, program, weight

from layergen.contracts.autocast import AUTOCAST
from layergen.contracts.device import DEVICE

VECTORS: dict[str, Any] = {"inputs": {"x": ["N"], "z": ["N"]}, "outputs": {"y": ["N", "N"]}}
pytestmark = pytest.mark.filterwarnings("ignore")  # what torch warns of in a trial

LABELS = {"shape": ["N"], "dtype": "int64", "range": [0, 4]}


# Device


@pytest.mark.parametrize(
    ("forward", "message"),
    [
        ("y = x + normal(0.0, 1.0, [N, C])", "on an accelerator, expected all tensors to be on the same device"),
        ("y = normal(0.0, 1.0, [N, C])", "output `y` is on the cpu when the inputs are on an accelerator"),
    ],
)
def test_a_tensor_that_is_made_on_the_cpu_is_found(forward: str, message: str) -> None:
    """No rule of words stands before the contract here: it would refuse this call, which takes no device."""
    layer = program(forward, random="always")
    found = breaches(DEVICE, layer)
    assert found and all(finding.rule.code == "LG303" and message in finding.message for finding in found)


def test_tensors_made_from_nothing_are_made_beside_the_inputs() -> None:
    layer = program("y = x + zeros([C]) + arange(C)")
    assert breaches(DEVICE, layer) == []


def test_a_fault_that_has_nothing_to_do_with_devices_is_no_breach_of_this_contract() -> None:
    layer = program("y = x @ x")
    assert breaches(DEVICE, layer) == []


# Coupling


@pytest.mark.parametrize(
    ("forward", "parts"),
    [
        ("y = x[:, None] * z", VECTORS),
        ("y = unsqueeze(x, 1) * z", VECTORS),
        ("h = unsqueeze(x, 1)\ny = h * z", VECTORS),
        ("h = x[:, None] + 1\ny = h * z", VECTORS),
        (
            "y = sum(x, dim=1, keepdim=True) * sum(z, dim=1)",
            {"inputs": {"x": ["N", "C"], "z": ["N", "C"]}, "outputs": {"y": ["N", "N"]}},
        ),
    ],
)
def test_all_pairs_may_be_combined_on_purpose(forward: str, parts: dict[str, Any]) -> None:
    assert checked(program(forward, **parts)).cases


@pytest.mark.parametrize(
    ("forward", "help"),
    [
        ("h = mean(x, dim=1, keepdim=True)\ny = squeeze(h)\nh = mean(x, dim=0, keepdim=True)\nz = squeeze(h, 0)", 1),
        ("h = mean(x, dim=1, keepdim=True)\ny = squeeze(h, 1)\nh = mean(x, dim=0, keepdim=True)\nz = squeeze(h)", 0),
    ],
)
def test_of_two_calls_of_one_text_each_has_its_own_help(forward: str, help: int) -> None:
    finding = fault_of(program(forward, outputs={"y": ["N"], "z": ["C"]}, mixes=["N"]))
    assert finding.help == f"say which go: `squeeze(h, {help})`"


@pytest.mark.parametrize("forward", ["y = x * z", "y = (x + 1) * z", "h = x + 1\ny = h * z", "y = mul(x, z)"])
def test_all_pairs_are_not_combined_by_accident(forward: str) -> None:
    finding = fault_of(program(forward, inputs={"x": ["N", 1], "z": ["N"]}, outputs={"y": ["N", "N"]}))
    assert finding.rule.code == "LG301"
    assert "are each stretched to the other: every pair is combined" in finding.message


def test_a_slice_that_a_size_of_one_makes_shorter_is_found() -> None:
    finding = fault_of(program("y = x[:, :4]", outputs={"y": ["N", 4]}))
    assert finding.rule.code == "LG301"
    assert finding.message == "where C == 1, dimension 1 of output `y` is declared as `4`, but is `1`"


# Dtype


@pytest.mark.parametrize(
    ("forward", "what"),
    [
        ("y = normalize(x, dim=1)", "`y` is nan instead of 0"),
        ("y = x * cosine_similarity(x, x + 1, dim=1)[:, None]", "`y` is nan instead of 0"),
    ],
)
def test_an_epsilon_of_torch_that_float16_rounds_to_nothing_is_found_at_zero(forward: str, what: str) -> None:
    finding = fault_of(program(forward))
    assert (finding.rule.code, finding.message) == ("LG320", f"in float16, {what} for inputs that are all zero")


@pytest.mark.parametrize(
    "forward", ["y = type_as(normalize(upcast(x), dim=-1), x)", "y = normalize(x, dim=-1, eps=1e-4)"]
)
def test_an_epsilon_that_is_there_in_every_dtype_is_not(forward: str) -> None:
    assert checked(program(forward)).judgement is not None


@pytest.mark.parametrize(
    ("forward", "message"),
    [
        ("y = x + linalg.inv(eye(C))[0, 0]", "the layer fails in float16: `linalg.inv` fails: "),
        ("y = abs(fft.fft(x))", "the layer fails in bfloat16: `fft.fft` fails: "),
    ],
)
def test_an_op_that_has_no_half_precision_is_found(forward: str, message: str) -> None:
    finding = fault_of(program(forward))
    assert finding.rule.code == "LG304"
    assert finding.message.startswith(message)
    assert finding.place.path == ("forward",)


def test_a_dtype_is_said_without_a_floating_input_too() -> None:
    parts = {"inputs": {"z": LABELS}, "outputs": {"y": {"shape": ["N"], "dtype": "float64"}}}
    finding = fault_of(program("y = z * 2.0", **parts))
    assert finding.message == "output `y` is declared as float64, but is float32"
    assert finding.help == "declare it: `y: {shape: […], dtype: float32}`"


def test_an_output_in_another_dtype_under_autocast_is_found() -> None:
    layer = program("y = argmax(x, dim=1)", outputs={"y": ["N"]})
    (finding,) = breaches(AUTOCAST, layer)
    assert finding.rule.code == "LG304"
    assert finding.message == "output `y` is int64 where `x` is float32, under autocast"


@pytest.mark.parametrize("product", ["x @ weight", "linear(x, weight)"])
def test_a_product_that_torch_refuses_in_mixed_precision_is_the_callers_affair(product: str) -> None:
    forward = f"y = {product} + type_as(square(upcast(x)), x)"
    layer = program(forward, arguments={"C": DIM}, parameters=weight("xavier_uniform", "C", "C"))
    assert checked(layer).cases


@pytest.mark.parametrize("product", ["upcast(x) @ weight", "linear(upcast(x), weight)"])
def test_a_product_that_the_layer_itself_mixes_is_found(product: str) -> None:
    layer = program(f"y = type_as({product}, x)", arguments={"C": DIM}, parameters=weight("xavier_uniform", "C", "C"))
    finding = fault_of(layer)
    assert finding.rule.code == "LG304"
    assert finding.message.endswith("is given float32 and float16 with data in float16, which torch does not mix")


# Execution


@pytest.mark.parametrize(
    ("forward", "parts", "message"),
    [
        (
            "y = embedding(z, weight)",
            {"inputs": {"z": {**LABELS, "range": [0, 9]}}, "outputs": {"y": ["N", 3]}},
            "`embedding` fails: index out of range",
        ),
        (
            "y = linalg.cholesky(x)",
            {"inputs": {"x": ["C", "C"]}, "outputs": {"y": ["C", "C"]}},
            "`linalg.cholesky` fails: ",
        ),
    ],
)
def test_what_torch_refuses_with_data_alone_is_found(forward: str, parts: dict[str, Any], message: str) -> None:
    used = weight("normal", 4, 3) if "weight" in forward else {}
    finding = fault_of(program(forward, parameters=used, **parts))
    assert finding.rule.code == "LG303"
    assert finding.message.startswith(message)


def test_the_first_step_that_gives_nan_is_named() -> None:
    finding = fault_of(program("k = 2\nh = x * k\ny = log(h)"))
    assert finding.rule.code == "LG313"
    assert finding.message == "`y` has NaN for inputs that are drawn at random"


# Gradient


def test_an_output_that_is_a_parameter_itself_passes_its_gradient_on() -> None:
    parts: dict[str, Any] = {"arguments": {"C": DIM}, "outputs": {"y": ["C"], "z": ["N", "C"]}}
    assert checked(program("y = weight\nz = x * 2", parameters=weight("ones", "C"), **parts)).cases


def test_an_input_whose_gradient_ends_at_an_op_without_one_is_found() -> None:
    finding = fault_of(program("y = type_as(argmax(x, dim=1), x)", outputs={"y": ["N"]}))
    assert (finding.rule.code, finding.help) == ("LG309", "declare it `gradient: false`")
    assert "has no derivative" in finding.message


@pytest.mark.parametrize("forward", ["y = x + detach(round(x) - x)", "y = x * detach(x)", "y = x / detach(std(x))"])
def test_a_gradient_that_a_detach_makes_another_one_is_found(forward: str) -> None:
    finding = fault_of(program(forward))
    assert (finding.rule.code, finding.message) == (
        "LG217", "the gradient of `x` is not its derivative: `detach` cuts off a part",
    )  # fmt: skip
    words = "declare `gradient: false` for `x` (or `surrogate`, so that one has to flow)"
    assert finding.help and finding.help.endswith(words)


def test_a_buffer_that_is_read_after_its_update_cuts_the_gradient() -> None:
    update = "mean(x, dim=0)\nif training:\n  m = lerp(m, type_as(s, m), 0.1)\ny = x - "
    parts = {"arguments": {"C": DIM}, "buffers": {"m": {"shape": ["C"], "init": "zeros"}}, "mixes": {"N": "training"}}
    finding = fault_of(program(f"s = {update}m", **parts))
    assert finding.rule.code == "LG217"
    assert finding.message == "the gradient of `x` is not its derivative: the update of the buffer `m` cuts off a part"
    assert checked(program(f"s = {update}(s if training else m)", **parts)).cases


def test_of_several_gradients_the_wrong_ones_are_named() -> None:
    parts = {**MATRIX, "outputs": {"y": ["N", "dim"]}, "arguments": {"dim": DIM}}
    finding = fault_of(program("y = x * weight + x * detach(weight)", parameters=weight("ones", "dim"), **parts))
    assert finding.message == "the gradient of `weight` is not its derivative: `detach` cuts off a part"
    assert [label.place.path for label in finding.labels] == [("parameters", "weight")]


def test_an_op_that_torch_does_not_differentiate_is_found() -> None:
    finding = fault_of(program("y = x // C", arguments={"C": DIM}))
    assert (finding.rule.code, finding.place.path) == ("LG309", ("forward",))
    assert finding.message == "the backward pass fails: torch has no derivative of one of the ops"


@pytest.mark.parametrize("rest", ["", "y = y + x\n"])
def test_a_gradient_that_is_cut_off_on_one_way_is_found(rest: str) -> None:
    forward = f"y = x * weight\nif hard:\n    y = detach(y)\n{rest}"
    parts: dict[str, Any] = {
        "arguments": {"dim": DIM, "hard": {**FLAG, "default": False}},
        "inputs": {"x": {"shape": ["N", "dim"], "gradient": "surrogate"}},
        "outputs": {"y": ["N", "dim"]},
    }
    learned = {"shape": ["dim"], "init": "ones"}
    finding = fault_of(program(forward, parameters={"weight": learned}, **parts))
    assert finding.message == "the gradient of `weight` is not its derivative: `detach` cuts off a part"
    checked(program(forward, parameters={"weight": {**learned, "gradient": False}}, **parts))


@pytest.mark.parametrize(
    ("forward", "parts"),
    [
        ("m = detach(amax(x, dim=-1, keepdim=True))\ny = exp(x - m) / sum(exp(x - m), dim=-1, keepdim=True)", {}),
        ("y = x + detach(round(x) - x)", {"inputs": {"x": {"shape": ["N", "C"], "gradient": "surrogate"}}}),
        ("y = x * type_as(detach(argmax(x)), x)", {"mixes": ["N"]}),
    ],
    ids=["the greatest taken away", "straight through", "without a derivative anyway"],
)
def test_a_detach_that_changes_no_gradient_is_no_breach(forward: str, parts: dict[str, Any]) -> None:
    assert checked(program(forward, **parts)).cases


# Training


def test_random_numbers_are_found_where_an_argument_is_zero_by_default() -> None:
    chance = {"type": "float", "min": 0, "max": 1, "exclusive": "max", "default": 0.0, "doc": "Chance."}
    finding = fault_of(program("y = dropout(x, p)", arguments={"p": chance}))
    assert (finding.rule.code, finding.help) == ("LG310", "write `dropout(x, p, training=training)`")
    assert checked(program("y = dropout(x, p if training else 0.0)", arguments={"p": chance})).cases


@pytest.mark.parametrize(
    ("forward", "help"),
    [
        ("y = dropout(x, 0.5)", "write `dropout(x, 0.5, training=training)`"),
        ("y = x + rand_like(x)", "put it under `if training:`, or declare `random: always`"),
        (
            "y = reshape(scaled_dot_product_attention(x[None], x[None], x[None], dropout_p=0.1), [N, C])",
            "write `dropout_p=p if training else 0.0`",
        ),
    ],
)
def test_random_numbers_in_evaluation_are_found(forward: str, help: str) -> None:
    finding = fault_of(program(forward))
    assert (finding.rule.code, finding.help) == ("LG310", help)


@pytest.mark.parametrize("forward", ["y = dropout(x, 0.0)", "y = dropout(x, 0.5, training)"])
def test_no_random_numbers_in_evaluation_are_no_breach(forward: str) -> None:
    assert checked(program(forward)).cases


# Where inputs lie


def test_values_that_depend_on_where_an_input_lies_are_found() -> None:
    parts = {"arguments": {"k": DIM}, "inputs": {"x": ["L"]}, "outputs": {"y": ["L - k + 1", "k"]}}
    layer = program("y = as_strided(x, (L - k + 1, k), (1, 1))", **parts, constraints=["k <= L"])
    finding = fault_of(layer)
    assert finding.rule.code == "LG303"
    assert finding.message == "`y` has other values where the inputs are slices of larger tensors"


def test_complex_numbers_are_viewed_wherever_inputs_lie() -> None:
    parts: dict[str, Any] = {"inputs": {"x": ["N", "L", "D"]}, "outputs": {"y": ["N", "L", "D"]}}
    forward = "h = reshape(to(x, float32), [N, L, D // 2, 2])\nz = {}\ny = type_as(flatten(view_as_real(z * z), 2), x)"
    even = {**parts, "constraints": ["D % 2 == 0"]}
    finding = fault_of(program(forward.format("view_as_complex(h)"), **even))
    assert finding.message.endswith("where the inputs have their first dimension last in memory")
    assert "`complex(h[..., 0], h[..., 1])`" in str(finding.help)
    assert checked(program(forward.format("complex(h[..., 0], h[..., 1])"), **even))


# Constants in half precision


@pytest.mark.parametrize(
    ("forward", "what"),
    [
        ("y = x / (abs(x) + 1e-9)", "1e-09"),
        ("y = x / clamp(abs(x), min=1e-9)", "`min` of `clamp`, 1e-09,"),
        ("y = normalize(x, dim=1, eps=1e-10)", "`eps` of `normalize`, 1e-10,"),
    ],
)
def test_a_constant_that_becomes_zero_is_found(forward: str, what: str) -> None:
    finding = fault_of(program(forward))
    assert finding.rule.code == "LG311"
    assert finding.message == f"{what} becomes zero in float16, whose smallest number is 6e-08"


@pytest.mark.parametrize(
    "forward",
    [
        "y = clamp(x, min=0.5)",
        "y = x + 1e-9",
        "y = clamp(x, min=1e-9)",
        "y = type_as(normalize(upcast(x), dim=1), x)",
        "y = type_as(upcast(x) * cosine_similarity(upcast(x), upcast(x) + 1, dim=1)[:, None], x)",
    ],
)
def test_a_constant_without_which_the_layer_is_not_off_is_no_breach(forward: str) -> None:
    assert checked(program(forward)).cases


# Float64


@pytest.mark.parametrize(
    ("forward", "help"),
    [
        ("y = type_as(tanh(float(x)), x)", "write `upcast(x)`, which is float32 or wider"),
        (
            "y = type_as(softmax(x, dim=1, dtype=float32), x)",
            "leave out `dtype`, and compute on `upcast(x)`, which is float32 or wider",
        ),
    ],
)
def test_what_narrows_float64_is_found(forward: str, help: str) -> None:
    finding = fault_of(program(forward))
    assert (finding.rule.code, finding.help) == ("LG320", help)


@pytest.mark.parametrize(
    "forward",
    [
        "y = x * type_as(float(x > 0), x)",
        "y = type_as(tanh(upcast(x)), x)",
        "y = type_as(float(round(detach(x))), x) + x",
    ],
)
def test_what_float32_holds_of_float64_is_no_breach(forward: str) -> None:
    assert checked(program(forward)).cases


# Tensors that are stretched to each other


def test_a_row_and_a_column_that_say_so_may_be_combined() -> None:
    parts = {
        "arguments": {"dim": {"type": "int", "min": 1, "doc": "Size."}},
        "parameters": {name: {"shape": ["dim", 1], "init": "normal"} for name in ("left", "right")},
        "inputs": {"h": ["N", "V", "dim"]},
        "outputs": {"y": ["N", "V", "V"]},
    }
    assert checked(program("y = relu(h @ left + transpose(h @ right, 1, 2))", **parts)).cases


def test_a_buffer_that_is_not_there_is_never_a_fault_of_the_others() -> None:
    """A flag without which a parameter does not exist leaves its initial value untried, and the rest checked."""
    scale = {"weight": {"shape": ["C"], "init": "ones", "when": "flag"}}
    layer = program("y = x * weight if flag else x", arguments={"C": DIM, "flag": FLAG}, parameters=scale)
    assert {tuple(case.state) for case in checked(layer).cases} == {("weight",), ()}


def test_an_op_that_views_what_it_is_given_is_told_by_its_name() -> None:
    parts: dict[str, Any] = {
        "arguments": {"d": DIM},
        "parameters": {"w": {"shape": [1, "d"], "init": "normal"}},
        "inputs": {"x": ["N", "d"]},
        "outputs": {"y": ["N", "d * d"]},
    }
    finding = fault_of(program("y = kron(x, w)", **parts))
    assert finding.message.startswith("`kron` fails where the inputs have their first dimension last in memory")
    assert finding.help is not None and "`reshape`, which copies" in finding.help
    assert checked(program("y = flatten(x[:, :, None] * w, 1)", **parts)).cases
