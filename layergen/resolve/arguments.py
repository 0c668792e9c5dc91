"""The kinds of the arguments of a constructor."""

from layergen.lang.kinds import Kinds
from layergen.lang.model import Argument
from layergen.resolve.inference import NONE


def kinds_of_argument(argument: Argument) -> Kinds:
    """The kinds that an argument has once the constructor has normalized it."""
    return argument.type.kinds | (NONE if argument.optional else frozenset())
