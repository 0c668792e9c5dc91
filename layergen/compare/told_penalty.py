"""The layer's own part of the penalty, held to what its definition says of it."""

from collections.abc import Iterable, Iterator

from layergen.compare.compared import HELP, close, room, shown_apart, started
from layergen.compare.definition import evaluated
from layergen.definition.faults import PATH
from layergen.definition.numbers import IndexFault, TooLongError
from layergen.definition.penalized import PENALTY
from layergen.definition.scene import Definition
from layergen.diagnostics import Label, Place
from layergen.faults import SpecError
from layergen.lang import expression as ex
from layergen.lang.interpreter import EvaluationFault
from layergen.probe.sites import WITH_DATA
from layergen.resolve.program import Program
from layergen.rules.cases import DefinitionMismatch, IllDefined
from layergen.run.instance import Instance
from layergen.run.watching import Runs


def hold_penalty(program: Program, runs: Iterable[Runs]) -> tuple[str, ...]:
    """Compare the term with the definition; gives the settings at which tests can do so, too.

    Raises:
        SpecError: If they differ, or the definition asks for an entry that is not there.
    """
    term = program.definition.term if program.definition is not None else None
    if term is None or program.penalty is None:
        return ()
    return tuple(_held(program, program.penalty, term, runs))


def _held(program: Program, penalty: ex.Expression, term: Definition, runs: Iterable[Runs]) -> Iterator[str]:
    for one in runs:
        if not one.admits(WITH_DATA):
            continue
        instance = started(program, one.setting)
        evaluation = evaluated(instance, term)
        try:
            ours, theirs = instance.evaluated(penalty), evaluation.entry(PENALTY, ())
        except (TooLongError, EvaluationFault):  # what cannot be computed is told where the penalty is judged
            continue
        except IndexFault as fault:
            notes = instance.explainer.notes()
            wrong = IllDefined.at(Place(PATH, fault.node.span), fault.message, notes=notes, help=fault.help)
            raise SpecError([wrong]) from None
        if not close(ours.item(), theirs, room(ours)):
            raise _otherwise(
                instance, penalty, Place(PATH, evaluation.equation(PENALTY, ()).span), (ours.item(), theirs)
            )
        if not evaluation.account.limited:
            yield one.setting.name


def _otherwise(instance: Instance, penalty: ex.Expression, place: Place, values: tuple[float, float]) -> SpecError:
    """That the term is another number than the definition says."""
    wrong, right = shown_apart(*values)
    message = f"the penalty is {right} by the definition and {wrong} by `penalty`"
    labels = (Label(Place(("penalty",), penalty.span), "the layer's own part is this"),)
    notes = instance.explainer.notes()
    return SpecError([DefinitionMismatch.at(place, message, labels=labels, notes=notes, help=HELP)])
