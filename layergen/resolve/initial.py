"""Initial values that read other tensors: in which order they are computed, and which of them cannot be."""

from collections.abc import Iterator
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter

from layergen.diagnostics import Finding, Label, Path, Place
from layergen.lang import expression as ex
from layergen.lang.inits import INITIALIZERS
from layergen.lang.model import LayerSpec
from layergen.lang.visitor import assignments, mentioned
from layergen.resolve.chains import check_chain
from layergen.resolve.reserved import reserved_names
from layergen.resolve.scope import CONSTANTS
from layergen.rules.names import ShadowedName, UnusedName
from layergen.rules.tensors import InitMismatch
from layergen.words import listed


def init_reads(spec: LayerSpec, name: str) -> list[str]:
    """The tensors that an initial value reads, in the order of declaration. Fans read no more than a shape."""
    scalars = {*spec.arguments, *spec.derived}
    mentioned = spec.tensors[name].init.mentions - scalars
    before = {target.id for target in assignments(spec.tensors[name].init.before)}
    if spec.tensors[name].each is not None or name in before:  # each may start from those before it; or it is no name
        mentioned -= {name}
    return [other for other in spec.tensors if other in mentioned]


def initial_order(spec: LayerSpec) -> tuple[str, ...]:
    """The tensors of a layer, each after those that it reads; as they are declared where there is a choice."""
    reads = {name: init_reads(spec, name) for name in spec.tensors}
    order: dict[str, None] = {}
    while len(order) < len(reads):
        before = len(order)
        for name, others in reads.items():
            if name not in order and all(other in order for other in others):
                order[name] = None
        if len(order) == before:  # the rest reads each other, which is a fault
            order |= dict.fromkeys(reads)
    return tuple(order)


def check_initial(spec: LayerSpec) -> Iterator[Finding]:
    """Yield what is wrong with initial values that are blocks, and with those that read each other."""
    yield from _check_cycles(spec)
    for name, tensor in spec.tensors.items():
        path: Path = ("parameters" if name in spec.parameters else "buffers", name, "init")
        init = tensor.init
        if init.target is not None and [target.id for target in init.target] != [name]:
            place = Place(path, (init.target[0].span[0], init.target[-1].span[1]))
            yield InitMismatch.at(place, f"the last statement does not assign `{name}`", help=f"end with `{name} = …`")
        yield from _check_locals(spec, path, name)
        if tensor.each is not None and name not in {*spec.arguments, *spec.derived}:
            yield from check_chain(name, tensor, tensor.each.index, path)


def _check_locals(spec: LayerSpec, path: Path, name: str) -> Iterator[Finding]:
    """The names that a block gives values are its own, and read."""
    init = spec.tensors[name].init
    read = mentioned(init.before) | ex.names(init.value)
    seen = {"_"}
    for target in assignments(init.before):
        if target.id in seen:
            continue
        seen.add(target.id)
        place = Place(path, target.span)
        if target.id in {*spec.arguments, *spec.derived, *spec.tensors, *CONSTANTS}:
            message = f"`{target.id}` has a meaning already, and keeps its value"
            own = f"the last statement alone assigns `{name}`: call what comes before it otherwise"
            yield ShadowedName.at(place, message, help=own if target.id == name else "choose another name")
        elif target.id not in read:
            yield UnusedName.at(place, f"`{target.id}` is assigned but never read", help="delete it, or assign to `_`")
        else:
            yield from reserved_names(target.id, place)


def _check_cycles(spec: LayerSpec) -> Iterator[Finding]:
    """The first tensors that read each other, if there are such."""
    try:
        TopologicalSorter({name: init_reads(spec, name) for name in spec.tensors}).prepare()
    except CycleError as error:
        found = set(error.args[1])
        first, *others = (name for name in spec.tensors if name in found)
        if others:
            message = f"the initial values of {listed(f'`{name}`' for name in (first, *others))} read each other"
            labels = [Label(_place(spec, name), "which reads on") for name in others]
            yield InitMismatch.at(_place(spec, first), message, labels=labels, help="let one of them begin by itself")
        else:
            message = f"the initial value of `{first}` reads `{first}` itself"
            help = _without_itself(spec.tensors[first].init.value, first)
            help = help or "begin with a tensor made from nothing: `zeros(…)`, `randn(…)`"
            yield InitMismatch.at(_place(spec, first), message, help=help)


def _without_itself(init: ex.Node | None, name: str) -> str | None:
    """The initializer without the tensor that it fills, which is handed to it by torch's own."""
    match init:
        case ex.Call(function=function, arguments=(ex.Name(id=given), *rest)) if given == name and (
            function in INITIALIZERS
        ):
            call = ex.show(replace(init, arguments=tuple(rest)))
            return f"an initializer is not given the tensor: write `{call.removesuffix('()')}`"
    return None


def _place(spec: LayerSpec, name: str) -> Place:
    return Place(("parameters" if name in spec.parameters else "buffers", name, "init"))
