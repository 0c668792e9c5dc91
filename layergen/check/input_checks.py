"""Which wrong input shapes torch would let through: those and no others need a check of our own.

Every size that an input must have, because an argument says so or because another input has it too, is set to 1 and to
another value, and the layer tried. Where torch refuses by itself, a check would only repeat it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from layergen.check.settings import Setting
from layergen.check.stage import Stage, TrialFault
from layergen.spec import expression as ex
from layergen.spec.model import LayerSpec
from layergen.spec.scope import dimensions


@dataclass(frozen=True)
class InputCheck:
    """A size of an input that the layer has to check itself."""

    input: str
    index: int  # from the end where leading dimensions may stand before it
    expected: ex.Expression  # what it must be: an expression in arguments, or a dimension
    source: tuple[str, int] | None  # the input and index that has the dimension first; None for arguments
    wrong: int  # a size that torch lets through, at the first setting
    shapes: tuple[tuple[int, ...] | None, ...]  # of all inputs, with that size


def input_checks(spec: LayerSpec, setting: Setting) -> Iterator[InputCheck]:
    """The checks that a layer needs."""
    usual = Stage(spec, setting)
    shapes = {name: None if tensor is None else tuple(tensor.shape) for name, tensor in usual.inputs.items()}
    for name, index, expected, source in _demands(spec):
        shape = shapes[name]
        if shape is None:
            continue
        right = shape[index]
        for wrong in (1, right + 1, 2 * right):
            changed = _replaced(shape, index, wrong)
            if wrong != right and _passes(spec, setting, name, changed):
                given = {**shapes, name: changed}
                yield InputCheck(name, index, expected, source, wrong, tuple(given.values()))
                break


def _replaced(shape: tuple[int, ...], index: int, size: int) -> tuple[int, ...]:
    sizes = list(shape)
    sizes[index] = size
    return tuple(sizes)


def _demands(spec: LayerSpec) -> Iterator[tuple[str, int, ex.Expression, tuple[str, int] | None]]:
    """The sizes that inputs must have: input, index, what it must be, and where a dimension is bound first."""
    bound: dict[str, tuple[str, int]] = {}
    names = dimensions(spec)
    for name, tensor in sorted(spec.inputs.items(), key=lambda item: item[1].optional):
        entries = tensor.shape if isinstance(tensor.shape, tuple) else ()
        ellipsis = entries.index(ex.Literal(...)) if ex.Literal(...) in entries else len(entries)
        for position, entry in enumerate(entries):
            if entry == ex.Literal(...):
                continue
            index = position if position < ellipsis else position - len(entries)
            if isinstance(entry, ex.Name) and entry.id in names:
                if entry.id in bound:
                    yield name, index, entry, bound[entry.id]
                else:
                    bound[entry.id] = (name, index)
            elif ex.names(entry) & set(names):
                continue  # computed from dimensions: seldom, and torch sees it
            else:
                yield name, index, entry, None


def _passes(spec: LayerSpec, setting: Setting, name: str, shape: tuple[int, ...]) -> bool:
    """Whether torch lets an input of another shape through."""
    try:
        stage = Stage(spec, setting)
        original = stage.inputs[name]
        assert original is not None
        stage.inputs[name] = original.new_empty(shape)
        stage.run(training=True)
    except TrialFault:
        return False
    return True
