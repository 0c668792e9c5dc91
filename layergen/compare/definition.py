"""Definition: the forward computes what the formula says, entry by entry."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any, NamedTuple

import torch
from torch import Tensor

from layergen.compare.compared import HELP, ROUNDED, STABLY, close, entry_text, room, shown_apart
from layergen.compare.in_turns import in_turns
from layergen.compare.ties import TiedError, tied_in
from layergen.definition.evaluate import Evaluation
from layergen.definition.faults import PATH
from layergen.definition.layout import Size
from layergen.definition.numbers import Entries, Extent, Held, IndexFault
from layergen.definition.scene import TRAINING, Definition
from layergen.diagnostics import FORWARD, Finding, Label, Place
from layergen.lang import expression as ex
from layergen.lang.scalars import broadcast
from layergen.lang.visitor import nodes, sources
from layergen.ops.dtypes import dtype_name
from layergen.probe.values import drawn
from layergen.rules.cases import DefinitionMismatch, IllDefined
from layergen.run.environment import shape_of
from layergen.run.forward import Run
from layergen.run.instance import Instance
from layergen.settings.choice import Setting

EXACT = 1e-12  # how far apart float64 leaves what is computed in another order; generated tests allow a hundred times
EXPONENTIALS = frozenset({"exp", "sinh", "cosh"})
SPREADS = frozenset({"var", "std", "var_mean", "std_mean"})
MOST_ENTRIES = 256  # of an output or a buffer, that are compared at a setting; the generated tests compare all
Difference = tuple[tuple[int, ...], Any, Any]  # the indices of an entry, the forward's value, the definition's


def evaluated(instance: Instance, definition: Definition, training: bool = False) -> Evaluation:
    """The definition at the values of an instance."""
    leading = full_leading(instance.setting, definition.scene.met)
    tensors = {name: _numbers(tensor) for name, tensor in (*_whole(instance, definition), *instance.named.items())}
    names = {**instance.setting.names, TRAINING: training}
    return Evaluation(definition, names, tensors, leading)


def full_leading(setting: Setting, met: frozenset[str]) -> tuple[int, ...]:
    """What stands for ``...`` in a definition: of runs that meet, the sizes that they have together."""
    found: Sequence[int] = setting.leading
    for name in sorted(met - {str(setting.run)}):
        found = broadcast(found, setting.further[name])
    return tuple(found)


def computes_at_full_shape(setting: Setting, definition: Definition) -> bool:
    """Whether each tensor has the shape at which the definition reads it, as the functions of tests ask for."""
    met, full = definition.scene.met, full_leading(setting, definition.scene.met)
    sizes = {str(setting.run): setting.leading, **setting.further}
    return not setting.shrunk and all(sizes[name] == full for name in met)


def _whole(instance: Instance, definition: Definition) -> Iterator[tuple[str, Tensor | None]]:
    """The inputs, those that are broadcast at the shape to which they are."""
    leading = full_leading(instance.setting, definition.scene.met)
    for name, tensor in instance.inputs.items():
        if tensor is not None and definition.scene.met:
            numbers = instance.interpreter(instance.scalars)
            yield name, tensor.expand(shape_of(definition.scene.tensors[name], numbers, leading))
        elif tensor is not None and instance.program.inputs[name].broadcast:
            yield name, tensor.expand(instance.declared(name))
        else:
            yield name, tensor


def _numbers(value: Any) -> Held:
    """The numbers of a tensor, or of those of a family."""
    if isinstance(value, list):
        return tuple(None if part is None else _entries(part) for part in value)
    return _entries(value) if isinstance(value, Tensor) else None


def _entries(tensor: Tensor) -> Entries:
    return Entries(tuple(tensor.shape), tensor.reshape(-1).tolist())


def told_by(instance: Instance, evaluation: Evaluation, training: bool) -> tuple[Run, Mapping[str, Tensor]]:
    """A run, and the tensors that it is to be held to: the outputs, and buffers as training leaves them."""
    run = instance.run(training)
    updates = evaluation.definition.updates if training else ()
    before = {name: buffer for name in updates if (buffer := instance.state[name]) is not None}
    after = {step.name: step.value for step in run.steps if step.name in before}
    return run, {**run.outputs, **{name: after.get(name, buffer).to(buffer.dtype) for name, buffer in before.items()}}


def _run(instance: Instance, evaluation: Evaluation, training: bool) -> tuple[Run, Mapping[str, Tensor]]:
    """The same, of the same random numbers each time."""
    with drawn():
        return told_by(instance, evaluation, training)


def differences(
    instance: Instance, evaluation: Evaluation, training: bool = False, within: float | None = None
) -> Iterator[Finding]:
    """What is found at one setting; unless it is said, values may be as far apart as their dtype explains.

    Raises:
        TiedError: If values differ where the forward puts equal ones in order.
    """
    run, told = _run(instance, evaluation, training)
    notes = instance.explainer.notes()
    try:
        disagreed = [_two_sizes(evaluation, *found, notes) for found in evaluation.agreed()]
        if disagreed:
            yield disagreed[0]
            return
        for name, output in told.items():
            finding = _compare(evaluation, name, output, run, notes, within)
            if finding is not None:
                if (function := tied_in(instance, training)) is not None:
                    raise TiedError(finding, function)
                yield finding
                return
    except IndexFault as fault:
        yield IllDefined.at(Place(PATH, fault.node.span), fault.message, notes=notes, help=fault.help)


def _two_sizes(evaluation: Evaluation, name: str, first: Size, second: Size, notes: Iterable[str]) -> Finding:
    sizes = [_size(evaluation.extent(size)) for size in (first, second)]
    message = f"`{name}` runs over two sizes: {first.words} has {sizes[0]}, {second.words} has {sizes[1]}"
    labels = (Label(Place(PATH, first.span), f"here it has {sizes[0]}"),)
    help = f"order the indices as the dimensions are, or write the range: `{name} < …`"
    return IllDefined.at(Place(PATH, second.span), message, labels=labels, notes=notes, help=help)


def _size(extent: Extent) -> Extent | list[int]:
    """A size, or the sizes of several dimensions as a shape is written."""
    return list(extent) if isinstance(extent, tuple) else extent


def _compare(
    evaluation: Evaluation, name: str, output: Tensor, run: Run, notes: tuple[str, ...], within: float | None
) -> Finding | None:
    """The first entry of an output that differs."""
    found = next(_compared(evaluation, name, output, within), None)
    if found is None:
        return None
    index, ours, theirs = found
    right, wrong = shown_apart(theirs, ours)
    updated = name in evaluation.definition.updates
    verb, mode = "becomes" if updated else "is", " in training" if evaluation.numbers[TRAINING] else ""
    message = f"`{entry_text(name, index)}` {verb} {right} by the definition and {wrong} by the forward{mode}"
    equation = evaluation.equation(name, index)
    labels, values = _first_intermediate(evaluation, name, output, run)
    if not labels and updated and name in run.stored:
        labels = (Label(run.place(name), f"`{name}` is updated here"),)
    place, help = Place(PATH, equation.span), _rounded_on_the_way(run, ours, theirs) or _help(evaluation)
    if _overflows(evaluation, ours, theirs):
        message, help = f"{message}: an exponential of the definition overflows or vanishes on the way", STABLY
    return DefinitionMismatch.at(place, message, labels=labels, notes=(*values, *notes), help=help)


def _rounded_on_the_way(run: Run, ours: Any, theirs: Any) -> str | None:
    """What to widen where two values in float64 differ by no more than what float32 rounds on the way."""
    if not close(ours, theirs, ROUNDED):
        return None
    for step in run.steps:
        if isinstance(step.value, Tensor) and step.value.is_floating_point() and step.value.dtype != torch.float64:
            dtype = dtype_name(step.value.dtype)
            return f"`{step.name}` is {dtype}, and may be rounded there: compute it of what is wide, as of `upcast(…)`"
    return None


def _overflows(evaluation: Evaluation, ours: Any, theirs: Any) -> bool:
    """Whether the definition, and not the forward, takes an exponential out of the range of float64."""
    finite = [isinstance(value, int | float) and math.isfinite(value) for value in (ours, theirs)]
    limited = evaluation.account.limited and finite == [True, False]
    return limited and not EXPONENTIALS.isdisjoint(evaluation.definition.functions)


def _help(evaluation: Evaluation) -> str:
    """What to do about values that differ: where a buffer is passed over, what it begins with may be meant."""
    definition = evaluation.definition
    read = {name for node in nodes(definition.spec.forward) for name in ex.names(node)}
    for name, buffer in definition.spec.buffers.items():
        if name in read - definition.mentions and buffer.persistent and buffer.each is None:
            index = ", ".join("ijklmn"[: len(buffer.entries)])
            told = f"read `{name}[{index}]`, and tell what it begins with by `initial({name})[{index}] = …`"
            return f"{HELP}; a state dict may bring another `{name}`: {told}"
    return HELP


def _compared(evaluation: Evaluation, name: str, output: Tensor, within: float | None = None) -> Iterator[Difference]:
    """The entries that differ, among those that are compared, each with the forward's value and the definition's."""
    values = output.reshape(-1).tolist()
    within = room(output) if within is None else within
    indices = list(product(*map(range, output.shape)))
    places = [*spread_over(len(values))]
    evaluation.ahead(name, [indices[place] for place in places])
    for place in places:
        theirs = evaluation.entry(name, indices[place])
        if not close(values[place], theirs, within):
            yield indices[place], values[place], theirs


def spread_over(count: int) -> Sequence[int]:
    """Which of so many entries are compared: all, or some that lie spread over every dimension."""
    if count <= MOST_ENTRIES:
        return range(count)
    steps = range(-(-count // (MOST_ENTRIES - 1)), count)
    step = next(step for step in steps if math.gcd(step, count) == 1)  # which goes round no dimension in whole turns
    return (*range(0, count - 1, step), count - 1)


def is_exact(instance: Instance, evaluation: Evaluation, training: bool = False, within: float = EXACT) -> bool:
    """Whether nothing but the last digits differ; of what may differ by anything, whether it is finite in both."""
    _, told = _run(instance, evaluation, training)
    differing = (_compared(evaluation, name, output, within) for name, output in told.items())
    return all(next(pairs, None) is None for pairs in differing)


class Apart(NamedTuple):
    """A value on the way that the forward and the definition give one name, and that differs."""

    place: int  # the step after which it does first
    name: str
    difference: Difference
    value: Tensor  # the forward's, with the dimensions that the definition tells


def _first_intermediate(
    evaluation: Evaluation, name: str, output: Tensor, run: Run
) -> tuple[tuple[Label, ...], tuple[str, ...]]:
    """Where the first value on the way differs to which an output owes that it differs, and both of its values.

    A name may mean one thing in the forward and another in the definition, as ``h`` before and after an activation:
    where an output differs for more than one reason, or another one, the first is no more than a note.
    """
    named = evaluation.definition.named.keys() - set(evaluation.definition.updates)
    found = [
        one
        for step in dict.fromkeys(step.name for step in run.steps)
        if step != name and step in named and (one := _differing(evaluation, step, run))
    ]
    found.sort(key=lambda one: one.place)
    first = next((one for one in found if _explains(evaluation, one, name, output)), None)
    if first is None:
        still = f"; with that of the forward, `{name}` differs still"
        return (), tuple(f"{_values(one)}, if both mean the same by it{still}" for one in found[:1])
    label = Label(Place(FORWARD, run.steps[first.place].target.span), f"`{first.name}` differs already")
    return (label,), (_values(first), *_of_spread(evaluation, first.name))


def _values(found: Apart) -> str:
    """Both values of the first entry that differs, as a note."""
    index, ours, theirs = found.difference
    right, wrong = shown_apart(theirs, ours)
    return f"values: `{entry_text(found.name, index)}` is {right} by the definition, {wrong} by the forward"


def _explains(evaluation: Evaluation, found: Apart, name: str, output: Tensor) -> bool:
    """Whether the definition gives the forward's output where it takes a value on the way as the forward has it."""
    given = Evaluation(evaluation.definition, evaluation.numbers, evaluation.tensors, evaluation.leading)
    indices = product(*map(range, found.value.shape))
    given.table(found.name).memory.known.update(zip(indices, found.value.reshape(-1).tolist(), strict=True))
    try:
        return next(_compared(given, name, output), None) is None
    except IndexFault:  # the definition reads a tensor where it says, which is not where the forward does
        return False


def _differing(evaluation: Evaluation, name: str, run: Run) -> Apart | None:
    """The step after which a name of both first differs, and an entry that does."""
    places = [place for place, step in enumerate(run.steps) if step.name == name]
    value = run.steps[places[-1]].value
    if not isinstance(value, Tensor) or value.is_complex():
        return None
    if (told := _as_told(evaluation, name, value)) is not None:
        first = next(_compared(evaluation, name, told), None)
        agreed = first is not None and any(_agrees(evaluation, name, run.steps[place].value) for place in places[:-1])
        return Apart(places[-1], name, first, told) if first and not agreed else None
    turns = in_turns(evaluation, name, [run.steps[place] for place in places])
    if turns is None:
        return None
    values, axis = turns
    first = min(_compared(evaluation, name, values), key=lambda one: one[0][axis], default=None)
    return Apart(places[first[0][axis] - values.shape[axis]], name, first, values) if first else None


def _agrees(evaluation: Evaluation, name: str, value: Any) -> bool:
    """Whether what a name was before is what the definition says: then it is given to something else later."""
    told = _as_told(evaluation, name, value) if isinstance(value, Tensor) and not value.is_complex() else None
    return told is not None and next(_compared(evaluation, name, told), None) is None


def _as_told(evaluation: Evaluation, name: str, value: Tensor) -> Tensor | None:
    """A value of the forward with the dimensions that the definition tells: without those that a reduction keeps."""
    shape = tuple(value.shape)
    if evaluation.shape(name, value.dim()) == shape:
        return value
    narrower = tuple(size for size in shape if size != 1)
    return value.reshape(narrower) if narrower != shape and evaluation.shape(name, len(narrower)) == narrower else None


def _of_spread(evaluation: Evaluation, name: str) -> Iterator[str]:
    """That torch's spread is not the mean of the squares, where the forward takes one for the value."""
    computed = sources(evaluation.definition.spec.forward, name)
    for node in (node for value in computed for node in ex.walk(value)):
        words = {word.name for word in node.keywords} if isinstance(node, ex.Call) else set()
        if isinstance(node, ex.Call) and node.function in SPREADS and not words & {"correction", "unbiased"}:
            yield f"spread: `{node.function}` divides by one less than there are; by all of them with `correction=0`"
