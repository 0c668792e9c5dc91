"""Is the spec right? What is found wrong with it is raised; a spec without a fault becomes a `CheckedLayer`."""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import Any

from layergen.advice import advise
from layergen.at_setting import check_setting, input_facts, working
from layergen.checked import CheckedCase, CheckedLayer, SizeLimitCase
from layergen.compare.defined import hold_to_definition
from layergen.compare.far_bounds import hold_at_far_bounds
from layergen.compare.far_counts import hold_at_far_counts
from layergen.compare.short import hold_at_short_lengths
from layergen.conditions import Conditions
from layergen.contracts import WATCHES, Ways, check_contracts
from layergen.contracts.branches import DECISIONS, check_branches, check_choices_asked
from layergen.contracts.far_indices import check_far_indices
from layergen.contracts.numbers_at_start import check_numbers_at_start
from layergen.contracts.starts import check_starts
from layergen.contracts.together import check_together
from layergen.diagnostics import Finding
from layergen.domains.joined import joined_limits, of_a_batch, roomier
from layergen.domains.numbers import with_numbers
from layergen.domains.tables import works_with_tables
from layergen.faults import SpecError, refuse
from layergen.measure.limited import is_finite_at
from layergen.measure.measured import Met, measured
from layergen.measure.recorded import recorded
from layergen.probe.batches import batch_of
from layergen.prove.abstract_run import settled
from layergen.prove.cost import costs
from layergen.prove.input_checks import input_checks
from layergen.prove.kept_by_torch import KeptByTorch, kept_by_torch
from layergen.prove.proof import paths, prove
from layergen.prove.proven import Proof, Tried
from layergen.resolve.program import Program
from layergen.run.emptied import empty_members
from layergen.run.fitting import fitted
from layergen.run.forward import TrialFault
from layergen.run.trial import SHAPES, asks_for_data, try_runs
from layergen.run.watching import Runs
from layergen.settings.beside import beside
from layergen.settings.choice import Setting, allowed, setting_with, settings
from layergen.settings.computed import check_computed
from layergen.settings.emptiness import empty_tensors
from layergen.settings.limits import SizeLimit, size_limits
from layergen.settings.meeting import is_pair, otherwise
from layergen.settings.reaching import reaching
from layergen.settings.rejections import acceptances, rejections
from layergen.settings.size_relations import SizeRelation

FURTHER = ((1, 1), (2, 1), (3, 2))  # by what sizes grow where they cannot be symbols: times, and more


def check(program: Program) -> CheckedLayer:
    """Check what a program does: at symbols, at its settings, and in all other respects.

    Raises:
        SpecError: With what the first step has found that found something.
    """
    with settled():
        refuse(check_choices_asked(program))
        usual = settings(program)
        refuse(check_computed(program, usual[0]))
        fitting = [fitted(program, setting, works_with_tables) for setting in (*usual, *reaching(program, usual))]
        chosen = with_numbers(program, fitting)
        refuse(finding for setting in chosen for finding in _emptied(program, setting))
        proven = tuple(_at_further_sizes(program, prove(program, chosen)))
        for_data = any(asks_for_data(program, setting) for setting in paths(program, chosen))
        cases, runs = [], {}
        for setting in chosen:
            made = working(program, setting, (DECISIONS, *WATCHES))
            cases.append(check_setting(made))
            runs[made.setting.name] = made
        refuse(check_starts(program, chosen[0]))
        refuse(check_numbers_at_start(program, chosen[0]))
        refuse(check_branches(program, runs.values()))
        ways = tuple(paths(program, [case.setting for case in cases]))
        seen = Ways(program, tuple(runs[setting.name] for setting in ways))
        judgement = check_contracts(seen)
        refuse(check_together(program, list(runs.values())))
        further = list(_beside(program, chosen))
        tested = (*runs.values(), *(made for made, _ in further))
        defined = hold_to_definition(program, tested)
        hold_at_far_bounds(program, seen.runs)
        hold_at_far_counts(program, seen.runs)
        hold_at_short_lengths(program, seen.runs)
        conditions = Conditions(program, cases)
        conditions.asked(proven)
        conditions.counted(proven)
        proofs = conditions.shown(proven)
        refuse(check_far_indices(program, ways, conditions.hold))
        counts = {name for proof in proofs if isinstance(proof, Proof) for name in proof.counts}
        bounded = dict(_at_bounds(program, [made.setting for made in tested], conditions, counts))
        met = Met(seen, tuple(runs.values()), [made for made, _ in further], [made for made, _ in bounded.values()])
        found = measured(met, proofs, for_data)
        kept = tuple(kept_by_torch(program, ways))
        at_bounds = [bounded[limited.setting] for limited in found.at_bounds]
        made_at = [made.setting for made in (*tested, *(made for made, _ in at_bounds))]
        refused = tuple(rejections(program, chosen[0], chosen[1:]))
        taken = acceptances(program, made_at, refused, partial(_works_with, program, conditions))
        layer = CheckedLayer(
            program,
            tuple(_recorded(program, cases)),
            tuple(_recorded(program, (case for _, case in further))),
            refused,
            proofs,
            tuple(conditions.told(ways)),
            tuple(input_checks(program, ways, for_data, [one.constraint for one in kept])),
            tuple(check_limits(program, cases[0].setting, [made.setting for made in tested], kept, conditions)),
            kept,
            costs(program, _amounts(proofs[0]), cases[0].setting, for_data),
            judgement,
            for_data,
            defined,
            found,
            tuple(_recorded(program, (case for _, case in at_bounds))),
            tuple(taken),
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


def _at_bounds(
    program: Program, tested: Sequence[Setting], conditions: Conditions, counts: Set[str]
) -> Iterator[tuple[str, tuple[Runs, CheckedCase]]]:
    """The settings at the limits of a layer, by name, so far as it works there: where it does not is told elsewhere."""
    base = tested[0]
    for setting in joined_limits(program, tested, counts, batch_of(program)):
        others = (of_a_batch(program, setting, base), roomier(program, setting, base), otherwise(program, setting))
        for one in chain([setting], *others):
            made = _working(program, one, conditions)
            if made is not None and not (is_pair(one) and not is_finite_at(program, one)):
                yield one.name, made
                break


def _working(program: Program, setting: Setting, conditions: Conditions) -> tuple[Runs, CheckedCase] | None:
    """The runs of a layer at a setting, and what comes of them; None where it does not work there."""
    if conditions.hold(setting) and not any(_emptied(program, setting)):
        with suppress(SpecError):
            made = Runs(program, setting, (SHAPES, *WATCHES))
            return made, check_setting(made)
    return None


def _works_with(program: Program, conditions: Conditions, given: Mapping[str, Any]) -> bool:
    """Whether a layer works with some arguments, at sizes that go with them."""
    setting = setting_with(program, "kept", given, {})
    return setting is not None and _working(program, setting, conditions) is not None


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


def check_limits(
    program: Program, base: Setting, tested: Sequence[Setting], kept_by_torch: Sequence[KeptByTorch], told: Conditions
) -> Iterator[SizeLimitCase]:
    """The constraints on sizes, each with a case on either side; those that the layer checks with all that tell them.

    Raises:
        SpecError: If the layer does not work where it only just keeps one.
    """
    limits = list(size_limits(program, base))
    unchecked = [one.constraint for one in kept_by_torch]
    for limit in limits:
        yield _limit_case(program, limit)
    for index, constraint in enumerate(program.size_constraints):
        if constraint not in unchecked:
            known = [one for limit in limits if limit.constraint == constraint for one in (limit.kept, limit.broken)]
            relation = SizeRelation(program, index, tested, known)
            for limit in relation.limits(lambda setting: _working(program, setting, told) is not None):
                yield _limit_case(program, limit)


def _limit_case(program: Program, limit: SizeLimit) -> SizeLimitCase:
    kept = check_setting(working(program, limit.kept))
    return SizeLimitCase(limit.constraint, kept, (limit.broken, input_facts(program, limit.broken)))


__all__ = ["CheckedLayer", "check"]
