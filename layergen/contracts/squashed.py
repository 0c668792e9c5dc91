"""Squashed: what a loss is given is what it takes, scores, probabilities or their logarithms, as far as ops tell that.

Of what a sigmoid or a softmax gives, that is known, also behind views, casts and bounds. Of scores it never is: nothing
is told of what comes of other ops.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from layergen.contracts.promise import Promise
from layergen.contracts.training import bound
from layergen.diagnostics import FORWARD, Finding, Label, Place
from layergen.lang import expression as ex
from layergen.ops import called
from layergen.ops.traits import ALIASING
from layergen.probe.ways import Ways
from layergen.resolve.program import Program
from layergen.resolve.values import Values
from layergen.rules.meaning import SquashedTwice


class Squashed(Enum):
    """What an op has made of scores."""

    SIGMOID = "sigmoid"
    SOFTMAX = "softmax"
    LOG_SIGMOID = "logsigmoid"
    LOG_SOFTMAX = "log_softmax"
    UNKNOWN = "something else"


PROBABILITIES = frozenset({Squashed.SIGMOID, Squashed.SOFTMAX})
LOGARITHMS = frozenset({Squashed.LOG_SIGMOID, Squashed.LOG_SOFTMAX})
LOG = {Squashed.SIGMOID: Squashed.LOG_SIGMOID, Squashed.SOFTMAX: Squashed.LOG_SOFTMAX}
EXP = {logarithm: probability for probability, logarithm in LOG.items()}
_NOBODY = ex.Call("")
TURNS = {"log": LOG, "exp": EXP}
CHOOSES = {"clamp", "clip", "clone", "gather", "index_select", "masked_select", "take_along_dim"}
KEEPS = (ALIASING - {"einsum"}) | CHOOSES
MAKERS = {
    **dict.fromkeys(("sigmoid", "sigmoid_", "nn.Sigmoid"), Squashed.SIGMOID),
    **dict.fromkeys(("softmax", "softmin", "gumbel_softmax"), Squashed.SOFTMAX),
    **dict.fromkeys(("nn.Softmax", "nn.Softmin", "nn.Softmax2d"), Squashed.SOFTMAX),
    **dict.fromkeys(("logsigmoid", "nn.LogSigmoid"), Squashed.LOG_SIGMOID),
    **dict.fromkeys(("log_softmax", "nn.LogSoftmax"), Squashed.LOG_SOFTMAX),
}


@dataclass(frozen=True)
class Taken:
    """What a loss takes an operand for, and what that is not."""

    operand: str
    words: str
    refused: frozenset[Squashed]
    help: str
    logarithmic: bool | None = None  # what `log_target` is where that is so; None: always


_LOGS = "logarithms of probabilities"
_TAKE_LOGS = "hand it logarithms, as `log_softmax` and `logsigmoid` give them"
_OF_PROBABILITIES = "hand it the scores, to which it applies a sigmoid itself, or take `binary_cross_entropy`"
_SIGMOID = Taken("input", "scores", PROBABILITIES | LOGARITHMS, _OF_PROBABILITIES)
_SOFTMAX = Taken("input", "scores", frozenset({Squashed.SOFTMAX}), "hand it the scores: it applies a softmax itself")
_LOG_TARGET = "write `log_target=True`, or hand it probabilities"
_DIVERGENCE = (
    Taken("input", _LOGS, PROBABILITIES, _TAKE_LOGS),
    Taken("target", "probabilities", LOGARITHMS, _LOG_TARGET, logarithmic=False),
    Taken("target", _LOGS, PROBABILITIES, f"leave out `log_target=True`, or {_TAKE_LOGS}", logarithmic=True),
)
TAKERS: Mapping[str, tuple[Taken, ...]] = {
    **dict.fromkeys(("binary_cross_entropy_with_logits", "nn.BCEWithLogitsLoss"), (_SIGMOID,)),
    **dict.fromkeys(("multilabel_soft_margin_loss", "nn.MultiLabelSoftMarginLoss"), (_SIGMOID,)),
    **dict.fromkeys(("cross_entropy", "nn.CrossEntropyLoss"), (_SOFTMAX,)),
    **dict.fromkeys(("nll_loss", "nn.NLLLoss"), (Taken("input", _LOGS, frozenset({Squashed.SOFTMAX}), _TAKE_LOGS),)),
    **dict.fromkeys(("ctc_loss", "nn.CTCLoss"), (Taken("log_probs", _LOGS, PROBABILITIES, _TAKE_LOGS),)),
    **dict.fromkeys(("kl_div", "nn.KLDivLoss"), _DIVERGENCE),
}


def check_squashed(ways: Ways) -> Iterator[Finding]:
    """Yield the losses that are given something else than they take, where nothing tells what values are meant."""
    program = ways.program
    if program.matches or program.definition is not None or program.formula is not None:
        return
    sites = Values(program.forward.statements).sites
    places = {id(site.value): Place(FORWARD, site.node.span) for site in sites if site.node is not None}
    calls = {id(site.value): site.value for site in sites if isinstance(site.value, ex.Call)}
    for call in calls.values():
        yield from _told(program, call, places)


SQUASHED = Promise(check_squashed)


def _told(program: Program, loss: ex.Call, places: Mapping[int, Place]) -> Iterator[Finding]:
    """Yield what a loss is given that it does not take."""
    name, given = _given(program, loss) if _name(program, loss) in TAKERS else ("", {})
    for taken in TAKERS.get(name, ()):
        operand = given.get(taken.operand)
        if operand is None or taken.logarithmic not in (None, _flag(given.get("log_target"))):
            continue
        made = list(_squashed(program, operand))
        if all(kind in taken.refused for kind, _ in made):
            kind, maker = made[0]
            found = "probabilities" if kind in PROBABILITIES else _LOGS
            message = f"`{loss.function}` takes {taken.words} as its `{taken.operand}`, "
            message += f"but `{maker.function}` gives it {found}"
            labels = (Label(places[id(maker)], "made here"),) if id(maker) in places else ()
            yield SquashedTwice.at(places[id(loss)], message, labels=labels, help=taken.help)
            return


def _name(program: Program, call: ex.Call) -> str:
    """The op that a call calls, or the class of the member."""
    made = program.members[call.function].made if call.function in program.members else ()
    op = called(call)
    return made[0].of.name if len(made) == 1 else op.name if op is not None else ""


def _given(program: Program, call: ex.Call) -> tuple[str, Mapping[str, Any]]:
    """Whom a call calls and what it gives by name, and, where that is a member, what that was made with."""
    keywords = {keyword.name: keyword.value for keyword in call.keywords}
    if call.function not in program.members:
        op = called(call)
        return ("", {}) if op is None else (op.name, bound(op, call.arguments, keywords))
    (made,) = program.members[call.function].made
    own = {keyword.name: keyword.value for keyword in made.call.keywords}
    constructed = bound(made.of.constructor, made.call.arguments, own)
    return made.of.name, constructed | bound(made.of.forward(call.function), call.arguments, keywords)


def _flag(value: Any) -> Any:
    return value.value if isinstance(value, ex.Literal) else value


def _squashed(program: Program, value: ex.Expression) -> Iterator[tuple[Squashed, ex.Call]]:
    """What a value is, in each case that a condition leaves, and the call that made it so."""
    match value:
        case ex.Conditional(then=then, orelse=orelse):
            yield from _squashed(program, then)
            yield from _squashed(program, orelse)
        case ex.Subscript(value=inner):
            yield from _squashed(program, inner)
        case ex.Call(arguments=(inner, *_)):
            yield from _made(program, value, _name(program, value), inner)
        case _:
            yield Squashed.UNKNOWN, _NOBODY


def _made(program: Program, call: ex.Call, name: str, inner: ex.Expression) -> Iterator[tuple[Squashed, ex.Call]]:
    if name in MAKERS:
        yield MAKERS[name], call
    elif name in TURNS:
        yield from ((TURNS[name].get(kind, Squashed.UNKNOWN), call) for kind, _ in _squashed(program, inner))
    elif name in KEEPS:
        yield from _squashed(program, inner)
    else:
        yield Squashed.UNKNOWN, call
