"""Tells what outputs may not see, which the tests hold them to: other samples, later positions, unmarked ones."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from layergen.checked import CheckedCase, CheckedLayer
from layergen.contracts.causal import SHORTENED, is_causal, is_strict
from layergen.contracts.masks import APPENDED, NOTHING, REPLACED, UNKNOWN
from layergen.lang import expression as ex
from layergen.lang.interpreter import Interpreter
from layergen.lang.model import Input, Output
from layergen.lang.model import Tensor as Declared
from layergen.lower.source import python
from layergen.probe.batches import batch_of
from layergen.probe.probing import resized
from layergen.probe.samples import ALONE
from layergen.resolve.meanings import LEADING, marked_dimension
from layergen.resolve.program import Program
from layergen.resolve.standing import axes, declared
from layergen.resolve.unbatched import telling
from layergen.run.trial import TensorFacts
from layergen.settings.choice import allowed

Axes = dict[str, dict[str, int]]  # of each dimension, where it stands in each tensor that has it


@dataclass(frozen=True)
class Mask:
    """An input that tells which positions of others count.

    Attributes:
        along: The dimension of the positions.
        marks: The inputs that have them.
        outputs: Those that are compared, at positions that count or, if they have none, as a whole.
        longer: Whether more positions that do not count may be appended.
        unknown: Whether what does not count may be NaN.
    """

    name: str
    along: str
    marks: tuple[str, ...]
    outputs: tuple[str, ...]
    longer: bool
    unknown: bool


def modes_of(layer: CheckedLayer, contract: str) -> frozenset[bool]:
    """The modes in which a contract was shown to hold, by ``training``."""
    return frozenset[bool]().union(*(shown.modes for shown in layer.judgement.shown if shown.contract == contract))


def samples_of(layer: CheckedLayer) -> str | None:
    """The dimension of the batch, if tests need to know where it stands."""
    program = layer.program
    return batch_of(program) if program.left_out is not None or modes_of(layer, "independence") else None


def masks(layer: CheckedLayer) -> Iterator[Mask]:
    """The masks that were shown to keep positions out."""
    program = layer.program
    for shown in layer.judgement.shown:
        if shown.contract == "masks" and REPLACED in shown.kinds:
            part = program.inputs[shown.of]
            along = marked_dimension(part, program.inputs[part.marks[0]])
            assert along is not None
            compared = (name for name, output in program.outputs.items() if _is_compared(output, along))
            longer, unknown = APPENDED in shown.kinds and _may_be_twice(layer, along), UNKNOWN in shown.kinds
            yield Mask(shown.of, along, tuple(part.marks), tuple(compared), longer, unknown)


def _may_be_twice(layer: CheckedLayer, along: str) -> bool:
    """Whether constraints let a dimension be twice as long at each case, as tests make it."""
    settings = [case.setting for case in layer.tested if along in case.setting.sizes]
    return all(allowed(layer.program, resized(one, along, 2 * one.sizes[along])) for one in settings)


def independent_in(layer: CheckedLayer) -> frozenset[bool]:
    """The modes in which tests hold the samples of a layer to be independent, at cases that have several of them."""
    batch = samples_of(layer)
    if batch is None or not any(_several(layer.program, case, batch) for case in layer.tested):
        return frozenset()
    return modes_of(layer, "independence")


def causal_at(layer: CheckedLayer) -> list[str]:
    """The cases at which tests hold a layer to be causal."""
    causal = layer.program.causal
    if causal is None or not modes_of(layer, "causal"):
        return []
    held = (case for case in layer.tested if is_causal(causal, case.setting))
    return [case.setting.name for case in held if _several(layer.program, case, *causal.dims)]


def strict_at(layer: CheckedLayer) -> list[str]:
    """Those of them at which entries do not see their own places either."""
    causal, known = layer.program.causal, causal_at(layer)
    tested = {case.setting.name: case.setting for case in layer.tested}
    return [name for name in known if causal is not None and is_strict(causal, tested[name])]


def causal_along(layer: CheckedLayer) -> Sequence[str]:
    """The dimensions along which tests hold a layer to be causal at some case."""
    return layer.program.causal.dims if layer.program.causal and causal_at(layer) else ()


def _several(program: Program, case: CheckedCase, *names: str) -> bool:
    """Whether inputs and outputs have several entries along some dimensions together."""
    axes = axes_at(program, case, names)
    return all(
        any(
            facts is not None
            and all(tensor in axes[name] for name in names)
            and math.prod(facts.shape[axes[name][tensor]] for name in names) > 1
            for tensor, facts in tensors.items()
        )
        for tensors in (case.inputs, case.outputs)
    )


def may_mark_nothing(layer: CheckedLayer) -> bool:
    """Whether each mask was shown to leave no NaN where it marks nothing."""
    found = [shown for shown in layer.judgement.shown if shown.contract == "masks"]
    return any(masks(layer)) and all(NOTHING in shown.kinds for shown in found)


def _is_compared(output: Output, along: str) -> bool:
    """Whether it can be told which entries of an output stand at a position, if any do."""
    return isinstance(output.shape, tuple) and (
        ex.Name(along) in output.shape or not any(along in ex.names(entry) for entry in output.shape)
    )


def dimensions(layer: CheckedLayer) -> list[str]:
    """The dimensions of which tests need to know where they stand."""
    program = layer.program
    found = [samples_of(layer), *(program.causal.dims if program.causal and modes_of(layer, "causal") else ())]
    for mask in masks(layer):
        found += [entry.id for entry in program.inputs[mask.name].entries if isinstance(entry, ex.Name)]
    return [name for name in dict.fromkeys(found) if name is not None]


def axes_at(program: Program, case: CheckedCase, names: Sequence[str]) -> Axes:
    """Where dimensions stand at a case; those of the batch nowhere, if a single sample could have no such sizes."""
    tensors: dict[str, TensorFacts | None] = {**case.inputs, **case.outputs}
    parts: dict[str, Input | Output] = {name: program.inputs[name] for name in program.taken if name in program.inputs}
    parts |= {name: program.outputs[name] for name in case.outputs}
    known = Interpreter(case.setting.names)
    found: Axes = {}
    for name in names:
        told = telling(program.inputs, name) if name == program.left_out else None
        further = told is not None and ex.Literal(...) in program.inputs[told.input].entries
        shrunk = name == program.left_out and any(
            tensor.broadcast and _has_one(declared(tensor, known), name, case.inputs[other])
            for other, tensor in program.inputs.items()
        )
        places = {} if shrunk or (further and case.setting.leading) else parts
        found[name] = {
            tensor: where[0]
            for tensor, part in places.items()
            if (facts := tensors[tensor]) is not None
            and (where := axes(declared(part, known), name, len(facts.shape)))
            and facts.shape[where[0]] == _size(case, name)
        }
    return found


def _has_one(part: Declared, name: str, facts: TensorFacts | None) -> bool:
    """Whether a tensor has one entry along a dimension, of which a single sample could not say that it is there."""
    where = (
        facts
        and isinstance(part.shape, tuple)
        and len(facts.shape) == len(part.shape)
        and axes(part, name, len(facts.shape))
    )
    return bool(facts and where and facts.shape[where[0]] == 1)


def _size(case: CheckedCase, name: str) -> int | None:
    """How large a dimension is at a case; of the leading ones, the first."""
    if name == LEADING:
        return next(iter(case.setting.leading), None)
    return case.setting.sizes.get(name)


def unseen(layer: CheckedLayer) -> Iterator[str]:
    """The arguments of the tests' description that tell what outputs may not see."""
    if (batch := samples_of(layer)) is not None:
        yield f"batch={python(batch)}"
        if not layer.program.kept and any(
            ALONE in shown.kinds for shown in layer.judgement.shown if shown.contract == "independence"
        ):
            yield "alone=True"
    if names := causal_along(layer):
        yield f"causal={python(names[0])}" if len(names) == 1 else f"raster={python(tuple(names))}"
        if any(SHORTENED in shown.kinds for shown in layer.judgement.shown if shown.contract == "causal"):
            yield "shortened=True"
    if found := ", ".join(f"{python(mask.name)}: {_mask(mask)}" for mask in masks(layer)):
        yield f"masks={{{found}}}"


def _mask(mask: Mask) -> str:
    parts = [python(mask.along), f"marks={python(mask.marks)}", f"outputs={python(mask.outputs)}"]
    parts += [*(["longer=True"] if mask.longer else []), *(["unknown=True"] if mask.unknown else [])]
    return f"Marking({', '.join(parts)})"
