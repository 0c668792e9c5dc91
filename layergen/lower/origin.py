"""Where a forward makes tensors from nothing."""

from collections.abc import Iterator, Mapping

from layergen.lang.dtypes import FLOATING
from layergen.lang.tuples import whole_name
from layergen.lower.source import Origin
from layergen.resolve.program import Made, Member, Program
from layergen.resolve.torch_module import TorchModule

SWITCHES = frozenset({"affine", "elementwise_affine"})  # without which a module has no parameters
DEFAULT = "torch.get_default_dtype()"


def origin(program: Program, names: Mapping[str, str]) -> Origin:
    """The device of the first input that is always there, the dtype of the first floating one; or the layer's.

    Args:
        program: The layer.
        names: The source text of its names.
    """
    always = {names.get(name, name): part for name, part in program.inputs.items() if not part.optional}
    owned = [f"self.{name}" for name, tensor in program.tensors.items() if not tensor.when and not tensor.each]
    sources = [*always, *owned]
    device = f"{sources[0]}.device" if sources else ""
    floating = [name for name, tensor in always.items() if tensor.floating]
    if floating and whole_name(floating[0]) not in program.forward.assigned:
        return Origin(device, f"{floating[0]}.dtype")
    own = [] if floating else list(_telling(program))
    if own:
        return Origin(device, f"self.{own[0]}.dtype")
    return Origin(device, DEFAULT if told_dtype(program) is None else "dtype")


def told_dtype(program: Program) -> str | None:
    """What tells the dtype of tensors made from nothing where no name does: an input that is assigned anew, or a part.

    None where the layer has nothing whose dtype the user may choose.
    """
    floating = [name for name, part in program.inputs.items() if part.floating and not part.optional]
    if floating:
        return f"{floating[0]}.dtype"
    members = [name for name, part in program.members.items() if not part.when and program.takes("dtype", part)]
    families = [name for name, part in program.families.items() if part.dtype is None and not part.when]
    lists = [name for name in families if program.families[name].named is None and name in program.parameters]
    if members and _has_parameters(program.members[members[0]]):
        return f"next(self.{members[0]}.parameters()).dtype"
    if not members and not program.takes_dtype:
        return None
    holder = next((f"self.{name}" for name in (*members, *lists)), "self")
    return f"next((p.dtype for p in {holder}.parameters()), {DEFAULT})"


def _telling(program: Program) -> Iterator[str]:
    """The tensors that are always there and have the dtype that the user chooses, or a floating one if none may."""
    always = [name for name, tensor in program.tensors.items() if not tensor.when and not tensor.each]
    yield from (name for name in always if program.tensors[name].dtype is None)
    if not program.takes_dtype:
        yield from (name for name in always if program.tensors[name].dtype in FLOATING)


def _has_parameters(member: Member) -> bool:
    """Whether a member has parameters at all settings."""
    return not member.listed and any(map(_always_learns, member.made))


def _always_learns(made: Made) -> bool:
    if isinstance(made.of, TorchModule):
        return not made.of.parameters & SWITCHES
    return any(not part.when and not part.each for part in made.of.program.parameters.values())
