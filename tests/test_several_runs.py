"""Layers with several runs of dimensions: which inputs tell them, what stands for them, and where they broadcast."""

import itertools
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from small import breaches, faults_of, forward_lines, program, settings_of, spec

from layergen.contracts.broadcasting import BROADCASTING
from layergen.lang import expression as ex
from layergen.lang.meetings import implied
from layergen.lang.parser import parse_expression
from layergen.lang.scalars import SCALARS, broadcast
from layergen.lower.source import SourcePrinter
from layergen.prove.proof import prove
from layergen.prove.proven import Proof
from layergen.settings.choice import allowed

TWO: dict[str, Any] = {"inputs": {"x": ["S..."], "y": ["T..."]}}
PRODUCT: dict[str, Any] = {**TWO, "outputs": {"z": "broadcast(S, T)"}}
SIZES = st.lists(st.sampled_from((0, 1, 2, 3)), max_size=3)


@given(SIZES, SIZES)
def test_sizes_broadcast_as_those_of_tensors_do(one: list[int], other: list[int]) -> None:
    try:
        expected = list(torch.broadcast_shapes(one, other))  # type: ignore[no-untyped-call]
    except RuntimeError:
        assert not SCALARS["broadcastable"].python(one, other)
        with pytest.raises(ValueError, match="not broadcastable"):
            broadcast(one, other)
    else:
        assert SCALARS["broadcastable"].python(one, other)
        assert broadcast(one, other) == expected


@given(SIZES, SIZES)
def test_generated_code_broadcasts_alike(one: list[int], other: list[int]) -> None:
    known = {"S": one, "T": other, "itertools": itertools}

    def computed(text: str) -> object:
        return eval(SourcePrinter({}).show(parse_expression(text)), known)  # noqa: S307 (what layergen itself has written)

    alike = SCALARS["broadcastable"].python(one, other)
    assert computed("broadcastable(S, T)") == alike
    if alike:
        assert computed("broadcast(S, T)") == broadcast(one, other)


@pytest.mark.parametrize(
    ("shape", "demanded"),
    [
        ("broadcast(S, T)", ["broadcastable(S, T)"]),
        ("S + T", []),
        ("broadcast(S[:1], T) + [2]", ["broadcastable(S[:1], T)"]),
        ("broadcast(S, T) if flag else S", ["not flag or broadcastable(S, T)"]),
        ("broadcast(S, T) + [1] if flag else broadcast(S, T)", ["broadcastable(S, T)"]),
        ("broadcast(S, dim)", []),  # which is a fault of its own
    ],
)
def test_what_an_output_broadcasts_is_demanded(shape: str, demanded: list[str]) -> None:
    flag = {"type": "bool", "default": True, "doc": "Whether."}
    dim = {"type": "int", "min": 1, "doc": "Size."}
    made = spec("z = x * y", **TWO, arguments={"dim": dim, "flag": flag}, outputs={"z": shape})
    assert [ex.show(node) for node in implied(made)] == demanded


def test_all_that_is_broadcast_is_demanded_two_by_two() -> None:
    inputs = {**TWO["inputs"], "w": ["U..."]}
    made = spec("z = x * y * w", inputs=inputs, outputs={"z": "broadcast(broadcast(S, T), U)"})
    assert {ex.show(node) for node in implied(made)} == {
        "broadcastable(S, T)", "broadcastable(S, U)", "broadcastable(T, U)"
    }  # fmt: skip


def test_what_is_demanded_already_is_not_demanded_again() -> None:
    assert implied(spec("z = x * y", **PRODUCT, constraints=["broadcastable(S, T)"])) == ()


def test_runs_that_broadcast_are_tried_with_all_ways_to_meet() -> None:
    layer = program("z = x * y", **PRODUCT)
    met = {(setting.leading, setting.further["T"]) for setting in settings_of(layer)}
    assert {
        ((3, 2), (2,)),
        ((3, 2), ()),
        ((), (2,)),
        ((), ()),
        ((3, 2), (3, 2)),
        ((3, 2), (3, 1)),
        ((2,), (3, 2)),
    } <= met
    assert all(allowed(layer, setting) for setting in settings_of(layer))


def test_runs_that_are_apart_have_sizes_of_their_own() -> None:
    layer = program("z = reshape(x, S + [1] * len(T)) * y", **TWO, outputs={"z": "S + T"})
    first = settings_of(layer)[0]
    assert not {*first.leading} & {*first.further["T"]}


def test_shapes_of_runs_are_proven_wherever_they_meet() -> None:
    layer = program("z = x * y", **PRODUCT)
    proofs = list(prove(layer, settings_of(layer)))
    assert all(isinstance(proof, Proof) and not proof.sampled for proof in proofs)
    assert len(proofs) == len(settings_of(layer)) == 8  # in each of which the runs meet in another way


def test_runs_are_named_where_the_forward_reads_them_alone() -> None:
    layer = program("z = reshape(x, S + [1] * len(T)) * y", **TWO, outputs={"z": "S + T"})
    assert forward_lines(layer)[:2] == ["S = x.shape", "T = y.shape"]
    plain = program("z = sum(x) * y", **TWO, outputs={"z": ["T..."]})
    assert forward_lines(plain) == ["return x.sum() * y"]


def test_an_input_behind_two_others_is_held_to_both_runs() -> None:
    inputs = {**TWO["inputs"], "w": ["S...", "T..."]}
    forward = "z = reshape(reshape(w, [prod(S) * prod(T)]), S + T) + sum(x) + sum(y)"
    lines = "\n".join(forward_lines(program(forward, inputs=inputs, outputs={"z": "S + T"}), with_checks=True))
    assert "w.shape[: w.dim() - len(T)] != x.shape" in lines.replace("[:w", "[: w")
    assert "w.shape[w.dim() - len(T):] != T" in lines


@pytest.mark.parametrize("shape", [["S...", "T..."], "broadcast(S, T)"])
def test_an_output_with_other_dimensions_is_a_fault(shape: object) -> None:
    forward = "z = reshape(x, [1] * len(T) + S) * reshape(y, T + [1] * len(S))"
    assert faults_of(program(forward, **TWO, outputs={"z": shape}))[0].rule.code == "LG302"


def test_pairs_that_are_said_to_broadcast_are_meant() -> None:
    layer = program("z = x * y", **PRODUCT, cases=[{"S": [3, 1], "T": [3]}])
    assert breaches(BROADCASTING, layer) == []
    apart = {"inputs": {"x": ["N", "K"], "y": ["N"]}, "cases": [{"N": 3, "K": 1}]}
    told = breaches(BROADCASTING, program("z = x * y", **apart, outputs={"z": ["N", "N"]}))
    assert [finding.rule.code for finding in told] == ["LG301"]


def test_a_tensor_that_a_branch_brings_into_shape_is_meant() -> None:
    flag = {"type": "bool", "default": True, "doc": "Whether."}
    forward = "if flag:\n  x = reshape(x, [N, 1])\nz = x * y"
    layer = program(forward, arguments={"flag": flag}, inputs={"x": ["N"], "y": ["N"]}, outputs={"z": ["N", "N"]})
    first = breaches(BROADCASTING, layer)
    assert first == []
