"""Larger and larger settings of a layer: a case of its spec, and what comes of it when its sizes are doubled.

What grows are the dimensions of the inputs, what stands for ``...``, and the *widths* among the arguments: those that
the case gives and that are a size of an input or an output by themselves, as ``in_channels`` is. A kernel, a stride or
a number of heads stays. What a constraint holds together grows together, so that ``L <= max_len`` takes ``max_len``
with it, and what cannot grow stays as it is.
"""

import math
from collections.abc import Iterator, Set
from dataclasses import replace
from typing import Any

from layergen.lang import expression as ex
from layergen.lang.interpreter import EvaluationFault, Interpreter
from layergen.resolve.program import Program
from layergen.resolve.signature import alternatives
from layergen.run.instance import Instance
from layergen.run.trial import works_at
from layergen.settings.choice import Setting, allowed
from layergen.settings.search import consistent, values_of

STEPS = (2**14, 2**18)  # how many elements the settings after the first have at least
MOST = 2**24  # elements that no setting has more of
LEADING = "..."  # among what grows: what stands for any dimensions


def ladder(program: Program, base: Setting) -> Iterator[Setting]:
    """A setting, and larger ones as far as there are any."""
    yield base
    names, factor, last = growing(program, base), 1, base
    for least in STEPS if names else ():
        while elements(program, last) < least:
            factor *= 2
            larger = grown(program, base, names, factor)
            if larger is None or elements(program, larger) > MOST:
                return
            last = larger
        if factor > 1:
            yield last


def elements(program: Program, setting: Setting) -> int:
    """How many elements the inputs, the outputs and the layer's own tensors have."""
    instance = Instance(program, setting)
    outputs = (math.prod(instance.declared_shape(name)) for name in instance.returned())
    tensors = (*instance.inputs.values(), *instance.state.values())
    return sum(tensor.numel() for tensor in tensors if tensor is not None) + sum(outputs)


def growing(program: Program, base: Setting) -> frozenset[str]:
    """What can be doubled together: all that may grow, or as much of it as the layer works with."""
    candidates = (*base.sizes, *([LEADING] if base.leading else []), *sorted(widths(program, base)))
    names = _with_held(program, base, frozenset(candidates))
    if _grows(program, base, names):
        return names
    names = frozenset()
    for name in candidates:
        more = _with_held(program, base, names | {name})
        if _grows(program, base, more):
            names = more
    return names


def widths(program: Program, base: Setting) -> frozenset[str]:
    """The arguments that a setting gives and that are by themselves a size, or sizes, of an input or an output."""
    shapes = [
        sizes
        for tensor in (*program.inputs.values(), *program.outputs.values())
        for sizes in alternatives(tensor.shape)
    ]
    entries = [entry.value if isinstance(entry, ex.Splice) else entry for sizes in shapes for entry in sizes.entries]
    return frozenset(entry.id for entry in entries if isinstance(entry, ex.Name) and _may_grow(program, base, entry.id))


def _may_grow(program: Program, base: Setting, name: str) -> bool:
    argument = program.arguments.get(name)
    if argument is None or name not in base.given or argument.of is not None:
        return False
    return argument.type.integral and argument.choices is None and not isinstance(base.given[name], str | None)


def _with_held(program: Program, base: Setting, names: frozenset[str]) -> frozenset[str]:
    """Names, and the arguments that must grow with them if the constraints are to hold."""
    while names:
        tried = _doubled(program, base, names, 2)
        broken = [node for node in program.constraints if not _holds(node, tried)] if tried else []
        mentioned = set[str]().union(*map(ex.names, broken))
        further = {name for name in mentioned - names if _may_grow(program, base, name)}
        if not further:
            break
        names |= further
    return names


def _holds(constraint: ex.Expression, setting: Setting) -> bool:
    try:
        return Interpreter(setting.names).truth(constraint)
    except EvaluationFault:
        return False


def _grows(program: Program, base: Setting, names: Set[str]) -> bool:
    larger = grown(program, base, names, 2)
    return larger is not None and works_at(program, larger)


def grown(program: Program, base: Setting, names: Set[str], factor: int) -> Setting | None:
    """A setting whose sizes of some names are so many times as large, unless the spec refuses it."""
    larger = _doubled(program, base, names, factor)
    if larger is None or not consistent(program, larger.given, set()) or not allowed(program, larger):
        return None
    return larger


def _doubled(program: Program, base: Setting, names: Set[str], factor: int) -> Setting | None:
    given = {name: _times(value, factor) if name in names else value for name, value in base.given.items()}
    sizes = {name: size * factor if name in names else size for name, size in base.sizes.items()}
    grown = factor if LEADING in names else 1
    leading = tuple(size * grown for size in base.leading)
    further = {name: tuple(size * grown for size in own) for name, own in base.further.items()}
    try:
        values = values_of(program, given)
    except EvaluationFault:
        return None
    return replace(base, given=given, values=values, sizes=sizes, leading=leading, further=further)


def _times(value: Any, factor: int) -> Any:
    if isinstance(value, list | tuple):
        return type(value)(_times(part, factor) for part in value)
    return value * factor if type(value) is int else value
