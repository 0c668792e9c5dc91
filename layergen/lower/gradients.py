"""Lowers the comparison of a layer's gradients with measured slopes."""

from collections.abc import Iterator

from layergen import ops
from layergen.lang.model import LayerSpec
from layergen.lang.visitor import assigned, calls, mentioned
from layergen.lower.source import python
from layergen.lower.views import GradientView


def gradient_view(spec: LayerSpec) -> GradientView | None:
    """The test of the gradients; None where nothing has one."""
    if not any(tensor.floating for tensor in spec.outputs.values()):
        return None
    requests, parameters = tuple(gradient_requests(spec)), gradient_parameters(spec)
    if not requests and not parameters:
        return None
    names = ", ".join(spec.inputs)
    leaves = f"({names}, *parameters.values())" if parameters else f"({names},)"
    return GradientView(requests, parameters, tuple(compute_lines(spec, bool(parameters))), leaves)


def compute_lines(spec: LayerSpec, has_parameters: bool) -> Iterator[str]:
    """The body of a function from inputs and parameters to the result."""
    count, arguments = len(spec.inputs), "tensors"
    updates = not assigned(spec.forward).isdisjoint(spec.buffers)
    if draws(spec):
        yield "torch.manual_seed(1)"
    if has_parameters:
        yield f"state = dict(zip(parameters, tensors[{count}:], strict=True))"
        arguments = f"tensors[:{count}]"
    if updates:
        yield "# Each call starts from the same buffers, which training updates."
        yield f"state {'|=' if has_parameters else '='} copy.deepcopy(dict(layer.named_buffers()))"
    functional = f"torch.func.functional_call(layer, state, {arguments})"
    call = functional if has_parameters or updates else "layer(*tensors)"
    if "inf" not in mentioned(spec.forward):
        yield f"return {call}"
        return
    yield f"result = {call}"
    yield "# Where a value is infinite, there is no slope to compare."
    zeros = "posinf=0.0, neginf=0.0"
    if len(spec.outputs) == 1:
        yield f"return torch.nan_to_num(result, {zeros})"
    else:
        yield f"return tuple(torch.nan_to_num(part, {zeros}) for part in result)"


def draws(spec: LayerSpec) -> bool:
    """Whether the forward draws random numbers."""
    found = (ops.find(call.function) for call in calls(spec.forward))
    return any(op is not None and op.random for op in found)


def gradient_requests(spec: LayerSpec) -> Iterator[str]:
    """Statements that ask for the gradients of the inputs that have one."""
    for name, tensor in spec.inputs.items():
        if tensor.floating and tensor.gradient:
            if tensor.optional:
                yield f"if {name} is not None:"
                yield f"    {name}.requires_grad_()"
            else:
                yield f"{name}.requires_grad_()"


def gradient_parameters(spec: LayerSpec) -> str:
    """The parameters whose gradient is the derivative, as an expression that gives a dict."""
    excluded = [name for name, parameter in spec.parameters.items() if not parameter.gradient]
    if len(excluded) == len(spec.parameters):
        return ""
    if not excluded:
        return "dict(layer.named_parameters())"
    return f"{{name: value for name, value in layer.named_parameters() if name not in {python(tuple(excluded))}}}"
