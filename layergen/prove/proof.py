"""Proves the shapes of a layer: one run at symbols for each way through its forward."""

import functools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import sympy
import torch
from torch import Tensor

from layergen.diagnostics import Finding
from layergen.lang import expression as ex
from layergen.lang.interpreter import Function, Interpreter, scalar_call
from layergen.lang.scalars import SCALARS
from layergen.ops.dtypes import dtype_name
from layergen.prove.abstract_run import AbstractRun, hint
from layergen.prove.cost import Meter
from layergen.prove.formula import same, shown, value
from layergen.prove.hints import LEADING_NAMES, Hints, at_point, close_hints, entries, hints, own_hints, partial_hints
from layergen.prove.induction import Induction, Inductive
from layergen.resolve.program import Child, Program
from layergen.rules.loops import ChangingState
from layergen.rules.members import WrongMember
from layergen.rules.shapes import HiddenCoupling, OpFailed
from layergen.run.contracts import Contracts
from layergen.run.explain import Explainer
from layergen.run.forward import Run, Step, TrialFault
from layergen.run.instance import Instance, Placement
from layergen.run.missing import missing_constraint
from layergen.run.trial import works_at
from layergen.run.watching import Watcher
from layergen.settings.branches import way
from layergen.settings.choice import Setting
from layergen.settings.search import given_values

CPU = torch.device("cpu")
MULTIPLE = 10_000  # dimensions that are a multiple of all arguments get no larger than some times this
ROUNDING = frozenset({"int", "round", "floor", "ceil"})
FLOATING = frozenset({"sqrt", "exp", "log", "log2", "sin", "cos", "tan", "tanh", "float"})


@dataclass(frozen=True)
class ProvenStep:
    """What a statement gives: a name with its shape as formulas, and its dtype; for a number, no dtype."""

    target: ex.Name
    shape: tuple[Any, ...]
    dtype: str


@dataclass(frozen=True)
class GuardAt:
    """A condition that torch asked about, and the call that made it ask."""

    condition: Any
    node: ex.Call | None


@dataclass(frozen=True)
class Proof:
    """What one symbolic run has shown."""

    setting: Setting  # whose way through the forward it took
    hints: Hints
    training: bool
    steps: tuple[ProvenStep, ...] = ()
    outputs: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)  # formulas of the shapes
    guards: tuple[GuardAt, ...] = ()
    concrete: Mapping[str, Any] = field(default_factory=dict)  # arguments that had to be numbers, and their values
    sampled: tuple[str, ...] = ()  # outputs whose shape algebra could not settle; they agree at the hints
    tied: tuple[str, ...] = ()  # equations that torch has assumed of sizes, though the spec does not demand them
    untold: Mapping[str, int] | None = None  # sizes at which torch refuses the layer, and no condition says so
    counts: tuple[str, ...] = ()  # of the loops that are proven by induction over so many turns
    amounts: Mapping[str, Any] = field(default_factory=dict)  # what the run has cost: formulas, if it was measured
    rests: tuple[Child, ...] = ()  # the layers whose contracts it rests on

    @property
    def whole(self) -> bool:
        """Whether the shapes are proven for all sizes, with no argument left out."""
        known = self.concrete or self.sampled or self.tied or self.inherited
        return not known and self.untold is None

    @property
    def inherited(self) -> tuple[str, ...]:
        """What was not shown of the shapes of the layers that it rests on."""
        return tuple(f"of `{child.name}`: {reason}" for child in self.rests for reason in child.open)


@dataclass(frozen=True)
class Tried:
    """A way through the forward that cannot be run at symbols; why."""

    setting: Setting
    reason: str
    for_data: bool = False  # whether torch runs it with data alone
    by_turn: bool = False  # whether the turns of a loop differ from each other
    further: int = 0  # at how many settings it was tried that differ from its own in the sizes of dimensions
    untold: Mapping[str, int] | None = None  # as for a proof


class TurnsDiffer(Exception):
    """The turns of a loop cannot be told at once; the text says why."""


def prove(program: Program, settings: Sequence[Setting]) -> Iterator[Proof | Tried]:
    """Prove a layer's shapes for each way that the settings take through it.

    Raises:
        SpecError: At the first way that shows a fault, which mostly shows on all of them.
    """
    for index, setting in enumerate(paths(program, settings)):
        for training in program.modes:
            yield _prove_path(program, setting, training, measured=index == 0 and training)


def paths(program: Program, settings: Sequence[Setting]) -> Iterator[Setting]:
    """The settings that differ in more than their numbers: in what is there, or in what conditions come to."""
    seen: list[object] = []
    for setting in settings:
        axes = {name for name, part in program.arguments.items() if part.of is not None}
        values = setting.values.items()
        flags = {name: kept for name, kept in values if name in axes or isinstance(kept, bool | str) or kept is None}
        key = (flags, setting.absent, len(setting.leading), way(program, setting))
        if key not in seen:
            seen.append(key)
            yield setting


def _prove_path(program: Program, setting: Setting, training: bool, measured: bool) -> Proof | Tried:
    """Run at symbols, with one choice of hints after the other until one gives a proof; else the first has its say.

    Raises:
        SpecError: If that is a fault.
    """
    nothing = Tried(setting, "no values were found to stand in for the symbols")
    first: Tried | TrialFault = nothing
    for choose in (hints, close_hints, partial_hints, own_hints):
        try:
            outcome = _prove_at(program, setting, training, choose, measured) or nothing
        except TrialFault as fault:
            first = fault if first == nothing else first
            if choose is hints and not program.cases and _fails_at_all_sizes(program, setting):
                break
            if fault.finding.rule not in (OpFailed, HiddenCoupling, WrongMember) or not works_at(program, setting):
                first = first if isinstance(first, TrialFault) else fault
                break  # no other sizes will help
        else:
            if isinstance(outcome, Proof) or outcome.for_data or outcome.by_turn:
                return outcome
            first = outcome if first == nothing else first
    if isinstance(first, TrialFault):
        raise TrialFault(_with_way_out(program, setting, first.finding))
    return first


def _fails_at_all_sizes(program: Program, setting: Setting) -> bool:
    """Whether it is the arguments at the hints that do not go together, whatever the dimensions."""
    found = hints(program, setting)
    if found is None:
        return False
    values = [value for name, value in found.names.items() if name.split("[")[0] in program.decided]
    multiple = math.prod(values) ** 2
    factors = (3, 4, 5, 7, 11, 13, 17, 19, 23, 29)
    choices = [dict(zip(found.setting.sizes, factors, strict=False)), dict.fromkeys(found.setting.sizes, 1)]
    if multiple <= MULTIPLE:
        choices.append({name: multiple * factor for name, factor in zip(found.setting.sizes, factors, strict=False)})
    return not any(works_at(program, replace(found.setting, sizes=sizes)) for sizes in choices)


def _prove_at(
    program: Program, setting: Setting, training: bool, choose: Callable[..., Hints | None], measured: bool
) -> Proof | Tried | None:
    """Run at symbols; where an argument turns out to be needed as a number, run again with that number.

    Raises:
        TrialFault: If it is not for the symbols that it fails.
    """
    concrete: frozenset[str] = frozenset()
    reason = ""
    for _ in range(5):
        found = choose(program, setting, concrete)
        if found is None and not concrete:  # a constraint may tie what is 1 here to that: `stride == (1, 1)`
            concrete = frozenset(_units(program, setting))
            found = choose(program, setting, concrete) if concrete else None
        if found is None:
            break
        run = AbstractRun(found.names)
        try:
            proof = _run(program, setting, found, run, training, measured)
        except TurnsDiffer as difference:
            return Tried(setting, str(difference), by_turn=True)
        except TrialFault as fault:
            if fault.for_data:
                return Tried(setting, fault.finding.message, for_data=True)
            if measured:  # with gradients torch refuses more, and what it says then is not the layer's fault
                measured = False
                continue
            if fault.finding.rule is ChangingState or not works_at(program, found.setting):
                raise
            reason, needed = fault.finding.message, frozenset(program.decided)
        else:
            lost = {name for name, formula in run.lost().items() if formula.is_number}
            if not lost:
                return replace(proof, concrete=_numbers(program, found), tied=tuple(_tied(program, found, run)))
            reason = f"torch takes {', '.join(f'`{name}`' for name in sorted(lost))} as a number"
            needed = frozenset(name.split("[")[0] for name in lost)
            if lost & {*setting.sizes, *LEADING_NAMES}:
                break
        if needed <= concrete:
            break
        concrete |= needed
    return Tried(setting, reason) if reason else None


def _units(program: Program, setting: Setting) -> Iterator[str]:
    """The integer arguments that are 1 or 0, or lists of nothing else."""
    for name in _integers(program, setting):
        value = setting.values[name]
        if set(value if isinstance(value, tuple) else (value,)) <= {0, 1}:
            yield name


def _numbers(program: Program, found: Hints) -> dict[str, Any]:
    """The integer arguments that are numbers in a run, not symbols."""
    symbols = {name.split("[")[0] for name in found.names}
    return {name: found.setting.values[name] for name in _integers(program, found.setting) if name not in symbols}


def _tied(program: Program, found: Hints, run: AbstractRun) -> Iterator[str]:
    """The names for which torch has put a formula of others, though another value would have been allowed."""
    taken = way(program, found.setting)
    for name, formula in run.lost().items():
        others = (at_point(program, found, {**found.names, name: other}) for other in range(2, found.names[name]))
        if any(other is not None and way(program, other) == taken for other in others):
            yield f"{name} == {shown(formula)}"


def _with_way_out(program: Program, setting: Setting, finding: Finding) -> Finding:
    """A finding at the hints, with what helps where the layer does work at the setting itself."""
    if finding.help is not None or finding.rule not in (OpFailed, HiddenCoupling):
        return finding
    missing = missing_constraint(program, setting, works_at)
    if missing is not None:
        return finding._replace(help=missing)
    if finding.rule is not OpFailed or not works_at(program, setting):
        return finding
    works = ", ".join(f"{name}={setting.values[name]}" for name in _integers(program, setting))
    help = f"it works where {works}: say under `constraints` what it takes" if works else None
    return finding._replace(help=help)


def _integers(program: Program, setting: Setting) -> list[str]:
    """The arguments of a setting that are integers."""
    found = (name for name, part in program.decided.items() if part.type.integral)
    return [name for name in found if isinstance(setting.values[name], int | tuple)]


def _run(program: Program, setting: Setting, found: Hints, run: AbstractRun, training: bool, measured: bool) -> Proof:
    """One run of the forward at symbols; with gradients, where its costs are to be measured."""
    rounding = Rounding()
    with symbolic_instance(program, found, run, SymbolicCalls(rounding), gradients=measured) as instance:
        watch, meter = GuardWatch(instance, run), Meter(instance)
        induction = Induction(run, meter.repeated if measured else None)
        parameters = {"parameters": run.formula(meter.parameters())}  # before torch assumes anything of the sizes
        with meter() if measured else nullcontext():
            result = _inducted(instance, induction, training, watch)
        outputs = result.outputs
        declared = {name: instance.declared_shape(name) for name in outputs}
    shapes = {name: tuple(run.formula(size) for size in tensor.shape) for name, tensor in outputs.items()}
    sampled = []
    for name, formulas in shapes.items():
        expected = tuple(run.formula(size) for size in declared[name])
        agreement = _agree(expected, formulas, found.names)
        if agreement is None or (agreement and rounding.rounded):
            sampled.append(name)
        elif not agreement:
            found_shape = tuple(outputs[name].shape)
            raise TrialFault(instance.explainer.shape_mismatch(name, declared[name], found_shape, result.stored))
    steps = tuple(_step(step, run) for step in result.steps)
    counted = meter.amounts() if measured and not run.lost() else {}
    amounts = {name: _summed(run.formula(size), induction) for name, size in counted.items()} | parameters
    guards, counts = watch.evidence(result), tuple(dict.fromkeys(induction.counts))
    rests = tuple(instance.placement.contracts.relied.values()) if instance.placement.contracts else ()
    proof = Proof(setting, found, training, steps, shapes, guards, sampled=tuple(sampled), amounts=amounts)
    return replace(proof, counts=counts, rests=rests)


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
    except TrialFault:
        if induction.reason is None:
            raise
        raise TurnsDiffer(induction.reason) from None
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
    explainer = Explainer(program, found.setting, lambda size: shown(run.formula(size)), run.renamed)
    with run():
        placement = Placement(
            CPU,
            gradients=gradients,
            scalars=calls,
            contracts=Contracts(),
            text=lambda size: shown(run.formula(size)),
        )
        instance = Instance(program, symbolic, placement, explainer)
        for constraint in program.size_constraints:  # what is asked here is true of all sizes from now on
            Interpreter(instance.scalars, calls).truth(constraint)
        yield instance


def _agree(expected: Sequence[Any], formulas: Sequence[Any], at: Mapping[str, int]) -> bool | None:
    """Whether shapes agree for all sizes; None if algebra cannot tell, but they do at the hints."""
    if len(expected) != len(formulas):
        return False
    if all(same(left, right) for left, right in zip(expected, formulas, strict=True)):
        return True
    try:
        agrees = all(value(left, at) == value(right, at) for left, right in zip(expected, formulas, strict=True))
    except (ArithmeticError, ValueError, KeyError):
        return None
    return None if agrees else False


def _step(step: Step, run: AbstractRun) -> ProvenStep:
    if not isinstance(step.value, Tensor):
        return ProvenStep(step.target, (), "")
    return ProvenStep(step.target, tuple(map(run.formula, step.value.shape)), dtype_name(step.value.dtype))


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
    leading = tuple(run.sizes.get(name, size) for name, size in zip(LEADING_NAMES, found.setting.leading, strict=False))
    return replace(found.setting, values=values, sizes=sizes, leading=leading)  # type: ignore[arg-type]


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
