"""Which names of a forward always stand for floating numbers, as its runs have shown."""

from collections.abc import Iterator

from layergen.checked import CheckedLayer
from layergen.ops.dtypes import dtype_of
from layergen.prove.proven import Proof


def floats(layer: CheckedLayer) -> frozenset[str]:
    """The names that the forward gives values, all of which are floating on each way through it.

    Nothing is told where a way could not be run at symbols.
    """
    proofs = [proof for proof in layer.proofs if isinstance(proof, Proof)]
    if len(proofs) < len(layer.proofs):
        return frozenset()
    dtypes: dict[str, set[str]] = {}
    for name, dtype in (*_taken(layer), *((step.target.id, step.dtype) for proof in proofs for step in proof.steps)):
        dtypes.setdefault(name, set()).add(dtype)
    assigned = {name for name in dtypes if name in layer.program.forward.assigned}
    return frozenset(name for name in assigned - layer.program.tensors.keys() if all(map(_is_floating, dtypes[name])))


def _is_floating(dtype: str) -> bool:
    return dtype != "" and dtype_of(dtype).is_floating_point  # none: of what is no tensor


def _taken(layer: CheckedLayer) -> Iterator[tuple[str, str]]:
    """The inputs, which a forward may give other values."""
    for case in layer.cases:
        yield from ((name, facts.dtype) for name, facts in case.inputs.items() if facts is not None)
