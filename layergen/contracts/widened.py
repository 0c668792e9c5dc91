"""Widened: what integer inputs of few bits give is what the same numbers give in int64.

Torch computes in the dtype that it is given and says nothing where a result has no room in it: `a + b` of two bytes is
144 for 200 and 200. A forward that turns bits around, as by `~` and `<<`, means the bits, and is left alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product

import torch
from torch import Tensor

from layergen.contracts.promise import Promise
from layergen.diagnostics import FORWARD, Finding, Place
from layergen.domains.joined import other_numbers
from layergen.lang import expression as ex
from layergen.lang.visitor import nodes
from layergen.ops.dtypes import dtype_of
from layergen.probe.sites import CPU, SMALL, started
from layergen.probe.values import drawn
from layergen.probe.ways import Ways
from layergen.resolve.program import Program
from layergen.rules.values import OverflowingIntegers
from layergen.run.forward import Run, TrialFault
from layergen.run.instance import Instance, Placement
from layergen.words import listed

NARROW = ("uint8", "int8", "int16", "int32")
OF_BITS = frozenset({"~", "<<", ">>", "bitwise_not", "bitwise_left_shift", "bitwise_right_shift"})
ENDS = {"drawn at random": None, "at the high end of their range": 1, "at the low end of their range": 0}


def check_widened(ways: Ways) -> Iterator[Finding]:
    """Yield the first output that is another one where integers have no room in their dtype."""
    program = ways.program
    of_dtypes = {dtype: names for dtype in NARROW if (names := tuple(_ranged(program, dtype)))}
    if not of_dtypes or _of_bits(program):
        return
    small = [runs.setting for runs in ways.runs if all(seen.evidence for seen in runs.seen(SMALL))]
    others = [other_numbers(program, setting) for setting in small[:1]]  # a remainder of 4 loses nothing
    for setting in (*small, *others):
        instance = Instance(program, setting, Placement(CPU))
        for training, (dtype, names), (words, end) in product(program.modes, of_dtypes.items(), ENDS.items()):
            there = [name for name in names if instance.inputs[name] is not None]
            numbers = _numbers(instance, there, end)
            try:
                narrow, wide = (_run(instance, training, numbers, each) for each in (dtype_of(dtype), torch.int64))
            except TrialFault:  # an op that has no kernel for one of the two
                continue
            name = next((name for name, output in narrow.outputs.items() if _differs(output, wide.outputs[name])), None)
            if name is not None:
                yield _finding(instance, narrow, wide, name, f"{_listed(there)} {words}", dtype)
                return


WIDENED = Promise(check_widened, (SMALL,))


def _ranged(program: Program, dtype: str) -> Iterator[str]:
    """The inputs that may have a dtype, and are said to lie in a range."""
    return (name for name, part in program.inputs.items() if dtype in part.dtypes and part.range is not None)


def _of_bits(program: Program) -> bool:
    """Whether some op means the bits of a number."""
    for node in nodes(program.forward.statements):
        match node:
            case ex.Unary(operator=word) | ex.Binary(operator=word) | ex.Call(function=word) if word in OF_BITS:
                return True
    return False


def _numbers(instance: Instance, names: Sequence[str], end: int | None) -> dict[str, Tensor]:
    """What some inputs are in int64."""
    with drawn():
        started(instance)
    ranges = dict(instance.ranges())
    found: dict[str, Tensor] = {}
    for name in names:
        tensor = instance.inputs[name]
        assert tensor is not None
        found[name] = tensor.long() if end is None else torch.full_like(tensor.long(), int(ranges[name][end]) - end)
    return found


def _run(instance: Instance, training: bool, numbers: Mapping[str, Tensor], dtype: torch.dtype) -> Run:
    """A run on the numbers of a seed where some inputs have a dtype.

    Raises:
        TrialFault: If the layer does not run.
    """
    with drawn(), torch.no_grad():
        started(instance)
        return instance.run(training, inputs={name: value.to(dtype) for name, value in numbers.items()})


def _differs(narrow: Tensor, wide: Tensor) -> bool:
    """Whether an output is another one, in the dtype that it has to have."""
    if narrow.shape != wide.shape:
        return True
    wide = wide.to(narrow.dtype)
    return (
        not torch.allclose(narrow, wide, equal_nan=True) if narrow.is_floating_point() else bool((narrow != wide).any())
    )


def _finding(instance: Instance, narrow: Run, wide: Run, name: str, where: str, dtype: str) -> Finding:
    place = narrow.place(name)
    for one, other in zip(narrow.steps, wide.steps, strict=False):
        both = isinstance(one.value, Tensor) and isinstance(other.value, Tensor)
        if both and _differs(one.value.double(), other.value.double()):
            place = Place(FORWARD, one.target.span)
            break
    output, exact = narrow.outputs[name], wide.outputs[name].to(narrow.outputs[name].dtype)
    index = int((output != exact).flatten().nonzero()[0])
    found, right = output.flatten()[index].item(), exact.flatten()[index].item()
    message = f"`{name}` is {found:g} for {where} in {dtype}, which has no room for a result, and {right:g} in int64"
    help = "widen what it is computed of, as by `to(…, int64)`"
    return OverflowingIntegers.at(place, message, notes=instance.explainer.notes(), help=help)


def _listed(names: Sequence[str]) -> str:
    return listed(f"`{name}`" for name in names)
