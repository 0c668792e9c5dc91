"""Layers that are made of others: when they are made, and when they are made again. The stages are replaced."""

import sys
from pathlib import Path

import pytest

from layergen.lang.source import load
from layergen.pipeline import build, check
from layergen.project.cache import FOLDER
from layergen.project.config import Config
from layergen.project.making import Generated, Order
from layergen.project.signing import signed

made: list[str] = []  # the layers that the stages were asked for, in order


def stage(order: Order) -> Generated:
    """Make a layer whose contract is its `outputs` and whose text tells all contracts that it saw."""
    data = load(order.spec.path, order.spec.name).data()
    layer = str(data["layer"])
    made.append(layer)
    seen = {name: contract["outputs"] for name, contract in sorted(order.contracts.items())}
    module = signed(f'"""{data["summary"]} {seen}"""\n\n__all__ = ["{layer}"]\n', order.spec.name)
    return Generated(layer, (module, signed("", order.spec.name)), {"outputs": data["outputs"]})


@pytest.fixture(autouse=True)
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A chain of three, named so that each comes before what it is made of, and one more."""
    monkeypatch.setattr(sys.modules["layergen.pipeline"], "generate", stage)
    (tmp_path / "specs").mkdir()
    put(tmp_path, "Above", "B", members=["Between"])
    put(tmp_path, "Between", "B", members=["Low", "nn.Linear"])
    put(tmp_path, "Low", "B")
    put(tmp_path, "Other", "B")
    made.clear()
    return tmp_path


def put(root: Path, layer: str, outputs: str, prose: str = "Prose.", members: list[str] | None = None) -> None:
    modules = "".join(f"  {name.lower().replace('.', '_')}: {name}(1)\n" for name in members or [])
    text = f"layer: {layer}\nsummary: {prose}\noutputs: {outputs}\n" + (f"modules:\n{modules}" if modules else "")
    (root / "specs" / f"{layer.lower()}.yaml").write_text(text)


def again(root: Path) -> list[str]:
    made.clear()
    assert not build(Config(root)).bugs
    return list(made)


def module(root: Path, layer: str) -> str:
    return (root / "generated" / f"{layer.lower()}.py").read_text()


def test_members_come_first_and_their_contracts_are_seen(root: Path) -> None:
    assert again(root) == ["Other", "Low", "Between", "Above"]
    assert "{'Between': 'B'}" in module(root, "Above") and "{'Low': 'B'}" in module(root, "Between")
    assert again(root) == []


def test_prose_of_a_member_makes_no_parent_again(root: Path) -> None:
    again(root)
    put(root, "Low", "B", "Other prose.")
    assert again(root) == ["Low"]


def test_contract_of_a_member_makes_those_again_that_see_it(root: Path) -> None:
    again(root)
    put(root, "Low", "C")
    assert again(root) == ["Low", "Between"]  # whose own contract is what it was, so that `Above` is, too
    assert "{'Low': 'C'}" in module(root, "Between")
    put(root, "Low", "B")
    assert again(root) == []  # as it was before
    assert "{'Low': 'B'}" in module(root, "Between")


def test_member_that_is_gone_is_noticed(root: Path) -> None:
    again(root)
    (root / "specs" / "low.yaml").unlink()
    assert again(root) == ["Between"] and "{}" in module(root, "Between")


def test_contract_that_the_cache_has_lost_is_made_again(root: Path) -> None:
    again(root)
    for path in (root / FOLDER).glob("*.json"):
        if path.name != "manifest.json":
            path.unlink()
    put(root, "Above", "B", "Other prose.", ["Between"])
    assert again(root) == ["Other", "Low", "Between", "Above"]
    assert "{'Between': 'B'}" in module(root, "Above")


def test_cache_that_goes_away_in_the_middle_of_a_build_is_no_fault(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(order: Order) -> Generated:
        for path in (root / FOLDER).glob("*"):
            path.unlink()
        return stage(order)

    monkeypatch.setattr(sys.modules["layergen.pipeline"], "generate", careless)
    assert not build(Config(root)).diagnostics
    assert "Prose." in module(root, "Low") and "{'Between': 'B'}" in module(root, "Above")


def test_circle_ends(root: Path) -> None:
    put(root, "Low", "B", members=["Above"])
    assert sorted(again(root)) == ["Above", "Between", "Low", "Other"]


def test_check_sees_contracts_too(root: Path) -> None:
    check(Config(root))
    assert made == ["Other", "Low", "Between", "Above"]
    assert again(root) == [] and "{'Low': 'B'}" in module(root, "Between")
