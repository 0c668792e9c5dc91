"""Which of the conditions that torch asked about are the layer's own: those whose breach torch refuses.

A guard is a question that torch asked while it ran at symbols. Most are its own bookkeeping. Each is therefore broken
at a few points that the bounds and constraints allow, and the layer tried there: if torch refuses, it is a
precondition; if the layer works, it was bookkeeping; if the outputs come out other than declared, it is a fault.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import Any

import sympy

from layergen.diagnostics import FORWARD, Finding, Place
from layergen.faults import SpecError, refuse
from layergen.prove.formula import shown
from layergen.prove.hints import Hints, lowered, numbers
from layergen.prove.outcomes import is_refused
from layergen.prove.points import SMALL, WIDE, Points, names_larger
from layergen.prove.proven import GuardAt, Proof
from layergen.resolve.program import Program
from layergen.rules.shapes import HiddenCoupling
from layergen.run.explain import Unexplained
from layergen.run.forward import TrialFault
from layergen.run.instance import Instance
from layergen.run.misfits import misfit
from layergen.settings.choice import Setting, allowed

STRETCHED = 6  # points at which a size of 1 is held against the others
ROOM = 8  # by what other dimensions grow where a condition is broken
TRIALS = 3  # points at which a broken condition is tried
FURTHER = 100  # points at which one is tried that is kept, beyond those at which nothing comes out
LOOSER = {sympy.StrictLessThan: sympy.Le, sympy.StrictGreaterThan: sympy.Ge}


@dataclass(frozen=True)
class Precondition:
    """A condition on sizes that torch demands, beyond the layer's own constraints."""

    text: str
    condition: Any  # as a formula
    kept: Setting  # a setting that only just keeps it
    broken: Setting  # a setting that only just breaks it
    let_through: Setting | None = None  # one that breaks it, and that torch takes all the same, as some name is 1


class Refused(Exception):
    """Torch refuses a setting."""


class Emptied(Refused):
    """Torch takes a setting, but an output is empty there."""


def preconditions(program: Program, proof: Proof) -> Iterator[Precondition]:
    """The preconditions that a proof rests on.

    Raises:
        SpecError: With a condition that only seems to be met.
    """
    accepted: list[Any] = []
    ground = numbers(program, proof.setting)
    for guard in sorted(_atoms(proof.guards), key=_simplicity):
        if not guard.condition.free_symbols:
            continue
        if isinstance(guard.condition, sympy.Ne | sympy.Or):
            _hold_beyond(program, ground, guard, accepted)
            continue
        outcome = _judge(program, ground, guard, accepted)
        if outcome is not None and is_refused(program, outcome.broken):
            accepted.append(outcome.condition)
            yield outcome


def _hold_beyond(program: Program, found: Hints, guard: GuardAt, accepted: Sequence[Any]) -> None:
    """Hold shapes that are as declared against the sizes of which a condition speaks that is no precondition.

    Raises:
        SpecError: If they are not as declared there.
    """
    if names_larger(guard.condition):
        points = Points(program, found, guard.condition, accepted)
        for setting in islice(points.settings(False), TRIALS):
            _working(program, guard, [setting])


def _simplicity(guard: GuardAt) -> tuple[int, bool, int]:
    """Few names first, and among those what says most: an equation."""
    condition = guard.condition
    return len(condition.free_symbols), not isinstance(condition, sympy.Eq), len(str(condition))


def _atoms(guards: Sequence[GuardAt]) -> Iterator[GuardAt]:
    """The conditions one by one: those that are joined by "and" are separate."""
    seen = set()
    for guard in guards:
        parts = sorted(sympy.And.make_args(guard.condition), key=str)  # sympy keeps them in a set
        for part in chain.from_iterable(map(_reduced, parts)):
            if part not in seen and not _is_overflow(part):
                seen.add(part)
                yield GuardAt(part, guard.node)


def _reduced(condition: Any) -> tuple[Any, ...]:
    """An equation without common factors; one that asks for divisibility says so, one of bounds what they are."""
    if isinstance(condition, sympy.Ge) and condition.rhs == 2 and condition.lhs.is_Mul:
        return (*_without_a_factor(condition.lhs), condition)
    if not isinstance(condition, sympy.Eq):
        return (condition,)
    if (least := _least(condition)) is not None:
        return (least,)
    if bounds := _bounds(condition):
        return bounds
    left, right = (set(sympy.Mul.make_args(side)) for side in condition.args)
    one, other = sympy.Mul(*(left - right)), sympy.Mul(*(right - left))
    for whole, multiple in ((one, other), (other, one)):
        for quotient in sorted(multiple.atoms(sympy.floor), key=str):
            divisor = multiple / quotient
            if sympy.expand(divisor * quotient.args[0] - whole) == 0:
                return (sympy.Eq(sympy.Mod(whole, divisor), 0),)
    return (sympy.Eq(one, other),)


def _without_a_factor(product: Any) -> Iterator[Any]:
    """That a product is 2 or more without one of its factors: where statistics are those of a channel, it has to be."""
    for factor in product.args if len(product.args) > 2 else ():
        yield sympy.Ge(product / factor, 2)


def _bounds(condition: Any) -> tuple[Any, ...]:
    """The bounds with which an equation holds whatever the sizes are: ``max(1, m) * max(1, n) == m * n``."""
    difference = condition.lhs - condition.rhs
    greater = sorted((part for part in difference.atoms(sympy.Max) if len(part.args) == 2), key=str)
    pairs = [sorted(part.args, key=lambda argument: len(argument.free_symbols)) for part in greater]
    whole = difference.subs({part: larger for part, (_, larger) in zip(greater, pairs, strict=True)})
    return tuple(sympy.Ge(larger, less) for less, larger in pairs) if sympy.expand(whole) == 0 else ()


def _least(condition: Any) -> Any | None:
    """The bound that an equation states which says of the greater of two that it is one of them: ``max(1, n) == n``."""
    difference = sympy.expand(condition.lhs - condition.rhs)
    for greater in sorted(difference.atoms(sympy.Max), key=str):
        factor = difference.coeff(greater)
        if factor not in (1, -1) or len(greater.args) != 2:
            continue
        chosen = sympy.expand(greater - factor * difference)
        for one, other in (greater.args, greater.args[::-1]):
            if sympy.expand(chosen - one) == 0:
                return sympy.Ge(chosen, other)
    return None


def _is_overflow(condition: Any) -> bool:
    """Whether a condition only asks if a number fits into 64 bits."""
    return any(number.is_Integer and abs(number) > 2**60 for number in condition.atoms(sympy.Number))


def _judge(program: Program, found: Hints, guard: GuardAt, accepted: Sequence[Any]) -> Precondition | None:
    points = Points(program, found, guard.condition, accepted)
    broken = list(islice(points.settings(False), TRIALS))
    if not broken:  # bounds and constraints may allow nothing small
        points = Points(program, found, guard.condition, accepted, far=True)
        broken = list(islice(points.settings(False), TRIALS))
    works = _working(program, guard, broken)
    units: tuple[str, ...] = ()
    passed = works
    if works is not None and (units := units_of(guard.condition, numbers(program, works).names)):
        # What has size 1 is stretched: such a point alone does not show that the condition is not needed.
        if not isinstance(guard.condition, sympy.Eq) and not _stretched(program, points, guard, units):
            return None
        larger = Points(program, found, guard.condition, accepted, SMALL[1:])
        broken = list(islice(larger.settings(False), TRIALS))
        works = _working(program, guard, broken)
    if works is not None:
        looser = LOOSER.get(type(guard.condition))  # torch may ask for more than the layer demands
        return looser and _judge(program, found, GuardAt(looser(*guard.condition.args), guard.node), accepted)
    if not broken or _works_with_room(program, guard, broken):
        return None
    kept = _kept(program, points)
    if kept is None:  # it may be that the other arguments ask for more
        low = lowered(program, found, {part.name for part in guard.condition.free_symbols})
        return None if low == found else _judge(program, low, guard, accepted)
    if isinstance(guard.condition, sympy.Eq) and not _is_divisibility(program, guard.condition):
        raise SpecError([_coupled(guard)])
    if _is_tangled(guard.condition) and _is_small(program, broken[0]) and points.told_by_bounds(guard.condition):
        return None  # what is tried at small sizes tells it better
    return Precondition(told(program, guard.condition), guard.condition, kept, broken[0], passed)


def told(program: Program, condition: Any) -> str:
    """A condition as one says it: what it asks of a dimension, which stands on the left if it is on one side alone."""
    if isinstance(condition, sympy.Ge | sympy.Gt | sympy.Le | sympy.Lt):
        terms = sympy.Add.make_args(sympy.expand(condition.lhs - condition.rhs))
        sides = {False: set[str](), True: set[str]()}
        for term in terms:
            sides[term.could_extract_minus_sign()] |= {symbol.name for symbol in term.free_symbols}
        if sides[True] & {*program.dimensions} and not sides[False] & {*program.dimensions}:
            condition = condition.reversed
    return shown(condition)


def _kept(program: Program, points: "Points") -> Setting | None:
    """A setting that only just keeps a condition, and at which the layer works; where it gives nothing, one beyond."""
    refused = 0
    for setting in islice(points.settings(True), FURTHER):
        try:
            _try(program, setting)
        except Emptied:
            continue
        except Refused:
            refused += 1
            if refused == TRIALS:
                return None
            continue
        return setting
    return None


def _works_with_room(program: Program, guard: GuardAt, broken: Sequence[Setting]) -> bool:
    """Whether the layer works where a condition is broken and dimensions are large that it is not about.

    Then it is refused for another condition, and this one is a question that torch asks for its own sake.
    """
    told = {part.name for part in guard.condition.free_symbols}
    roomy = (
        replace(each, sizes={name: size if name in told else ROOM * size for name, size in each.sizes.items()})
        for each in broken
    )
    return _working(program, guard, [each for each in roomy if allowed(program, each)]) is not None


def _stretched(program: Program, points: "Points", guard: GuardAt, units: tuple[str, ...]) -> bool:
    """Whether the layer works where some names are 1, however far the others are from keeping a condition."""
    at_one = (
        setting
        for setting in points.settings(False)
        if {*units} <= {*units_of(guard.condition, numbers(program, setting).names)}
    )
    return all(_working(program, guard, [setting]) for setting in islice(at_one, STRETCHED))


def units_of(condition: Any, point: Mapping[str, int]) -> tuple[str, ...]:
    """The names that a condition is about and that are 1 at a point."""
    return tuple(sorted(part.name for part in condition.free_symbols if point.get(part.name) == 1))


def _working(program: Program, guard: GuardAt, broken: Sequence[Setting]) -> Setting | None:
    """The first setting that breaks a condition and at which the layer works: the condition is torch's bookkeeping.

    Raises:
        SpecError: If it does, but gives other shapes than declared.
    """
    for setting in broken:
        try:
            finding = _try(program, setting)
        except Refused:
            continue
        refuse([_shape_depends(finding, guard)] if finding else [])
        return setting
    return None


def _is_divisibility(program: Program, condition: Any) -> bool:
    """Whether a condition asks a dimension to be divisible; between arguments alone, that is a constraint."""
    names = {symbol.name.split("[")[0] for symbol in condition.free_symbols}
    return condition.has(sympy.Mod, sympy.floor) and not names <= {*program.arguments}


def _is_tangled(condition: Any) -> bool:
    """Whether a condition is about quotients of quotients, and so no help to a reader."""
    parts = condition.atoms(sympy.floor, sympy.Mod)
    return any(argument.has(sympy.floor, sympy.Mod) for part in parts for argument in part.args)


def _is_small(program: Program, setting: Setting) -> bool:
    """Whether a setting has no number that is larger than those which all layers are tried at."""
    return max(numbers(program, setting).names.values(), default=0) <= WIDE[-1]


def _try(program: Program, setting: Setting) -> Finding | None:
    """Run the layer; a shape that is not declared is a finding.

    An empty output counts as refused: without data torch lets it through, with data many kernels do not.
    """
    try:
        instance = Instance(program, setting, explainer=Unexplained(program, setting))
        run = instance.run(training=True)
        mismatch = misfit(instance, run)
    except TrialFault:
        raise Refused from None
    if mismatch is None and not all(output.numel() for output in run.outputs.values()):
        raise Emptied
    return mismatch


def _shape_depends(finding: Finding, guard: GuardAt) -> Finding:
    """The finding for an output whose shape is as declared only where a condition holds."""
    message = f"{finding.message}, unless {shown(guard.condition)}"
    return finding.rule.at(finding.place, message, labels=finding.labels, notes=finding.notes)


def _coupled(guard: GuardAt) -> Finding:
    """The finding for sizes that must be equal though nothing says so."""
    text = shown(guard.condition)
    span = guard.node.span if guard.node else None
    message = f"the layer works only where {text}"
    help = f"if it is meant, add the constraint `{text}`, or name the sizes alike"
    return HiddenCoupling.at(Place(FORWARD, span), message, help=help)
