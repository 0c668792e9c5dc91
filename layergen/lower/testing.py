"""Assembles the view of a layer's test module.

Expected values are told from the spec and from the build's own trial of it, never from the generated layer.
"""

from collections.abc import Iterator, Mapping

from layergen.checked import CheckedCase, CheckedLayer
from layergen.lang import expression as ex
from layergen.lang.bounds import requirement
from layergen.lang.dtypes import COMPLEX, FLOATING
from layergen.lang.interpreter import Interpreter
from layergen.lang.model import Input
from layergen.lower.constructor import argument_signature, constraint_message, takes_dtype
from layergen.lower.docs import shape_text
from layergen.lower.forward import demanded_name
from layergen.lower.gradients import gradient_view
from layergen.lower.representation import expected_repr
from layergen.lower.sizes import size_message
from layergen.lower.source import SourcePrinter, broken, python, quoted
from layergen.lower.views import CaseView, LimitView, OutputView, ReferenceView, RejectionView, SizeLimitView, TestView
from layergen.prove.input_checks import InputCheck
from layergen.resolve.program import Program
from layergen.run.trial import TensorFacts
from layergen.settings.choice import Setting
from layergen.settings.rejections import Rejection


def test_view(layer: CheckedLayer, origin: str, module: str) -> TestView:
    """Lower a layer to the view of its tests."""
    program = layer.program
    package, stem = module.rsplit(".", 1)
    names = list(program.inputs)
    return TestView(
        origin=origin,
        module=module,
        package=package,
        stem=stem,
        name=program.layer,
        standard_imports=standard_imports(program),
        case_fields=tuple(case_fields(program)),
        cases=tuple(case_view(program, case) for case in layer.cases),
        construct=construct(program, "dtype=dtype" if takes_dtype(program) else ""),
        takes_dtype=takes_dtype(program),
        construct_plain=construct(program, ""),
        construct_meta=construct(program, 'device="meta"') if program.tensors else "",
        randomizes=any(tensor.dtype is None or tensor.dtype in FLOATING for tensor in program.tensors.values()),
        inputs=f"({', '.join(input_lines(program))}{',' if len(names) == 1 else ''})",
        input_types=", ".join(f"Tensor{' | None' if tensor.optional else ''}" for tensor in program.inputs.values()),
        input_targets=f"({names[0]},)" if len(names) == 1 else ", ".join(names),
        input_names=", ".join(names),
        striding=tuple(striding(program)),
        outputs=tuple(output_views(program)),
        modes="training" in program.forward.reads,
        random=program.forward.draws,
        settles=program.forward.draws and program.random == "training",
        reference=reference_view(program),
        gradients=gradient_view(program),
        arguments=bool(program.arguments),
        rejections=tuple(rejection_view(program, rejection) for rejection in layer.rejections),
        wrong_shapes=tuple(wrong_shapes(layer)),
        limits=tuple(limits(layer)),
        size_limits=tuple(size_limits(layer)),
    )


def standard_imports(program: Program) -> tuple[str, ...]:
    sizes = [argument.type for argument in program.arguments.values()]
    collections = "Callable, Sequence" if program.matches and "ints" in sizes else "Callable"
    modules = ("import copy", "import doctest", "import io", *needed_math(program), "import pickle")
    typing = (
        "Any, NamedTuple" if program.arguments or program.size_constraints or gradient_view(program) else "NamedTuple"
    )
    return (*modules, f"from collections.abc import {collections}", f"from typing import {typing}")


def needed_math(program: Program) -> tuple[str, ...]:
    """The import of math, where the module to match is made with it."""
    reference = reference_view(program)
    lines = (*reference.signature, *reference.body) if reference else ()
    return ("import math",) if any("math." in line for line in lines) else ()


def construct(program: Program, keyword: str) -> str:
    """The call that makes a layer of a case."""
    parts = ["**case.arguments"] if program.arguments else []
    return f"{program.layer}({', '.join([*parts, *([keyword] if keyword else [])])})"


def case_fields(program: Program) -> Iterator[str]:
    if program.arguments:
        yield "arguments: dict[str, Any]"
    for name, tensor in program.inputs.items():
        yield f"{name}_shape: tuple[int, ...]{' | None' if tensor.optional else ''}"
        if tensor.range is not None:
            number = "float" if tensor.floating else "int"
            yield f"{name}_range: tuple[{number}, {number}]"
    for name in program.outputs:
        yield f"{output_field(program, name)}: tuple[int, ...]"
    if program.tensors:
        yield "state: dict[str, tuple[int, ...]]"
        yield "initial: dict[str, tuple[float, float]]"
    yield "text: str"


def output_field(program: Program, name: str) -> str:
    """The field of an output's expected shape; an output may share its name with an input."""
    return f"{name}_out_shape" if name in program.inputs else f"{name}_shape"


def case_view(program: Program, case: CheckedCase) -> CaseView:
    fields = [f"arguments={python(dict(case.setting.given))}"] if program.arguments else []
    for name in program.inputs:
        facts = case.inputs[name]
        fields.append(f"{name}_shape={python(facts.shape if facts else None)}")
        if name in case.ranges:
            fields.append(f"{name}_range={python(case.ranges[name])}")
    for name, facts in case.outputs.items():
        fields.append(f"{output_field(program, name)}={python(facts.shape)}")
    if program.tensors:
        hidden = {name for name, buffer in program.buffers.items() if not buffer.persistent}
        state = {name: facts.shape for name, facts in case.state.items() if name not in hidden}
        fields.append(f"state={python(state)}")
        bounds = {name: tuple(rounded(end) for end in ends) for name, ends in case.bounds.items()}
        fields.append(f"initial={python(bounds)}")
    fields.append(f"text={broken(expected_repr(program, case.setting.values, case.state))}")
    return CaseView(case.setting.name, tuple(fields))


def rounded(number: float) -> float:
    """A number with the digits that a test can tell."""
    return number if isinstance(number, int) else float(f"{number:.6g}")


def input_lines(program: Program) -> Iterator[str]:
    """An expression for each input that makes it for a case."""
    for name, tensor in program.inputs.items():
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


def reference_view(program: Program) -> ReferenceView | None:
    """The module to match, made by a function with the layer's own arguments."""
    if program.matches is None:
        return None
    printer = SourcePrinter({})
    module, inputs = program.matches.module, program.matches.inputs
    body: list[str] = []
    for name, argument in program.arguments.items():
        if argument.computed and argument.default is not None:
            body += [f"if {name} is None:", f"    {name} = {printer.show(argument.default)}"]
    for name, expression in program.derived.items():
        if name in ex.names(module):
            body.append(f"{name} = {printer.show(expression)}")
    body.append(f"return {module.function}({printer.arguments(module)})")
    called = ", ".join(program.inputs) if inputs is None else ", ".join(ex.show(item) for item in inputs)
    return ReferenceView(tuple(argument_signature(program)), tuple(body), called)


def output_views(program: Program) -> Iterator[OutputView]:
    several = len(program.outputs) > 1
    for index, (name, tensor) in enumerate(program.outputs.items()):
        value = f"result[{index}]" if several else "result"
        yield OutputView(
            value, f"case.{output_field(program, name)}", f"torch.{tensor.dtype}" if tensor.dtype else "dtype"
        )


def striding(program: Program) -> Iterator[str]:
    """Statements that give each input the same values with other strides."""
    for name, tensor in program.inputs.items():
        strided = f"{name} = torch.stack([{name}, {name}], dim=-1)[..., 0]"
        if tensor.optional:
            yield f"if {name} is not None:"
            yield f"    {strided}"
        else:
            yield strided


def wrong_shapes(layer: CheckedLayer) -> Iterator[RejectionView]:
    """Inputs of wrong shapes, one for each check of the forward, with the message that they get."""
    program, case = layer.program, layer.cases[0]
    for check in layer.input_checks:
        shapes = dict(zip(program.inputs, check.shapes, strict=True))
        changed = {f"{name}_shape": shape for name, shape in shapes.items() if name == check.input}
        expected = {
            demanded_name(other): expected_size(case, other)
            for other in layer.input_checks
            if other.input == check.input
        }
        told = ", ".join(f"{known}={value}" for known, value in expected.items())
        shape = shape_text(program.inputs[check.input].entries)
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
        changed = broken_fields(layer.program, *condition.broken)
        yield LimitView(quoted(condition.text), case_view(layer.program, condition.kept), changed)


def size_limits(layer: CheckedLayer) -> Iterator[SizeLimitView]:
    """The constraints on sizes, with a case that only just keeps each, and one that breaks it with its message."""
    for limit in layer.size_limits:
        setting, inputs = limit.broken
        message = size_message(layer.program, limit.constraint, {**setting.values, **setting.sizes})
        case, changed = case_view(layer.program, limit.kept), broken_fields(layer.program, setting, inputs)
        yield SizeLimitView(quoted(ex.show(limit.constraint)), case, changed, broken(message))


def broken_fields(program: Program, setting: Setting, inputs: Mapping[str, TensorFacts | None]) -> str:
    """The fields of a case that breaks a condition on sizes, as a dict."""
    changed: dict[str, object] = {"arguments": dict(setting.given)} if program.arguments else {}
    changed |= {f"{name}_shape": facts.shape for name, facts in inputs.items() if facts is not None}
    return python(changed)


def rejection_view(program: Program, rejection: Rejection) -> RejectionView:
    return RejectionView(rejection.name, python(dict(rejection.given)), broken(rejection_message(program, rejection)))


def rejection_message(program: Program, rejection: Rejection) -> str:
    """The constructor's message, told from the spec's values."""
    values = rejection.values or {}
    if rejection.argument is not None:
        argument = program.arguments[rejection.argument]
        value = values[rejection.argument]
        shown = repr(value) if argument.type == "str" else str(value)
        return f"{rejection.argument} must be {requirement(argument)}, got {shown}"
    parts = constraint_message(program, program.argument_constraints[rejection.constraint])
    return "".join(part if isinstance(part, str) else field_text(part[0], values) for part in parts)


def field_text(source: str, values: object) -> str:
    """What a replacement field of a message gives: ``name``, ``self.name`` or ``name!r``."""
    name, _, conversion = source.removeprefix("self.").partition("!")
    value = dict(values)[name]  # type: ignore[call-overload]
    return repr(value) if conversion else str(value)
