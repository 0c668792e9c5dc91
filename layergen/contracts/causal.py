"""Causality: along the dimensions that the spec names, no entry of an output sees a later one of an input.

Of several dimensions, the entries come row by row: the last one runs first. Where it is strict, no entry sees the one
at its own place either.
"""

import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from layergen.contracts.promise import Promise
from layergen.diagnostics import Finding
from layergen.lang import expression as ex
from layergen.lang.argument_types import ArgumentType, Base
from layergen.lang.interpreter import Interpreter
from layergen.lang.model import Causal
from layergen.lang.model import Tensor as Declared
from layergen.probe.probing import (
    FAR,
    FLOOR,
    HUGE,
    NEAR,
    TOLERANCE,
    Probe,
    Tensors,
    Way,
    at_index,
    differs,
    probed,
    resized,
)
from layergen.probe.sites import ON_DATA
from layergen.probe.ways import Ways
from layergen.resolve.program import Program
from layergen.resolve.standing import axes
from layergen.rules.meaning import FutureSeen
from layergen.run.forward import Run, TrialFault
from layergen.settings.choice import Setting
from layergen.words import listed, plural

# The scales of all inputs and of what comes later, and whether bool inputs are all true.
Draw = tuple[float, float, bool | None]
DRAWS: tuple[Draw, ...] = ((1.0, 1.0, True), (1.0, FAR, None), (NEAR, NEAR, True))
OUTDONE = "leave later ones out by `-inf`, as larger ones outdo any number: `where(mask, scores, -inf)`"
SHORTENED = "and the sequence ended in the middle"


def check_causal(ways: Ways) -> Iterator[Finding]:
    """Yield the first output that sees the future."""
    causal = ways.program.causal
    if causal is None:
        return
    names, tried, shortened = causal.dims, set[tuple[str, bool]](), list[bool]()
    for way in probed(ways):
        if not is_causal(causal, way.probe.setting):
            continue
        for draw in DRAWS:
            for usual, run, position in _replaced(way, names, draw):
                tried.add((way.probe.setting.name, way.training))
                output = _sees(way, names, usual, run, position)
                own = output is None and is_strict(causal, way.probe.setting)
                output = _sees(way, names, usual, run, position + 1) if own else output
                if output is not None:
                    yield _finding(way, names, output, position + own, usual, own)
                    return
        short = Shortened(way, names)
        output = short.sees()
        if output is not None:
            yield short.finding(output)
            return
        outdone = _outdone(way, names)
        if outdone is not None:
            yield outdone
            return
        shortened += [short.run is not None] if short.settled else []
    if tried:
        places = (
            f"the first, a middle and the last but one position{'' if len(names) == 1 else ', and the end of a row,'}"
        )
        detail = f"all that is later than {places} replaced"
        settings, modes = zip(*tried, strict=True)
        where = "" if causal.when is None else f", where `{ex.show(causal.when)}`"
        where += f", strictly{_where(causal.strict)}" if causal.strict is not None else ""
        kinds = [SHORTENED] if shortened and all(shortened) else []
        words = ", ".join([f"on {plural(len({*settings}), 'way')}, along {along(names)}{where}: {detail}", *kinds])
        ways.say("causal", words, modes=modes, kinds=kinds)


CAUSAL = Promise(check_causal, (ON_DATA,))


def is_causal(causal: Causal, setting: Setting) -> bool:
    """Whether a layer is to be causal at a setting."""
    return causal.when is None or Interpreter(setting.values).truth(causal.when)


def is_strict(causal: Causal, setting: Setting) -> bool:
    """Whether an entry is not to see the one at its own place either, at a setting."""
    return causal.strict is not None and Interpreter(setting.values).truth(causal.strict)


def _where(condition: ex.Expression) -> str:
    return "" if isinstance(condition, ex.Literal) else f" where `{ex.show(condition)}`"


def along(names: Sequence[str]) -> str:
    """Along which dimensions entries come one after the other, in words."""
    return listed(f"`{name}`" for name in names) + (" row by row" if len(names) > 1 else "")


class Shortened:
    """A sequence that ends in the middle, beside the whole one; other sizes draw other random numbers.

    Of rows, the last ones are cut off.

    Attributes:
        settled: Whether no random numbers are drawn.
        run: What came of the part; None where the layer does not take it.
    """

    def __init__(self, way: Way, names: Sequence[str]) -> None:
        self.way, self.names, self.name, self.probe = way, names, names[0], way.probe
        self.end = self.probe.setting.sizes[self.name] // 2 + 1
        program = self.probe.program
        self.before = self.probe.drawn(masks=True)
        self.usual = self.probe.run(way.training, self.before)
        self.run: Run | None = None
        self.settled = not (program.draws and (way.training or program.random == "always"))
        if self.settled and self.usual is not None and self.end < self.probe.setting.sizes[self.name]:
            self.run = self._at_the_end()

    def _at_the_end(self) -> Run | None:
        cut = {}
        for given, value in self.before.items():
            where = axes(self.probe.inputs[given], self.name, value.dim())
            if where is None and any(self.name in ex.names(entry) for entry in self.probe.inputs[given].entries):
                return None  # it has as many entries as come of the length
            cut[given] = value[at_index(value, where, slice(self.end))] if where else value
        try:
            return self.probe.at(resized(self.probe.setting, self.name, self.end)).run(self.way.training, cut)
        except TrialFault:
            return None

    def sees(self) -> str | None:
        """The first output that is another one before the end."""
        if self.usual is None or self.run is None:
            return None
        row = math.prod(self.probe.setting.sizes[name] for name in self.names[1:])
        return _sees(self.way, self.names, self.usual, self.run, self.end * row - 1)

    def finding(self, output: str) -> Finding:
        assert self.usual is not None
        message = f"`{output}` sees the future: up to index {self.end - 1} it changes where `{self.name}` ends there"
        help = f"compute what comes up to each index alone: `{self.name}`, the length, is not known there"
        notes = self.probe.instance.explainer.notes()
        return FutureSeen.at(self.usual.place(output), message, notes=notes, help=help)


def _positions(sizes: Sequence[int]) -> list[int]:
    """Positions behind which there is something: the first, a middle and the last one; and the end of a row."""
    count, row = math.prod(sizes), sizes[-1]
    return sorted(
        {0, count // 2, (sizes[0] // 2) * (count // sizes[0]) + row // 2, row - 1, count - 2} & {*range(count - 1)}
    )


def _up_to(position: int, tensor: Tensor, places: Sequence[int]) -> Tensor:
    """Which entries of a tensor come up to a position, by the dimensions along which they are ordered."""
    sizes = [tensor.shape[axis] for axis in places]
    order = torch.arange(math.prod(sizes)).reshape(sizes)
    by_axis = sorted(range(len(places)), key=places.__getitem__)
    shape = [size if axis in places else 1 for axis, size in enumerate(tensor.shape)]
    return (order <= position).permute(by_axis).reshape(shape).expand(tensor.shape)


def _places(part: Declared, names: Sequence[str], rank: int) -> list[int] | None:
    """Where dimensions stand in a tensor, if all of them do."""
    found = [where[0] for name in names if (where := axes(part, name, rank))]
    return found if len(found) == len(names) else None


def _later(probe: Probe, names: Sequence[str], before: Tensors, position: int, scale: float) -> dict[str, Tensor]:
    """Inputs that have other values behind a position."""
    after = dict(before)
    for given, value in before.items():
        places = _places(probe.inputs[given], names, value.dim())
        if places:
            after[given] = torch.where(_up_to(position, value, places), value, probe.draw(given, scale))
    return after


def _replaced(way: Way, names: Sequence[str], draw: Draw) -> Iterator[tuple[Run, Run, int]]:
    """What a layer gives, and what it gives with other values behind one position after the other."""
    scale, later_scale, masks = draw
    before = way.probe.drawn(masks, scale=scale)
    usual = way.probe.run(way.training, before)
    if usual is None:
        return
    setting, causal = way.probe.setting, way.probe.program.causal
    first = [-1] if causal is not None and is_strict(causal, setting) else []
    for position in [*first, *_positions([setting.sizes[name] for name in names])]:
        run = way.probe.run(way.training, _later(way.probe, names, before, position, later_scale))
        if run is not None:
            yield usual, run, position


def _sees(way: Way, names: Sequence[str], usual: Run, run: Run, position: int, floor: float = FLOOR) -> str | None:
    """The first output that has changed up to a position."""
    for output, value in usual.outputs.items():
        places = _places(way.probe.results[output], names, value.dim())
        if places:
            now = run.outputs[output]
            if differs(value[_up_to(position, value, places)], now[_up_to(position, now, places)], floor=floor):
                return output
    return None


def _outdone(way: Way, names: Sequence[str]) -> Finding | None:
    """What is wrong if what comes later has an effect where all scores are large, and outdo a number put in its place.

    What is computed of all entries at once, as by a Fourier transform, is rounded by the largest of them.
    """
    if all(name in way.probe.ranges or not way.probe.program.inputs[name].floating for name in way.probe.given):
        return None
    for scale in HUGE:
        for usual, run, position in _replaced(way, names, (scale, scale, True)):
            values = [value for one in (usual, run) for value in one.outputs.values() if value.is_floating_point()]
            if not all(bool(value.isfinite().all()) for value in values):
                continue
            largest = max((float(value.abs().max()) for value in values if value.numel()), default=0.0)
            output = _sees(way, names, usual, run, position, FLOOR + TOLERANCE * largest)
            if output is not None:
                return _outdone_finding(way, names, output, position, usual, scale)
    return None


def _may_depend(program: Program) -> bool:
    """Whether a layer that always is to be causal has an argument that may say whether it is."""
    given = (*program.arguments.values(), *program.values.values())
    decides = any(part.choices is not None or part.type == ArgumentType(Base.BOOL) for part in given)
    return decides and program.causal is not None and program.causal.when is None


def _finding(way: Way, names: Sequence[str], output: str, position: int, usual: Run, own: bool) -> Finding:
    where = _index(way, names, position)
    message = f"`{output}` sees the future: at {where} it changes with what comes later"
    help = "look back alone: `pad(x, [k - 1, 0])` before a convolution, a lower triangle as mask of attention"
    if len(names) > 1:
        help = "look back alone: a filter is 0 behind its middle, `weight * mask`, and so are the weights of attention"
    if own:
        message = f"`{output}` sees its own place: at {where} it changes with what an input has there"
        help = (
            "let it see what comes before alone: `roll` what comes in by one and put zeros first, or leave out `strict`"
        )
        if len(names) > 1:
            help = "let a filter be 0 at its middle, too, `weight * mask`, or leave out `strict`"
    elif _may_depend(way.probe.program):
        dim = names[0] if len(names) == 1 else f"[{', '.join(names)}]"
        help += f"; where it is so at some settings alone, say at which: `causal: {{dim: {dim}, when: …}}`"
    notes = way.probe.instance.explainer.notes()
    return FutureSeen.at(usual.place(output), message, notes=notes, help=help)


def _outdone_finding(way: Way, names: Sequence[str], output: str, position: int, usual: Run, scale: float) -> Finding:
    where = f"at {_index(way, names, position)} it changes with what comes later, where inputs are some {scale:.0f}"
    notes = way.probe.instance.explainer.notes()
    message, help = f"`{output}` sees the future: {where}", f"of scores, {OUTDONE}"
    return FutureSeen.at(usual.place(output), message, notes=notes, help=help)


def _index(way: Way, names: Sequence[str], position: int) -> str:
    """A position as an index along the dimensions that are causal."""
    sizes = [way.probe.setting.sizes[name] for name in names]
    index = ", ".join(str(int(place)) for place in torch.unravel_index(torch.tensor(position), sizes))
    return f"index {index if len(names) == 1 else f'[{index}]'} along {along(names)}"
