"""Which tensors the state dict of a layer has."""

from layergen.resolve.program import Child, Program


def is_saved(program: Program, path: str) -> bool:
    """Whether the state dict has a tensor of the layer or of its members, named by its path in it."""
    name, _, inner = path.partition(".")
    if name in program.buffers:
        return program.buffers[name].persistent
    if name not in program.members:
        return True
    member = program.members[name]
    index, inner = inner.split(".", 1) if member.listed else ("0", inner)
    of = member.made[min(int(index), len(member.made) - 1)].of
    return is_saved(of.program, inner) if isinstance(of, Child) else True


def is_constant(program: Program, name: str) -> bool:
    """Whether a tensor is a buffer that nothing changes: no state dict brings it, and no call writes it."""
    buffer = program.buffers.get(name)
    return buffer is not None and not buffer.persistent and name not in program.forward.assigned
