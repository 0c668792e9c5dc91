"""The proofs: the formulas of shapes, preconditions, input checks and costs, held against torch at random sizes."""

import random
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.autograd.graph import saved_tensors_hooks

import layergen
from layergen.check import CheckedLayer, check
from layergen.checked import CheckedCase
from layergen.lang.source import load
from layergen.lang.validate import validate
from layergen.prove.cost import Costs, costs
from layergen.prove.formula import shown, value
from layergen.prove.hints import at_point, numbers
from layergen.prove.proof import Proof, Tried
from layergen.run.instance import Instance, TrialFault
from layergen.settings.choice import Setting

SPECS = {path.stem: path for path in sorted((Path(__file__).parent.parent / "specs").rglob("*.yaml"))}
POINTS = 20  # sizes at which each formula is held against torch
LARGEST = 12  # of these sizes

pytestmark = pytest.mark.filterwarnings("ignore")

SMALL = {
    "conv1d": """
arguments: {width: {type: int, min: 1, doc: Width.}, stride: {type: size1, min: 1, doc: Step.}}
parameters: {weight: {shape: [2, 3, width], init: ones}}
inputs: {x: [N, 3, L]}
outputs: {y: [N, 2, "(L - width) // stride[0] + 1"]}
forward: y = conv1d(x, weight, stride=stride)
""",
    "linear": """
arguments: {dim: {type: int, min: 1, doc: Size.}}
parameters: {weight: {shape: [2 * dim, dim], init: xavier_uniform}}
inputs: {x: [..., dim]}
outputs: {y: [..., 2 * dim]}
forward: y = linear(x, weight)
""",
    "bilinear": """
arguments: {dim: {type: int, min: 1, doc: Size.}, out: {type: int, min: 1, doc: Size.}}
parameters: {weight: {shape: [out, dim, dim], init: normal}}
inputs: {a: [N, dim], b: [N, dim]}
outputs: {y: [N, out]}
forward: y = einsum('ni,oij,nj->no', a, weight, b)
""",
    "pooling": """
arguments: {kernel_size: {type: size2, min: 1, doc: Window.}, stride: {type: size2, min: 1, doc: Step.}}
inputs: {x: [N, C, H, W]}
outputs: {y: [N, C, "(H - kernel_size[0]) // stride[0] + 1", "(W - kernel_size[1]) // stride[1] + 1"]}
forward: y = max_pool2d(x, kernel_size, stride)
""",
    "embedding": """
arguments: {count: {type: int, min: 1, doc: Rows.}, dim: {type: int, min: 1, doc: Size.}}
parameters: {weight: {shape: [count, dim], init: normal}}
inputs: {index: {shape: [..., L], dtype: int64, range: [0, count]}}
outputs: {y: [..., L, dim]}
forward: y = embedding(index, weight)
""",
    "attention": """
inputs: {q: [N, L, D], k: [N, S, D], v: [N, S, E]}
outputs: {y: [N, L, E]}
forward: y = softmax(q @ transpose(k, 1, 2) / sqrt(D), dim=-1) @ v
""",
    "transposed": """
arguments: {channels: {type: int, min: 1, doc: Channels.}, stride: {type: int, min: 1, doc: Step.}}
parameters: {weight: {shape: [2 * channels, channels, 3], init: normal}}
inputs: {x: [N, 2 * channels, L]}
outputs: {y: [N, channels, (L - 1) * stride + 3]}
forward: y = conv_transpose1d(x, weight, stride=stride)
""",
    "patches": """
arguments: {size: {type: int, min: 1, doc: Size of a patch.}}
inputs: {x: [N, C, H, W]}
outputs: {y: [N, C * size * size, "(H // size) * (W // size)"]}
forward: y = unfold(x, size, stride=size)
""",
    "joined": """
inputs: {x: [..., A], y: [..., B]}
outputs: {z: [..., A + B]}
forward: z = cat([x, y], dim=-1)
""",
    "padded": """
arguments: {before: {type: int, min: 0, doc: Zeros.}, after: {type: int, min: 0, doc: Zeros.}}
inputs: {x: [N, L]}
outputs: {y: [N, before + L + after]}
forward: y = pad(x, [before, after])
""",
    "heads": """
arguments: {heads: {type: int, min: 1, doc: Heads.}, head_dim: {type: int, min: 1, doc: Size of a head.}}
inputs: {x: [N, L, heads * head_dim]}
outputs: {y: [N, heads, L, head_dim]}
forward: y = transpose(reshape(x, [N, L, heads, head_dim]), 1, 2)
""",
    "resized": """
arguments: {size: {type: size2, min: 1, doc: Size.}}
inputs: {x: [N, C, H, W]}
outputs: {y: [N, C, "size[0]", "size[1]"]}
forward: y = adaptive_avg_pool2d(x, size)
""",
    "unbound": """
inputs: {x: [N, L, D]}
outputs: {y: [N, L, D]}
forward: y = stack(unbind(x, 1), dim=1)
""",
    "windowed": """
arguments: {window: {type: int, min: 1, doc: Window.}}
parameters: {weight: {shape: [2, 2, 3], init: normal}}
inputs: {x: [N, 2, L]}
outputs: {y: [N, 2, (L - 2) // window]}
forward: y = max_pool1d(conv1d(x, weight), window)
""",
    "tied": """
arguments: {width: {type: int, min: 1, doc: Width.}, window: {type: int, min: 1, doc: Window.}}
parameters: {weight: {shape: [2, 2, width], init: normal}}
inputs: {x: [N, 2, L]}
outputs: {y: [N, 2, (L - width + 1) // window]}
forward: y = max_pool1d(conv1d(x, weight), window)
cases: [{width: 3, window: 2, L: 12}]
""",
    "one_hot": """
arguments: {count: {type: int, min: 1, doc: Classes.}}
inputs: {label: {shape: [N], dtype: int64, range: [0, count]}}
outputs: {y: {shape: [N, count], dtype: int64}}
forward: y = one_hot(label, count)
""",
}


# Of the small layers, those of which some argument has to be a number, and those that cannot be run at symbols.
CONCRETE = {"pooling": {"kernel_size", "stride"}, "patches": {"size"}, "one_hot": {"count"}}
TRIED = {"unbound": "torch takes `L` as a number", "windowed": "torch takes `L`, `window` as a number"}

Layers = dict[str, CheckedLayer]


def checked(path: Path) -> CheckedLayer:
    return check(validate(load(path, path.name)))


@cache
def layer_class(name: str) -> type[nn.Module]:
    return layergen.load(SPECS[name])


@pytest.fixture(scope="module")
def shipped() -> Layers:
    return {name: checked(path) for name, path in SPECS.items()}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Layers:
    folder = tmp_path_factory.mktemp("specs")
    for name, text in SMALL.items():
        (folder / f"{name}.yaml").write_text(f"layer: Small\nsummary: Compute something.\n{text}")
    return {name: checked(folder / f"{name}.yaml") for name in SMALL}


def points(layer: CheckedLayer, proof: Proof) -> Iterator[tuple[dict[str, int], Setting]]:
    """Random sizes that bounds and constraints allow, and the settings that have them."""
    generator = random.Random(0)
    ground = numbers(layer.spec, proof.setting)
    for _ in range(5_000):
        point = {name: generator.randint(0, LARGEST) for name in proof.hints.names}
        setting = at_point(layer.spec, ground, point)
        if setting is not None and all(setting.sizes.values()) and all(setting.leading):
            yield point, setting


def cost_of(layer: CheckedLayer) -> Costs:
    return costs(layer.spec, layer.proofs[0], layer.cases[0].setting)


def hold(layer: CheckedLayer, proof: Proof) -> None:
    """Compare the formulas of a proof with the shapes that torch gives."""
    compared = 0
    for point, setting in points(layer, proof):
        instance = Instance(layer.spec, setting)
        try:
            run = instance.run(proof.training)
        except TrialFault:  # beyond a precondition
            continue
        for name, formulas in proof.outputs.items():
            assert tuple(value(formula, point) for formula in formulas) == tuple(run.outputs[name].shape), (name, point)
        assert [step.target for step in proof.steps] == [step.target for step in run.steps]
        for step, found in zip(proof.steps, run.steps, strict=True):
            if step.dtype:
                assert tuple(value(size, point) for size in step.shape) == tuple(found.value.shape), (
                    step.target,
                    point,
                )
        compared += 1
        if compared == POINTS or not point:
            return
    raise AssertionError(f"only {compared} sizes were found")


@pytest.mark.parametrize("name", SPECS)
def test_formulas_of_shipped_layers_hold(shipped: Layers, name: str) -> None:
    for proof in shipped[name].proofs:
        assert isinstance(proof, Proof)
        hold(shipped[name], proof)


@pytest.mark.parametrize("name", [name for name in SMALL if name not in (*TRIED, "tied")])
def test_formulas_of_small_layers_hold(small: Layers, name: str) -> None:
    for proof in small[name].proofs:
        assert isinstance(proof, Proof)
        assert set(proof.concrete) == CONCRETE.get(name, set()) and not proof.sampled
        hold(small[name], proof)
    assert small[name].proven == (name not in CONCRETE)


@pytest.mark.parametrize("name", TRIED)
def test_what_cannot_run_at_symbols_says_why(small: Layers, name: str) -> None:
    (outcome,) = small[name].proofs
    assert isinstance(outcome, Tried) and TRIED[name] in outcome.reason
    assert not small[name].proven


def test_sizes_that_torch_has_tied_are_not_proven(small: Layers) -> None:
    (proof,) = small["tied"].proofs
    assert isinstance(proof, Proof)
    length, width = proof.hints.names["L"], proof.hints.names["width"]
    assert proof.tied == (f"L == width + {length - width}",) and not proof.whole


@pytest.mark.parametrize("name", SPECS)
def test_preconditions_hold_on_one_side_alone(shipped: Layers, name: str) -> None:
    layer = shipped[name]
    for condition in layer.preconditions:
        Instance(layer.spec, condition.kept.setting).run(training=True)
        with pytest.raises(TrialFault):
            Instance(layer.spec, condition.broken[0]).run(training=True)


def test_conv_has_the_preconditions_of_its_window(shipped: Layers) -> None:
    first, _ = shipped["custom_conv2d"].preconditions
    assert first.text == "H + dilation[0] + 2 * padding[0] >= dilation[0] * kernel_size[0] + 1"


@pytest.mark.parametrize("name", SPECS)
def test_wrong_input_shapes_are_refused(shipped: Layers, name: str) -> None:
    layer, case = shipped[name], shipped[name].cases[0]
    module = layer_class(name)(**case.setting.given)
    for found in layer.input_checks:
        tensors = [tensor(layer, case, *item) for item in zip(layer.spec.inputs, found.shapes, strict=True)]
        with pytest.raises(ValueError, match=f"{found.input}"):
            module(*tensors)


def test_right_input_shapes_of_any_number_of_dimensions_pass() -> None:
    layer = layer_class("layer_norm")(6)
    for leading in ((), (1,), (2, 3, 4)):
        assert layer(torch.rand(*leading, 6)).shape == (*leading, 6)


def tensor(layer: CheckedLayer, case: CheckedCase, name: str, shape: tuple[int, ...] | None) -> torch.Tensor | None:
    """Zeros, which are in the range of every shipped layer's inputs."""
    facts = case.inputs[name]
    return None if shape is None or facts is None else torch.zeros(shape, dtype=getattr(torch, facts.dtype))


@pytest.mark.parametrize("name", SPECS)
def test_parameter_formula_counts_the_parameters(shipped: Layers, name: str) -> None:
    layer, proof = shipped[name], shipped[name].proofs[0]
    assert isinstance(proof, Proof)
    formula = cost_of(layer).parameters.formula
    build = layer_class(name)
    found = points(layer, proof)
    for _ in range(5):
        point, setting = next(found)
        counted = sum(parameter.numel() for parameter in build(**setting.given).parameters())
        assert value(formula, point) == counted, point


def test_flops_of_a_linear_layer(shipped: Layers) -> None:
    layer, proof = shipped["linear"], shipped["linear"].proofs[0]
    assert isinstance(proof, Proof)
    formula = cost_of(layer).flops.formula
    for _, (point, setting) in zip(range(POINTS), points(layer, proof), strict=False):
        rows = setting.leading[0] * setting.leading[1]
        assert value(formula, point) == 2 * rows * setting.values["in_features"] * setting.values["out_features"]


def test_flops_of_a_convolution(shipped: Layers) -> None:
    layer, proof = shipped["custom_conv2d"], shipped["custom_conv2d"].proofs[0]
    assert isinstance(proof, Proof)
    formula = cost_of(layer).flops.formula
    compared = 0
    for point, setting in points(layer, proof):
        try:
            y = Instance(layer.spec, setting).run(training=True).outputs["y"]
        except TrialFault:
            continue
        height, width = setting.values["kernel_size"]
        products = height * width * setting.values["in_channels"] // setting.values["groups"]
        assert value(formula, point) == 2 * y.numel() * products
        compared += 1
    assert compared >= POINTS


def test_flops_of_attention_include_the_products_of_queries_keys_and_values(shipped: Layers) -> None:
    layer = shipped["multihead_self_attention"]
    case = layer.cases[0].setting
    dim, positions, rows = case.values["embed_dim"], case.sizes["L"], case.sizes["N"]
    assert cost_of(layer).flops.number == rows * (2 * positions * dim * 4 * dim + 4 * positions**2 * dim)


@pytest.mark.parametrize("name", ["linear", "rms_norm", "swiglu", "custom_conv2d", "layer_norm", "lstm_cell", "snake"])
def test_activation_bytes_are_what_autograd_keeps(shipped: Layers, name: str) -> None:
    layer, case = shipped[name], shipped[name].cases[0]
    module = layer_class(name)(**case.setting.given)
    own = {parameter.untyped_storage().data_ptr() for parameter in module.parameters()}
    kept: dict[int, int] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    inputs = [tensor(layer, case, name, facts.shape if facts else None) for name, facts in case.inputs.items()]
    with saved_tensors_hooks(pack, lambda tensor: tensor):
        outputs = module(*(None if item is None else item.requires_grad_() for item in inputs))
    assert outputs is not None  # until here, what is kept stays
    assert cost_of(layer).activation_bytes.number == sum(kept.values())


def test_cost_that_has_no_formula_is_counted_at_the_first_case(small: Layers) -> None:
    found = cost_of(small["unbound"])
    assert (found.flops.formula, found.flops.number) == (None, 0)


def test_formula_is_shown_in_the_names_of_the_spec(shipped: Layers) -> None:
    assert shown(cost_of(shipped["linear"]).parameters.formula) == "out_features + in_features * out_features"
