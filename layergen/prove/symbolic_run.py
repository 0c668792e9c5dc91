"""One run of a forward at symbols, and what it shows."""

import functools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from functools import partial
from typing import Any

import sympy
import torch
from torch import Tensor

from layergen.lang import expression as ex
from layergen.lang.interpreter import EvaluationFault, Function, Interpreter, scalar_call
from layergen.lang.scalars import SCALARS
from layergen.ops.dtypes import dtype_name
from layergen.prove.abstract_run import AbstractRun, hint
from layergen.prove.algebra import Congruence, agree, simplified
from layergen.prove.cost import Meter
from layergen.prove.formula import shown, symbol, value
from layergen.prove.hints import Hints, entries
from layergen.prove.induction import Induction, Inductive
from layergen.prove.proven import GuardAt, Proof, ProvenStep
from layergen.resolve.program import Program
from layergen.rules.loops import ChangingState
from layergen.run.contracts import Contracts
from layergen.run.explain import Explainer
from layergen.run.forward import Run, Step, TrialFault
from layergen.run.instance import Instance, Placement
from layergen.run.watching import Watcher
from layergen.settings.choice import Setting
from layergen.settings.runs import at
from layergen.settings.search import given_values

CPU = torch.device("cpu")
ROUNDING = frozenset({"int", "round", "floor", "ceil"})
FLOATING = frozenset({"sqrt", "exp", "log", "log2", "log10", "sin", "cos", "tan", "tanh", "float"})


class TurnsDiffer(Exception):
    """The turns of a loop cannot be told at once; the text says why."""


def symbolic_run(
    program: Program, setting: Setting, found: Hints, run: AbstractRun, training: bool, measured: bool
) -> Proof:
    """One run of the forward at symbols; with gradients, where its costs are to be measured."""
    rounding = Rounding()
    with symbolic_instance(program, found, run, SymbolicCalls(rounding), gradients=measured) as instance:
        watch, meter = GuardWatch(instance, run), Meter(instance)
        known = tuple(_congruences(program, instance, run))
        induction = Induction(run, meter.repeated if measured else None, known)
        # Before torch assumes anything of the sizes, and in the names of the constructor, whatever equals them.
        parameters = {"parameters": run.formula(meter.parameters()).xreplace(_constructors(program, found))}
        with meter() if measured else nullcontext():
            result = _inducted(instance, induction, training, watch)
        outputs = result.outputs
        declared = {name: instance.declared_shape(name) for name in outputs}
    shapes = {name: tuple(run.formula(size) for size in tensor.shape) for name, tensor in outputs.items()}
    sampled = []
    for name, formulas in shapes.items():
        expected = tuple(run.formula(size) for size in declared[name])
        agreement = _agree(expected, formulas, found.names, known)
        if agreement is None or (agreement and rounding.rounded):
            sampled.append(name)
        elif not agreement:
            found_shape = tuple(outputs[name].shape)
            raise TrialFault(instance.explainer.shape_mismatch(name, declared[name], found_shape, result.stored))
    steps = tuple(_step(step, run, known) for step in result.steps)
    counted = meter.amounts() if measured and not run.lost() else {}
    amounts = {
        name: simplified(_summed(run.formula(size), induction), known) for name, size in counted.items()
    } | parameters
    guards, counts = watch.evidence(result), tuple(dict.fromkeys(induction.counts))
    rests = tuple(instance.placement.contracts.relied.values()) if instance.placement.contracts else ()
    proof = Proof(setting, found, training, steps, shapes, guards, sampled=tuple(sampled), amounts=amounts)
    return replace(proof, counts=counts, rests=rests)


def _constructors(program: Program, found: Hints) -> dict[Any, Any]:
    """The arguments in the place of sizes of inputs that are equal to them at these values."""
    owned = {value: name for name, value in found.names.items() if name in program.arguments}
    sizes = {name: value for name, value in found.names.items() if name.partition("[")[0] not in program.arguments}
    return {symbol(name): symbol(owned[value]) for name, value in sizes.items() if value in owned}


def _summed(amount: Any, induction: Induction) -> Any:
    """An amount in which the turns of loops, counted one by one, are added up."""
    return sympy.expand(amount) if induction.counts else amount


def _inducted(instance: Instance, induction: Induction, training: bool, watch: "GuardWatch") -> Run:
    """A run at symbols whose loops are proven by induction.

    Raises:
        TurnsDiffer: If their turns cannot be told at once.
    """
    try:
        result = instance.run(training, watch, interpreter=partial(Inductive, induction=induction))
    except TrialFault as fault:
        changing = fault.finding.rule is ChangingState  # seen in one turn, and in none where torch took this for all
        reason = induction.reason or (induction.run.turns_apart() if changing else None)
        if reason is None:
            raise
        raise TurnsDiffer(reason) from None
    apart = induction.run.turns_apart()
    if apart is not None:
        raise TurnsDiffer(apart)
    return result


@contextmanager
def symbolic_instance(
    program: Program, found: Hints, run: AbstractRun, calls: Function, gradients: bool = False
) -> Iterator[Instance]:
    """A layer with its tensors at symbols, to be run inside."""
    symbolic = symbolic_setting(program, found, run, calls)
    text = partial(_spoken, run)
    explainer = Explainer(program, found.setting, text, run.renamed)
    with run():
        placement = Placement(
            CPU,
            gradients=gradients,
            scalars=calls,
            contracts=Contracts(),
            text=text,
        )
        instance = Instance(program, symbolic, placement, explainer)
        for constraint in program.size_constraints:  # what is asked here is true of all sizes from now on
            Interpreter(instance.scalars, calls).truth(constraint)
        yield instance


def _spoken(run: AbstractRun, size: Any) -> str:
    """A size in the names of the spec, for a message."""
    return run.spoken(shown(run.formula(size)))


def _congruences(program: Program, instance: Instance, run: AbstractRun) -> Iterator[Congruence]:
    """What the constraints say of remainders, as `C % groups == 0` does."""
    numbers = Interpreter(instance.scalars, SymbolicCalls(Rounding()))
    for constraint in program.constraints:
        match constraint:
            case ex.Compare(
                left=ex.Binary(operator="%", left=left, right=right), operators=("==",), comparators=(remainder,)
            ):
                with suppress(EvaluationFault):
                    yield Congruence(*(run.formula(numbers.evaluate(part)) for part in (left, right, remainder)))


def _agree(
    expected: Sequence[Any], formulas: Sequence[Any], at: Mapping[str, int], known: Sequence[Congruence]
) -> bool | None:
    """Whether shapes agree for all sizes; None if algebra cannot tell, but they do at the hints."""
    if len(expected) != len(formulas):
        return False
    if all(agree(left, right, known) for left, right in zip(expected, formulas, strict=True)):
        return True
    try:
        agrees = all(value(left, at) == value(right, at) for left, right in zip(expected, formulas, strict=True))
    except (ArithmeticError, ValueError, KeyError):
        return None
    return None if agrees else False


def _step(step: Step, run: AbstractRun, known: Sequence[Congruence]) -> ProvenStep:
    if not isinstance(step.value, Tensor):
        return ProvenStep(step.target, (), "")
    shape = tuple(simplified(run.formula(size), known) for size in step.value.shape)
    return ProvenStep(step.target, shape, dtype_name(step.value.dtype))


def symbolic_setting(program: Program, found: Hints, run: AbstractRun, calls: Function) -> Setting:
    """The setting with its integers as symbols."""
    values = {**found.setting.values, **given_values(program, found.setting.given)}
    for name in program.decided:
        if name in run.sizes:
            values[name] = run.sizes[name]
        parts = entries(name, values[name], run.sizes)
        if parts is not None:
            values[name] = tuple(parts)
    with run():
        for name, expression in program.derived.items():
            values[name] = Interpreter(values, calls).evaluate(expression)
    sizes = {name: run.sizes.get(name, size) for name, size in found.setting.sizes.items()}
    leading, further = at(program, found.setting.leading, found.setting.further, run.sizes)  # type: ignore[arg-type]
    return replace(found.setting, values=values, sizes=sizes, leading=leading, further=further)  # type: ignore[arg-type]


class Rounding:
    """Notes whether an int was made of a float that was computed from hints: shapes that depend on it hold there."""

    def __init__(self) -> None:
        self.hinted: list[ex.Call] = []  # what computed a float from hints
        self.rounded: list[ex.Call] = []  # what made an int of a number that may come of one


class SymbolicCalls:
    """Calls the scalar functions where numbers may be symbols.

    What gives a float is computed from the hints: the data of a layer may depend on it. Where such a float is made an
    int again, shapes may depend on it too, and the run has shown them at the hints alone; `rounding` notes that.
    """

    def __init__(self, rounding: Rounding) -> None:
        self.rounding = rounding

    def __call__(self, node: ex.Call, arguments: list[Any], keywords: dict[str, Any]) -> Any:
        symbolic = any(isinstance(argument, torch.SymInt | torch.SymFloat) for argument in arguments)
        rounds = node.function in ROUNDING and not any(isinstance(argument, torch.SymInt) for argument in arguments)
        if rounds and (symbolic or self.rounding.hinted):
            self.rounding.rounded.append(node)
        if not symbolic:
            return scalar_call(node, arguments, keywords)
        if node.function in ROUNDING and isinstance(arguments[0], torch.SymInt):
            return arguments[0]
        if node.function in FLOATING or node.function in ROUNDING:
            self.rounding.hinted.append(node)
            return SCALARS[node.function].python(*(hint(argument) for argument in arguments))
        if node.function in ("min", "max"):
            combine = torch.sym_min if node.function == "min" else torch.sym_max
            return functools.reduce(combine, arguments)
        return scalar_call(node, arguments, keywords)


class GuardWatch(Watcher[tuple[GuardAt, ...]]):
    """Tells which call of the forward made torch ask which question."""

    def __init__(self, instance: Instance, run: AbstractRun) -> None:
        super().__init__(instance)
        self.run = run
        self.starts: list[tuple[int, ex.Call]] = []

    def called(self, node: ex.Call, arguments: Sequence[Any], keywords: Mapping[str, Any]) -> None:
        self.starts.append((len(self.run.environment.guards), node))

    def evidence(self, run: Run | None) -> tuple[GuardAt, ...]:
        return tuple(self.located())

    def located(self) -> Iterator[GuardAt]:
        for index, condition in enumerate(self.run.guards()):
            before = [node for start, node in self.starts if start <= index]
            if condition not in (sympy.true, sympy.false):
                yield GuardAt(condition, before[-1] if before else None)
