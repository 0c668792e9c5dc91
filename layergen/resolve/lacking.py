"""Tensors that a member has or has not, as flags say that it is made with: ``nn.Linear(dim, dim, bias=bias)``."""

import inspect

from layergen.lang import expression as ex
from layergen.lang.kinds import Kind
from layergen.resolve.inference import kinds_of
from layergen.resolve.program import Child, Made, Member

AFFINE = frozenset({"affine", "elementwise_affine"})  # flags of torch that decide on all tensors of a module


def may_lack(member: Member, path: str) -> bool:
    """Whether there may be None in the place of a tensor of a member, or of one of a list."""
    return any(_lacks(made, path) for made in member.made)


def _lacks(made: Made, path: str) -> bool:
    if not isinstance(made.of, Child):
        return any(flag in AFFINE or flag == "bias" == path for flag in _flags(made))
    program = made.of.program
    first, _, rest = path.partition(".")
    name = first.partition("[")[0]
    if name in program.tensors:
        return program.tensors[name].when is not None
    inner = program.members.get(name)
    return inner is not None and (inner.when is not None or may_lack(inner, rest))


def _flags(made: Made) -> list[str]:
    """The flags of a module of torch that a call leaves to a condition."""
    assert not isinstance(made.of, Child)
    names = inspect.signature(made.of.type).parameters
    given = dict(zip(names, made.call.arguments, strict=False))
    given |= {keyword.name: keyword.value for keyword in made.call.keywords}
    return [name for name, value in given.items() if not isinstance(value, ex.Literal) and Kind.BOOL in kinds_of(value)]
