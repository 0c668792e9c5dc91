"""Numbers by which positions are bound, as a distance is by 63, at which the sizes of usual cases never arrive.

A layer is held to its definition at a size beyond the largest of them, of the forward's and of the definition's.
"""

from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace

from layergen.compare.compared import started
from layergen.compare.definition import differences, evaluated
from layergen.definition.draws import RandomFault
from layergen.definition.numbers import TooLongError
from layergen.definition.scene import Definition, parts
from layergen.faults import refuse
from layergen.lang import expression as ex
from layergen.lang.interpreter import EvaluationFault
from layergen.lang.visitor import assigned, nodes, sources
from layergen.probe.lengths import MOST, POSITIONS, counted, is_small
from layergen.probe.sites import WITH_DATA
from layergen.resolve.program import Program
from layergen.run.forward import TrialFault
from layergen.run.watching import Runs
from layergen.settings.choice import Setting, allowed

BOUNDING = frozenset({"clamp", "clamp_min", "clamp_max", "minimum", "maximum", "min", "max"})
FARTHEST = 512  # the largest number that a size is made to reach
WAYS = 3  # on which this is tried


def hold_at_far_bounds(program: Program, runs: Iterable[Runs]) -> None:
    """Compare a layer with its definition where dimensions are longer than the numbers that bound positions.

    Raises:
        SpecError: If they differ there.
    """
    definition = program.definition
    if definition is None or definition.draws:
        return
    farthest = max((*_of_forward(program), *_of_definition(definition)), default=0)
    for one in list(runs)[:WAYS] if farthest else ():
        for name in counted(program) or tuple(one.setting.sizes):
            longer = _longer(program, one.setting, name, farthest + 2) if one.admits(WITH_DATA) else None
            if longer is not None:
                _compare(program, definition, longer)


def _compare(program: Program, definition: Definition, setting: Setting) -> None:
    with suppress(TooLongError, TrialFault, EvaluationFault, RandomFault):
        instance = started(program, setting)
        refuse(differences(instance, evaluated(instance, definition)))


def _longer(program: Program, setting: Setting, name: str, size: int) -> Setting | None:
    """The setting with a long dimension, and with others as small as may be, for few terms; None where it is no use."""
    if setting.sizes.get(name, size) >= size:
        return None
    longer = replace(setting, sizes={**setting.sizes, name: size})
    for other in setting.sizes:
        smaller = replace(longer, sizes={**longer.sizes, other: 1})
        if other != name and allowed(program, smaller):
            longer = smaller
    return longer if allowed(program, longer) and is_small(program, longer, training=False, most=MOST) else None


def _of_forward(program: Program) -> Iterator[int]:
    """The numbers that bound what a forward makes of positions."""
    block = program.forward.statements
    positions: set[str] = set()
    while more := {name for name in assigned(block) - positions for value in sources(block, name)
                   if _counts(value, positions)}:  # fmt: skip
        positions |= more
    for node in nodes(block):
        yield from (number for number in _bounds(node) if _counts(node, positions))


def _counts(node: ex.Node, positions: Collection[str]) -> bool:
    """Whether positions have a part in an expression, given the names that are made of such."""
    made = any(isinstance(part, ex.Call) and part.function in POSITIONS for part in ex.walk(node))
    return made or not ex.names(node).isdisjoint(positions)


def _of_definition(definition: Definition) -> Iterator[int]:
    """The numbers that bound what a definition makes of indices."""
    for node in (node for equation in definition.equations for part in parts(equation) for node in ex.walk(part)):
        yield from (number for number in _bounds(node) if not definition.letters.isdisjoint(_numbers_in(node)))


def _numbers_in(node: ex.Node) -> Iterator[str]:
    """The names that stand for numbers, and not for which entry is read."""
    if isinstance(node, ex.Name):
        yield node.id
    elif not isinstance(node, ex.Subscript):
        for child in node.children:
            yield from _numbers_in(child)


def _bounds(node: ex.Node) -> Iterator[int]:
    """The whole numbers by which an op or a comparison bounds what stands beside them."""
    match node:
        case ex.Call(function=function, arguments=arguments, keywords=keywords) if function in BOUNDING:
            sides = (*arguments, *(keyword.value for keyword in keywords))
        case ex.Compare(left=left, comparators=comparators):
            sides = (left, *comparators)
        case _:
            return
    for side in sides:
        yield from (number for number in _summands(side) if 1 < number <= FARTHEST)


def _summands(side: ex.Expression) -> Iterator[int]:
    """The whole numbers that are a side, or are added to what else it is."""
    match side:
        case ex.Literal(value=int(number)):
            yield number
        case ex.Unary(operand=inner):
            yield from _summands(inner)
        case ex.Binary(operator="+" | "-", left=left, right=right):
            yield from (*_summands(left), *_summands(right))
