"""Where a forward makes tensors from nothing."""

from collections.abc import Mapping

from layergen.lang.tuples import whole_name
from layergen.lower.source import Origin
from layergen.resolve.program import Program


def origin(program: Program, names: Mapping[str, str]) -> Origin:
    """The device of the first input that is always there, the dtype of the first floating one; or the layer's.

    Args:
        program: The layer.
        names: The source text of its names.
    """
    owned = [f"self.{name}" for name, tensor in program.tensors.items() if not tensor.when and not tensor.each]
    always = {names.get(name, name): part for name, part in program.inputs.items() if not part.optional}
    sources = [*always, *owned]
    device = f"{sources[0]}.device" if sources else ""
    floating = [name for name, tensor in always.items() if tensor.floating]
    source = floating[0] if floating else owned[0] if owned else None
    if source is None:
        return Origin(device, "torch.get_default_dtype()")
    return Origin(device, "dtype" if whole_name(source) in program.forward.assigned else f"{source}.dtype")
