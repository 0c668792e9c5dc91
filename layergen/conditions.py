"""The preconditions of a layer: what torch asks of sizes, way by way, with a case on either side."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

import sympy

from layergen.at_setting import check_setting, input_facts, working
from layergen.checked import CheckedCase, PreconditionCase
from layergen.faults import SpecError
from layergen.prove.demanded import Demanded, OnWays
from layergen.prove.formula import symbol, value
from layergen.prove.hints import numbers
from layergen.prove.outcomes import Does, Outcomes, Point, is_refused
from layergen.prove.preconditions import Precondition, preconditions
from layergen.prove.proof import prove
from layergen.prove.proven import Proof, Tried
from layergen.prove.small_sizes import SmallSizes, outputs_with_entries
from layergen.prove.thresholds import is_needed, spares
from layergen.resolve.program import Program
from layergen.settings.choice import Setting, allowed
from layergen.settings.crossed import crossed
from layergen.settings.telling import alone, distinguishing

GROWN = (1, 2, 4)  # by how much sizes grow where flags that meet ask for larger ones


@dataclass
class _Near:
    """What a layer is known to do near one way."""

    way: Setting
    sizes: SmallSizes
    known: list[Any] = field(default_factory=list)  # conditions that it demands
    asked: set[str] = field(default_factory=set)  # the texts of those of which it is known whether it does
    lost: list[Precondition] = field(default_factory=list)  # found here, with cases that cannot be told


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
        self.needed: dict[str, bool] = {}  # by their texts, those that were held against many sizes
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
                if not self.is_needed(condition):
                    continue
                if not proof.concrete:
                    self.add(condition)
                else:  # what holds at numbers is not said of all
                    self.at_numbers.setdefault(proof.setting.name, []).append(condition.condition)

    def counted(self, proofs: Sequence[Proof | Tried]) -> None:
        """Gather that a dimension is there over which a loop runs, where torch refuses what no turn has made."""
        for proof in proofs:
            for name in proof.counts if isinstance(proof, Proof) else ():
                if name in self.program.dimensions and name in proof.setting.sizes:
                    way = self.setting(proof)
                    kept, broken = (replace(way, sizes={**way.sizes, name: size}) for size in (1, 0))
                    condition = sympy.Ge(symbol(name), 1, evaluate=False)  # which holds of all sizes but 0
                    if allowed(self.program, kept) and allowed(self.program, broken):
                        self.add(Precondition(f"{name} >= 1", condition, kept, broken, let_through=broken))

    def shown(self, proofs: Sequence[Proof | Tried]) -> tuple[Proof | Tried, ...]:
        """Gather what is shown by refusals at small sizes; gives the proofs, with what no condition tells."""
        found = self.looked_for(proofs)
        untold = {name: self.untold(near) for name, near in found.items()}
        return tuple(replace(proof, untold=untold[proof.setting.name]) for proof in proofs)

    def looked_for(self, proofs: Sequence[Proof | Tried]) -> Mapping[str, "_Near"]:
        """Gather what is shown by refusals at small sizes near each way."""
        found: dict[str, _Near] = {}
        for proof in proofs:
            if proof.setting.name in found:  # in evaluation as in training
                continue
            way = self.setting(proof)
            guesses, at_numbers = tuple(outputs_with_entries(proof)), self.at_numbers.get(proof.setting.name, ())
            fixed = proof.concrete if isinstance(proof, Proof) else ()
            near = _Near(way, SmallSizes(self.program, way, guesses, at_numbers, fixed))
            found[proof.setting.name] = near
            self.learn(near)
            told = tuple(filter(self.is_needed, near.sizes.told(near.known)))
            near.known += [condition.condition for condition in told]
            near.lost += [condition for condition in told if not self.add(condition)]
        return found

    def learn(self, near: "_Near") -> None:
        """Add what the way demands of the conditions that were found since it was looked at."""
        new = {text: one for text, one in self.formulas.items() if text not in near.asked}
        near.asked |= new.keys()
        new = {text: one for text, one in new.items() if one.condition not in near.known}
        near.known += [one.condition for one in new.values() if self.demands(near.way, one)]

    def untold(self, near: "_Near") -> Point | None:
        """Numbers at which a layer is refused near a way though all conditions hold that it is known to demand."""
        if near.sizes.refused:
            self.learn(near)
        lost = numbers(self.program, near.lost[0].broken).names if near.lost else None
        return near.sizes.untold(near.known) or lost

    def hold(self, setting: Setting) -> bool:
        """Whether all of them hold at a setting, whether torch would refuse it or not."""
        names = numbers(self.program, setting).names
        told = (one.condition for one in self.formulas.values())
        return all(value(condition, names) for condition in told if _names(condition) <= names.keys())

    def told(self, ways: Sequence[Setting]) -> Iterator[PreconditionCase]:
        """The conditions, with those of ways beside on which flags meet that tell where conditions are demanded."""
        flags = dict.fromkeys(flag for case in self.cases(ways) for flag in case.where or ())
        further = list(self.crossing(ways, tuple(flags)))
        proofs = [proof for way in further for proof in self.proven(way)]
        self.asked(proofs)
        self.looked_for(proofs)
        yield from self.cases([*ways, *further])

    def crossing(self, ways: Sequence[Setting], flags: Sequence[str]) -> Iterator[Setting]:
        """The ways beside on which flags meet, at sizes at which the layer works."""
        for setting in crossed(self.program, ways, flags):
            grown = (
                replace(setting, sizes={name: more * size for name, size in setting.sizes.items()}) for more in GROWN
            )
            yield from islice((other for other in grown if self.does_at(other) is Does.WORK), 1)

    def proven(self, way: Setting) -> tuple[Proof | Tried, ...]:
        """What is asked on a way at symbols; nothing where it fails there, which says nothing of conditions."""
        with suppress(SpecError):
            return tuple(islice(prove(self.program, [way]), 1))
        return ()

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
            if where is None:  # it may be about an argument that is not always there
                where = telling(self.program, ways, [*free, *implied], True)
            yield replace(case, where=where, evaluation=evaluation)

    def does(self, way: Setting, demanded: Demanded) -> Does | None:
        """What the layer does on a way where a condition is broken."""
        return self.on_ways.does(way, demanded)

    def demands(self, way: Setting, demanded: Demanded) -> bool:
        """Whether a way demands a condition, and does not only refuse some of what breaks it for another reason."""
        if self.does(way, demanded) is Does.WORK:
            return False
        return not any(spares(near, demanded.condition) for near in self.on_ways.near(way, {*demanded.broken}))

    def is_needed(self, condition: Precondition) -> bool:
        """Whether no size up to many shows that the layer works without a condition."""
        if condition.text not in self.needed:
            ground = Outcomes(self.program, numbers(self.program, condition.kept))
            self.needed[condition.text] = is_needed(ground, condition.condition)
        return self.needed[condition.text]

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
        if not is_refused(self.program, condition.broken):
            return False
        senseless, bound = self.is_senseless(condition.broken), self.bound(condition)
        if senseless and (not bound or self.does_at(condition.broken) is not Does.REFUSE):  # the layer could not ask
            return False
        through = (condition.broken if senseless else condition.let_through) if bound else None
        try:
            kept = check_setting(working(self.program, condition.kept))
        except SpecError:
            return False
        broken = (condition.broken, input_facts(self.program, condition.broken))
        passed = None if through is None else (through, input_facts(self.program, through))
        text = condition.text if self.program.run is None else condition.text.replace("...[", f"{self.program.run}[")
        self.known[condition.text] = PreconditionCase(text, kept, broken, let_through=passed)
        names = numbers(self.program, condition.broken).names
        told = {part.name: names[part.name] for part in condition.condition.free_symbols}
        self.formulas[condition.text] = Demanded(condition.condition, told)
        return True


def _names(condition: Any) -> set[str]:
    """The names in a formula."""
    return {part.name for part in condition.free_symbols}
