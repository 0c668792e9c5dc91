"""What the words of a tree are. The parser cannot know; `layergen.resolve` says it once, and hangs it on the nodes."""

from dataclasses import dataclass
from enum import Enum, StrEnum, auto

JOINT = ", "  # between the names of members of which a call runs one


class Role(StrEnum):
    """What a name stands for; its text is how messages say it."""

    ARGUMENT = "an argument"
    DERIVED = "a derived name"
    PARAMETER = "a parameter"
    BUFFER = "a buffer"
    INPUT = "an input"
    OUTPUT = "an output"
    MEMBER = "a member"
    DIMENSION = "a dimension"
    INDEX = "the index of a family"
    LOCAL = "a local of the forward"
    CONSTANT = "a constant"
    MODE = "the layer's mode"


class CalleeKind(StrEnum):
    """What a call calls."""

    SCALAR = "function of numbers"
    OP = "op"
    INITIALIZER = "initializer"  # of torch.nn.init
    FAN = "fan"  # of an earlier tensor
    MODULE = "module"  # of torch.nn
    LAYER = "layer"  # of another spec, which is made
    MEMBER = "member"  # of the layer, which is run
    FUNCTION = "function"  # that an argument stands for
    ITERATION = "iteration"  # what a loop alone can run over: `range`, `enumerate`, …


class Autocast(Enum):
    """What autocast is to a statement."""

    OFF = auto()  # it multiplies what was upcast, which autocast would cast back: the statement is kept from it
    ANY = auto()  # nothing: it gives the same with and without
    ON = auto()  # something that the caller who turns it on may count on


@dataclass(frozen=True)
class Callee:
    """What a call calls, by the name that it has there."""

    kind: CalleeKind
    name: str
    floating: bool = False  # of an op that makes a tensor from nothing: whether it is floating where no dtype is given
    wide: bool = False  # of such an op: whether it makes what an `upcast` is computed of, in the dtype of that
    whole: bool = False  # of `upcast`: whether it converts whole numbers, beside a floating input
    updates: bool = False  # of an op that writes statistics: whether it gives them back instead, beside its result

    @property
    def members(self) -> tuple[str, ...]:
        """The members that a call may run: one, or each of a list in turn."""
        return tuple(self.name.split(JOINT)) if self.kind is CalleeKind.MEMBER else ()
