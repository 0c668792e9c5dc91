"""Which behaviours of ``generated/tests/behaviours.py`` a layer is held to, and why it is not held to the others."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from layergen.checked import CheckedLayer
from layergen.contracts.autocast import is_loss
from layergen.lang import expression as ex
from layergen.lang.argument_types import ANY
from layergen.lower.cases import known
from layergen.lower.initial import refilled
from layergen.lower.unseen import causal_along, independent_in, masks, may_mark_nothing, strict_at
from layergen.measure.rounding import Rounding
from layergen.measure.twice import Twice
from layergen.probe.initial import Bounds
from layergen.resolve.autocast import kept_whole
from layergen.resolve.program import Program
from layergen.resolve.scope import scoped
from layergen.resolve.surrogates import told_surrogates


@dataclass(frozen=True)
class Behaviour:
    """A test that many layers are held to.

    Attributes:
        applies: Whether a layer is held to it.
        otherwise: Why another one is not.
    """

    applies: Callable[[CheckedLayer], bool]
    otherwise: str = ""


def refuses_shapes(layer: CheckedLayer) -> bool:
    """Whether the layer itself refuses inputs for their shapes."""
    return bool(layer.input_checks or layer.checked_constraints or layer.checked_conditions)


TOLD = ("laws", "matches", "repr")  # sections that say what a layer does, and change nothing
NARROW = ("float16", "bfloat16", "float32")
ALWAYS = Behaviour(lambda layer: True)
BEHAVIOURS = {
    "test_accepts": Behaviour(
        lambda layer: bool(layer.acceptances),
        "no constraint on arguments has an edge that no case is at",
    ),
    "test_accepts_an_empty_batch": Behaviour(
        lambda layer: bool(layer.measured.transforms.empty),
        "no dimension is the batch, torch refuses one without samples, or what comes of it is not finite",
    ),
    "test_accepts_channels_last": Behaviour(
        lambda layer: any(len(shape) == 4 for shape in input_shapes(layer)),
        "no input has four dimensions",
    ),
    "test_accepts_non_contiguous_inputs": ALWAYS,
    "test_accepts_the_smallest_inputs": Behaviour(
        lambda layer: bool(layer.preconditions or layer.size_limits),
        "no size has a least one",
    ),
    "test_attributes": Behaviour(
        lambda layer: any(known(layer.program, case) for case in layer.tested),
        "nothing is computed of the arguments for others to read",
    ),
    "test_autocast": Behaviour(
        lambda layer: kept_whole(layer.program.forward.statements),
        "it has no products, or not all statements with some are kept from autocast",
    ),
    "test_compiles": Behaviour(
        lambda layer: bool(layer.measured.transforms.traced),
        "a step has to look at data, or the layer is too large at all settings",
    ),
    "test_copies_compute_the_same": ALWAYS,
    "test_definition": Behaviour(
        lambda layer: bool(layer.defined.plain),
        "it has no definition, or none that plain Python computes in time",
    ),
    "test_docstring_example": ALWAYS,
    "test_draws_follow_the_definition": Behaviour(
        lambda layer: bool(layer.defined.drawn),
        "its definition draws no random numbers, or takes too long",
    ),
    "test_dtypes": Behaviour(
        lambda layer: layer.program.owns,
        "it has no parameters and no buffers",
    ),
    "test_evaluation_is_deterministic": Behaviour(
        lambda layer: settles(layer.program),
        "evaluation is not told from training, or is random",
    ),
    "test_evaluation_leaves_no_trace": Behaviour(
        lambda layer: layer.program.asks_mode,
        "evaluation is not told from training",
    ),
    "test_exports": Behaviour(
        lambda layer: layer.measured.transforms.grown is not None,
        "no two sizes were found at which its shapes are proven and torch traces it",
    ),
    "test_forward_mode_derivatives": Behaviour(
        lambda layer: layer.measured.transforms.forwards,
        "no output depends on a tensor by a slope, or torch has no forward derivative of an op",
    ),
    "test_frozen_parameters": Behaviour(
        lambda layer: layer.program.owns,
        "it has no parameters and no buffers",
    ),
    "test_gradients": Behaviour(
        lambda layer: has_gradients(layer.program),
        "no output depends on a tensor by a slope that could be measured",
    ),
    "test_gradients_of_long_inputs": Behaviour(
        lambda layer: bool(layer.measured.lengthened) and has_gradients(layer.program) and not layer.program.narrow,
        "it neither steps nor counts along a dimension that can be long, or has no slope that could be measured",
    ),
    "test_half_precision": Behaviour(
        lambda layer: layer.measured.rounding is not Rounding.UNTOLD,
        "in half precision its values leap, are random, or are further off than rounding explains",
    ),
    "test_half_precision_at_any_size": Behaviour(
        lambda layer: layer.measured.any_size,
        "it has tensors of its own or inputs that are not free, or something overflows in between",
    ),
    "test_half_precision_of_large_inputs": Behaviour(
        lambda layer: layer.measured.rounding is Rounding.ONCE_THROUGHOUT,
        "outputs are rounded more than once, or not held at such inputs",
    ),
    "test_half_precision_of_long_inputs": Behaviour(
        lambda layer: any(longer.units for longer in layer.measured.lengthened),
        "it casts nothing to a wider dtype, neither steps nor counts along a dimension, or is far off at a long one",
    ),
    "test_hands_on_nan": Behaviour(
        lambda layer: bool(layer.measured.unknown),
        "no input makes all of an output NaN",
    ),
    "test_initial_values": Behaviour(
        lambda layer: layer.program.owns,
        "it has no parameters and no buffers",
    ),
    "test_initial_values_follow_the_definition": Behaviour(
        lambda layer: bool(layer.defined.starts),
        "its definition tells no initial values",
    ),
    "test_is_causal": Behaviour(
        lambda layer: len(causal_along(layer)) == 1,
        "it says of no dimension alone that it is causal",
    ),
    "test_is_causal_in_half_precision": Behaviour(
        lambda layer: any(longer.causal for longer in layer.measured.lengthened),
        "it does not count positions along a dimension that is causal and may be long, or is not so in bfloat16",
    ),
    "test_is_causal_row_by_row": Behaviour(
        lambda layer: len(causal_along(layer)) > 1,
        "it says of no dimensions together that it is causal along them",
    ),
    "test_is_strictly_causal": Behaviour(
        lambda layer: bool(strict_at(layer)),
        "it does not say that it is strictly causal",
    ),
    "test_jacrev": Behaviour(
        lambda layer: layer.measured.transforms.jacobian,
        "no output has a slope in evaluation, or `vmap` has no rule for the derivative of an op",
    ),
    "test_later_calls_leave_gradients_alone": Behaviour(
        lambda layer: layer.program.updates,
        "it updates no buffers",
    ),
    "test_laws": Behaviour(
        lambda layer: bool(layer.program.laws),
        "it has no laws",
    ),
    "test_leaves_its_inputs_alone": ALWAYS,
    "test_loads_into_empty_memory": Behaviour(
        lambda layer: layer.program.owns and not layer.program.kept and loads_whole(layer.program),
        "it has no tensors of its own, the caller gives them, or one that is not saved starts at random",
    ),
    "test_loss_under_autocast": Behaviour(
        lambda layer: is_loss(layer.program),
        "its outputs are no losses by `loss_as`",
    ),
    "test_masks_may_mark_all_or_nothing": Behaviour(
        may_mark_nothing,
        "no input says what it marks",
    ),
    "test_matches_expression": Behaviour(
        lambda layer: layer.program.formula is not None and not layer.program.always_draws,
        "it matches no expression, or its values are random",
    ),
    "test_matches_torch": Behaviour(
        lambda layer: layer.program.matches is not None,
        "it matches no module",
    ),
    "test_materializes_from_meta_device": Behaviour(
        lambda layer: layer.program.owns and not layer.program.kept,
        "it has no tensors of its own, or the caller gives them",
    ),
    "test_near_float64": Behaviour(
        lambda layer: bool(layer.measured.narrowed),
        "it is large, starts at random integers, or all of its products are of what was upcast",
    ),
    "test_output_shape_and_dtype": ALWAYS,
    "test_output_shapes_at_other_sizes": Behaviour(
        lambda layer: layer.measured.transforms.grown is not None,
        "no two sizes were found at which its shapes are proven and torch traces it",
    ),
    "test_penalty": Behaviour(
        lambda layer: layer.program.penalizes,
        "it has no penalty",
    ),
    "test_penalty_follows_the_definition": Behaviour(
        lambda layer: bool(layer.defined.penalties),
        "its definition tells no penalty",
    ),
    "test_recorded_values": Behaviour(
        lambda layer: any(case.recorded for case in layer.tested),
        "it is large, or starts at random integers",
    ),
    "test_refuses_smaller_inputs": Behaviour(
        lambda layer: bool(layer.preconditions or layer.size_limits),
        "no size has a least one",
    ),
    "test_rejects": Behaviour(
        lambda layer: bool(layer.rejections or too_long(layer)),
        "no arguments are refused",
    ),
    "test_rejects_inputs_of_a_wrong_shape": Behaviour(
        refuses_shapes,
        "torch itself refuses each wrong shape",
    ),
    "test_repr": ALWAYS,
    "test_runs_on_another_device": Behaviour(
        lambda layer: layer.measured.transforms.abstract,
        "a step has to look at data",
    ),
    "test_samples_are_independent": Behaviour(
        lambda layer: independent_in(layer) == {*layer.program.modes},
        "samples may see each other, or no output has samples",
    ),
    "test_samples_are_independent_in_evaluation": Behaviour(
        lambda layer: independent_in(layer) == {False} and layer.program.asks_mode,
        "samples are independent in each mode, or in none",
    ),
    "test_second_gradients": Behaviour(
        lambda layer: layer.measured.transforms.twice is Twice.AGREE,
        "its gradients are linear, torch has no second derivative of an op, or they could not be measured",
    ),
    "test_signatures": ALWAYS,
    "test_single_sample": Behaviour(
        lambda layer: layer.program.left_out is not None,
        "no dimension may be left out",
    ),
    "test_spread_of_initial_values": Behaviour(
        lambda layer: any(len(ends) > 2 for ends in bounds_of(layer)),
        "no initial value is drawn from a law whose spread is known",
    ),
    "test_state_dict": Behaviour(
        lambda layer: layer.program.owns or bool(layer.program.kept),
        "it has no parameters and no buffers",
    ),
    "test_state_is_loaded_strictly": Behaviour(
        lambda layer: layer.program.owns,
        "it has no parameters and no buffers",
    ),
    "test_surrogate_gradients": Behaviour(
        lambda layer: bool(told_surrogates(layer.program)) and not layer.program.always_draws,
        "it matches no expression that tells a gradient which is no derivative",
    ),
    "test_takes_functions": Behaviour(
        lambda layer: bool(functions_by_name(layer.program)),
        "no argument is a function, or more than what it computes goes by its name",
    ),
    "test_takes_the_tensors_of_a_state": Behaviour(
        lambda layer: layer.program.owns,
        "it has no parameters and no buffers",
    ),
    "test_training_lowers_a_loss": Behaviour(
        lambda layer: has_slopes(layer.program) and any(case.trained for case in layer.tested),
        "no parameter is trained of which an output has a slope that could be measured",
    ),
    "test_unmarked_positions_have_no_effect": Behaviour(
        lambda layer: any(masks(layer)),
        "no input says what it marks",
    ),
    "test_values_at_bounds": Behaviour(
        lambda layer: bool(layer.measured.at_bounds),
        "no bound or constraint lets it be at a limit at which no other case is",
    ),
    "test_values_at_edges": Behaviour(
        lambda layer: bool(layer.measured.at_edges),
        "nothing tells its values or its inputs apart, or it cannot be said on which side of a number these are",
    ),
    "test_values_at_extremes": Behaviour(
        lambda layer: bool(layer.measured.extremes),
        "its floating inputs have ranges, it is large, or what comes of extreme inputs is not finite or leaps",
    ),
    "test_vmap": Behaviour(
        lambda layer: layer.measured.transforms.mapped,
        "`vmap` has no rule for an op, its values are random, or evaluation updates a buffer",
    ),
    "test_writes_to_its_inputs": Behaviour(
        lambda layer: any(case.written for case in layer.tested),
        "no input says that it is written",
    ),
}


def left_out(layer: CheckedLayer) -> Iterator[tuple[str, str]]:
    """The behaviours that a layer is not held to, each with the reason."""
    for name, behaviour in BEHAVIOURS.items():
        if not behaviour.applies(layer):
            yield name, behaviour.otherwise


def too_long(layer: CheckedLayer) -> dict[str, dict[str, Any]]:
    """What the constructor is given where a list has an entry more than its argument, by each that is counted."""
    counted = [name for name in layer.program.arguments if name in layer.program.decided and _is_counted(layer, name)]
    settings = [case.setting for case in layer.cases]
    found = {name: next((each for each in settings if isinstance(each.values[name], tuple)), None) for name in counted}
    return {
        name: {**setting.given, name: [*setting.values[name], setting.values[name][-1]]}
        for name, setting in found.items()
        if setting is not None
    }


def _is_counted(layer: CheckedLayer, name: str) -> bool:
    type = layer.program.arguments[name].type
    return type.listed and type.count != ANY


def bounds_of(layer: CheckedLayer) -> Iterator[Bounds]:
    """What is known of the initial values of a layer, at all of its cases."""
    return (ends for case in layer.tested for ends in case.bounds.values())


def input_shapes(layer: CheckedLayer) -> Iterator[tuple[int, ...]]:
    """The shapes of the inputs, at all cases."""
    return (tuple(tensor.shape) for case in layer.tested for tensor in case.inputs.values() if tensor is not None)


def functions_by_name(program: Program) -> dict[str, str]:
    """The arguments that are functions, whose names nothing but the choice of what is called goes by.

    Returns:
        Of each a choice, another one than the default if there is one.
    """
    found: dict[str, str] = {}
    for name, argument in program.arguments.items():
        if argument.type.callable and not _is_asked_for(program, name):
            usual = argument.default.value if isinstance(argument.default, ex.Literal) else None
            choices = [str(choice) for choice in argument.choices or ()]
            found[name] = next((choice for choice in choices if choice != usual), choices[0])
    return found


def _is_asked_for(program: Program, function: str) -> bool:
    """Whether something depends on the name by which a function is chosen."""
    nodes = (node for part in scoped(program) if part.path[0] not in TOLD for node in ex.walk(part.expression))
    return any(isinstance(node, ex.Compare) and function in ex.names(node) for node in nodes)


def loads_whole(program: Program) -> bool:
    """Whether all its tensors are those that were saved, once a state is loaded."""
    hidden = {name for name, buffer in program.buffers.items() if not buffer.persistent}
    inner = [child.program for member in program.members.values() for child in member.children]
    return hidden <= {*refilled(program)} and all(map(loads_whole, inner))


def has_gradients(program: Program) -> bool:
    """Whether there is a gradient to compare with a measured slope."""
    measured = any(tensor.floating and tensor.gradient for tensor in program.inputs.values())
    measured = measured or any(parameter.gradient for parameter in program.parameters.values())
    behind = [child for member in program.members.values() if member.gradient for child in member.children]
    measured = measured or any(has_gradients(child.program) for child in behind)
    return measured and has_slopes(program)


def has_slopes(program: Program) -> bool:
    """Whether outputs have slopes that can be measured, in float64."""
    dtypes = [part.dtype for part in (*program.inputs.values(), *program.outputs.values())]
    dtypes += [part.dtype for part in program.parameters.values()]
    return not any(dtype in NARROW for dtype in dtypes) and any(tensor.floating for tensor in program.outputs.values())


def settles(program: Program) -> bool:
    """Whether a layer draws random numbers in training alone."""
    return program.draws and program.random == "training"
