"""What the tests of all layers share: whom it applies to, how it tells of a failure, and that it runs anywhere."""

import ast
import importlib
import pkgutil
import re
import shutil
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from forked import run_tests
from small import DIM, checked, program
from torch import nn
from torch.autograd.gradcheck import GradcheckError

import generated.tests
from generated.tests import behaviours
from generated.tests.behaviours import Case, Input, Layer
from layergen.cli import main
from layergen.lower.applicable import BEHAVIOURS, functions_by_name
from layergen.lower.behaviours import layer_expression
from layergen.lower.cases import changed_case, whole_case
from layergen.resolve.reserved import CLASSES

SPEC = """\
layer: Scale
summary: Scale the last dimension.
arguments:
  dim: {type: int, min: 1, doc: Size of the last dimension.}
parameters:
  weight: {shape: [dim], init: ones}
inputs: {x: [N, dim]}
outputs: {y: [N, dim]}
forward: y = x * weight
"""
TURN = """\
layer: Turn
summary: Turn the last dimension.
arguments:
  dim: {type: int, min: 1, doc: Size of the last dimension.}
parameters:
  weight: {shape: [dim, dim], init: orthogonal}  # which torch cannot draw in half precision
inputs: {x: [N, dim]}
outputs: {y: [N, dim]}
forward: y = linear(x, weight)
"""
BASE: dict[str, Any] = {
    "arguments": {"dim": 4, "bias": True},
    "inputs": {"x": (2, 4), "mask": (2,)},
    "ranges": {"x": (0, 1)},
    "outputs": {"y": (2, 4)},
    "state": {"weight": (4,), "bias": (4,)},
    "initial": {"weight": (1, 1), "bias": (0, 0), "hidden": (0, 2)},
    "text": "Scale(4, bias=True)",
}


def layer_tests() -> list[ModuleType]:
    found = pkgutil.walk_packages(generated.tests.__path__, "generated.tests.")
    return [importlib.import_module(module.name) for module in found if ".test_" in module.name]


# What is registered


class Offset(nn.Module):
    """A layer whose offset is not there, or is an attribute like another."""

    def __init__(self, registered: bool, dtype: torch.dtype | None = None) -> None:
        super().__init__()
        self.register_parameter("weight", nn.Parameter(torch.ones(4, dtype=dtype)))
        if registered:
            self.register_buffer("offset", None)
        else:
            self.offset = None


def test_what_is_not_there_has_to_be_registered_all_the_same() -> None:
    layer = Layer(Offset, inputs={}, optional=("offset",))
    behaviours.test_state_dict(layer, Case(arguments={"registered": True}, state={"weight": (4,)}))
    with pytest.raises(AssertionError, match="None is no attribute like another"):
        behaviours.test_state_dict(layer, Case(arguments={"registered": False}, state={"weight": (4,)}))


def test_a_layer_tells_its_tests_what_may_not_be_there() -> None:
    flag = {"type": "bool", "default": True, "doc": "Whether there is an offset."}
    layer = checked(
        program(
            "y = x * weight + (bias if bias is not None else 0)",
            arguments={"dim": DIM, "offset": flag},
            parameters={
                "weight": {"shape": ["dim"], "init": "ones"},
                "bias": {"shape": ["dim"], "when": "offset", "init": "zeros"},
            },
            inputs={"x": ["N", "dim"]},
            outputs={"y": ["N", "dim"]},
        )
    )
    assert "optional=('bias',)" in layer_expression(layer)


# Gradients of several outputs


class Rounded(nn.Module):
    """A layer whose first output has no gradient, and whose second one may have that of another."""

    def __init__(self, slope: float, dtype: torch.dtype | None = None) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones((), dtype=dtype))
        self.slope = slope

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        share = x.square() * self.weight
        return x.detach().round(), share.detach() + self.slope * (share - share.detach())


def test_gradients_are_measured_where_an_earlier_output_has_none() -> None:
    def measured(slope: float) -> None:
        layer = Layer(Rounded, inputs={"x": Input()}, takes_dtype=True)
        case = Case(arguments={"slope": slope}, inputs={"x": (3,)}, outputs={"a": (3,), "b": (3,)})
        behaviours.test_gradients(layer, case, training=False)

    measured(1.0)
    with pytest.raises(GradcheckError):
        measured(1.5)


# Which behaviours apply


def test_each_behaviour_has_a_condition_and_each_condition_a_behaviour() -> None:
    assert sorted(name for name in vars(behaviours) if name.startswith("test_")) == list(BEHAVIOURS)


@pytest.mark.parametrize("name", BEHAVIOURS)
def test_some_layer_is_held_to_each_behaviour(name: str) -> None:
    assert any(getattr(module, name, None) is getattr(behaviours, name) for module in layer_tests())


def test_each_behaviour_that_some_layers_lack_says_why() -> None:
    lacking = {name for name in BEHAVIOURS if any(not hasattr(module, name) for module in layer_tests())}
    assert lacking <= {name for name, behaviour in BEHAVIOURS.items() if behaviour.otherwise}


def test_a_layer_cannot_be_named_as_what_its_test_imports() -> None:
    own = [name for name, value in vars(behaviours).items() if getattr(value, "__module__", "") == behaviours.__name__]
    imported = {name for module in layer_tests() for name in own if hasattr(module, name) and name[0].isupper()}
    assert imported
    assert imported <= CLASSES


def test_shared_modules_need_torch_and_pytest_alone() -> None:
    allowed = {"torch", "pytest", "generated", *sys.stdlib_module_names}
    for name in ("behaviours", "conftest"):
        tree = ast.parse(Path(generated.tests.__path__[0], f"{name}.py").read_text(encoding="utf-8"))
        modules = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        modules += [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
        assert {str(module).partition(".")[0] for module in modules} <= allowed


# Cases by what differs


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"arguments": {"dim": 4, "bias": True, "eps": 0.5}},
        {"arguments": {"dim": 4.0, "bias": 1}},
        {"inputs": {"x": (7, 4), "mask": None}, "text": "Scale()"},
        {"ranges": {"x": (-1, 1)}, "outputs": {"y": ()}},
        {"state": {"weight": (4,)}, "initial": {"weight": (1, 1), "hidden": (0, 2)}},
        {"state": {"bias": (4,)}, "initial": {"bias": (0, 0)}},
        {"initial": {"bias": (0, 0), "hidden": (0, 2)}},
        {"state": {"weight": (4,), "bias": (4,), "scale": ()}},
    ],
    ids=str,
)
def test_a_changed_case_is_the_whole_case(changes: dict[str, Any]) -> None:
    fields = {**BASE, **changes}
    expression = changed_case(fields, BASE)
    assert expression.startswith("DEFAULT")
    changed = eval(expression, {"DEFAULT": Case(**BASE)})  # noqa: S307  (it is our own)
    assert repr(changed) == repr(Case(**fields))
    assert list(changed.state) == list(fields["state"])


@pytest.mark.parametrize(
    "changes",
    [
        {"arguments": {"dim": 4}},
        {"inputs": {"x": (2, 4)}},
        {"state": {"bias": (4,), "weight": (4,)}},
        {"state": {"scale": (), "weight": (4,), "bias": (4,)}},
    ],
    ids=str,
)
def test_what_no_change_can_tell_is_told_as_a_whole(changes: dict[str, Any]) -> None:
    assert changed_case({**BASE, **changes}, BASE) == whole_case({**BASE, **changes})


# How the tests run


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose package is not named `generated` and does not stand at its root."""
    root = tmp_path_factory.mktemp("project")
    (root / "specs").mkdir()
    (root / "specs" / "scale.yaml").write_text(SPEC)
    (root / "specs" / "turn.yaml").write_text(TURN)
    settings = '[tool.layergen]\noutput = "src/acme/layers"\npackage = "acme.layers"\n'
    (root / "pyproject.toml").write_text(f'{settings}[tool.pytest.ini_options]\npythonpath = ["src"]\n')
    (root / "src" / "acme").mkdir(parents=True)
    (root / "src" / "acme" / "__init__.py").write_text("")
    assert main(["-C", str(root), "build"]) == 0
    return root


@pytest.fixture
def project(built: Path, tmp_path: Path) -> Path:
    """A copy of the project, to change."""
    return Path(shutil.copytree(built, tmp_path / "project"))


QUIETLY = ("-q", "-p", "no:cacheprovider")
OWN = """\
import pytest


@pytest.mark.parametrize("case", [1])
def test_own_that_uses_the_same_words(case):
    assert case == 1
"""


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(("-k", "not compiles and not exports"), id="from_the_root"),  # which import half of torch
        pytest.param((), id="all_of_them", marks=pytest.mark.slow),
        pytest.param(("src/acme/layers/tests/test_scale.py",), id="one_file", marks=pytest.mark.slow),
        pytest.param(("--import-mode=importlib",), id="importlib", marks=pytest.mark.slow),
        pytest.param(("--strict-markers",), id="strict_markers", marks=pytest.mark.slow),
    ],
)
def test_tests_run_wherever_the_package_is(project: Path, arguments: tuple[str, ...]) -> None:
    (project / "test_other.py").write_text("def test_other():\n    assert True\n")
    (project / "src" / "acme" / "layers" / "tests" / "test_own.py").write_text(OWN)
    result = run_tests(project, *QUIETLY, *arguments)
    assert result.code == 0, result.output
    assert "passed" in result.output


def test_a_failure_names_the_layer_and_the_case_and_shows_both_values(project: Path) -> None:
    module = project / "src" / "acme" / "layers" / "scale.py"
    module.write_text(module.read_text().replace('f"{self.dim}"', 'f"dim={self.dim}"'))
    result = run_tests(project, *QUIETLY, "src/acme/layers/tests/test_scale.py", "-k", "repr")
    failed = re.findall(r"^FAILED (.*)$", result.output, re.MULTILINE)
    assert failed
    assert failed[0].startswith("src/acme/layers/tests/test_scale.py::test_repr[default]")
    assert "- Scale(4)" in result.output
    assert "+ Scale(dim=4)" in result.output


@pytest.mark.parametrize(
    ("function", "rest", "found"),
    [
        ({"choices": ["relu", "gelu"], "default": "relu"}, {}, {"act": "gelu"}),
        ({"choices": ["gelu", "relu"]}, {}, {"act": "gelu"}),
        ({"choices": ["tanh"], "default": "tanh"}, {}, {"act": "tanh"}),
        ({"choices": ["tanh"], "optional": True, "default": None}, {}, {"act": "tanh"}),
        # Of a name on which something depends, another function with the same values would not do the same.
        ({"choices": ["relu", "gelu"]}, {"derived": {"gain": "2 if act == 'relu' else 1"}}, {}),
        ({"choices": ["relu", "gelu"]}, {"laws": [{"law": "layer(x) >= 0", "when": "act == 'relu'"}]}, {"act": "relu"}),
    ],
)
def test_functions_are_handed_over_where_nothing_depends_on_their_names(
    function: dict[str, Any], rest: dict[str, Any], found: dict[str, str]
) -> None:
    arguments = {"act": {"type": "function", "doc": "Function.", **function}}
    forward = (
        f"y = act(x) * {'gain' if 'derived' in rest else 1}"
        if "optional" not in function
        else ("y = x\nif act is not None:\n    y = act(x)")
    )
    assert functions_by_name(program(forward, arguments=arguments, **rest)) == found
