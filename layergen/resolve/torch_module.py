"""Modules of torch.nn, as the layers know them that are made of them."""

import inspect
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from layergen.lang.kinds import Kind, Kinds
from layergen.ops import Formal, Op, Signature
from layergen.resolve.inference import NONE, TENSOR, UNKNOWN

VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
RECURRENT = frozenset({"nn.LSTM", "nn.GRU", "nn.RNN"})
NESTED = RECURRENT | {"nn.LSTMCell"}  # give more than a tensor


@dataclass(frozen=True, eq=False)
class TorchModule:
    """A module of torch.nn."""

    constructor: Op

    @property
    def name(self) -> str:
        return self.constructor.name

    @property
    def returns(self) -> Kinds:
        return UNKNOWN if self.name in NESTED else TENSOR

    @property
    def type(self) -> type[Any]:
        found = self.constructor.function
        assert isinstance(found, type)
        return found

    @cached_property
    def parameters(self) -> frozenset[str]:
        """What its constructor takes, by name."""
        return frozenset(inspect.signature(self.type).parameters)

    @cached_property
    def tuples(self) -> Mapping[str, bool]:
        """What its constructor takes, in order; whether a type checker wants it as a tuple where it is several."""
        taken = inspect.signature(self.type).parameters
        forms: dict[str, set[object]] = {
            name: {typing.get_origin(form) for form in typing.get_args(part.annotation)} for name, part in taken.items()
        }
        return {name: tuple in form and list not in form for name, form in forms.items()}

    def takes(self, option: str) -> bool:
        """Whether its constructor takes ``device`` or ``dtype``."""
        return option in self.parameters or self.name in RECURRENT

    def forward(self, name: str) -> Op:
        """Its forward, as an op of some name."""
        formals = []
        for parameter in list(inspect.signature(self.type.forward).parameters.values())[1:]:
            required = parameter.default is inspect.Parameter.empty
            if parameter.kind not in VARIADIC:
                default = None if required else parameter.default
                formals.append(Formal(parameter.name, frozenset(Kind), required=required, default=default))
        return op_of(name, formals, self.returns, random=self.draws)

    @property
    def draws(self) -> bool:
        """Whether it draws random numbers in training."""
        return "Dropout" in self.name or self.name in ("nn.RReLU", "nn.FractionalMaxPool2d", "nn.FractionalMaxPool3d")

    @property
    def updates(self) -> bool:
        """Whether it updates buffers in training."""
        return "BatchNorm" in self.name or "InstanceNorm" in self.name

    def mixes(self, training: bool) -> bool:
        """Whether the samples of a batch see each other in it, by running statistics."""
        return training and self.updates

    @property
    def modes(self) -> bool:
        """Whether it does something else in training than in evaluation."""
        return self.draws or "BatchNorm" in self.name or "InstanceNorm" in self.name or self.name in NESTED


class AsWritten(str):
    """Text that a signature shows as it is."""

    def __repr__(self) -> str:
        return str(self)


def tensor_formal(name: str, optional: bool, kinds: Kinds) -> Formal:
    """A tensor that a forward takes, or something with tensors in it."""
    accepts = kinds | (NONE if optional else frozenset())
    return Formal(name, accepts, required=not optional)


def op_of(name: str, formals: list[Formal], returns: Kinds, random: bool) -> Op:
    signature = Signature(name, tuple(formals), returns)
    return Op(name, "torch", name, _uncallable, (signature,), False, random, floating=None, untyped=True)


def _uncallable(*_: object, **__: object) -> None:
    raise TypeError("a member is run by the interpreter")
