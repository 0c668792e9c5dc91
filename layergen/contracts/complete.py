"""Complete: the definition says what the forward does with each argument, and what it does in training."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import product
from typing import Any

from layergen.compare.compared import close, entry_text, room, shown_apart, started
from layergen.compare.defined import is_random_in_training
from layergen.contracts.promise import Promise
from layergen.definition.faults import PATH
from layergen.definition.scene import TRAINING
from layergen.diagnostics import FORWARD, Finding, Label, Place
from layergen.lang import expression as ex
from layergen.probe.sites import WITH_DATA
from layergen.probe.values import drawn
from layergen.probe.ways import Ways
from layergen.resolve.method import draws
from layergen.resolve.program import Program
from layergen.rules.cases import IncompleteDefinition, UntoldTraining
from layergen.run.forward import TrialFault
from layergen.run.instance import Instance

MODE = ex.Name(TRAINING)


def check_complete(ways: Ways) -> Iterator[Finding]:
    """Yield the arguments that the forward uses, and that the definition does not know.

    What is used in training alone counts where the definition speaks of training, but for what belongs to random draws.
    """
    program = ways.program
    if program.definition is None:
        return
    mentioned = {*program.definition.mentions, *program.definition.functions}
    known = _with_sources(program, mentioned | _of_shapes(program))
    told = program.definition.tells_training
    read = {name for statement in program.forward.statements for name in _names(statement, told)}
    used = _with_sources(program, read - {*program.parameters, *program.buffers})
    for name in program.arguments:
        if name in used and name not in known:
            message = f"the forward uses `{name}`, and the definition does not"
            help = (
                f"say in the formula what `{name}` does, or accept it with the reason:"
                " `accept: {incomplete-definition: …}`"
            )
            yield IncompleteDefinition.at(PATH, message, help=help)


def check_told(ways: Ways) -> Iterator[Finding]:
    """Yield what the forward does in training, and of which the definition says nothing."""
    program = ways.program
    if program.definition is None or not program.asks_mode or program.random == "always":
        return
    untold = list(_untold_buffers(program))
    yield from untold
    if untold or program.definition.tells_training:
        return
    for runs in ways.runs:
        with suppress(TrialFault):
            if runs.admits(WITH_DATA) and (finding := _apart(started(program, runs.setting))):
                yield finding
                return


COMPLETE = Promise(check_complete)
TOLD = Promise(check_told)


def _untold_buffers(program: Program) -> Iterator[Finding]:
    """The buffers that are updated, where no random number can have a part in it."""
    assert program.definition is not None
    for name in program.definition.scene.buffers:
        if name in program.forward.assigned and name not in program.definition.updates and not program.draws:
            indices = ", ".join("cdefgh"[: len(program.buffers[name].entries)])
            left = f"{name}[{indices}]" if indices else name
            help = f"say it, `{left} = …`, where `{left}` on the right is what it was before the call; or accept it"
            help += " with the reason: `accept: {untold-training: …}`"
            target = next(target for target in program.forward.targets if target.id == name)
            labels = (Label(Place(FORWARD, target.span), f"`{name}` is updated here"),)
            message = f"the definition does not say what training makes of `{name}`"
            yield UntoldTraining.at(PATH, message, labels=labels, help=help)


def _apart(instance: Instance) -> Finding | None:
    """The first entry that training gives otherwise than evaluation.

    Raises:
        TrialFault: If the layer does not run.
    """
    if is_random_in_training(instance):
        return None
    with drawn():
        trained, evaluated = instance.run(training=True), instance.run(training=False)
    for name, output in trained.outputs.items():
        left, right = (run.outputs[name].reshape(-1).tolist() for run in (trained, evaluated))
        for index, one, other in zip(product(*map(range, output.shape)), left, right, strict=True):
            if not close(one, other, room(output)):
                shown = "{} in training and {} in evaluation".format(*shown_apart(one, other))
                message = f"`{entry_text(name, index)}` is {shown}, and the definition knows no mode"
                help = "say both, `… if training else …`, or accept it with the reason: `accept: {untold-training: …}`"
                labels = (Label(trained.place(name), f"`{name}` gets its value here"),)
                return UntoldTraining.at(PATH, message, labels=labels, notes=instance.explainer.notes(), help=help)
    return None


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


def _names(statement: Any, training: bool) -> Iterator[str]:
    """The names that a statement reads in evaluation, or in both modes; not what is a matter of random draws."""
    match statement:
        case ex.If(test=test, body=body, orelse=orelse):
            yield from ex.names(test)
            alone = test == MODE and (not training or any(map(_draws, body)))
            for inner in (*(() if alone else body), *orelse):
                yield from _names(inner, training)
        case ex.Conditional(test=test, then=then, orelse=orelse) if test == MODE:
            yield from _names(then, training) if training and not _draws(then) else ()
            yield from _names(orelse, training)
        case ex.Call(arguments=arguments, keywords=keywords) if MODE in (
            *arguments,
            *(word.value for word in keywords),
        ) and (not training or _draws(statement)):
            yield from _names(arguments[0], training) if arguments else ()
        case ex.Name(id=name):
            yield name
        case _:
            for child in statement.children:
                yield from _names(child, training)


def _draws(part: Any) -> bool:
    """Whether a part of the forward calls what draws random numbers."""
    return (isinstance(part, ex.Call) and draws(part)) or any(map(_draws, part.children))
