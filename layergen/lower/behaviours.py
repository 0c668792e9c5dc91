"""Tells which behaviours of ``generated/tests/behaviours.py`` a layer is held to, and what they need to know of it."""

from collections.abc import Callable, Collection, Iterator

from layergen.checked import CheckedLayer
from layergen.contracts.initial import Bounds
from layergen.contracts.rounding import Rounding
from layergen.contracts.twice import Twice
from layergen.lang import expression as ex
from layergen.lang.model import Input
from layergen.lower.cases import known
from layergen.lower.laws import formula_function
from layergen.lower.source import python
from layergen.resolve.autocast import kept_whole
from layergen.resolve.families import at_values
from layergen.resolve.program import Program


def refuses_shapes(layer: CheckedLayer) -> bool:
    """Whether the layer itself refuses inputs for their shapes."""
    return bool(layer.input_checks or layer.size_limits or layer.checked_conditions)


NARROW = ("float16", "bfloat16", "float32")
APPLIES: dict[str, Callable[[CheckedLayer], bool]] = {
    "test_accepts_an_empty_batch": lambda layer: bool(layer.transforms.empty),
    "test_accepts_channels_last": lambda layer: any(len(shape) == 4 for shape in input_shapes(layer)),
    "test_accepts_non_contiguous_inputs": lambda layer: True,
    "test_accepts_the_smallest_inputs": lambda layer: bool(layer.preconditions or layer.size_limits),
    "test_attributes": lambda layer: any(known(layer.program, case) for case in layer.cases),
    "test_autocast": lambda layer: kept_whole(layer.program.forward.statements),
    "test_compiles": lambda layer: bool(layer.transforms.traced),
    "test_copies_compute_the_same": lambda layer: True,
    "test_definition": lambda layer: bool(layer.defined.plain),
    "test_docstring_example": lambda layer: True,
    "test_dtypes": lambda layer: layer.program.owns,
    "test_evaluation_is_deterministic": lambda layer: settles(layer.program),
    "test_exports": lambda layer: layer.transforms.grown is not None,
    "test_frozen_parameters": lambda layer: layer.program.owns,
    "test_gradients": lambda layer: has_gradients(layer.program),
    "test_half_precision": lambda layer: layer.rounding is not Rounding.UNTOLD,
    "test_half_precision_of_large_inputs": lambda layer: layer.rounding is Rounding.ONCE_THROUGHOUT,
    "test_initial_values": lambda layer: layer.program.owns,
    "test_laws": lambda layer: bool(layer.program.laws),
    "test_leaves_its_inputs_alone": lambda layer: True,
    "test_loss_under_autocast": lambda layer: is_loss(layer.program),
    "test_matches_expression": lambda layer: layer.program.formula is not None and not layer.program.always_draws,
    "test_matches_torch": lambda layer: layer.program.matches is not None,
    "test_materializes_from_meta_device": lambda layer: layer.program.owns and not layer.program.kept,
    "test_output_shape_and_dtype": lambda layer: True,
    "test_penalty": lambda layer: layer.program.penalizes,
    "test_recorded_values": lambda layer: any(case.recorded for case in layer.cases),
    "test_refuses_smaller_inputs": lambda layer: bool(layer.preconditions or layer.size_limits),
    "test_rejects": lambda layer: bool(layer.rejections),
    "test_rejects_inputs_of_a_wrong_shape": refuses_shapes,
    "test_repr": lambda layer: True,
    "test_second_gradients": lambda layer: layer.transforms.twice is Twice.AGREE,
    "test_single_sample": lambda layer: layer.program.left_out is not None,
    "test_spread_of_initial_values": lambda layer: any(len(ends) > 2 for ends in bounds_of(layer)),
    "test_state_dict": lambda layer: layer.program.owns or bool(layer.program.kept),
    "test_state_is_loaded_strictly": lambda layer: layer.program.owns,
    "test_vmap": lambda layer: layer.transforms.mapped,
}


def imported_names(layer: CheckedLayer, mentioned: Collection[str]) -> Iterator[str]:
    """What the layer's test module imports of the behaviours, in the order of a sorted import.

    Args:
        layer: The layer.
        mentioned: The names in the module's code.
    """
    yield "Case"
    if layer.defined.plain:
        yield "Defined"
    if layer.transforms.empty:
        yield "Empty"
    if "Entries" in mentioned:
        yield "Entries"
    yield "Input"
    if layer.program.laws:
        yield "Law"
    yield "Layer"
    if layer.preconditions or layer.size_limits:
        yield "Limit"
    if layer.rejections or refuses_shapes(layer):
        yield "Refusal"
    if layer.transforms.grown:
        yield "Resized"
    yield from (name for name in ("member_of", "members_of") if name in mentioned)
    yield from (name for name, applies in APPLIES.items() if applies(layer))


def layer_expression(layer: CheckedLayer) -> str:
    """The description of a layer that its behaviours go by."""
    program = layer.program
    parts = {name: "Input(value=True)" if name in program.values else "" for name in program.taken}
    parts |= {name: input_expression(program.inputs[name]) for name in program.taken if name in program.inputs}
    inputs = ", ".join(f"{python(name)}: {text}" for name, text in parts.items())
    return f"Layer({', '.join([program.layer, f'inputs={{{inputs}}}', *traits(layer)])})"


def input_expression(tensor: Input) -> str:
    parts = [f"torch.{tensor.dtype}"] if tensor.dtype else []
    if tensor.floating and not tensor.gradient:
        parts.append("gradient=False")
    if tensor.distinct:
        parts.append(f"distinct={len(tensor.distinct)}")
    return f"Input({', '.join(parts)})"


def traits(layer: CheckedLayer) -> Iterator[str]:
    """The arguments of a description that differ from what holds for most layers."""
    program = layer.program
    if program.kept:
        tensors = (f"{python(name)}: {input_expression(part)}" for name, part in program.kept.items())
        yield f"tensors={{{', '.join(tensors)}}}"
    dtypes = [f"{python(name)}: torch.{tensor.dtype}" for name, tensor in program.outputs.items() if tensor.dtype]
    if dtypes:
        yield f"dtypes={{{', '.join(dtypes)}}}"
    if not program.takes_dtype:
        yield "takes_dtype=False"
    flags = {
        "modes": program.asks_mode,
        "random": program.draws,
        "updates": program.updates,
        "infinite": program.infinite,
        "narrow": program.narrow,
        "rounds_once": layer.rounding in (Rounding.ONCE, Rounding.ONCE_THROUGHOUT),
    }
    yield from (f"{name}=True" for name, holds in flags.items() if holds)
    owned = [at_values(program, case.setting.values).parameters for case in layer.cases]
    unmeasured = tuple(dict.fromkeys(name for own in owned for name, part in own.items() if not part.gradient))
    if unmeasured:
        yield f"unmeasured={python(unmeasured)}"
    if layer.defined.plain:
        yield "definition=definition"
    if program.formula is not None and not program.always_draws:
        yield f"expression={formula_function(program, program.formula)}"
    if program.matches is not None:
        yield "reference=reference"
        items = [ex.show(item) for item in program.matches.inputs or ()]
        if items and items != list(program.call):
            called = f"({', '.join(items)}{',' if len(items) == 1 else ''})"
            yield f"reference_inputs=lambda {', '.join(program.call)}: {called}"


def bounds_of(layer: CheckedLayer) -> Iterator[Bounds]:
    """What is known of the initial values of a layer, at all of its cases."""
    return (ends for case in layer.cases for ends in case.bounds.values())


def input_shapes(layer: CheckedLayer) -> Iterator[tuple[int, ...]]:
    """The shapes of the inputs, at all cases."""
    return (tuple(tensor.shape) for case in layer.cases for tensor in case.inputs.values() if tensor is not None)


def has_gradients(program: Program) -> bool:
    """Whether there is a gradient to compare with a measured slope."""
    measured = any(tensor.floating and tensor.gradient for tensor in program.inputs.values())
    measured = measured or any(parameter.gradient for parameter in program.parameters.values())
    measured = measured or any(has_gradients(child.program) for child in program.children.values())
    dtypes = [part.dtype for part in (*program.inputs.values(), *program.outputs.values())]
    dtypes += [part.dtype for part in program.parameters.values()]
    measured = measured and not any(dtype in NARROW for dtype in dtypes)  # slopes are measured in float64
    return measured and any(tensor.floating for tensor in program.outputs.values())


def is_loss(program: Program) -> bool:
    """Whether each output has the dtype that losses have."""
    found = (part for part in program.forward.statements if isinstance(part, ex.Assign))
    values = {target.id: part.value for part in found for target in part.targets}
    last = [values.get(name) for name in program.outputs]
    return all(isinstance(value, ex.Call) and value.function == "loss_as" for value in last)


def settles(program: Program) -> bool:
    """Whether a layer draws random numbers in training alone."""
    return program.draws and program.random == "training"
