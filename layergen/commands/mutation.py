"""``layergen test --mutate``: whether the tests of layers find small changes of them."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from layergen.commands.progress import ProgressBar
from layergen.lang.model import LayerSpec, Survivor
from layergen.lang.source import load
from layergen.lang.validate import validate
from layergen.mutate.mutants import Mutant
from layergen.mutate.session import Session, Verdict
from layergen.project.config import Config
from layergen.project.discovery import SpecFile
from layergen.words import plural

HELP = "add a case, a law or a definition that tells them apart, or mark what computes the same in the spec"
MARK = '  - {{was: "{was}", now: "{now}", reason: …}}'


def mutate(config: Config, specs: Sequence[SpecFile]) -> bool:
    """Print what the tests of some layers do not find; gives whether there is something.

    Raises:
        LayergenError: If tests fail on a layer itself.
    """
    made = found = 0
    wrong = False
    for file in specs:
        layer = validate(load(file.path, file.name))
        verdicts = _judged(config, file, layer.layer)
        survivors = [verdict.mutant for verdict in verdicts if verdict.survives]
        told, stale = sort(layer, survivors)
        _report(config, file, told, stale)
        wrong = wrong or bool(told or stale)
        made += len(verdicts)
        found += len(verdicts) - len(told)
    share = f" ({found / made:.1%})" if made else ""
    print(f"{found} of {plural(made, 'mutant')} found or marked{share}, of {plural(len(specs), 'layer')}")
    return wrong


def _judged(config: Config, file: SpecFile, layer: str) -> list[Verdict]:
    """What became of each mutant of a layer."""
    output = config.root / config.output
    tests = ".".join((config.package, *Path(file.outputs[1]).with_suffix("").parts))
    session = Session(config.root, tests, output / file.outputs[0], layer)
    verdicts: list[Verdict] = []
    with ProgressBar("mutant") as progress:
        for verdict in session.verdicts():
            verdicts.append(verdict)
            progress(len(verdicts), len(session.mutants), layer)
    return verdicts


def sort(layer: LayerSpec, survivors: Iterable[Mutant]) -> tuple[list[Mutant], list[Survivor]]:
    """The survivors that no mark speaks of, and the marks that speak of none."""
    marks = {_key(mark.was, mark.now): mark for mark in layer.survivors}
    told: list[Mutant] = []
    used: set[tuple[str, str]] = set()
    for mutant in survivors:
        key = _key(mutant.was, mutant.now)
        if key in marks:
            used.add(key)
        else:
            told.append(mutant)
    return told, [mark for key, mark in marks.items() if key not in used]


def _key(was: str, now: str) -> tuple[str, str]:
    return " ".join(was.split()), " ".join(now.split())


def _report(config: Config, file: SpecFile, told: Sequence[Mutant], stale: Sequence[Survivor]) -> None:
    place = f"{config.output}/{file.outputs[0]}"
    for mutant in told:
        print(f"{place}:{mutant.line}: a change that no test finds")
        print("".join(f"   {line}\n" for line in mutant.diff.splitlines()))
    for mark in stale:
        print(f"{file.name}: `survivors` speaks of a change that there is not, or that tests find")
        print(f"   - {mark.was}\n   + {mark.now}\n")
    if told:
        was, now = _key(told[0].was, told[0].now)
        print(f"   = help: {HELP}:\n           survivors:\n         {MARK.format(was=was, now=now)}\n")
