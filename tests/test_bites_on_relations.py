"""The checks of relations in generated layers: left out or shifted by their equality, their rows of tests find it."""

import ast
import importlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import nn

ROOT = Path(__file__).parents[1]
LAYERS = (
    "activation/hardtanh", "conv/conv1d", "conv/conv3d", "conv/conv_transpose2d", "conv/conv_transpose3d",
    "conv/masked_conv2d", "conv/ws_conv2d", "linear/kan_linear", "pooling/avg_pool1d", "pooling/max_unpool3d",
    "shape/fold", "shape/unflatten",
)  # fmt: skip
SHIFTED = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt}
SIGNS = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}
BOUND, SHAPE = "must be", "of shape"  # in the messages of checks that are no relations
REDUNDANT = {
    "linear/kan_linear": {"<=": "no two floats are this share of the larger one apart, to the bit"},
}


@dataclass(frozen=True)
class Mutant:
    """A generated module with one of its checks changed."""

    text: str
    operator: str | None  # the comparison that is shifted; None: the check is left out
    source: str


def is_relation(node: ast.AST) -> bool:
    if not isinstance(node, ast.If) or not isinstance(node.body[-1], ast.Raise) or node.orelse:
        return False
    message = ast.unparse(node.body[-1])
    return SHAPE not in message and (BOUND not in message or "divisible" in message)


def mutants(source: str) -> Iterator[Mutant]:
    """The module without each of its checks of relations, and with each comparison in them shifted."""
    tree = ast.parse(source)
    for check in [node for node in ast.walk(tree) if is_relation(node)]:
        assert isinstance(check, ast.If)
        test, check.test = check.test, ast.Constant(False)
        yield Mutant(ast.unparse(test), None, ast.unparse(tree))
        check.test = test
        for node in [part for part in ast.walk(test) if isinstance(part, ast.Compare)]:
            for place, operator in enumerate(node.ops):
                if type(operator) in SHIFTED:
                    text, sign = ast.unparse(node), SIGNS[type(operator)]
                    node.ops[place] = SHIFTED[type(operator)]()
                    yield Mutant(text, sign, ast.unparse(tree))
                    node.ops[place] = operator


def layer_class(source: str, module: ModuleType, name: str) -> type[nn.Module]:
    """The class that a source makes in the place of a module."""
    made = {**module.__dict__}
    exec(compile(source, module.__file__ or "", "exec"), made)  # noqa: S102 (of generated code)
    found = made[name]
    assert isinstance(found, type) and issubclass(found, nn.Module)
    return found


def notices(tests: ModuleType, behaviours: ModuleType, constructor: type[nn.Module]) -> bool:
    """Whether a test of what a layer takes and refuses fails with another class in its place."""
    layer = replace(tests.LAYER, constructor=constructor)
    held: tuple[tuple[str, Callable[[Any, Any], None]], ...] = (
        ("REJECTIONS", behaviours.test_rejects),
        ("ACCEPTANCES", behaviours.test_accepts),
        ("WRONG_SHAPES", behaviours.test_rejects_inputs_of_a_wrong_shape),
        ("LIMITS", behaviours.test_accepts_the_smallest_inputs),
        ("LIMITS", behaviours.test_refuses_smaller_inputs),
        ("CASES", lambda layer, case: layer.call(layer.make(case), layer.draw(case))),
    )
    for table, test in held:
        for row in getattr(tests, table, {}).values():
            torch.manual_seed(0)
            try:
                test(layer, row)
            except (Exception, pytest.fail.Exception):
                return True
    return False


@pytest.mark.slow
@pytest.mark.parametrize("layer", LAYERS)
def test_no_relation_is_left_out_or_shifted_unnoticed(layer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))
    folder, name = layer.split("/")
    module = importlib.import_module(f"generated.{folder}.{name}")
    tests = importlib.import_module(f"generated.tests.{folder}.test_{name}")
    behaviours = sys.modules["generated.tests.behaviours"]
    made, source = tests.LAYER.constructor, (ROOT / "generated" / f"{layer}.py").read_text()
    assert not notices(tests, behaviours, layer_class(ast.unparse(ast.parse(source)), module, made.__name__))
    tried = list(mutants(source))
    assert tried
    alive = [one for one in tried if not notices(tests, behaviours, layer_class(one.source, module, made.__name__))]
    spared = REDUNDANT.get(layer, {})
    assert [(one.text, one.operator) for one in alive if one.operator not in spared] == []
