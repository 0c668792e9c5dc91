"""Assembles the view of a layer's test module.

Expected values are told from the spec and from the build's own trial of it, never from the generated layer.
"""

from collections.abc import Iterator

from layergen.checked import CheckedCase, CheckedLayer
from layergen.lang import expression as ex
from layergen.lang.bounds import requirement
from layergen.lang.dtypes import COMPLEX, FLOATING
from layergen.lang.interpreter import Interpreter
from layergen.lang.model import Input, LayerSpec
from layergen.lang.visitor import mentioned
from layergen.lower.constructor import argument_signature, constraint_message, takes_dtype
from layergen.lower.docs import shape_text
from layergen.lower.forward import demanded_name
from layergen.lower.gradients import draws, gradient_view
from layergen.lower.representation import expected_repr
from layergen.lower.source import SourcePrinter, broken, python, quoted
from layergen.lower.views import CaseView, LimitView, OutputView, ReferenceView, RejectionView, TestView
from layergen.prove.input_checks import InputCheck
from layergen.resolve.name_kinds import scalar_kinds
from layergen.settings.rejections import Rejection


def test_view(layer: CheckedLayer, origin: str, module: str) -> TestView:
    """Lower a layer to the view of its tests."""
    spec = layer.spec
    package, stem = module.rsplit(".", 1)
    names = list(spec.inputs)
    return TestView(
        origin=origin,
        module=module,
        package=package,
        stem=stem,
        name=spec.layer,
        standard_imports=standard_imports(spec),
        case_fields=tuple(case_fields(spec)),
        cases=tuple(case_view(spec, case) for case in layer.cases),
        construct=construct(spec, "dtype=dtype" if takes_dtype(spec) else ""),
        takes_dtype=takes_dtype(spec),
        construct_plain=construct(spec, ""),
        construct_meta=construct(spec, 'device="meta"') if spec.tensors else "",
        randomizes=any(tensor.dtype is None or tensor.dtype in FLOATING for tensor in spec.tensors.values()),
        inputs=f"({', '.join(input_lines(spec))}{',' if len(names) == 1 else ''})",
        input_types=", ".join(f"Tensor{' | None' if tensor.optional else ''}" for tensor in spec.inputs.values()),
        input_targets=f"({names[0]},)" if len(names) == 1 else ", ".join(names),
        input_names=", ".join(names),
        striding=tuple(striding(spec)),
        outputs=tuple(output_views(spec)),
        modes="training" in mentioned(spec.forward),
        random=draws(spec),
        settles=draws(spec) and spec.random == "training",
        reference=reference_view(spec),
        gradients=gradient_view(spec),
        arguments=bool(spec.arguments),
        rejections=tuple(rejection_view(spec, rejection) for rejection in layer.rejections),
        wrong_shapes=tuple(wrong_shapes(layer)),
        limits=tuple(limits(layer)),
    )


def standard_imports(spec: LayerSpec) -> tuple[str, ...]:
    sizes = [argument.type for argument in spec.arguments.values()]
    collections = "Callable, Sequence" if spec.matches and "ints" in sizes else "Callable"
    modules = ("import copy", "import doctest", "import io", *needed_math(spec), "import pickle")
    typing = "Any, NamedTuple" if spec.arguments or gradient_view(spec) else "NamedTuple"
    return (*modules, f"from collections.abc import {collections}", f"from typing import {typing}")


def needed_math(spec: LayerSpec) -> tuple[str, ...]:
    """The import of math, where the module to match is made with it."""
    reference = reference_view(spec)
    lines = (*reference.signature, *reference.body) if reference else ()
    return ("import math",) if any("math." in line for line in lines) else ()


def construct(spec: LayerSpec, keyword: str) -> str:
    """The call that makes a layer of a case."""
    parts = ["**case.arguments"] if spec.arguments else []
    return f"{spec.layer}({', '.join([*parts, *([keyword] if keyword else [])])})"


def case_fields(spec: LayerSpec) -> Iterator[str]:
    if spec.arguments:
        yield "arguments: dict[str, Any]"
    for name, tensor in spec.inputs.items():
        yield f"{name}_shape: tuple[int, ...]{' | None' if tensor.optional else ''}"
        if tensor.range is not None:
            number = "float" if tensor.floating else "int"
            yield f"{name}_range: tuple[{number}, {number}]"
    for name in spec.outputs:
        yield f"{output_field(spec, name)}: tuple[int, ...]"
    if spec.tensors:
        yield "state: dict[str, tuple[int, ...]]"
        yield "initial: dict[str, tuple[float, float]]"
    yield "text: str"


def output_field(spec: LayerSpec, name: str) -> str:
    """The field of an output's expected shape; an output may share its name with an input."""
    return f"{name}_out_shape" if name in spec.inputs else f"{name}_shape"


def case_view(spec: LayerSpec, case: CheckedCase) -> CaseView:
    fields = [f"arguments={python(dict(case.setting.given))}"] if spec.arguments else []
    for name in spec.inputs:
        facts = case.inputs[name]
        fields.append(f"{name}_shape={python(facts.shape if facts else None)}")
        if name in case.ranges:
            fields.append(f"{name}_range={python(case.ranges[name])}")
    for name, facts in case.outputs.items():
        fields.append(f"{output_field(spec, name)}={python(facts.shape)}")
    if spec.tensors:
        hidden = {name for name, buffer in spec.buffers.items() if not buffer.persistent}
        state = {name: facts.shape for name, facts in case.state.items() if name not in hidden}
        fields.append(f"state={python(state)}")
        bounds = {name: tuple(rounded(end) for end in ends) for name, ends in case.bounds.items()}
        fields.append(f"initial={python(bounds)}")
    fields.append(f"text={broken(expected_repr(spec, case.setting.values, case.state))}")
    return CaseView(case.setting.name, tuple(fields))


def rounded(number: float) -> float:
    """A number with the digits that a test can tell."""
    return number if isinstance(number, int) else float(f"{number:.6g}")


def input_lines(spec: LayerSpec) -> Iterator[str]:
    """An expression for each input that makes it for a case."""
    for name, tensor in spec.inputs.items():
        value = random_input(name, tensor)
        yield f"None if case.{name}_shape is None else {value}" if tensor.optional else value


def random_input(name: str, tensor: Input) -> str:
    shape, ends = f"case.{name}_shape", f"case.{name}_range"
    if tensor.dtype == "bool":
        return f"torch.rand({shape}) < 0.5"
    if tensor.dtype in COMPLEX:
        return f"torch.randn({shape}, dtype=torch.{tensor.dtype})"
    if not tensor.floating:
        kind = "" if tensor.dtype == "int64" else f", dtype=torch.{tensor.dtype}"
        return f"torch.randint({ends}[0], {ends}[1], {shape}{kind})"
    dtype = f"torch.{tensor.dtype}" if tensor.dtype else "dtype"
    if tensor.range is not None:
        return f"torch.empty({shape}, dtype={dtype}).uniform_(*{ends})"
    return f"torch.randn({shape}, dtype={dtype})"


def reference_view(spec: LayerSpec) -> ReferenceView | None:
    """The module to match, made by a function with the layer's own arguments."""
    if spec.matches is None:
        return None
    printer = SourcePrinter({}, scalar_kinds(spec))
    module, inputs = spec.matches.module, spec.matches.inputs
    body: list[str] = []
    for name, argument in spec.arguments.items():
        if argument.computed and argument.default is not None:
            body += [f"if {name} is None:", f"    {name} = {printer.show(argument.default)}"]
    for name, expression in spec.derived.items():
        if name in ex.names(module):
            body.append(f"{name} = {printer.show(expression)}")
    body.append(f"return {module.function}({printer.arguments(module)})")
    called = ", ".join(spec.inputs) if inputs is None else ", ".join(ex.show(item) for item in inputs)
    return ReferenceView(tuple(argument_signature(spec)), tuple(body), called)


def output_views(spec: LayerSpec) -> Iterator[OutputView]:
    several = len(spec.outputs) > 1
    for index, (name, tensor) in enumerate(spec.outputs.items()):
        value = f"result[{index}]" if several else "result"
        yield OutputView(
            value, f"case.{output_field(spec, name)}", f"torch.{tensor.dtype}" if tensor.dtype else "dtype"
        )


def striding(spec: LayerSpec) -> Iterator[str]:
    """Statements that give each input the same values with other strides."""
    for name, tensor in spec.inputs.items():
        strided = f"{name} = torch.stack([{name}, {name}], dim=-1)[..., 0]"
        if tensor.optional:
            yield f"if {name} is not None:"
            yield f"    {strided}"
        else:
            yield strided


def wrong_shapes(layer: CheckedLayer) -> Iterator[RejectionView]:
    """Inputs of wrong shapes, one for each check of the forward, with the message that they get."""
    spec, case = layer.spec, layer.cases[0]
    for check in layer.input_checks:
        shapes = dict(zip(spec.inputs, check.shapes, strict=True))
        changed = {f"{name}_shape": shape for name, shape in shapes.items() if name == check.input}
        expected = {
            demanded_name(other): expected_size(case, other)
            for other in layer.input_checks
            if other.input == check.input
        }
        told = ", ".join(f"{known}={value}" for known, value in expected.items())
        shape = shape_text(spec.inputs[check.input].entries)
        message = f"expected {check.input} of shape {shape} with {told}, got {shapes[check.input]}"
        place = "leading" if check.demand.index is None else str(check.demand.index).replace("-", "minus_")
        name = f"{check.input}_{place}"
        yield RejectionView(name, python(changed), broken(message))


def expected_size(case: CheckedCase, check: InputCheck) -> object:
    """What a checked part of a shape is at a case."""
    if check.demand.index is None:
        return case.setting.leading
    return Interpreter({**case.setting.values, **case.setting.sizes}).evaluate(check.demand.expected)


def limits(layer: CheckedLayer) -> Iterator[LimitView]:
    """The preconditions, with a case that only just keeps each, and what differs in one that breaks it."""
    for condition in layer.preconditions:
        setting, inputs = condition.broken
        changed: dict[str, object] = {"arguments": dict(setting.given)} if layer.spec.arguments else {}
        changed |= {f"{name}_shape": facts.shape for name, facts in inputs.items() if facts is not None}
        yield LimitView(quoted(condition.text), case_view(layer.spec, condition.kept), python(changed))


def rejection_view(spec: LayerSpec, rejection: Rejection) -> RejectionView:
    return RejectionView(rejection.name, python(dict(rejection.given)), broken(rejection_message(spec, rejection)))


def rejection_message(spec: LayerSpec, rejection: Rejection) -> str:
    """The constructor's message, told from the spec's values."""
    values = rejection.values or {}
    if rejection.argument is not None:
        argument = spec.arguments[rejection.argument]
        value = values[rejection.argument]
        shown = repr(value) if argument.type == "str" else str(value)
        return f"{rejection.argument} must be {requirement(argument)}, got {shown}"
    parts = constraint_message(spec, spec.constraints[rejection.constraint])
    return "".join(part if isinstance(part, str) else field_text(part[0], values) for part in parts)


def field_text(source: str, values: object) -> str:
    """What a replacement field of a message gives: ``name``, ``self.name`` or ``name!r``."""
    name, _, conversion = source.removeprefix("self.").partition("!")
    value = dict(values)[name]  # type: ignore[call-overload]
    return repr(value) if conversion else str(value)
