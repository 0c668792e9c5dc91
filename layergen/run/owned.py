"""The tensors of members by their paths: what is said of each, and which of them are one."""

from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from layergen.lang import expression as ex
from layergen.lang.inits import Initial
from layergen.lang.interpreter import EvaluationFault, Interpreter
from layergen.lang.ties import Tie
from layergen.resolve.families import count_of
from layergen.rules.members import WrongTensorPath
from layergen.run.fault import MemberFault
from layergen.run.paths import bracketed, path_of
from layergen.run.placement import Placement
from layergen.suggest import nearest

MOST_NAMES = 6  # of tensors that a message lists
State = MutableMapping[str, Tensor | None]  # by paths: ``weight``, ``blocks.0.norm.weight``
Computes = Callable[[ex.Call, list[Any], dict[str, Any], bool], Any]  # what a call of a member gives


@dataclass(frozen=True)
class Owned:
    """A tensor of a member."""

    parameter: bool
    gradient: bool  # whether its gradient is the derivative
    prefix: str  # of the paths of all tensors that its initial value may ask for
    init: Initial | None  # None: a module of torch starts it
    values: Mapping[str, Any]  # of the names in it
    fresh: Callable[[], Mapping[str, Tensor]] | None = None  # gives the tensors of that module, as they start
    kin: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # the families that the initial value may read
    learned: bool = True  # unless it is a parameter that is frozen
    constant: bool = False  # whether it is a buffer that keeps what is computed of the arguments


def pairs(tie: Tie, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The paths of a tensor and of the one that it is, for each index.

    Raises:
        EvaluationFault: If they cannot be computed; a `MemberFault` for what stands in the key.
    """
    turns: list[Mapping[str, Any]] = [{}]
    if tie.each is not None:
        turns = [{tie.each.index: k} for k in range(count_of(tie.each, Interpreter(values)))]
    for turn in turns:
        at = {**values, **turn}
        try:
            left = path_of(tie.left, at)
        except EvaluationFault as fault:
            message = f"`{tie.key}` names no tensor: {fault.message}"
            raise MemberFault(fault.node, message, rule=WrongTensorPath, key=True) from None
        yield left, path_of(tie.right, at)


def tie(
    ties: Iterable[Tie],
    members: Mapping[str, object],
    prefix: str,
    state: State,
    owned: MutableMapping[str, Owned],
    values: Mapping[str, Any],
    placement: Placement,
) -> None:
    """Make tensors the same that are declared to be, as far as there are the members that have them.

    Raises:
        MemberFault: If there is no tensor at a path, or the two are not alike.
    """
    there = (tie for tie in ties if not any(name in members and members[name] is None for name in tie.members))
    for one_tie, (left, source) in ((tie, pair) for tie in there for pair in pairs(tie, values)):
        right = one_tie.right
        for path, node in ((left, one_tie.left), (source, right)):
            if prefix + path not in state:
                raise MemberFault(
                    node,
                    f"there is no tensor `{bracketed(path)}`",
                    help=known_tensors(prefix, state, path),
                    rule=WrongTensorPath,
                    key=path == left,
                )
        one, other = state[prefix + left], state[prefix + source]
        if one is not None and other is not None and one.shape != other.shape:
            shapes = f"{placement.shown(tuple(one.shape))} and {placement.shown(tuple(other.shape))}"
            message = f"`{left}` and `{source}` cannot be one tensor: their shapes are {shapes}"
            raise MemberFault(right, message, rule=WrongTensorPath)
        if left == source:
            help = "name the tensor on the right that it is to be, or delete the tie"
            if one_tie.each is not None:
                index = one_tie.each.index
                help = f"let the paths differ for each `{index}`: count one less, and begin at `{index} + 1`"
            message = f"`{bracketed(left)}` is tied to itself"
            raise MemberFault(right, message, help=help, rule=WrongTensorPath)
        if one is not None and one is other and prefix + left in owned:  # which is where all of them begin
            message = f"`{bracketed(source)}` is one with `{bracketed(left)}` already: the ties go round in a circle"
            raise MemberFault(one_tie.left, message, help="delete this tie", rule=WrongTensorPath, key=True)
        alike = (path for path, tensor in state.items() if tensor is one and path != prefix + left)
        if one is not None and one is not other and (follower := next(alike, None)) is not None:
            met, new = bracketed(follower.removeprefix(prefix)), bracketed(source)
            message = f"`{bracketed(left)}` is one with `{met}` already, and is made `{new}` here"
            help = "let each tensor stand on the left once, and before what is tied to it"
            raise MemberFault(one_tie.left, message, help=help, rule=WrongTensorPath, key=True)
        state[prefix + left] = other
        owned.pop(prefix + left, None)  # it is told of once


def known_tensors(prefix: str, state: State, path: str) -> str:
    """Which tensors there are: the nearest to what was written, or the first ones."""
    names = [
        bracketed(name.removeprefix(prefix))
        for name, part in state.items()
        if name.startswith(prefix) and part is not None
    ]
    meant = nearest(bracketed(path), names)
    if meant is not None and len(names) > MOST_NAMES:
        return f"did you mean `{meant}`?"
    return f"there is {', '.join(f'`{name}`' for name in names[:MOST_NAMES])}{', …' * (len(names) > MOST_NAMES)}"
