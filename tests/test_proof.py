"""The proofs: the formulas of shapes, preconditions, input checks and costs, held against torch at random sizes."""

import math
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, reject, settings
from provable import CONCRETE, SMALL, TRIED
from shipped import SPECS, CheckedFiles, layer_class, parameters
from small import checked, program
from strategies import points_near, scaled
from torch.autograd.graph import saved_tensors_hooks

from layergen.check import CheckedLayer
from layergen.checked import CheckedCase
from layergen.diagnostics import Span
from layergen.lang import expression as ex
from layergen.lang.visitor import statements
from layergen.prove.formula import shown, value
from layergen.prove.hints import at_point, numbers
from layergen.prove.proven import Proof, Tried
from layergen.run.forward import TrialFault
from layergen.run.instance import Instance, Placement
from layergen.run.on_data import CPU, drawn, fill
from layergen.settings.branches import way
from layergen.settings.choice import Setting

POINTS = scaled(8)  # sizes at which each formula is held against torch
LARGEST = 12  # of these sizes
TRIES = (2, 10)  # for each at first, and where few sizes go together

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> CheckedFiles:
    folder = tmp_path_factory.mktemp("specs")
    for name, text in SMALL.items():
        (folder / f"{name}.yaml").write_text(f"layer: Small\nsummary: Compute something.\n{text}")
    return CheckedFiles({name: folder / f"{name}.yaml" for name in SMALL})


# What torch cannot run at symbols among the shipped layers, and why.
SHIPPED_TRIED = {
    "ctc_loss": "with data alone",
    "fractional_max_pool3d": "as a number",
    "gaussian_nll_loss": "with data alone",
    "gru": "is given a list whose",
    "lstm": "is given a list whose",
    "rnn": "is given a list whose",
    "spatial_pyramid_pooling": "not every turn",
    "sparse_mixture_of_experts": "depends on the values",
    "vision_embedding": "no values were found",
}
# What torch cannot run at symbols on some ways through the forward.
SHIPPED_PARTLY = {
    "adaptive_max_pool2d": {"as a number"},
    "adaptive_max_pool3d": {"as a number"},
    "conv_transpose3d": {"no values were found"},
    "embedding": {"no values were found"},
    "involution2d": {"no values were found"},
    "kan_linear": {"no values were found"},
    "max_pool1d": {"as a number"},
    "max_unpool3d": {"as a number", "no values were found"},
}
# The way of a layer on which an output is a part of a size, which torch takes at its number: no other is claimed.
AT_ITS_NUMBERS = {"fractional_max_pool2d": "case_1"}
SYMBOLIC = [name for name in SPECS if name not in {**SHIPPED_TRIED, **SHIPPED_PARTLY}]


def smallest(layer: CheckedLayer, name: str) -> int:
    """From where on to try a size: below the least that an argument may be, and below 1, all are refused."""
    argument = layer.program.arguments.get(name.split("[")[0])
    return 1 if argument is None else int(argument.min or 0)


def at_sizes(layer: CheckedLayer, proof: Proof, count: int, compare: Callable[[dict[str, int], Setting], None]) -> None:
    """Compare something at random sizes that bounds, constraints and the comparison itself allow."""
    ground = numbers(layer.program, proof.setting)
    near = points_near(ground.names, {name: (smallest(layer, name), LARGEST) for name in proof.hints.names})
    compared: list[dict[str, int]] = []

    def run(point: dict[str, int]) -> None:
        if len(compared) == count:
            return
        setting = at_point(layer.program, ground, point)
        if setting is None or way(layer.program, setting) != way(layer.program, proof.setting):
            reject()
        compare(point, setting)
        compared.append(point)

    for tries in TRIES:
        if len(compared) < count:
            compared.clear()
            limits = settings(max_examples=tries * count, suppress_health_check=[HealthCheck.filter_too_much])
            limits(given(near)(run))()
    assert len(compared) >= (min(count, LARGEST) if proof.hints.names else 1)


def turns(layer: CheckedLayer) -> Iterator[Span]:
    """Where loops name what they run over, as they do at each turn."""
    for loop in statements(layer.program.forward.statements):
        if isinstance(loop, ex.For):
            yield from (target.span for target in loop.targets)


def hold(layer: CheckedLayer, proof: Proof) -> None:
    """Compare the formulas of a proof with the shapes that torch gives."""

    def compare(point: dict[str, int], setting: Setting) -> None:
        try:
            run = Instance(layer.program, setting).run(proof.training)
        except TrialFault:  # beyond a precondition
            reject()
        other_way = any(not value(guard.condition, point) for guard in proof.guards)
        if other_way and any(
            tuple(value(formula, point) for formula in formulas) != tuple(run.outputs[name].shape)
            for name, formulas in proof.outputs.items()
        ):
            reject()  # torch has asked about these sizes, and would have gone another way
        for name, formulas in proof.outputs.items():
            assert tuple(value(formula, point) for formula in formulas) == tuple(run.outputs[name].shape), name
        found = {step.target.span: step for step in run.steps}  # the last turn of each loop
        shown = {step.target.span: step for step in proof.steps}
        if any(span in shown and span not in found for span in turns(layer)):
            reject()  # a loop takes no turn here, and the run does not come to what is in it
        assert shown.keys() == found.keys()
        for step in shown.values():
            if step.dtype:
                shape = tuple(found[step.target.span].value.shape)
                assert tuple(value(size, point) for size in step.shape) == shape, step.target

    at_sizes(layer, proof, POINTS, compare)


@pytest.mark.parametrize("name", parameters(SHIPPED_TRIED))
def test_shipped_layers_that_cannot_run_at_symbols_say_why(shipped: CheckedFiles, name: str) -> None:
    layer = shipped[name]
    assert not layer.proven and layer.costs.parameters.formula is None
    first, *others = layer.proofs
    assert isinstance(first, Tried) and SHIPPED_TRIED[name] in first.reason
    assert all(isinstance(other, Tried) for other in others)


@pytest.mark.parametrize("name", parameters(SHIPPED_PARTLY))
def test_shipped_layers_that_cannot_always_run_at_symbols_say_why(shipped: CheckedFiles, name: str) -> None:
    tried = [proof for proof in shipped[name].proofs if isinstance(proof, Tried)]
    assert tried and len(tried) < len(shipped[name].proofs)
    found = {reason for proof in tried for reason in SHIPPED_PARTLY[name] if reason in proof.reason}
    assert found == SHIPPED_PARTLY[name]
    assert all(any(reason in proof.reason for reason in found) for proof in tried)


@pytest.mark.parametrize("name", parameters((*SYMBOLIC, *SHIPPED_PARTLY)))
def test_formulas_of_shipped_layers_hold(shipped: CheckedFiles, name: str) -> None:
    for proof in shipped[name].proofs:
        if isinstance(proof, Tried):
            assert name in SHIPPED_PARTLY
        elif proof.setting.name == AT_ITS_NUMBERS.get(name):
            assert proof.sampled and not proof.whole
        else:
            hold(shipped[name], proof)


@pytest.mark.parametrize("name", [name for name in SMALL if name not in (*TRIED, "tied")])
def test_formulas_of_small_layers_hold(small: CheckedFiles, name: str) -> None:
    for proof in small[name].proofs:
        assert isinstance(proof, Proof)
        assert set(proof.concrete) == CONCRETE.get(name, set()) and not proof.sampled
        hold(small[name], proof)
    assert small[name].proven == (name not in CONCRETE)


@pytest.mark.parametrize("name", TRIED)
def test_what_cannot_run_at_symbols_says_why(small: CheckedFiles, name: str) -> None:
    (outcome,) = small[name].proofs
    assert isinstance(outcome, Tried) and TRIED[name] in outcome.reason
    assert not small[name].proven


def test_sizes_that_torch_has_tied_are_not_proven(small: CheckedFiles) -> None:
    (proof,) = small["tied"].proofs
    assert isinstance(proof, Proof)
    length, width = proof.hints.names["L"], proof.hints.names["width"]
    assert proof.tied == (f"L == width + {length - width}",) and not proof.whole


@pytest.mark.parametrize("name", parameters(SPECS))
def test_preconditions_hold_on_one_side_alone(shipped: CheckedFiles, name: str) -> None:
    layer = shipped[name]
    for condition in layer.preconditions:
        Instance(layer.program, condition.kept.setting).run(training=True)
        with drawn():
            broken = Instance(layer.program, condition.broken[0], Placement(CPU))  # without data, torch takes more
            fill(broken)
            with pytest.raises(TrialFault):
                broken.run(training=True)


def test_conv_has_the_preconditions_of_its_window(shipped: CheckedFiles) -> None:
    first, _ = shipped["custom_conv2d"].preconditions
    assert first.text == "H + dilation[0] + 2 * padding[0] >= dilation[0] * kernel_size[0] + 1"


@pytest.mark.parametrize("name", parameters(SPECS))
def test_wrong_input_shapes_are_refused(shipped: CheckedFiles, name: str) -> None:
    layer, case = shipped[name], shipped[name].cases[0]
    usual = {name: facts.shape if facts else None for name, facts in case.inputs.items()}
    for found in layer.input_checks:
        for wrong in found.wrong if found.setting == case.setting else ():
            shapes = {**usual, found.input: wrong}
            given = {name: tensor(layer, case, name, shape) for name, shape in shapes.items()}
            kept = {name: given.pop(name) for name in layer.program.kept}
            module = layer_class(name)(**case.setting.given, **kept)
            with pytest.raises(ValueError, match=re.escape(found.input)):
                module(*packed(given))


def test_right_input_shapes_of_any_number_of_dimensions_pass() -> None:
    layer = layer_class("layer_norm")(6)
    for leading in ((), (1,), (2, 3, 4)):
        assert layer(torch.rand(*leading, 6)).shape == (*leading, 6)


def packed(inputs: dict[str, torch.Tensor | None]) -> list[Any]:
    """Inputs as a layer takes them, those of a tuple together: ``state[0]`` and ``state[1]``."""
    taken: dict[str, Any] = {}
    for name, given_tensor in inputs.items():
        whole, part, _ = name.partition("[")
        together = part and given_tensor is not None
        taken[whole] = (*taken.get(whole, ()), given_tensor) if together else given_tensor
    return list(taken.values())


def tensor(layer: CheckedLayer, case: CheckedCase, name: str, shape: tuple[int, ...] | None) -> torch.Tensor | None:
    """Zeros, which are in the range of every shipped layer's inputs."""
    facts = case.inputs[name]
    return None if shape is None or facts is None else torch.zeros(shape, dtype=getattr(torch, facts.dtype))


@pytest.mark.parametrize("name", parameters(SYMBOLIC))
def test_parameter_formula_counts_the_parameters(shipped: CheckedFiles, name: str) -> None:
    layer, proof = shipped[name], shipped[name].proofs[0]
    assert isinstance(proof, Proof)
    formula = layer.costs.parameters.formula
    build = layer_class(name)

    def compare(point: dict[str, int], setting: Setting) -> None:
        counted = sum(parameter.numel() for parameter in build(**setting.given).parameters())
        assert value(formula, point) == counted

    at_sizes(layer, proof, 5, compare)


def test_flops_of_a_linear_layer(shipped: CheckedFiles) -> None:
    layer, proof = shipped["linear"], shipped["linear"].proofs[0]
    assert isinstance(proof, Proof)
    formula = layer.costs.flops.formula

    def compare(point: dict[str, int], setting: Setting) -> None:
        rows = setting.leading[0] * setting.leading[1]
        assert value(formula, point) == 2 * rows * setting.values["in_features"] * setting.values["out_features"]

    at_sizes(layer, proof, POINTS, compare)


def test_flops_of_a_convolution(shipped: CheckedFiles) -> None:
    layer, proof = shipped["custom_conv2d"], shipped["custom_conv2d"].proofs[0]
    assert isinstance(proof, Proof)
    formula = layer.costs.flops.formula

    def compare(point: dict[str, int], setting: Setting) -> None:
        try:
            y = Instance(layer.program, setting).run(training=True).outputs["y"]
        except TrialFault:
            reject()
        height, width = setting.values["kernel_size"]
        products = height * width * setting.values["in_channels"] // setting.values["groups"]
        assert value(formula, point) == 2 * y.numel() * products

    at_sizes(layer, proof, POINTS, compare)


def test_flops_of_attention_are_those_of_its_two_products() -> None:
    inputs = {"q": ["N", "L", "D"], "k": ["N", "S", "D"], "v": ["N", "S", "E"]}
    apart = "scaled_dot_product_attention(unsqueeze(q, 1), unsqueeze(k, 1), unsqueeze(v, 1))"
    layer = checked(program(f"y = squeeze({apart}, 1)", inputs=inputs, outputs={"y": ["N", "L", "E"]}))
    assert shown(layer.costs.flops.formula) == "2 * D * L * N * S + 2 * E * L * N * S"


@pytest.mark.slow
def test_flops_of_attention_include_the_products_of_queries_keys_and_values(shipped: CheckedFiles) -> None:
    layer = shipped["multihead_self_attention"]
    case = layer.cases[0].setting
    dim, positions, rows = case.values["embed_dim"], case.sizes["L"], case.sizes["N"]
    assert layer.costs.flops.number == rows * (2 * positions * dim * 4 * dim + 4 * positions**2 * dim)


KEPT = (
    *("linear", "rms_norm", "swiglu", "custom_conv2d", "layer_norm", "lstm_cell", "snake"),
    *("batch_norm1d", "coordinate_attention", "bce_loss"),  # with statistics, a member's, and a tensor that is given
)


@pytest.mark.parametrize("name", parameters(KEPT))
def test_activation_bytes_are_what_autograd_keeps(shipped: CheckedFiles, name: str) -> None:
    layer, case = shipped[name], shipped[name].cases[0]
    drawn = {name: tensor(layer, case, name, facts.shape if facts else None) for name, facts in case.inputs.items()}
    given = {name: drawn.pop(name) for name in layer.program.kept}
    module = layer_class(name)(**case.setting.given, **given)
    own = {part.untyped_storage().data_ptr() for part in (*module.parameters(), *module.buffers())}
    kept: dict[int, int] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    inputs = packed({name: None if item is None else item.requires_grad_() for name, item in drawn.items()})
    with saved_tensors_hooks(pack, lambda tensor: tensor):
        outputs = module(*inputs)
    assert outputs is not None  # until here, what is kept stays
    assert layer.costs.activation_bytes.number == sum(kept.values())


def test_cost_that_has_no_formula_is_counted_at_the_first_case(small: CheckedFiles) -> None:
    found = small["unbound"].costs
    assert (found.flops.formula, found.flops.number) == (None, 0)


def test_formula_is_shown_in_the_names_of_the_spec(shipped: CheckedFiles) -> None:
    assert shown(shipped["linear"].costs.parameters.formula) == "out_features + in_features * out_features"


def test_what_kernels_keep_beside_what_is_counted_is_measured(shipped: CheckedFiles) -> None:
    dropout, linear = (shipped[name].costs.activation_bytes for name in ("dropout", "linear"))
    entries = math.prod(shipped["dropout"].cases[0].setting.leading)
    assert (dropout.number, dropout.on_cpu) == (entries, 4 * entries)  # a mask of bools, and one of floats
    assert linear.on_cpu is None  # it is the same
