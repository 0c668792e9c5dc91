"""Turned: a probability to keep is not taken for one to drop, nor the other way round.

By its name, or else by its `doc`, an argument is the probability of one or of the other. What ops and modules of torch
take it for is known, and of layers by the names of their arguments, which come without a `doc`. What a forward does
with it by itself is counted.
"""

import re
from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple

import torch
from torch import Tensor

from layergen import ops
from layergen.contracts.dropped import LEAST, place_of, values_of_names
from layergen.contracts.promise import Promise
from layergen.contracts.training import bound
from layergen.diagnostics import FORWARD, Finding, Label, Path, Place
from layergen.domains.limits import assigned
from layergen.lang import expression as ex
from layergen.lang.argument_types import Base
from layergen.lang.model import Argument
from layergen.lang.visitor import nodes, sources
from layergen.probe.sites import CPU, SMALL, started
from layergen.probe.values import drawn
from layergen.probe.ways import Ways
from layergen.resolve.program import Child, Constructible, Program
from layergen.rules.values import TurnedProbability
from layergen.run.forward import TrialFault
from layergen.run.instance import Instance, Placement
from layergen.settings.choice import Setting

TRIED = (0.15, 0.35)  # what a share that is counted is to follow
DRAWS = 60
NEAR = 0.1  # how far the share of some draws may be from a probability
ENOUGH = 300  # entries that are counted, at least


class Meaning(Enum):
    """What becomes of something with a probability."""

    DROPPED = "dropped"
    KEPT = "kept"

    @property
    def other(self) -> "Meaning":
        return Meaning.KEPT if self is Meaning.DROPPED else Meaning.DROPPED


NAMES = {
    Meaning.DROPPED: re.compile(r"(?:^|_)drop(?:s|ped|out|path|connect|block)?(?:_|$)"),
    Meaning.KEPT: re.compile(r"(?:^|_)(?:keep|keeps|kept|retain|retained|survival|survive|survives)(?:_|$)"),
}
AWAY = r" (?:\w+ )?(?:out|away|from)\b"  # what is kept out of a sum is dropped
DOCS = {
    Meaning.DROPPED: re.compile(
        rf"\b(?:drops?|dropped|zeroed|zeroes|left out|(?:set to|becomes?) zero|(?:keeps?|kept)(?={AWAY}))\b", re.I
    ),
    Meaning.KEPT: re.compile(rf"\b(?:(?:keeps?|kept)(?!{AWAY})|retains?|retained|survives?)\b", re.I),
}
PROBABILITY = re.compile(r"\b(?:probabilit\w+|share|fraction|chance|rate|how likely)\b", re.I)
NEGATED = re.compile(r"\b(?:not|no|never|without|other|rest)\b", re.I)


def check_turned(ways: Ways) -> Iterator[Finding]:
    """Yield the first argument that is taken for the opposite of what its name or its `doc` says."""
    program = ways.program
    own = {name: found for name, part in program.arguments.items() if (found := meaning(name, part))}
    if not own:
        return
    finding = next(_handed(program, own), None) or next(_counted(ways, own), None)
    if finding is not None:
        yield finding


TURNED = Promise(check_turned, (SMALL,))


def meaning(name: str, argument: Argument) -> Meaning | None:
    """Of what an argument is the probability, where its name, or else its `doc`, says so and nothing else does."""
    if argument.type.base is not Base.FLOAT or argument.type.listed:
        return None
    named, told = ([part for part in Meaning if words[part].search(text)] for words, text in _texts(name, argument))
    if not PROBABILITY.search(argument.doc) or NEGATED.search(argument.doc):
        told = []
    found = {*named, *told}
    return found.pop() if len(found) == 1 else None


def _texts(name: str, argument: Argument) -> Iterator[tuple[dict[Meaning, re.Pattern[str]], str]]:
    yield NAMES, name
    yield DOCS, argument.doc


def _handed(program: Program, own: dict[str, Meaning]) -> Iterator[Finding]:
    """Yield what is handed to an op, a module or a layer that takes it for the opposite."""
    for path, taker, wanted, node in _taken(program):
        name, turned = _argument_in(program, node)
        if name in own and (own[name] is wanted) == turned:
            right = ex.Name(name) if turned else ex.Binary("-", ex.Literal(1), ex.Name(name))
            message = f"`{taker}` takes `{ex.show(node)}` for the probability to be {wanted.value}, "
            message += f"but `{name}` is that to be {own[name].value}"
            label = Label(Place(("arguments", name), key=True), "declared here")
            place = Place(path, node.span)
            yield TurnedProbability.at(place, message, labels=(label,), help=f"hand it `{ex.show(right)}`")


def _taken(program: Program) -> Iterator[tuple[Path, str, Meaning, ex.Expression]]:
    """What is handed to somebody as a probability: where, to whom, for which one, and what."""
    for node in nodes(program.forward.statements):
        op = ops.called(node) if isinstance(node, ex.Call) else None
        if isinstance(node, ex.Call) and op is not None and op.random:
            given = bound(op, node.arguments, {keyword.name: keyword.value for keyword in node.keywords})
            for name in ("p", "dropout_p"):
                if "dropout" in (op.name if name == "p" else name) and isinstance(given.get(name), ex.Expression):
                    yield FORWARD, node.function, Meaning.DROPPED, given[name]
    for member in program.members.values():
        for made in member.made:
            given = bound(made.of.constructor, made.call.arguments, {k.name: k.value for k in made.call.keywords})
            for name, value in given.items():
                wanted = _wanted(made.of, name)
                if wanted is not None and isinstance(value, ex.Expression):
                    yield ("modules", member.name, "module"), made.call.function, wanted, value


def _wanted(of: Constructible, name: str) -> Meaning | None:
    """What a constructor takes an argument for."""
    if isinstance(of, Child):
        return meaning(name, of.program.arguments[name]) if name in of.program.arguments else None
    return Meaning.DROPPED if name == "dropout" or (name == "p" and "Dropout" in of.name) else None


def _argument_in(program: Program, node: ex.Expression) -> tuple[str, bool]:
    """The argument that a value is, or that it is 1 less, and whether it is that; names are seen through."""
    match node:
        case ex.Name(id=name) if name in program.derived and name not in program.arguments:
            return _argument_in(program, program.derived[name])
        case ex.Name(id=name):
            given = list(sources(program.forward.statements, name))
            return _argument_in(program, given[0]) if len(given) == 1 else (name, False)
        case ex.Binary(operator="-", left=ex.Literal(value=1), right=inner):
            name, turned = _argument_in(program, inner)
            return name, not turned
    return "", False


def _counted(ways: Ways, own: dict[str, Meaning]) -> Iterator[Finding]:
    """Yield an argument of which a forward that draws by itself drops or keeps the opposite share."""
    program = ways.program
    if not program.draws or program.random == "always" or not program.asks_mode:
        return
    for runs in ways.runs:
        if not all(seen.evidence for seen in runs.seen(SMALL)):
            continue
        for name, wanted in own.items():
            moved = [(share, assigned(program, runs.setting, name, None, share)) for share in TRIED]
            shares = [(share, _kept(program, setting)) for share, setting in moved if setting is not None]
            if len(shares) < len(TRIED):
                continue
            (share, first), (_, second) = shares
            for value in sorted(first.keys() & second.keys()):
                wrong = (1 - other if wanted is Meaning.KEPT else other for other in TRIED)
                kept = (first[value].share, second[value].share)
                if all(abs(found - expected) < NEAR for found, expected in zip(kept, wrong, strict=True)):
                    yield _finding(name, wanted, value, share, first[value])
                    return


class Kept(NamedTuple):
    """How much of a value training keeps, and where it is computed."""

    share: float
    place: Place


def _kept(program: Program, setting: Setting) -> dict[str, Kept]:
    """The share of each value of evaluation that is not 0 in training, where some of it is 0 in some draws alone."""
    instance = Instance(program, setting, Placement(CPU, torch.float64))
    try:
        with drawn(), torch.no_grad():
            started(instance)
            exact = values_of_names(instance.run(False))
            runs = [instance.run(True) for _ in range(DRAWS)]
    except TrialFault:
        return {}
    draws = [values_of_names(run) for run in runs]
    found = {}
    for name, usual in sorted(exact.items()):
        share = _share(usual, [draw[name] for draw in draws if name in draw])
        if share is not None:
            found[name] = Kept(share, place_of(runs[0], name))
    return found


def _share(usual: Tensor, draws: list[Tensor]) -> float | None:
    if len(draws) < DRAWS or any(draw.shape != usual.shape for draw in draws):
        return None
    held = usual.abs() > LEAST
    there = torch.stack([draw[held] != 0 for draw in draws])
    if there.numel() < ENOUGH or bool((there.all(0) | (~there).all(0)).any()):
        return None
    return float(there.double().mean())


def _finding(name: str, wanted: Meaning, value: str, share: float, kept: Kept) -> Finding:
    message = f"`{name}` is the probability to be {wanted.value}, "
    message += f"but {kept.share:.0%} of `{value}` is kept where `{name}` is {share}"
    draw = f"where `rand_like(…) {'>=' if wanted is Meaning.DROPPED else '<'} {name}`"
    help = f"keep what is to be kept, {draw}; or name and describe `{name}` as the probability to be "
    label = Label(Place(("arguments", name), key=True), "declared here")
    return TurnedProbability.at(kept.place, message, labels=(label,), help=help + wanted.other.value)
