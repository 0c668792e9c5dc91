"""Is the spec right? What is found wrong with it is raised; a spec without a fault becomes a `CheckedLayer`."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

import torch

from layergen.advice import advise
from layergen.checked import CheckedCase, CheckedLayer, PreconditionCase, SizeLimitCase
from layergen.contracts import WATCHES, Ways, check_contracts
from layergen.contracts.branches import DECISIONS, check_branches
from layergen.contracts.data import on_data
from layergen.contracts.defined import hold_to_definition
from layergen.contracts.initial import initial_bounds
from layergen.contracts.lengthened import lengthened
from layergen.contracts.limited import hold_at_bounds, hold_at_edges
from layergen.contracts.matching import check_match
from layergen.contracts.recorded import recorded
from layergen.contracts.rounding import rounding, rounds_in_training
from layergen.contracts.starts import check_starts
from layergen.contracts.together import check_together
from layergen.contracts.transforms import transforms
from layergen.diagnostics import Finding
from layergen.domains.joined import joined_limits
from layergen.domains.labels import sought
from layergen.domains.tables import works_with_tables
from layergen.faults import SpecError, refuse
from layergen.lang import expression as ex
from layergen.lang.interpreter import EvaluationFault, Interpreter
from layergen.ops.dtypes import dtype_name
from layergen.prove.abstract_run import settled
from layergen.prove.cost import costs
from layergen.prove.demanded import Demanded, OnWays
from layergen.prove.hints import numbers
from layergen.prove.input_checks import input_checks
from layergen.prove.kept_by_torch import kept_by_torch
from layergen.prove.outcomes import Does, Outcomes, Point
from layergen.prove.preconditions import Precondition, preconditions
from layergen.prove.proof import paths, prove
from layergen.prove.proven import Proof, Tried
from layergen.prove.small_sizes import outputs_with_entries, refusals
from layergen.resolve.program import Program
from layergen.rules.shapes import ShapeMismatch
from layergen.run.emptied import empty_members
from layergen.run.fitting import fitted
from layergen.run.forward import TrialFault
from layergen.run.instance import Instance, Placement
from layergen.run.missing import missing_constraint
from layergen.run.trial import SHAPES, TensorFacts, facts, try_runs, works_at
from layergen.run.watching import Runs, Watch
from layergen.settings.beside import beside
from layergen.settings.choice import Setting, allowed, settings
from layergen.settings.computed import check_computed
from layergen.settings.emptiness import empty_tensors
from layergen.settings.limits import size_limits
from layergen.settings.reaching import reaching
from layergen.settings.rejections import rejections
from layergen.settings.telling import alone, distinguishing

FURTHER = ((1, 1), (2, 1), (3, 2))  # by what sizes grow where they cannot be symbols: times, and more


def check(program: Program) -> CheckedLayer:
    """Check what a program does: at symbols, at its settings, and in all other respects.

    Raises:
        SpecError: With what the first step has found that found something.
    """
    with settled():
        usual = settings(program)
        refuse(check_computed(program, usual[0]))
        chosen = tuple(fitted(program, setting, works_with_tables) for setting in (*usual, *reaching(program, usual)))
        refuse(finding for setting in chosen for finding in _emptied(program, setting))
        proven = tuple(_at_further_sizes(program, prove(program, chosen)))
        for_data = any(isinstance(proof, Tried) and proof.for_data for proof in proven)
        cases, runs = [], {}
        for setting in chosen:
            made = working(program, setting, (DECISIONS, *WATCHES))
            cases.append(check_setting(made))
            runs[made.setting.name] = made
        refuse(check_starts(program, chosen[0]))
        refuse(check_branches(program, runs.values()))
        ways = tuple(paths(program, [case.setting for case in cases]))
        seen = Ways(program, tuple(runs[setting.name] for setting in ways))
        judgement = check_contracts(seen)
        refuse(check_together(program, list(runs.values())))
        further = list(_beside(program, chosen))
        tested = (*runs.values(), *(made for made, _ in further))
        defined = hold_to_definition(program, tested)
        bounded = dict(_at_bounds(program, [made.setting for made in tested]))
        at_bounds = hold_at_bounds(program, [made for made, _ in bounded.values()])
        conditions = Conditions(program, cases)
        conditions.asked(proven)
        proofs = conditions.shown(proven)
        kept = tuple(kept_by_torch(program, ways))
        rounded = rounding(program, tested)
        layer = CheckedLayer(
            program,
            tuple(_recorded(program, cases)),
            tuple(_recorded(program, (case for _, case in further))),
            tuple(rejections(program, chosen[0], chosen[1:])),
            proofs,
            tuple(conditions.cases(ways)),
            tuple(input_checks(program, ways, for_data, [found.constraint for found in kept])),
            tuple(check_limits(program, cases[0].setting)),
            kept,
            costs(program, _amounts(proofs[0]), cases[0].setting, for_data),
            judgement,
            on_data(seen),
            defined,
            rounded,
            rounds_in_training(program, tested, rounded),
            transforms(program, runs.values(), proofs),
            lengthened(program, runs.values()),
            tuple(_recorded(program, (bounded[limited.setting][1] for limited in at_bounds))),
            at_bounds,
            hold_at_edges(program, seen.runs, tested),
        )
        return replace(layer, advice=advise(layer, chosen, tuple(runs.values())))


def _beside(program: Program, chosen: Sequence[Setting]) -> Iterator[tuple[Runs, CheckedCase]]:
    """The settings for the tests alone.

    Raises:
        SpecError: If a layer does not work at one of them, which bounds and constraints allow as they do all others.
    """
    for setting in beside(program, chosen):
        refuse(_emptied(program, setting))
        made = working(program, setting, WATCHES)
        yield made, check_setting(made)


def _at_bounds(program: Program, tested: Sequence[Setting]) -> Iterator[tuple[str, tuple[Runs, CheckedCase]]]:
    """The settings at the limits of a layer, by name, so far as it works there: where it does not is told elsewhere."""
    for setting in joined_limits(program, tested):
        if not any(_emptied(program, setting)):
            with suppress(SpecError):
                made = Runs(program, setting, (SHAPES, *WATCHES))
                yield setting.name, (made, check_setting(made))


def _emptied(program: Program, setting: Setting) -> Iterator[Finding]:
    """The tensors without elements at a setting: the layer's own, and its members'."""
    yield from empty_tensors(program, setting)
    yield from empty_members(program, setting)


def _recorded(program: Program, cases: Iterable[CheckedCase]) -> Iterator[CheckedCase]:
    """Cases with what comes out at them."""
    return (replace(case, recorded=recorded(program, case.setting)) for case in cases)


def _at_further_sizes(program: Program, proofs: Iterable[Proof | Tried]) -> Iterator[Proof | Tried]:
    """The proofs, with the number of further sizes at which those ways are tried that cannot be run at symbols.

    Raises:
        SpecError: If a layer works at some of them, but gives other shapes than declared.
    """
    tried: dict[str, int] = {}
    for proof in proofs:
        name = proof.setting.name
        if isinstance(proof, Proof):
            yield proof
            continue
        if name not in tried:  # in all modes
            tried[name] = sum(map(partial(_works, program), _further(program, proof.setting)))
        yield replace(proof, further=tried[name])


def _further(program: Program, setting: Setting) -> Iterator[Setting]:
    """A setting at larger sizes, so far as it has sizes."""
    for times, more in FURTHER if setting.sizes else ():
        further = replace(setting, sizes={name: times * size + more for name, size in setting.sizes.items()})
        if allowed(program, further):
            yield further


def _works(program: Program, setting: Setting) -> bool:
    """Whether a layer works at a setting whose sizes may not go together."""
    try:
        try_runs(Runs(program, setting, (SHAPES,)))
    except TrialFault:
        return False
    return True


def _amounts(proof: Proof | Tried) -> Mapping[str, Any]:
    """What was counted at symbols."""
    return proof.amounts if isinstance(proof, Proof) else {}


def working(program: Program, setting: Setting, watches: Iterable[Watch[Any]] = ()) -> Runs:
    """The runs of a layer at a setting, or with other sizes where it needs them.

    Raises:
        SpecError: If it works at neither.
    """
    runs = Runs(program, setting, (SHAPES, *watches))
    try:
        try_runs(runs)
    except SpecError as fault:
        other = fitted(program, setting, works_with_tables)
        if other is setting:
            raise SpecError(_with_constraint(program, setting, finding) for finding in fault.findings) from None
        return Runs(program, other, (SHAPES, *watches))
    return runs


def _with_constraint(program: Program, setting: Setting, finding: Finding) -> Finding:
    """The finding with what allows the setting, and for a shape the constraint that tells where it fits."""
    if setting.by is not None:
        note = f"here `{ex.show(setting.by.constraint)}` holds by `{ex.show(setting.by.holds)}` alone"
        finding = finding._replace(notes=(*finding.notes, note))
    if finding.help is not None or finding.rule is not ShapeMismatch:
        return finding
    return finding._replace(help=missing_constraint(program, setting, works_at))


def check_setting(runs: Runs) -> CheckedCase:
    """What there is to know of a layer at a setting at which it works.

    Raises:
        SpecError: If its initial values do not fit there, or the module that it is to match.
    """
    trial = try_runs(runs)
    instance = Instance(runs.program, runs.setting)
    try:
        bounds = initial_bounds(instance)
    except SpecError as fault:
        raise SpecError((*fault.findings, *check_match(instance))) from None
    refuse(check_match(instance))
    refuse(_attributes(instance))
    parameters = {name: part for name, part in instance.program.parameters.items() if name in trial.state}
    learned = {name: instance.learns(name) for name, part in parameters.items() if part.requires_grad is not None}
    learned |= {name: False for name, owned in instance.inner.items() if owned.parameter and not owned.learned}
    unmeasured = [name for name, part in parameters.items() if not part.gradient]
    unmeasured += [name for name, owned in instance.inner.items() if owned.parameter and not owned.gradient]
    trained = [name for name, part in parameters.items() if part.gradient and instance.learns(name)]
    trained += [name for name, owned in instance.inner.items() if owned.parameter and owned.learned and owned.gradient]
    wide = Instance(runs.program, runs.setting, Placement(dtype=torch.float64))
    kept = {name: tensor.dtype for name, tensor in wide.state.items() if tensor is not None}
    dtypes = {name: dtype_name(dtype) for name, dtype in kept.items() if dtype is not torch.float64}
    return CheckedCase(
        *(runs.setting, trial.inputs, trial.ranges, trial.outputs, trial.state),
        *(bounds, learned, dtypes, tuple(unmeasured)),
        trained=tuple(trained),
        labels=sought(instance),
    )


def _attributes(instance: Instance) -> Iterator[Finding]:
    """Yield the attributes that cannot be computed at a setting."""
    for name, expression in instance.program.attributes.items():
        try:
            Interpreter(instance.setting.values).evaluate(expression)
        except EvaluationFault as fault:
            yield instance.explainer.fault(("attributes", name), fault, instance.setting.values)


class Conditions:
    """Gathers the preconditions of a layer, way by way, each with a case on either side.

    Args:
        program: The layer.
        cases: Its cases.
    """

    def __init__(self, program: Program, cases: Sequence[CheckedCase]) -> None:
        self.program = program
        self.grown = {case.setting.name: case.setting for case in cases}
        self.known: dict[str, PreconditionCase] = {}
        self.formulas: dict[str, Demanded] = {}
        self.on_ways = OnWays(program)
        self.at_numbers: dict[str, list[Any]] = {}  # conditions of a way that were asked about at some numbers alone

    def asked(self, proofs: Sequence[Proof | Tried]) -> None:
        """Gather what torch has asked about on all ways through the forward.

        Raises:
            SpecError: If a condition is no precondition, but a fault.
        """
        judged: set[object] = set()
        for proof in proofs:
            if isinstance(proof, Tried):
                continue
            question = (proof.setting.name, frozenset(guard.condition for guard in proof.guards))
            if question in judged:  # in evaluation as in training
                continue
            judged.add(question)
            for condition in preconditions(self.program, replace(proof, setting=self.setting(proof))):
                if not proof.concrete:
                    self.add(condition)
                else:  # what holds at numbers is not said of all
                    self.at_numbers.setdefault(proof.setting.name, []).append(condition.condition)

    def shown(self, proofs: Sequence[Proof | Tried]) -> tuple[Proof | Tried, ...]:
        """Gather what is shown by refusals at small sizes; gives the proofs, with what no condition tells."""
        untold: dict[str, Point | None] = {}
        for proof in proofs:
            if proof.setting.name not in untold:
                way = self.setting(proof)
                asked = {text for text, one in self.formulas.items() if self.does(way, one) is not Does.WORK}
                known = [one.condition for text, one in self.formulas.items() if text in asked]
                elsewhere = [one.condition for text, one in self.formulas.items() if text not in asked]
                guesses, at_numbers = tuple(outputs_with_entries(proof)), self.at_numbers.get(proof.setting.name, ())
                found = refusals(self.program, way, known, guesses, at_numbers, elsewhere)
                left = [condition for condition in found.told if not self.add(condition)]
                broken = numbers(self.program, left[0].broken).names if left else None
                untold[proof.setting.name] = found.untold or broken
        return tuple(replace(proof, untold=untold[proof.setting.name]) for proof in proofs)

    def cases(self, ways: Sequence[Setting]) -> Iterator[PreconditionCase]:
        """The conditions, each with the flags at which it is demanded, unless that is everywhere."""
        judged = {way.name: self.on_ways.judged(way, self.formulas) for way in ways}
        for text, case in self.known.items():
            found = {way: does[text] for way, does in judged.items() if text in does}
            if {*found.values()} <= {Does.WORK}:  # others may imply it wherever it is demanded
                found = {way.name: self.does(way, self.formulas[text]) for way in ways}
            implied = [way for way in ways if way.name not in found]
            needed = [way for way in ways if way not in implied]
            free = [way for way in needed if found[way.name] is Does.WORK]
            spared = [way for way in needed if found[way.name] is Does.REFUSE_IN_TRAINING]
            asking = [way for way in needed if way not in free]
            evaluation = alone(self.program, asking, spared) if asking != spared else None
            telling = alone if case.let_through is None else distinguishing  # a check asks for all that tells
            where = telling(self.program, ways, [*free, *implied]) if free else ()
            if where is None:
                where = telling(self.program, needed, free)
            yield replace(case, where=where, evaluation=evaluation)

    def does(self, way: Setting, demanded: Demanded) -> Does | None:
        """What the layer does on a way where a condition is broken."""
        return self.on_ways.does(way, demanded)

    def refuses(self, broken: Setting) -> bool:
        """Whether torch refuses a setting with data, and does not only give nothing, as it does without."""
        return self.does_at(broken) in (Does.REFUSE, Does.REFUSE_IN_TRAINING, Does.REFUSE_IN_EVALUATION)

    def does_at(self, broken: Setting) -> Does | None:
        return Outcomes(self.program, numbers(self.program, broken)).at({})

    def is_senseless(self, broken: Setting) -> bool:
        """Whether torch does not refuse a setting itself: a declared size is negative there, or numbers fail first."""
        return Outcomes(self.program, numbers(self.program, broken)).let_through({})

    def bound(self, condition: Precondition) -> bool:
        """Whether the dimensions of a condition have a size in every call."""
        names = {part.name for part in condition.condition.free_symbols}
        found = (part for name, part in self.program.dimensions.items() if name in names)
        return all(part.always or part.optional is not None for part in found)

    def setting(self, proof: Proof | Tried) -> Setting:
        """The setting of a proof, with sizes at which the layer works."""
        return self.grown.get(proof.setting.name, proof.setting)

    def add(self, condition: Precondition) -> bool:
        """Gather a condition, unless it is there already; whether it is there then, as its cases can be told."""
        if condition.text in self.known:
            return True
        if not self.refuses(condition.broken):
            return False
        senseless, bound = self.is_senseless(condition.broken), self.bound(condition)
        if senseless and (not bound or self.does_at(condition.broken) is not Does.REFUSE):  # the layer could not ask
            return False
        through = (condition.broken if senseless else condition.let_through) if bound else None
        try:
            kept = check_setting(working(self.program, condition.kept))
        except SpecError:
            return False
        broken = (condition.broken, _input_facts(self.program, condition.broken))
        passed = None if through is None else (through, _input_facts(self.program, through))
        text = condition.text if self.program.run is None else condition.text.replace("...[", f"{self.program.run}[")
        self.known[condition.text] = PreconditionCase(text, kept, broken, let_through=passed)
        names = numbers(self.program, condition.broken).names
        told = {part.name: names[part.name] for part in condition.condition.free_symbols}
        self.formulas[condition.text] = Demanded(condition.condition, told)
        return True


def check_limits(program: Program, base: Setting) -> Iterator[SizeLimitCase]:
    """The constraints on sizes, each with a case on either side.

    Raises:
        SpecError: If the layer does not work where it only just keeps one.
    """
    for limit in size_limits(program, base):
        kept = check_setting(working(program, limit.kept))
        yield SizeLimitCase(limit.constraint, kept, (limit.broken, _input_facts(program, limit.broken)))


def _input_facts(program: Program, setting: Setting) -> dict[str, TensorFacts | None]:
    inputs = Instance(program, setting).inputs
    return {name: tensor if tensor is None else facts(tensor) for name, tensor in inputs.items()}


__all__ = ["CheckedLayer", "check"]
