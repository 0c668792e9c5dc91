"""What is known of a layer, as strings ready to print: its shapes, contracts, conditions and costs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from torch import Tensor

from layergen.checked import CheckedLayer, PreconditionCase
from layergen.contract import contract_of
from layergen.diagnostics import Span
from layergen.lang import expression as ex
from layergen.lang.model import Input, Output
from layergen.lang.model import Tensor as TensorSpec
from layergen.lang.runs import LEADING
from layergen.lang.statements import headline
from layergen.lang.visitor import parts, statements
from layergen.lower.applicable import BEHAVIOURS, left_out
from layergen.lower.arguments import type_of
from layergen.lower.constructor import signature
from layergen.lower.loops import arranged
from layergen.ops.dtypes import dtype_name
from layergen.present.conditions import in_outputs
from layergen.present.guarantees import Guarantee, guarantees
from layergen.project.library import contract_digest
from layergen.prove.demands import (
    BroadcastDemand,
    InputCheck,
    LeadingDemand,
    ListDemand,
    RankDemand,
    SizeDemand,
    SolutionDemand,
)
from layergen.prove.formula import symbol
from layergen.prove.hints import LEADING_NAMES
from layergen.prove.leading import formula_text
from layergen.prove.proven import Proof
from layergen.resolve.meanings import marked_dimension
from layergen.resolve.program import Program
from layergen.run.instance import Placement
from layergen.run.on_data import instance_of
from layergen.settings.choice import Setting
from layergen.settings.telling import flags
from layergen.words import listed

OF_THE_FORWARD = ("FLOPs", "activation bytes")  # the costs that change where code is moved
Sizes = tuple[str, ...] | str  # of a shape: each by itself, or the expression that gives all of them


@dataclass(frozen=True)
class TensorLine:
    """A tensor; for a number, shape and dtype are empty."""

    name: str
    shape: Sizes
    dtype: str
    note: str = ""


@dataclass(frozen=True)
class StepLine:
    """A statement of the forward, and what it gives."""

    code: str
    results: tuple[TensorLine, ...]


@dataclass(frozen=True)
class CostLine:
    """What a layer costs in one respect."""

    name: str
    number: int  # at the first case
    formula: str  # empty where there is none
    note: str = ""  # what the formula leaves out, or why there is none


@dataclass(frozen=True)
class Summary:
    """All that is known of a layer."""

    layer: str
    spec: str
    summary: str
    signature: tuple[str, ...]  # the parameters of the constructor
    inputs: tuple[TensorLine, ...]
    outputs: tuple[TensorLine, ...]
    parameters: tuple[TensorLine, ...]
    buffers: tuple[TensorLine, ...]
    members: tuple[str, ...]  # what it is made of
    penalty: str  # its own regularization term; empty if it has none
    way: str  # which way through the forward the steps take
    steps: tuple[StepLine, ...]
    moved: tuple[str, ...]  # what the generated code computes elsewhere than the forward says
    proven: bool  # whether the shapes are, for all sizes and with nothing left out
    contracts: tuple[Guarantee, ...]
    preconditions: tuple[str, ...]
    input_checks: tuple[str, ...]
    tests: int  # that a generated test module runs, each at its cases
    left_out: tuple[tuple[str, str], ...]  # those that other layers have, and why this one has not
    advice: tuple[str, ...]  # on how the spec may be written
    case: str  # the first case, at which costs are numbers
    costs: tuple[CostLine, ...]
    contract: Mapping[str, object]  # what other layers may rely on, as plain data
    digest: str  # of the contract


def summarize(layer: CheckedLayer, origin: str) -> Summary:
    """What is known of a layer that a spec file defines."""
    program, setting = layer.program, layer.cases[0].setting
    way, steps = _forward(layer)
    contract = contract_of(layer).plain()
    return Summary(
        layer=program.layer,
        spec=origin,
        summary=" ".join(program.summary.split()),
        signature=tuple(signature(program)),
        inputs=tuple(_given(program, name) for name in program.taken),
        outputs=tuple(
            TensorLine(name, _declared(program, part), _output(program, part), _condition(part))
            for name, part in program.outputs.items()
        ),
        parameters=tuple(_owned(program, list(program.parameters))),
        buffers=tuple(_owned(program, list(program.buffers))),
        members=tuple(_members(program)),
        penalty="" if program.penalty is None else ex.show(program.penalty),
        way=way,
        steps=steps,
        moved=arranged(program).moved,
        proven=layer.proven,
        contracts=tuple(guarantees(layer)),
        preconditions=tuple(_precondition(program, condition) for condition in layer.preconditions),
        input_checks=tuple(_input_check(check) for check in layer.input_checks),
        tests=len(BEHAVIOURS) - len(tuple(left_out(layer))),
        left_out=tuple(left_out(layer)),
        advice=tuple(f"{finding.rule.name}: {finding.message}; {finding.help}" for finding in layer.advice),
        case=_case(program, setting),
        costs=tuple(_costs(layer)),
        contract=contract,
        digest=contract_digest(contract),
    )


def _members(program: Program) -> Iterator[str]:
    """What a layer is made of, and which tensors of that are one."""
    width = max((len(name) for name in program.members), default=0)
    for name, member in program.members.items():
        note = "" if member.when is None else f"  if {ex.show(member.when)}"
        if member.requires_grad == ex.Literal(False):
            note += "  frozen"
        elif member.requires_grad is not None:
            note += f"  frozen unless {ex.show(member.requires_grad)}"
        yield f"{name:<{width}}  {ex.show(member.constructor)}{note}"
    for tie in program.ties:
        each = "" if tie.each is None else f" for each {tie.each.index} in range({ex.show(tie.each.count)})"
        yield f"{ex.show(tie.left)} is {ex.show(tie.right)}{each}"


def _precondition(program: Program, condition: PreconditionCase) -> str:
    """What torch demands of sizes, and where it does not ask."""
    told = in_outputs(program, condition.text)
    text = f"{told} {ways}" if (ways := condition.ways()) else told
    if condition.check is not None:
        alone = condition.let_through == condition.broken
        why = "torch would not" if alone else "torch stretches what has size 1"
        if 0 in condition.broken[0].sizes.values():
            why = "torch would refuse what no turn of a loop has made"
        text += f"  checked: {why}"
    elif condition.let_through:
        text += "  not refused where a size of 1 is stretched"
    return text


def _declared(program: Program, tensor: TensorSpec) -> Sizes:
    """A shape as the spec has it, where `...` has the name that it has there."""

    def show(entry: ex.Expression) -> str:
        named = ex.Splice(ex.Name(program.run)) if program.run else LEADING
        return ex.show(ex.transform(entry, lambda node: named if node == LEADING else None))

    if not isinstance(tensor.shape, tuple):
        return show(tensor.shape)
    return tuple(map(show, tensor.shape))


def _input(program: Program, tensor: Input) -> tuple[str, str]:
    notes = ["optional"] * tensor.optional + ["written in place"] * bool(tensor.written)
    loose = "or 1 in some places" if tensor.broadcast == "sizes" else "or what broadcasts to it"
    notes += [loose] if tensor.broadcast else []
    if tensor.marks:
        along = marked_dimension(tensor, program.inputs[tensor.marks[0]])
        notes.append(f"true at the positions of {listed(tensor.marks)} along {along} that count")
    return " or ".join(tensor.dtypes) or "floating", "; ".join(notes)


def _given(program: Program, name: str) -> TensorLine:
    """What the forward takes: a tensor, or a value."""
    if name in program.values:
        value = program.values[name]
        default = "required" if value.default is None else f"{ex.show(value.default)} by default"
        return TensorLine(name, default, type_of(value))
    tensor = program.inputs[name]
    return TensorLine(name, _declared(program, tensor), *_input(program, tensor))


def _condition(output: Output) -> str:
    """Where an output is returned, if not everywhere."""
    if output.when is None:
        return ""
    return f"if {ex.show(output.when)}" + (", else None" if output.otherwise == "null" else "")


def _output(program: Program, tensor: Output) -> str:
    """The dtype of an output, or whose dtype it has."""
    floating = [name for name, part in program.inputs.items() if part.floating]
    return tensor.dtype or (f"that of {floating[0]}" if floating else "that of the parameters")


def _owned(program: Program, names: list[str]) -> Iterator[TensorLine]:
    for name in names:
        tensor = program.tensors[name]
        notes = [f"for {tensor.each.index} in range({ex.show(tensor.each.count)})"] if tensor.each else []
        notes += [f"if {ex.show(tensor.when)}"] if tensor.when is not None else []
        note = ", ".join(notes)
        yield TensorLine(tensor.named or name, _declared(program, tensor), tensor.dtype or "floating", note)


def _forward(layer: CheckedLayer) -> tuple[str, tuple[StepLine, ...]]:
    """The first way through the forward: which it is, and what each statement on it gives."""
    proof = layer.proofs[0]
    if isinstance(proof, Proof):
        given = [(step.target, _sizes(step.shape) if step.dtype else "", step.dtype) for step in proof.steps]
        turned = flags(layer.program, proof.setting)
        numbers = [*(f"{name}={number}" for name, number in proof.concrete.items()), *proof.tied]
        several = (
            "in training" if any(isinstance(other, Proof) and not other.training for other in layer.proofs) else ""
        )
    else:
        setting = layer.cases[0].setting
        run = instance_of(layer.program, setting, Placement(), proof.for_data).run(training=True)
        given = [(step.target, *_sized(step.value)) for step in run.steps]
        turned, numbers, several = [], [_case(layer.program, setting)], "in training"
    way = ", ".join(["with float32 inputs", *filter(None, [several]), *dict.fromkeys([*turned, *numbers])])
    return way, tuple(_steps(layer.program, given))


def _steps(program: Program, given: list[tuple[ex.Name, Sizes, str]]) -> Iterator[StepLine]:
    """The steps by the statements that they come from."""
    sources: dict[Span, ex.Statement] = {}
    for statement in statements(program.forward.statements):
        inner = isinstance(statement, ex.Assign) and statement.parts_group
        whole = sources[parts(statement).expressions[0].span] if inner else statement
        sources |= {target.span: whole for target in parts(statement).targets}
    named = (step for step in given if not step[0].grouped)
    once = {step[0].span: step for step in named}  # of the turns of a loop, the last
    for statement, group in groupby(once.values(), key=lambda step: sources[step[0].span]):
        lines = tuple(TensorLine(target.id, shape, dtype) for target, shape, dtype in group)
        yield StepLine(headline(statement), lines)


def _sizes(shape: tuple[Any, ...]) -> Sizes:
    """A shape of formulas; the dimensions that `...` stands for are stars."""
    leading = {symbol(name) for name in LEADING_NAMES}
    return tuple("*" if size in leading else formula_text(size) for size in shape)


def _sized(computed: Any) -> tuple[Sizes, str]:
    if isinstance(computed, Tensor):
        return tuple(map(str, computed.shape)), dtype_name(computed.dtype)
    return "", ""


def _case(program: Program, setting: Setting) -> str:
    parts = {name: setting.values[name] for name in program.decided} | dict(setting.sizes)
    if any(ex.Literal(...) in tensor.entries for tensor in program.inputs.values()):
        parts[program.run or "..."] = setting.leading
    parts |= setting.further
    return ", ".join(f"{name}={value!r}" for name, value in parts.items())


def _input_check(check: InputCheck) -> str:
    """What a check of the layer's own demands."""
    name = check.input
    match check.demand:
        case SizeDemand(entry=entry):
            return f"{name}.shape[{entry.index}] == {ex.show(entry.expression)}"
        case SolutionDemand(condition=condition):
            return ex.show(condition)
        case LeadingDemand(entry=entry, source=source):
            return f"{entry.run()} == {source.run()}"
        case ListDemand(entry=entry, expected=expected):
            return f"{entry.run()} == {ex.show(expected)}"
        case RankDemand(exact=exact) as demand:
            return f"{name}.dim() {'==' if exact else '>='} {demand.least()}"
        case BroadcastDemand(sizes=sizes):
            return f"{name} broadcasts to [{', '.join(map(ex.show, sizes.entries))}]"
    raise TypeError(f"no way to show {check.demand}")


def _costs(layer: CheckedLayer) -> Iterator[CostLine]:
    proof, found = layer.proofs[0], layer.costs
    fixed = proof.concrete if isinstance(proof, Proof) else {}
    moved = arranged(layer.program).moved
    named = {"parameters": found.parameters, "FLOPs": found.flops, "activation bytes": found.activation_bytes}
    for name, cost in named.items():
        notes = []
        if cost.formula is None:
            notes.append("at this case alone: it cannot be counted at symbols")
        elif fixed:
            notes.append(f"with {' and '.join(f'`{name}` at {number}' for name, number in fixed.items())}")
        if moved and name in OF_THE_FORWARD:
            notes.append("of the forward as the spec has it, before what was moved")
        if cost.on_cpu is not None:
            notes.append(f"on the CPU {cost.on_cpu:,} here")
        formula = "" if cost.formula is None else formula_text(cost.formula, layer.program.run)
        yield CostLine(name, cost.number, formula, "; ".join(notes))
