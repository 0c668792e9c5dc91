"""Tensors that a member has or has not, as flags say that it is made with: ``nn.Linear(dim, dim, bias=bias)``."""

import inspect
import re

from layergen.lang import expression as ex
from layergen.lang.kinds import Kind
from layergen.resolve.inference import kinds_of
from layergen.resolve.program import Child, Made, Member

REQUIRED = frozenset({"Tensor", "torch.Tensor", "<class 'torch.Tensor'>"})  # how the type is said of what is never None
AFFINE = frozenset({"affine", "elementwise_affine"})  # flags of torch that decide on all tensors of a module


def may_lack(member: Member, path: str) -> bool:
    """Whether there may be None in the place of a tensor of a member, or of one of a list."""
    return any(_lacks(made, path) for made in member.made)


def is_untyped(member: Member, path: str) -> bool:
    """Whether a type checker cannot tell that there is a tensor at a path: it is one of a list, or has a made name."""
    return "[" in path or any(_is_made(made, path) for made in member.made)


def _is_made(made: Made, path: str) -> bool:
    if not isinstance(made.of, Child):
        said = _annotated(made.of.type, path)
        if said is None:
            return path not in ("weight", "bias")
        return said not in REQUIRED and not _lacks(made, path)
    first, _, rest = path.partition(".")
    inner = made.of.program.members.get(first)
    return is_untyped(inner, rest) if inner is not None else first not in made.of.program.tensors


def _annotated(module: type, name: str) -> str | None:
    """The type that a module of torch says a tensor of its own has."""
    told = (vars(part).get("__annotations__", {}) for part in module.__mro__)
    return next((str(said[name]) for said in told if name in said), None)


def _lacks(made: Made, path: str) -> bool:
    if not isinstance(made.of, Child):
        return any(flag in AFFINE or flag == "bias" == path for flag in _flags(made))
    program = made.of.program
    first, _, rest = path.partition(".")
    name = first.partition("[")[0]
    for own, tensor in program.tensors.items():
        if own == name or (tensor.named is not None and re.fullmatch(tensor.name(r"\d+"), name)):
            return tensor.when is not None
    inner = program.members.get(name)
    return inner is not None and (inner.when is not None or may_lack(inner, rest))


def _flags(made: Made) -> list[str]:
    """The flags of a module of torch that a call leaves to a condition."""
    assert not isinstance(made.of, Child)
    names = inspect.signature(made.of.type).parameters
    given = dict(zip(names, made.call.arguments, strict=False))
    given |= {keyword.name: keyword.value for keyword in made.call.keywords}
    return [name for name, value in given.items() if not isinstance(value, ex.Literal) and Kind.BOOL in kinds_of(value)]
