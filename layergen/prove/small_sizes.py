"""What a layer does at small sizes: wherever torch refuses it, some condition must tell that it does.

The guards of a run at symbols tell most conditions. They do not tell those of a number that torch has taken as it is,
nor those of an index into data. So every layer is tried at some small sizes, and at larger arguments: what is refused
there without a known condition leads to a condition of its own, or else nothing is claimed for all sizes.
"""

from collections.abc import Container, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import chain, combinations, islice
from typing import Any

import sympy

from layergen.faults import refuse
from layergen.lang import expression as ex
from layergen.prove.formula import value
from layergen.prove.fractions import holds_at_other_fractions
from layergen.prove.hints import lowered, numbers
from layergen.prove.outcomes import Does, Outcomes, Point
from layergen.prove.points import WIDE
from layergen.prove.preconditions import Precondition
from layergen.prove.proven import Proof, Tried
from layergen.prove.thresholds import conditions, just_broken, most, precondition
from layergen.resolve.program import Program
from layergen.settings.choice import Setting

LITTLE = (1, 2, 3)
MORE = (1, 8, 24)  # by how much arguments grow
TOGETHER = ((1, 1), (2, 3), (3, 2), (2, 2))
LONGEST = 5000  # number of the spec that a size is tried above
GROWN = (1, 2, 4)  # by how much sizes grow with arguments
POINTS = 90  # that are tried
ROUNDING = (sympy.floor, sympy.ceiling, sympy.Mod, sympy.Max, sympy.Min)
PATIENCE = 1500  # points at which conditions are tried in vain, before none is looked for


class SmallSizes:
    """What a layer does near a setting at which it works, and by which conditions it is refused there.

    Args:
        program: The layer.
        setting: The setting.
        guesses: Conditions that may be demanded, and are tried before others.
        at_numbers: Conditions that are demanded at some numbers of other arguments, and may be at all.
        fixed: Arguments that are numbers in what is claimed, and may be 1 there.
    """

    def __init__(
        self,
        program: Program,
        setting: Setting,
        guesses: Sequence[Any] = (),
        at_numbers: Sequence[Any] = (),
        fixed: Container[str] = (),
    ) -> None:
        self.outcomes = Outcomes(program, numbers(program, setting))
        self.guesses = guesses
        self.at_numbers = at_numbers
        self.fixed = fixed
        self.grounds = tuple(_grounds(self.outcomes))

    @cached_property
    def refused(self) -> tuple[Point, ...]:
        """What is changed where the layer does not work."""
        if not self.outcomes.works({}):
            return ()  # random, or not to be had with data
        guesses = (*self.guesses, *self.at_numbers)
        edges = (changes for condition in guesses for changes in just_broken(self.outcomes, condition))
        points = chain(islice(_points(self.outcomes.program, self.outcomes), POINTS), edges)
        return tuple(changes for changes in points if self.outcomes.at(changes) not in (None, Does.WORK))

    def told(self, known: Sequence[Any]) -> Iterator[Precondition]:
        """Yield conditions that say where the layer is refused, beyond those that are known to be demanded.

        The search ends where much was tried in vain: what no condition tells is most often told by none.
        """
        known, found_at = list(known), self.tried
        for changes in self.refused:
            if self.tried - found_at > PATIENCE:
                return
            if not _hold(known, self.outcomes.point(changes)):
                continue
            found = self._condition(changes, known)
            if found is not None:
                known.append(found.condition)
                found_at = self.tried
                yield found

    def untold(self, known: Sequence[Any]) -> Point | None:
        """Numbers from 2 up at which the layer is refused though all conditions hold.

        Raises:
            SpecError: If it is not refused, but gives other shapes than declared.
        """
        found: Point | None = None
        for changes in (*self.refused, *self.refused_along(known)):
            point = self.outcomes.point(changes)
            # What has size 1 is stretched: that is looked at elsewhere.
            if _hold(known, point) and _is_claimed(point, changes, self.fixed):
                misfit = self.outcomes.misfit(changes)
                refuse([misfit] if misfit else [])
                found = found or point
        return found

    def refused_along(self, known: Sequence[Any]) -> Iterator[Point]:
        """Many values of the sizes of which a condition says more than a bound, where the layer is refused."""
        told = {part.name for condition in known if condition.has(*ROUNDING) for part in condition.free_symbols}
        names = sorted(told & self.outcomes.ground.setting.sizes.keys()) if self.outcomes.works({}) else ()
        changes = ({name: number} for name in names for number in WIDE)
        kept = (each for each in changes if _hold(known, self.outcomes.point(each)))
        yield from (each for each in kept if self.outcomes.at(each) not in (None, Does.WORK))

    @property
    def tried(self) -> int:
        """At how many points the layer was tried."""
        return sum(len(ground.known) for ground in (self.outcomes, *self.grounds[1:]))

    def _condition(self, changes: Point, known: Sequence[Any]) -> Precondition | None:
        """A condition that says why the layer is refused at a point, whatever its other arguments are."""
        point = self.outcomes.point(changes)
        told_by = [guess for guess in self.guesses if guess not in known and not _hold([guess], point)]
        seeming = [guess for guess in self.at_numbers if guess not in known and not _hold([guess], point)]
        shown = (_at_all(self.outcomes, guess, known) for guess in seeming)
        found = next(filter(None, shown), None)
        found = found or _condition(self.grounds, changes, told_by, known)
        if found is not None and not holds_at_other_fractions(self.outcomes, found.condition, known):
            return None
        return found


def _is_claimed(point: Point, changes: Point, fixed: Container[str]) -> bool:
    """Whether a point is among those for which a proof claims something: all from 2 up, but for what is a number."""
    return all(size > 1 or (name.split("[")[0] in fixed and name not in changes) for name, size in point.items())


def outputs_with_entries(proof: Proof | Tried) -> Iterator[Any]:
    """The conditions that no output is empty, as far as its sizes follow from others by sums and products."""
    if isinstance(proof, Tried) or proof.concrete:
        return
    for size in dict.fromkeys(chain.from_iterable(proof.outputs.values())):
        if isinstance(size, sympy.Expr) and size.is_polynomial() and len(size.free_symbols) > 1:
            terms = sympy.expand(size - 1).as_ordered_terms()
            more = sympy.Add(*(term for term in terms if not term.could_extract_minus_sign()))
            yield sympy.Ge(more, sympy.expand(more - size + 1))


def _points(program: Program, outcomes: Outcomes) -> Iterator[Point]:
    """What to change: one number, all dimensions, two numbers."""
    ground = outcomes.ground.names
    arguments = [name for name in ground if name.split("[")[0] in program.arguments]
    sizes = [name for name in ground if name not in arguments]
    for little in LITTLE:
        yield from ({name: little} for name in ground)
        yield dict.fromkeys(sizes, little)
    for more in MORE:
        yield from ({name: ground[name] + more} for name in arguments)
    for number in _numbers_of(program):
        yield from ({name: number + 1} for name in sizes)
    for names in combinations(ground, 2):
        yield from (dict(zip(names, pair, strict=True)) for pair in TOGETHER)


def _numbers_of(program: Program) -> Iterator[int]:
    """The numbers that stand in the shapes of a layer's own tensors: what a dimension indexes may end there."""
    shapes = (entry for tensor in program.tensors.values() for entry in tensor.entries)
    found = {part.value for entry in shapes for part in ex.walk(entry) if isinstance(part, ex.Literal)}
    yield from sorted(number for number in found if type(number) is int and LITTLE[-1] <= number <= LONGEST)


def _hold(known: Sequence[Any], point: Point) -> bool:
    """Whether all conditions hold at a point, as far as they can be computed."""
    try:
        return all(bool(value(condition, point)) for condition in known)
    except (ArithmeticError, ValueError, KeyError):
        return False


def _condition(
    grounds: Sequence[Outcomes], refused: Point, guesses: Sequence[Any], known: Sequence[Any]
) -> Precondition | None:
    """A condition that says why a layer is refused at a point, and foretells where else it is."""
    for guess in guesses:
        for ground in grounds:
            found = precondition(ground, guess, known)
            if found is not None:
                return found
    if len(refused) == 1:
        ((name, number),) = refused.items()
        found = most(grounds[0], name, number - 1)
        if found is not None:
            return found
    for ground in grounds:
        if ground.at(refused) is Does.REFUSE:
            for condition in conditions(ground, refused):
                found = precondition(ground, condition, known)
                if found is not None:
                    return found
    return None


def _at_all(outcomes: Outcomes, condition: Any, known: Sequence[Any]) -> Precondition | None:
    """A condition with a setting on either side, if it foretells what is refused whatever the other arguments are."""
    found = precondition(outcomes, condition, known)
    told = {part.name for part in condition.free_symbols}
    for ground in _moved(outcomes, told) if found is not None else ():
        if precondition(ground, condition, known, again=True) is None:
            return None
    return found


def _moved(outcomes: Outcomes, told: Container[str]) -> Iterator[Outcomes]:
    """The same where an argument that is not told is twice as much, with the fewest others that it needs for that."""
    program, ground = outcomes.program, outcomes.ground
    arguments = [name for name in ground.names if name.split("[")[0] in program.decided and name not in told]
    for name in arguments:
        others = [other for other in arguments if other != name]
        for chosen in chain.from_iterable(combinations(others, count) for count in range(min(3, len(others) + 1))):
            moved = {**ground.names, **{other: 2 * ground.names[other] or 1 for other in (name, *chosen)}}
            if outcomes.setting(moved) is not None:
                # Another condition may ask for sizes that are larger still.
                grown = ({**moved, **{size: more * moved[size] for size in ground.setting.sizes}} for more in GROWN)
                names = next(filter(outcomes.works, grown), moved)
                yield Outcomes(program, replace(ground, names=names))
                break


def _grounds(outcomes: Outcomes) -> Iterator[Outcomes]:
    """Where a condition is looked for: as it is; then, as several may ask for it, with all arguments but one low."""
    yield outcomes
    program, ground = outcomes.program, outcomes.ground
    arguments = [name for name in ground.names if name.split("[")[0] in program.decided]
    for name in arguments if len(arguments) > 1 else ():
        low = lowered(program, ground, {name})
        if low != ground:
            yield Outcomes(program, low)
