"""Definition: the forward computes what the formula says."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import product
from typing import Any

from torch import Tensor

from layergen.contracts.compared import HELP, close, entry_text, room, shown_apart, started
from layergen.contracts.promise import Promise, Ways
from layergen.contracts.sites import WITH_DATA
from layergen.contracts.values import SMALL, drawn
from layergen.definition.evaluate import Evaluation
from layergen.definition.faults import PATH
from layergen.definition.layout import Size
from layergen.definition.numbers import MOST_TURNS, Entries, Extent, Held, IndexFault, TooLongError
from layergen.definition.scene import Definition
from layergen.diagnostics import FORWARD, Finding, Label, Place
from layergen.faults import SpecError, refuse
from layergen.lang import expression as ex
from layergen.lang.visitor import nodes, sources
from layergen.resolve.program import Program
from layergen.rules.cases import DefinitionMismatch, IllDefined, IncompleteDefinition
from layergen.run.forward import Run, TrialFault
from layergen.run.instance import Instance
from layergen.run.watching import Runs
from layergen.settings.choice import Setting

EXACT = 1e-12  # how far apart float64 leaves what is computed in another order; generated tests allow a hundred times
SPREADS = frozenset({"var", "std", "var_mean", "std_mean"})
LITTLE = 0.1  # numbers up to it are taken for such as keep a divisor from zero


@dataclass(frozen=True)
class Compared:
    """The names of the settings at which a layer was compared with its definition."""

    settings: tuple[str, ...] = ()
    plain: tuple[str, ...] = ()  # those of them at which plain Python computes it, which raises where a limit is meant
    small: tuple[str, ...] = ()  # those of these at which it was compared at small inputs, too
    exact: bool = True  # whether it was as near at all of them as float64 lets it be


def hold_to_definition(program: Program, runs: Iterable[Runs]) -> Compared:
    """Compare the forward with the definition, at each setting at which that can be done.

    Raises:
        SpecError: If they differ, with what does at the first setting where something does.
    """
    if program.definition is None:
        return Compared()
    settings: list[str] = []
    plain: list[str] = []
    small: list[str] = []
    exact = True
    for one in runs:
        if not one.admits(WITH_DATA):  # it is too large to be computed in a build
            continue
        instance = started(program, one.setting)
        evaluation = evaluated(instance, program.definition)
        try:
            refuse(_differences(instance, evaluation))
            exact &= _exact(instance, evaluation)
        except (TooLongError, TrialFault):  # a layer that does not run is another contract's
            continue
        settings.append(one.setting.name)
        if evaluation.account.limited or one.setting.shrunk:  # which the tests compute at full shape
            continue
        plain.append(one.setting.name)
        if _mentions_little(program, one.setting):
            exact &= _at_small_inputs(program, one.setting)  # which looks for faults, too
            small.append(one.setting.name)
    if not settings:
        message = f"the layer is too large at every setting, or the definition takes more than {MOST_TURNS} terms there"
        help = "give smaller settings under `cases`"
        raise SpecError([IllDefined.at(PATH, message, help=help)])
    return Compared(tuple(settings), tuple(plain), tuple(small), exact)


def _mentions_little(program: Program, setting: Setting) -> bool:
    """Whether a small number, as that which keeps a divisor from zero, has a part in the layer."""
    literals = (node.value for node in nodes(program.forward.statements) if isinstance(node, ex.Literal))
    numbers = (*literals, *setting.values.values())
    return any(isinstance(number, float) and 0 < number <= LITTLE for number in numbers)


def _at_small_inputs(program: Program, setting: Setting) -> bool:
    """Whether nothing but the last digits differ where the inputs are about as small as such a number.

    Raises:
        SpecError: If more does.
    """
    instance = started(program, setting, SMALL)
    assert program.definition is not None
    evaluation = evaluated(instance, program.definition)
    note = f"the inputs are {SMALL.words.removeprefix('of ')}"
    with suppress(TooLongError, TrialFault):
        found = _differences(instance, evaluation)
        refuse(finding._replace(notes=(*finding.notes, note)) for finding in found)
        return _exact(instance, evaluation)
    return True


def evaluated(instance: Instance, definition: Definition) -> Evaluation:
    """The definition at the values of an instance."""
    tensors = {name: _held(tensor) for name, tensor in (*_whole(instance), *instance.named.items())}
    return Evaluation(definition, instance.setting.names, tensors, instance.setting.leading)


def _whole(instance: Instance) -> Iterator[tuple[str, Tensor | None]]:
    """The inputs, those that are broadcast at the shape to which they are."""
    for name, tensor in instance.inputs.items():
        broadcast = tensor is not None and instance.program.inputs[name].broadcast
        yield name, tensor.expand(instance.declared(name)) if broadcast and tensor is not None else tensor


def _held(value: Any) -> Held:
    """The numbers of a tensor, or of those of a family."""
    if isinstance(value, list):
        return tuple(None if part is None else _entries(part) for part in value)
    return _entries(value) if isinstance(value, Tensor) else None


def _entries(tensor: Tensor) -> Entries:
    return Entries(tuple(tensor.shape), tensor.reshape(-1).tolist())


def _differences(instance: Instance, evaluation: Evaluation) -> Iterator[Finding]:
    """What is found at one setting."""
    with drawn():
        run = instance.run(training=False)
    notes = instance.explainer.notes()
    try:
        disagreed = [_two_sizes(evaluation, *found, notes) for found in evaluation.agreed()]
        if disagreed:
            yield disagreed[0]
            return
        for name, output in run.outputs.items():
            finding = _compare(evaluation, name, output, run, notes)
            if finding is not None:
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


def _compare(evaluation: Evaluation, name: str, output: Tensor, run: Run, notes: tuple[str, ...]) -> Finding | None:
    """The first entry of an output that differs."""
    found = next(_compared(evaluation, name, output), None)
    if found is None:
        return None
    index, ours, theirs = found
    right, wrong = shown_apart(theirs, ours)
    message = f"`{entry_text(name, index)}` is {right} by the definition and {wrong} by the forward"
    equation = evaluation.equation(name, index)
    told = _first_intermediate(evaluation, name, run)
    return DefinitionMismatch.at(
        Place(PATH, equation.span), message, labels=told[0], notes=(*told[1], *notes), help=HELP
    )


def _compared(
    evaluation: Evaluation, name: str, output: Tensor, within: float | None = None
) -> Iterator[tuple[tuple[int, ...], Any, Any]]:
    """The entries that differ, each with the forward's value and the definition's."""
    values = output.reshape(-1).tolist()
    within = room(output) if within is None else within
    for index, ours in zip(product(*map(range, output.shape)), values, strict=True):
        theirs = evaluation.entry(name, index)
        if not close(ours, theirs, within):
            yield index, ours, theirs


def _exact(instance: Instance, evaluation: Evaluation) -> bool:
    """Whether nothing but the last digits differ."""
    with drawn():
        run = instance.run(training=False)
    differing = (_compared(evaluation, name, output, within=EXACT) for name, output in run.outputs.items())
    return all(next(pairs, None) is None for pairs in differing)


def _first_intermediate(evaluation: Evaluation, output: str, run: Run) -> tuple[tuple[Label, ...], tuple[str, ...]]:
    """Where the first value on the way differs that the forward and the definition give one name."""
    last = {step.name: step for step in run.steps}
    for name, step in last.items():
        value = step.value
        if name == output or name not in evaluation.definition.named or not isinstance(value, Tensor):
            continue
        if value.is_complex() or (value := _as_told(evaluation, name, value)) is None:
            continue
        found = next(_compared(evaluation, name, value), None)
        if found is not None:
            index, ours, theirs = found
            label = Label(Place(FORWARD, step.target.span), f"`{name}` differs already")
            right, wrong = shown_apart(theirs, ours)
            note = f"values: `{entry_text(name, index)}` is {right} by the definition, {wrong} by the forward"
            return (label,), (note, *_of_spread(evaluation, name))
    return (), ()


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


def check_complete(ways: Ways) -> Iterator[Finding]:
    """Yield the arguments that the forward uses in evaluation, and that the definition does not know."""
    program = ways.program
    if program.definition is None:
        return
    known = _with_sources(program, {*program.definition.mentions, *_of_shapes(program)})
    read = {name for statement in program.forward.statements for name in _evaluation_names(statement)}
    used = _with_sources(program, read - {*program.parameters, *program.buffers})
    for name in program.arguments:
        if name in used and name not in known:
            message = f"the forward uses `{name}`, and the definition does not"
            help = (
                f"say in the formula what `{name}` does, or accept it with the reason:"
                " `accept: {incomplete-definition: …}`"
            )
            yield IncompleteDefinition.at(PATH, message, help=help)


COMPLETE = Promise(check_complete, ())


def _of_shapes(program: Program) -> set[str]:
    """The names in the shapes of all tensors, and in what decides whether they exist."""
    found: set[str] = set()
    tensors: Mapping[str, Any] = {**program.inputs, **program.tensors, **program.outputs}
    for part in tensors.values():
        found |= {name for entry in part.entries for name in ex.names(entry)}
        when = getattr(part, "when", None)
        found |= ex.names(when) if when is not None else set()
    return found


def _with_sources(program: Program, names: set[str]) -> set[str]:
    """Some names, and those that the derived ones among them are computed from."""
    found = set(names)
    for name in reversed(tuple(program.derived)):
        if name in found:
            found |= ex.names(program.derived[name])
    return found


def _evaluation_names(statement: Any) -> Iterator[str]:
    """The names that a statement reads in evaluation."""
    training = ex.Name("training")
    match statement:
        case ex.If(test=test, body=body, orelse=orelse):
            yield from ex.names(test)
            for inner in (*(() if test == training else body), *orelse):
                yield from _evaluation_names(inner)
        case ex.Conditional(test=test, orelse=orelse) if test == training:
            yield from _evaluation_names(orelse)
        case ex.Call(arguments=arguments, keywords=keywords) if training in (
            *arguments,
            *(word.value for word in keywords),
        ):
            yield from _evaluation_names(arguments[0]) if arguments else ()
        case ex.Name(id=name):
            yield name
        case _:
            for child in statement.children:
                yield from _evaluation_names(child)
