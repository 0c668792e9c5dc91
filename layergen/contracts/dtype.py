"""Dtype: outputs have the dtype that is declared, in every precision."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import torch

from layergen.contracts.promise import Promise
from layergen.diagnostics import FORWARD, Finding, Label, Place
from layergen.lang import expression as ex
from layergen.lang.tuples import whole_name
from layergen.lang.visitor import sources
from layergen.ops.dtypes import dtype_name
from layergen.probe.open_inputs import first_floating
from layergen.probe.sites import IN_MIXED_PRECISION, IN_PRECISIONS
from layergen.probe.ways import Ways
from layergen.resolve.program import Program
from layergen.rules.behaviour import DtypeMismatch
from layergen.run.said import lacks_half
from layergen.run.watching import TRAINING, Bystander, Runs, Seen, Watch

CASTS = frozenset({"type_as", "loss_as"})
PRECISIONS = {dtype: Watch(site, TRAINING, Bystander) for dtype, site in IN_PRECISIONS.items()}
Told = Mapping[torch.dtype, torch.dtype]  # what an output is, by the precision in which the layer runs
MIXED = Watch(IN_MIXED_PRECISION, TRAINING, Bystander)  # of which the products have one dtype


def check_dtype(ways: Ways) -> Iterator[Finding]:
    """Yield the precisions in which the layer fails, or an output has another dtype than declared."""
    program = ways.program
    mixable = program.forward.upcasts and program.takes_dtype
    for runs in ways.runs:
        for dtype, watch in PRECISIONS.items():
            where = f"in {dtype_name(dtype)}"
            found = [finding for seen in runs.seen(watch) for finding in _breaches(runs, seen, where)]
            if found:
                yield from _owned(runs, found) or found
                return  # the same fault mostly shows in several
        for mixed in runs.seen(MIXED) if mixable else ():
            if mixed.fault is None:  # torch may refuse, but the dtype must not change
                yield from mismatches(mixed, "with bfloat16 inputs and float32 parameters")
        for name in _cast_to(program):
            wide = replace(runs.setting, dtypes={**runs.setting.dtypes, name: "float32"})
            for seen in Runs(program, wide, (PRECISIONS[torch.bfloat16],)).seen(PRECISIONS[torch.bfloat16]):
                if seen.fault is None and (found := [*mismatches(seen, f"with `{name}` in float32")]):
                    yield from found
                    return


def _cast_to(program: Program) -> list[str]:
    """The inputs to whose dtype some output is brought at the end, though it is made of the first one, too."""
    first = first_floating(program)
    outputs = [name for name in program.outputs if first in _made_of(program, name)]
    casts = [node for name in outputs for node in sources(program.forward.statements, name)]
    calls = [
        node for node in casts if isinstance(node, ex.Call) and node.function in CASTS and len(node.arguments) == 2
    ]
    named = [call.arguments[1].id for call in calls if isinstance(call.arguments[1], ex.Name)]
    return [name for name, part in program.inputs.items() if part.floating and name != first and name in named]


def _made_of(program: Program, name: str) -> set[str]:
    """The names whose values have a part in one."""
    read, waiting = set[str](), {name}
    while waiting:
        read |= waiting
        given = (value for each in waiting for value in sources(program.forward.statements, each))
        waiting = set[str]().union(*map(ex.names, given)) - read
    return read


def _owned(runs: Runs, found: list[Finding]) -> list[Finding]:
    """What is found of outputs whose dtype is fixed, and right where the layer's own tensors have another one."""
    program = runs.program
    if not program.takes_dtype or any(tensor.floating for tensor in program.inputs.values()):
        return []
    return [*_following(program, _told(runs))] if all(finding.rule is DtypeMismatch for finding in found) else []


def _told(runs: Runs) -> Mapping[str, Told]:
    """The dtype of each output in each precision in which the layer runs."""
    told: dict[str, dict[torch.dtype, torch.dtype]] = {}
    for dtype, watch in PRECISIONS.items():
        for seen in runs.seen(watch):
            for name, result in seen.run.outputs.items() if seen.fault is None else ():
                told.setdefault(name, {})[dtype] = result.dtype
    return told


def _following(program: Program, told: Mapping[str, Told]) -> Iterator[Finding]:
    """The outputs whose dtype follows that of the layer's tensors, though one is declared."""
    for name, dtypes in told.items():
        fixed = program.outputs[name].dtype
        if fixed is None or len({*dtypes.values()}) == 1:
            continue
        dtype, found = next(each for each in dtypes.items() if dtype_name(each[1]) != fixed)
        message = f"output `{name}` is declared as {fixed}, but is {dtype_name(found)}"
        message += f" where the layer's own tensors are {dtype_name(dtype)}"
        targets = [target for target in program.forward.targets if target.id == name]
        labels = [Label(Place(FORWARD, targets[-1].span), dtype_name(found))] if targets else []
        help = _without_dtype(name, dtypes) or _with_own(program, fixed)
        yield DtypeMismatch.at(Place(("outputs", name), key=True), message, labels=labels, help=help)


def _without_dtype(name: str, dtypes: Told) -> str | None:
    """Help with an output that has the dtype of the layer's tensors, whatever that is."""
    if any(found is not dtype for dtype, found in dtypes.items()):
        return None
    return f"delete its `dtype`: as no input is floating, `{name}` has that of the layer's own tensors without it"


def _with_own(program: Program, fixed: str) -> str | None:
    """Help with an output that follows tensors which may have a dtype of their own."""
    own = next((key for key, tensor in program.tensors.items() if tensor.dtype is None), None)
    wide = "float64" if fixed in ("float64", "complex128") else "float32"
    return f"give `{own}` a dtype of its own: `{own}: {{…, dtype: {wide}}}`" if own else None


DTYPE = Promise(check_dtype, (*PRECISIONS.values(), MIXED))


def _breaches(runs: Runs, seen: Seen[None], where: str) -> Iterator[Finding]:
    if seen.fault is None:
        for finding in mismatches(seen, where):
            name = str(finding.place.path[1])
            yield finding._replace(help=_cast(runs, name, seen.instance.declared_dtype(name)) or finding.help)
    else:
        yield failed(seen.fault, where)


def _cast(runs: Runs, name: str, declared: torch.dtype) -> str | None:
    """Help with an output that is complex and follows the precision, as no dtype that one can declare does."""
    program, dtypes = runs.program, {*_told(runs).get(name, {}).values()}
    source = first_floating(program)
    if source is None or len(dtypes) == 1 or not any(dtype.is_complex for dtype in dtypes):
        return None
    if program.outputs[name].dtype is None:
        real = f"for real numbers, end the forward with `{ending(program, name, f'type_as(real({name}), {source})')}`"
        other = ending(program, name, f"to({name}, complex64)")
        return f"{real}; for complex ones, with `{other}`, and declare `{name}: {{shape: […], dtype: complex64}}`"
    last = ending(program, name, f"to({name}, {dtype_name(declared)})")
    return f"end the forward with `{last}`: it follows the dtype of `{source}`"


def ending(program: Program, name: str, value: str) -> str:
    """The statement by which an output becomes another value; a tuple is made again, the others in it as they are."""
    whole = whole_name(name)
    if whole == name:
        return f"{name} = {value}"
    items = [value if item == name else item for item in program.outputs if whole_name(item) == whole]
    return f"{whole} = ({', '.join(items)}{',' * (len(items) == 1)})"


def failed(found: Finding, where: str) -> Finding:
    """The finding for a layer that fails as it did not in float32."""
    message = f"the layer fails {where}: {found.message}"
    one = "bring the tensors to one dtype: `type_as(a, b)`" if "type" in found.message else None
    help = found.help if lacks_half(found.message) else one or found.help
    return DtypeMismatch.at(found.place, message, labels=found.labels, help=help)


def mismatches(seen: Seen[Any], where: str, also: torch.dtype | None = None) -> Iterator[Finding]:
    """Yield the outputs that have neither the dtype that is declared nor another one that is right there."""
    for name, result in seen.run.outputs.items():
        declared = seen.instance.declared_dtype(name)
        if result.dtype not in (declared, also):
            yield _finding(seen, name, declared, result.dtype, where)


def _became(seen: Seen[Any], source: str) -> torch.dtype | None:
    """Which other dtype the name of an input has at the end, if that stands for another tensor then."""
    given = seen.instance.inputs[source]
    values = [step.value for step in seen.run.steps if step.target.id == source]
    if given is None or not values or not isinstance(values[-1], torch.Tensor) or values[-1].dtype == given.dtype:
        return None
    return values[-1].dtype


def _finding(seen: Seen[Any], name: str, declared: torch.dtype, found: torch.dtype, where: str) -> Finding:
    program = seen.instance.program
    source = first_floating(program)
    message = f"output `{name}` is declared as {dtype_name(declared)}, but is {dtype_name(found)}"
    if source is not None or not where.startswith("in "):
        message += f" {where}"
    if program.outputs[name].dtype is None and source is not None:
        message = f"output `{name}` is {dtype_name(found)} where `{source}` is {dtype_name(declared)}"
        message += f", {where}" if not where.startswith("in ") else ""
    elif program.outputs[name].dtype is None:
        message = f"output `{name}` is {dtype_name(found)} where the layer's own tensors are {dtype_name(declared)}"
    targets = [target for target in program.forward.targets if target.id == name]
    labels = [Label(Place(FORWARD, targets[-1].span), dtype_name(found))] if targets else []
    help = f"declare it: `{name}: {{shape: […], dtype: {dtype_name(found)}}}`"
    if source is not None and program.outputs[name].dtype is not None and where == f"in {dtype_name(found)}":
        help = f"delete its `dtype`: without one, `{name}` has that of `{source}`"
    elif source is not None and declared.is_floating_point and found.is_floating_point:
        last = ending(program, name, f"type_as({name}, {source})")
        help = f"end the forward with `{last}`"
        if whole_name(source) == whole_name(name):  # which is no input any more then
            help = f"bring it back before `{whole_name(name)}` is assigned, as by `type_as(…, {source})`"
        elif (own := _became(seen, source)) is not None:
            help = f"`{source}` itself has become {dtype_name(own)}: give that a name of its own, and {help}"
    return DtypeMismatch.at(Place(("outputs", name), key=True), message, labels=labels, help=help)
