"""Causality: along the dimension that the spec names, no entry of an output sees a later one of an input."""

from collections.abc import Iterator

from torch import Tensor

from layergen.contracts.execution import NUMBERS
from layergen.contracts.probing import FAR, NEAR, Probe, Tensors, Way, at_index, differs, probed, resized
from layergen.contracts.promise import Promise, Ways
from layergen.diagnostics import Finding
from layergen.lang import expression as ex
from layergen.lang.interpreter import Interpreter
from layergen.lang.model import Causal
from layergen.resolve.standing import axes
from layergen.rules.meaning import FutureSeen
from layergen.run.forward import Run, TrialFault
from layergen.settings.choice import Setting
from layergen.words import plural

# The scales of all inputs and of what comes later, and whether bool inputs are all true.
DRAWS = ((1.0, 1.0, True), (1.0, FAR, None), (NEAR, NEAR, True))
SHORTENED = "and the sequence ended in the middle"


def check_causal(ways: Ways) -> Iterator[Finding]:
    """Yield the first output that sees the future."""
    causal = ways.program.causal
    if causal is None:
        return
    name, tried, shortened = causal.dim, set[tuple[str, bool]](), list[bool]()
    for way in probed(ways):
        if not is_causal(causal, way.probe.setting):
            continue
        for scale, later_scale, masks in DRAWS:
            before = way.probe.drawn(masks, scale=scale)
            usual = way.probe.run(way.training, before)
            if usual is None:
                continue
            for position in _positions(way.probe.setting.sizes[name]):
                later = _later(way.probe, name, before, position, later_scale)
                run = way.probe.run(way.training, later)
                if run is None:
                    continue
                tried.add((way.probe.setting.name, way.training))
                output = _sees(way, name, usual, run, position)
                if output is not None:
                    yield _finding(way, name, output, position, usual)
                    return
        short = Shortened(way, name)
        output = short.sees()
        if output is not None:
            yield short.finding(output)
            return
        shortened += [short.run is not None] if short.settled else []
    if tried:
        detail = "all that is later than the first, a middle and the last but one position replaced"
        names, modes = zip(*tried, strict=True)
        where = "" if causal.when is None else f", where `{ex.show(causal.when)}`"
        kinds = [SHORTENED] if shortened and all(shortened) else []
        words = ", ".join([f"on {plural(len({*names}), 'way')}, along `{name}`{where}: {detail}", *kinds])
        ways.say("causal", words, modes=modes, kinds=kinds)


CAUSAL = Promise(check_causal, (NUMBERS,))


def is_causal(causal: Causal, setting: Setting) -> bool:
    """Whether a layer is to be causal at a setting."""
    return causal.when is None or Interpreter(setting.values).truth(causal.when)


class Shortened:
    """A sequence that ends in the middle, beside the whole one; other sizes draw other random numbers.

    Attributes:
        settled: Whether no random numbers are drawn.
        run: What came of the part; None where the layer does not take it.
    """

    def __init__(self, way: Way, name: str) -> None:
        self.way, self.name, self.probe = way, name, way.probe
        self.end = self.probe.setting.sizes[name] // 2 + 1
        program = self.probe.program
        self.before = self.probe.drawn(masks=True)
        self.usual = self.probe.run(way.training, self.before)
        self.run: Run | None = None
        self.settled = not (program.draws and (way.training or program.random == "always"))
        if self.settled and self.usual is not None and self.end < self.probe.setting.sizes[name]:
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
        return _sees(self.way, self.name, self.usual, self.run, self.end - 1)

    def finding(self, output: str) -> Finding:
        assert self.usual is not None
        message = f"`{output}` sees the future: up to index {self.end - 1} it changes where `{self.name}` ends there"
        help = f"compute what comes up to each index alone: `{self.name}`, the length, is not known there"
        notes = self.probe.instance.explainer.notes()
        return FutureSeen.at(self.usual.place(output), message, notes=notes, help=help)


def _positions(size: int) -> list[int]:
    """Positions behind which there is something: the first, a middle and the last one."""
    return sorted({0, size // 2, size - 2} & set(range(size - 1)))


def _later(probe: Probe, name: str, before: Tensors, position: int, scale: float) -> dict[str, Tensor]:
    """Inputs that have other values behind a position."""
    after = dict(before)
    for given, value in before.items():
        where = axes(probe.inputs[given], name, value.dim())
        if where:
            kept = at_index(value, where, slice(position + 1))
            after[given] = probe.draw(given, scale)
            after[given][kept] = value[kept]
    return after


def _sees(way: Way, name: str, usual: Run, run: Run, position: int) -> str | None:
    """The first output that has changed up to a position."""
    for output, value in usual.outputs.items():
        where = axes(way.probe.results[output], name, value.dim())
        if where:
            (axis,) = where
            kept = [run.outputs[output].narrow(axis, 0, position + 1), value.narrow(axis, 0, position + 1)]
            if differs(kept[1], kept[0]):
                return output
    return None


def _finding(way: Way, name: str, output: str, position: int, usual: Run) -> Finding:
    message = f"`{output}` sees the future: at index {position} along `{name}` it changes with what comes later"
    help = "look back alone: `pad(x, [k - 1, 0])` before a convolution, a lower triangle as mask of attention"
    notes = way.probe.instance.explainer.notes()
    return FutureSeen.at(usual.place(output), message, notes=notes, help=help)
