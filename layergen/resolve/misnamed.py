"""An output that the forward computes under another name."""

from layergen.lang import expression as ex
from layergen.lang.model import LayerSpec
from layergen.lang.visitor import assignments, reads


def misnamed(spec: LayerSpec) -> tuple[str, ex.Name] | None:
    """The one output that is never assigned, and the name, never read, that the forward ends by assigning."""
    assigned = {target.id for target in assignments(spec.forward)}
    lacking = [name for name, output in spec.returned.items() if output.when is None and name not in assigned]
    match spec.forward[-1]:
        case ex.Assign(targets=(target,)) if len(lacking) == 1 and target.id not in {"_", *spec.returned}:
            known = {*spec.tensors, *spec.given, *spec.arguments, *spec.derived, *spec.modules}
            read = {name.id for name in reads(spec.forward)} | known
            return (lacking[0], target) if lacking[0] not in known and target.id not in read else None
    return None
