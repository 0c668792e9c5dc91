"""Lowers the comparison of a layer's gradients with measured slopes."""

from collections.abc import Iterator

from layergen.lower.source import python
from layergen.lower.views import GradientView
from layergen.resolve.program import Program


def gradient_view(program: Program) -> GradientView | None:
    """The test of the gradients; None where nothing has one."""
    if not any(tensor.floating for tensor in program.outputs.values()):
        return None
    requests, parameters = tuple(gradient_requests(program)), gradient_parameters(program)
    if not requests and not parameters:
        return None
    names = ", ".join(program.inputs)
    leaves = f"({names}, *parameters.values())" if parameters else f"({names},)"
    return GradientView(requests, parameters, tuple(compute_lines(program, bool(parameters))), leaves)


def compute_lines(program: Program, has_parameters: bool) -> Iterator[str]:
    """The body of a function from inputs and parameters to the result."""
    count, arguments = len(program.inputs), "tensors"
    updates = not program.forward.assigned.isdisjoint(program.buffers)
    if program.forward.draws:
        yield "torch.manual_seed(1)"
    if has_parameters:
        yield f"state = dict(zip(parameters, tensors[{count}:], strict=True))"
        arguments = f"tensors[:{count}]"
    if updates:
        yield "# Each call starts from the same buffers, which training updates."
        yield f"state {'|=' if has_parameters else '='} copy.deepcopy(dict(layer.named_buffers()))"
    functional = f"torch.func.functional_call(layer, state, {arguments})"
    call = functional if has_parameters or updates else "layer(*tensors)"
    if "inf" not in program.forward.reads:
        yield f"return {call}"
        return
    yield f"result = {call}"
    yield "# Where a value is infinite, there is no slope to compare."
    zeros = "posinf=0.0, neginf=0.0"
    if len(program.outputs) == 1:
        yield f"return torch.nan_to_num(result, {zeros})"
    else:
        yield f"return tuple(torch.nan_to_num(part, {zeros}) for part in result)"


def gradient_requests(program: Program) -> Iterator[str]:
    """Statements that ask for the gradients of the inputs that have one."""
    for name, tensor in program.inputs.items():
        if tensor.floating and tensor.gradient:
            if tensor.optional:
                yield f"if {name} is not None:"
                yield f"    {name}.requires_grad_()"
            else:
                yield f"{name}.requires_grad_()"


def gradient_parameters(program: Program) -> str:
    """The parameters whose gradient is the derivative, as an expression that gives a dict."""
    excluded = [name for name, parameter in program.parameters.items() if not parameter.gradient]
    if len(excluded) == len(program.parameters):
        return ""
    if not excluded:
        return "dict(layer.named_parameters())"
    return f"{{name: value for name, value in layer.named_parameters() if name not in {python(tuple(excluded))}}}"
