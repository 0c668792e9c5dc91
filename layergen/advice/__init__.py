"""Advice: what a forward writes out though torch has one op for it, what it computes twice, what its buffers lose.

The first two are looked for in the trees of a layer without a fault. What is found there is written as another forward,
which is run beside the layer's own; only where both do the same is anything said.
"""

from collections.abc import Iterator, Sequence
from itertools import islice

from layergen.advice.agreement import Trials
from layergen.advice.attention import attention
from layergen.advice.carets import carets
from layergen.advice.einsums import einsums
from layergen.advice.loose import loose_comparisons
from layergen.advice.lost import lost_statistics
from layergen.advice.marks import undeclared_marks
from layergen.advice.norms import norms
from layergen.advice.overflows import half_overflows
from layergen.advice.padded import padding_not_zero
from layergen.advice.powers import unbounded_powers
from layergen.advice.products import products
from layergen.advice.proposal import Proposal, dropped, reworked
from layergen.advice.repeated import kept_once, repetitions
from layergen.advice.starts import other_starts
from layergen.advice.steep import steep_powers
from layergen.advice.untold import uncompared_draws, untold_draws
from layergen.advice.warned import warned_of
from layergen.checked import CheckedLayer
from layergen.diagnostics import FORWARD, Finding, Label, Place, Span
from layergen.faults import refuse
from layergen.lang import expression as ex
from layergen.probe.sites import WITH_DATA
from layergen.resolve.program import Program
from layergen.resolve.values import Values
from layergen.rules import all_rules
from layergen.rules.meaning import NeedlessAccept
from layergen.run.watching import Runs
from layergen.settings.choice import Setting

PATTERNS = (attention, norms, products, einsums)
MOST = 8  # proposals that are tried for one computation

__all__ = ["advise"]


def advise(layer: CheckedLayer, settings: Sequence[Setting], runs: Sequence[Runs]) -> tuple[Finding, ...]:
    """Advice on how a layer without a fault may be written.

    Args:
        layer: The layer.
        settings: Those at which its shapes are proven or tried.
        runs: Its runs at all of its settings.

    Raises:
        SpecError: If advice is declined that is not given.
    """
    otherwise = _found(layer.program, Trials(layer, settings, runs))
    on_data = [one for one in runs if one.admits(WITH_DATA)]
    with_data = [one.setting for one in on_data]
    lost = lost_statistics(layer.program, with_data)
    untold = (*untold_draws(layer.program, with_data), *uncompared_draws(layer, with_data))
    powers = (*unbounded_powers(layer.program, settings), *steep_powers(layer.program, with_data))
    numbers = (*powers, *half_overflows(layer.program, with_data), *padding_not_zero(layer.program, with_data))
    marks, warned = undeclared_marks(layer.program, on_data), warned_of(layer.program, with_data)
    starts = other_starts(layer.program, with_data)
    slips = (*carets(layer.program), *loose_comparisons(layer.program, with_data))
    found = (*otherwise, *lost, *marks, *untold, *starts, *numbers, *warned, *slips)
    accepted, given = layer.program.accept, {finding.rule.name for finding in found}
    refuse(
        NeedlessAccept.at(("accept", rule.name), f"`{rule.name}` is accepted, but nothing is advised", help="delete it")
        for rule in all_rules()
        if rule.advises and rule.name in accepted and rule.name not in given
    )
    return tuple(finding for finding in found if finding.rule.name not in accepted)


def _found(program: Program, trials: Trials) -> Iterator[Finding]:
    values = Values(program.forward.statements)
    told: dict[int, list[Proposal]] = {}
    for site in values.sites:
        for pattern in PATTERNS:
            for proposal in pattern(site, program):
                told.setdefault(id(proposal.core), []).append(proposal)
    for proposals in told.values():
        for proposal in _latest_first(proposals):
            other = reworked(program, proposal)
            if other is not None and trials.agree(other):
                yield _finding(proposal, trials.lost(other), tuple(dropped(program, other, proposal.site)))
                break
    for repetition in repetitions(values.sites):
        kept = kept_once(program, repetition)
        if kept is not None and trials.agree(kept[0]):
            yield repetition.finding(kept[1])


def _latest_first(proposals: Sequence[Proposal]) -> Iterator[Proposal]:
    """The proposals for one computation: those first that take the most of what comes after it, each as it prefers."""
    sites = list(dict.fromkeys(id(proposal.site) for proposal in proposals))
    ordered = sorted(proposals, key=lambda proposal: -sites.index(id(proposal.site)))
    return islice(ordered, MOST)


def _finding(proposal: Proposal, lost: str | None, others: Sequence[Span]) -> Finding:
    """The advice that comes of a proposal."""
    site = proposal.site
    span = site.node.span if site.node is not None else site.statement.span
    whole = site.node is None or (isinstance(site.statement, ex.Assign) and site.statement.value is site.node)
    target = site.target or (site.statement.targets[0] if isinstance(site.statement, ex.Assign) else None)
    text = f"{target.id} = {proposal.text}" if whole and target else proposal.text
    return proposal.rule.at(
        Place(FORWARD, span),
        proposal.message,
        labels=[Label(Place(FORWARD, other), "falls away") for other in others],
        notes=[f"lost: {lost}"] if lost else [],
        help=f"`{text}` gives the same",
    )
