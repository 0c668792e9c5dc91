"""What a forward has assigned to its outputs: tensors, and tuples of them."""

from torch import Tensor

from layergen.diagnostics import Place
from layergen.rules.shapes import ShapeMismatch
from layergen.run.explain import Explainer
from layergen.run.forward import TrialFault


def results(explainer: Explainer, name: str, value: object) -> dict[str, Tensor]:
    """The tensors that an output is: itself, or those of a tuple.

    Raises:
        TrialFault: If it was assigned something else.
    """
    result = explainer.program.results.get(name)
    if result is None:
        if not isinstance(value, Tensor):
            raise TrialFault(explainer.no_tensor(name, value), of_kind=True)
        return {name: value}
    parts = value if isinstance(value, tuple) else ()
    if len(parts) != len(result.items) or not all(isinstance(part, Tensor) for part in parts):
        message = f"output `{name}` is {explainer.shown(value)}, not a tuple of {len(result.items)} tensors"
        help = f"put them together: `{name} = ({', '.join(result.names)})`"
        raise TrialFault(ShapeMismatch.at(Place(("outputs", name), key=True), message, help=help), of_kind=True)
    return dict(zip(result.items, parts, strict=True))
