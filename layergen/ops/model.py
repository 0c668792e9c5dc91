"""What is known of an op: its name in a spec, its spelling in Python, and the signatures that it takes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from layergen.lang.kinds import Kind, Kinds

TENSORS = frozenset({Kind.TENSOR, Kind.TENSORS})

Namespace = Literal["F", "torch", "torch.special", "torch.fft", "torch.linalg", "Tensor"]
Floating = Literal["always", "by arguments", "never"]


@dataclass(frozen=True)
class Formal:
    """One parameter of a signature."""

    name: str
    accepts: Kinds
    required: bool = True
    keyword_only: bool = False
    positional_only: bool = False  # the tensor whose method is called
    variadic: bool = False  # its list may be spread over several arguments: ``reshape(x, 2, 3)``
    tupled: bool = False  # its list is a tuple to a type checker
    default: object = None
    aliases: tuple[str, ...] = ()  # numpy's names, which torch takes too

    def __str__(self) -> str:
        return self.name if self.required else f"{self.name}={self.default!r}"


@dataclass(frozen=True)
class Signature:
    """One way to call an op."""

    op: str
    parameters: tuple[Formal, ...]
    returns: Kinds
    switch: str = ""  # the parameter by which it gives several tensors, and one where it is False, as by default

    @property
    def positional(self) -> tuple[Formal, ...]:
        return tuple(parameter for parameter in self.parameters if not parameter.keyword_only)

    def parameter(self, name: str) -> Formal | None:
        """The parameter that a keyword of this name goes to."""
        for parameter in self.parameters:
            if name in (parameter.name, *parameter.aliases) and not parameter.positional_only:
                return parameter
        return None

    def __str__(self) -> str:
        words: list[str] = []
        starred = False
        for parameter in self.parameters:
            if parameter.keyword_only and not starred:
                words.append("*")
            words.append(f"*{parameter}" if parameter.variadic else str(parameter))
            starred = starred or parameter.keyword_only or parameter.variadic
        return f"{self.op}({', '.join(words)})"


@dataclass(frozen=True)
class Op:
    """A function that a spec's forward may call."""

    name: str  # as the spec writes it: "conv2d", "fft.rfft"
    namespace: Namespace
    python: str  # as generated code calls it: "F.conv2d", "torch.exp"; for a tensor method, the method's name
    function: Callable[..., Any]
    signatures: tuple[Signature, ...]
    methodic: bool  # reads better as a method of its first argument; the signatures are then the method's
    random: bool  # may draw random numbers
    floating: Floating | None  # for a factory: is the result floating when no dtype is given?
    untyped: bool  # mypy sees ``Any`` as its result
    writes: tuple[str, ...] = ()  # the parameters whose new values it gives back beside its result

    @property
    def factory(self) -> bool:
        """Whether the op makes tensors from nothing; it then takes ``device`` and ``dtype``."""
        return self.floating is not None

    @property
    def in_place(self) -> bool:
        """Whether the op writes to its first argument."""
        return self.name.endswith("_")
