"""Dtype: outputs have the dtype that is declared, in every precision and under autocast."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from layergen.diagnostics import Finding, Label, Place
from layergen.lang import expression as ex
from layergen.lang.interpreter import EvaluationFault
from layergen.lang.model import LayerSpec
from layergen.lang.visitor import assignments, calls
from layergen.ops.dtypes import dtype_name
from layergen.prove.abstract_run import fake_tensors
from layergen.rules.behaviour import DtypeMismatch
from layergen.run.forward import TrialFault
from layergen.run.instance import Instance, Placement
from layergen.settings.choice import Setting

PRODUCTS = frozenset(
    {"linear", "bilinear", "matmul", "mm", "bmm", "mv", "addmm", "baddbmm", "einsum", "scaled_dot_product_attention"}
)
PRECISIONS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
CPU = torch.device("cpu")


def check_dtype(spec: LayerSpec, paths: list[Setting]) -> Iterator[Finding]:
    """Yield the precisions in which the layer fails, or an output has another dtype than declared."""
    for setting in paths:
        for dtype in PRECISIONS:
            found = list(_tried(spec, setting, Placement(dtype=dtype), f"in {dtype_name(dtype)}"))
            if found:
                yield from found
                return  # the same fault mostly shows in several
        if minds_precision(spec) and any(tensor.dtype is None for tensor in spec.tensors.values()):
            mixed = Placement(dtype=torch.bfloat16, owned_dtype=torch.float32)
            yield from _mixed(spec, setting, mixed)


def minds_precision(spec: LayerSpec) -> bool:
    """Whether a forward changes dtypes itself, and so must bring them back."""
    return any(isinstance(node, ex.Call) and node.function == "upcast" for node in calls(spec.forward))


def _tried(spec: LayerSpec, setting: Setting, placement: Placement, where: str) -> Iterator[Finding]:
    try:
        instance = Instance(spec, setting, placement)
        outputs = instance.run(training=True).outputs
    except TrialFault as fault:
        found = fault.finding
        message = f"the layer fails {where}: {found.message}"
        yield DtypeMismatch.at(found.place, message, labels=found.labels, help=_cast_help(found))
        return
    for name, result in outputs.items():
        declared = instance.declared_dtype(name)
        if result.dtype != declared:
            yield _finding(spec, name, declared, result.dtype, where)


def _mixed(spec: LayerSpec, setting: Setting, placement: Placement) -> Iterator[Finding]:
    """With inputs in half precision and parameters in float32, torch may refuse, but the dtype must not change."""
    try:
        instance = Instance(spec, setting, placement)
        outputs = instance.run(True, MixedProducts()).outputs
    except TrialFault:
        return
    for name, result in outputs.items():
        declared = instance.declared_dtype(name)
        if result.dtype != declared:
            yield _finding(spec, name, declared, result.dtype, "with bfloat16 inputs and float32 parameters")


class MixedProducts:
    """Refuses what torch refuses with data, but not without: products of tensors of different dtypes."""

    def called(self, node: ex.Call, arguments: Sequence[Any], keywords: Mapping[str, Any]) -> None:
        if node.function in PRODUCTS or node.function.startswith("conv"):
            self.judge(node, [*arguments, *keywords.values()])

    def combined(self, node: ex.Binary, left: Any, right: Any) -> None:
        if node.operator == "@":
            self.judge(node, [left, right])

    def judge(self, node: ex.Expression, operands: Sequence[Any]) -> None:
        dtypes = {operand.dtype for operand in operands if isinstance(operand, Tensor) and operand.is_floating_point()}
        if len(dtypes) > 1:
            raise EvaluationFault(node, "the dtypes differ")


def check_autocast(spec: LayerSpec, paths: list[Setting]) -> Iterator[Finding]:
    """Yield what fails under autocast on the CPU."""
    for setting in paths[:1]:
        with fake_tensors(), torch.autocast("cpu", dtype=torch.bfloat16):
            try:
                instance = Instance(spec, setting, Placement(CPU))
                outputs = instance.run(training=True).outputs
            except TrialFault as fault:
                found = fault.finding
                yield replace(
                    DtypeMismatch.at(found.place, f"the layer fails under autocast: {found.message}"),
                    labels=found.labels,
                    help=_cast_help(found),
                )
                return
            for name, result in outputs.items():
                declared = instance.declared_dtype(name)
                if result.dtype not in (declared, torch.bfloat16):
                    yield _finding(spec, name, declared, result.dtype, "under autocast")


def _cast_help(found: Finding) -> str | None:
    """What helps where dtypes meet that do not go together."""
    return "bring the tensors to one dtype: `type_as(a, b)`" if "type" in found.message else found.help


def _finding(spec: LayerSpec, name: str, declared: torch.dtype, found: torch.dtype, where: str) -> Finding:
    source = next((key for key, tensor in spec.inputs.items() if tensor.floating), None)
    message = f"output `{name}` is declared as {dtype_name(declared)}, but is {dtype_name(found)}"
    if source is not None or not where.startswith("in "):
        message += f" {where}"
    if spec.outputs[name].dtype is None and source is not None:
        message = f"output `{name}` is {dtype_name(found)} where `{source}` is {dtype_name(declared)}"
        message += f", {where}" if not where.startswith("in ") else ""
    targets = [target for target in assignments(spec.forward) if target.id == name]
    labels = [Label(Place(("forward",), targets[-1].span), dtype_name(found))] if targets else []
    help = f"declare it: `{name}: {{shape: […], dtype: {dtype_name(found)}}}`"
    if source is not None and declared.is_floating_point and found.is_floating_point:
        help = f"end the forward with `{name} = type_as({name}, {source})`"
    return DtypeMismatch.at(Place(("outputs", name), key=True), message, labels=labels, help=help)
