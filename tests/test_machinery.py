"""Torch's private machinery of sizes: what is used of it is looked at before it is used."""

from pathlib import Path

import pytest
import torch
from projects import GOOD, Project
from torch.fx.experimental import symbolic_shapes

from layergen.diagnostics import LayergenError
from layergen.prove import machinery
from layergen.prove.machinery import TRIED, missing, require


@pytest.fixture(autouse=True)
def _asked_anew() -> None:
    require.cache_clear()


def test_this_torch_has_all_of_it() -> None:
    assert list(missing()) == []
    require()


def test_this_torch_is_one_that_was_tried() -> None:
    assert torch.__version__.startswith(tuple(f"{version}." for version in TRIED))


def test_a_name_that_is_gone_is_named_with_the_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(symbolic_shapes, "ShapeEnv")
    monkeypatch.setattr(torch, "__version__", "2.99.0")
    with pytest.raises(LayergenError) as refusal:
        require()
    assert str(refusal.value) == (
        "torch 2.99.0 has no `torch.fx.experimental.symbolic_shapes.ShapeEnv`, by which shapes are proven; "
        "layergen was tried with torch 2.13.* alone: install that one"
    )


def test_a_parameter_that_is_gone_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(symbolic_shapes.ShapeEnv, "create_symbol", lambda self, value, source: None)
    found = list(missing())
    assert found == [
        f"torch.fx.experimental.symbolic_shapes.ShapeEnv.create_symbol({name}=…)"
        for name in ("dynamic_dim", "constraint_dim", "positive", "do_not_specialize_zero_one")
    ]


def test_a_module_that_is_gone_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machinery, "USED", {"torch._moved_elsewhere": {"Thing": ()}})
    assert list(missing()) == ["torch._moved_elsewhere"]


def test_a_build_with_another_torch_is_wrong_usage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(symbolic_shapes, "ShapeEnv")
    code, output, errors = Project(tmp_path, {"rectify.yaml": GOOD}).run("build", "-j", "1")
    assert (code, output) == (2, "")
    assert errors.startswith("layergen: torch ") and "ShapeEnv" in errors
    assert not (tmp_path / "generated").exists()
