"""The rules of names that are taken: shadowed and reserved ones."""

from typing import Any

import pytest
import torch
from name_findings import codes, findings, only, reports
from small import DIM, FLAG, forward_lines, program

from layergen.lower import imports, testing
from layergen.resolve.reserved import MODULE_ATTRIBUTES, PRIVATE_ATTRIBUTES

# LG203 shadowed-name


@pytest.mark.parametrize(
    ("parts", "place", "message"),
    [
        ({"arguments": {"x": DIM}}, "inputs.x", "`x` is an argument already"),
        ({"arguments": {"y": DIM}}, "outputs.y", "`y` is an argument already"),
        ({"derived": {"x": "1"}}, "inputs.x", "`x` is a derived name already"),
        ({"buffers": {"y": {"shape": [2], "init": "ones"}}}, "outputs.y", "`y` is a buffer already"),
        ({"parameters": {"x": {"shape": [2], "init": "ones"}}}, "inputs.x", "`x` is a parameter already"),
        ({"inputs": {"x": ["N", "C"], "C": ["N"]}}, "inputs.x.shape[1]", "dimension `C` has the name of an input"),
    ],
)
def test_a_name_stands_for_one_thing(parts: dict[str, Any], place: str, message: str) -> None:
    found = [(f.place.pointer(), f.message) for f in findings(**parts) if f.rule.code == "LG203"]
    assert found == [(place, message)]


def test_the_first_declaration_is_marked_too() -> None:
    (finding,) = [f for f in findings(arguments={"x": DIM}) if f.rule.code == "LG203"]
    assert finding.place.key
    (label,) = finding.labels
    assert (label.place.path, label.place.key, label.text) == (("arguments", "x"), True, "first declared here")


@pytest.mark.parametrize("when", ["bias", "affine and bias", "bias and affine and affine"])
def test_a_flag_may_share_its_name_with_the_parameter_that_it_switches(when: str) -> None:
    parameters = {
        "bias": {"shape": [2], "init": "zeros", "when": when},
        "w": {"shape": [2], "init": "ones", "when": "affine"},
    }
    forward = "y = x * w if bias is None else x + bias"
    assert not findings(forward, arguments={"affine": FLAG, "bias": FLAG}, parameters=parameters)


@pytest.mark.parametrize("when", [None, "not bias", "bias or affine"])
def test_other_conditions_share_no_name(when: str | None) -> None:
    parameters = {
        "bias": {"shape": [2], "init": "zeros", "when": when},
        "w": {"shape": [2], "init": "ones", "when": "bias and affine"},
    }
    assert codes("y = x * w + bias", arguments={"affine": FLAG, "bias": FLAG}, parameters=parameters) == ["LG203"]


def test_only_a_bool_may_share_its_name() -> None:
    arguments = {"bias": {"type": "float", "doc": "Offset."}}
    parameters = {"bias": {"shape": [2], "init": "zeros", "when": "bias"}}
    assert codes("y = x + bias", arguments=arguments, parameters=parameters) == ["LG203"]


def test_an_output_may_have_the_name_of_the_input_that_it_updates() -> None:
    parts = {"inputs": {"x": ["N"], "h": ["N"]}, "outputs": {"h": ["N"]}}
    assert not findings("h = h + x", **parts)
    assert reports("_ = h + x", **parts) == [("LG210", "outputs.h", "output `h` is never assigned")]


@pytest.mark.parametrize(
    ("forward", "message"),
    [
        ("w = w / 2\ny = x * w * a * b", "`w` is a parameter, which keeps its value"),
        ("a = 2\ny = x * w * a * b", "`a` is an argument, which keeps its value"),
        ("y = x * w * a * b\nif training: b = 2", "`b` is a derived name, which keeps its value"),
        ("N, h = f(x)\ny = h * w * a * b", "`N` is a dimension, which keeps its value"),
    ],
)
def test_a_forward_does_not_assign_what_is_given(forward: str, message: str) -> None:
    finding = only(
        forward, arguments={"a": DIM}, derived={"b": "a + 1"}, parameters={"w": {"shape": ["a"], "init": "ones"}}
    )
    assert (finding.rule.code, finding.place.path, finding.message) == ("LG203", ("forward",), message)


def test_inputs_locals_and_buffers_may_be_assigned() -> None:
    buffers = {"mean": {"shape": [2], "init": "zeros"}}
    assert not findings("x = x * 2\nh = x\nh = h + mean\nmean = h\ny = h", buffers=buffers)


# LG204 reserved-name


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("lambda", "it is a keyword of Python"),
        ("None", "it is a keyword of Python"),
        ("max", "generated code needs it"),
        ("ValueError", "generated code needs it"),
        ("self", "generated code needs it"),
        ("torch", "generated code needs it"),
        ("dtype", "generated code needs it"),
        ("pi", "it is a constant of the language"),
        ("float32", "it is a constant of the language"),
        ("training", "it is a constant of the language"),
        ("true", "it is a value of YAML"),
        ("_hidden", "it begins with an underscore"),
        ("_", "it begins with an underscore"),
        ("a__b", "it has two underscores in a row"),
        ("two words", "it is not made of letters, digits and underscores"),
        ("2d", "it is not made of letters, digits and underscores"),
        ("größe", "it is not made of letters, digits and underscores"),
        ("", "it is not made of letters, digits and underscores"),
        ("x\n", "it is not made of letters, digits and underscores"),
    ],
)
@pytest.mark.parametrize("section", ["arguments", "inputs"])
def test_names_that_mean_something_else(section: str, name: str, reason: str) -> None:
    declared = {"arguments": {name: DIM}} if section == "arguments" else {"inputs": {"x": ["N", "C"], name: ["N"]}}
    found = [finding for finding in findings(**declared) if finding.rule.code == "LG204"]
    assert [(f.place.path, f.place.key, f.message) for f in found] == [
        ((section, name), True, f"`{name}` cannot be a name: {reason}")
    ]


@pytest.mark.parametrize("section", ["arguments", "parameters", "buffers", "derived"])  # shown as an attribute
@pytest.mark.parametrize("name", ["type", "to", "train", "half", "forward", "state_dict", "reset_parameters"])
def test_attributes_cannot_have_the_name_of_a_modules_own(section: str, name: str) -> None:
    declared = {"arguments": DIM, "derived": "1"}.get(section, {"shape": [2], "init": "ones"})
    shown = {"repr": [name]} if section == "derived" else {}
    finding = only(f"y = x * {name}", **{section: {name: declared}}, **shown)
    assert finding.rule.code == "LG204"
    assert finding.message == f"`{name}` cannot be a name: every module has an attribute of this name"
    assert finding.help == f"choose another name, such as `{name}_`"


@pytest.mark.parametrize("name", ["type", "to", "half", "state_dict"])
def test_a_derived_value_that_is_not_shown_is_a_private_attribute(name: str) -> None:
    layer = {"arguments": {"dim": DIM}, "derived": {name: "2 * dim"}}
    assert not findings(f"y = x * {name}", **layer)
    assert f"self._{name}" in "\n".join(forward_lines(program(f"y = x * {name}", **layer)))


@pytest.mark.parametrize("name", ["type", "half", "input", "match", "mean", "value"])
def test_inputs_and_locals_may_have_names_that_are_free(name: str) -> None:
    assert not findings(f"{name} = x\ny = {name}")
    assert not findings(f"y = {name}", inputs={name: ["N", "C"]})


def test_dimensions_and_locals_are_checked_where_they_first_stand() -> None:
    dimension = only("y = x", inputs={"x": ["N", "len"]}, outputs={"y": ["N", "len"]})
    assert (dimension.rule.code, dimension.place.pointer(), dimension.place.span) == (
        "LG204",
        "inputs.x.shape[1]",
        (0, 3),
    )
    local = only("max = x\nmax = max + 1\ny = max")
    assert (local.rule.code, local.place.pointer(), local.place.span) == ("LG204", "forward", (0, 3))


def test_a_local_may_have_the_name_by_which_laws_call_the_layer() -> None:
    assert not findings("layer = 2 * x\ny = layer")
    assert codes(inputs={"layer": ["N", "C"]}, forward="y = layer") == ["LG204"]


def test_the_mode_cannot_be_assigned() -> None:
    assert codes("training = x\ny = x") == ["LG204"]


@pytest.mark.parametrize("name", ["rms_norm", "RMS_Norm", "rmsNorm", "2DConv", "", "Größe", "A B", "_Norm", "A\n"])
def test_a_layers_name_is_in_cap_words(name: str) -> None:
    finding = only(layer=name)
    assert (finding.rule.code, finding.place.path) == ("LG204", ("layer",))
    assert finding.message.endswith("it is not in CapWords")


@pytest.mark.parametrize("name", ["Module", "Tensor", "Parameter", "True", "None", "ValueError", "F"])
def test_a_layers_name_is_its_own(name: str) -> None:
    assert only(layer=name).message.endswith("Python, torch or generated code has it already")


@pytest.mark.parametrize("name", sorted(filter(str.istitle, {*imports.IMPORTS, *testing.IMPORTS})))
def test_a_layer_is_not_called_as_what_its_files_import(name: str) -> None:
    assert only(layer=name).message.endswith("Python, torch or generated code has it already")


@pytest.mark.parametrize("name", ["RMSNorm", "GRUCell", "Conv2d", "GeMPool2d", "Linear", "SequenceNorm", "AnyGate"])
def test_usual_names_of_layers(name: str) -> None:
    assert not findings(layer=name)


def test_the_attributes_of_modules_are_all_reserved() -> None:
    public = {name for name in dir(torch.nn.Module()) if not name.startswith("_")}
    assert public <= MODULE_ATTRIBUTES
    private = {name[1:] for name in dir(torch.nn.Module()) if name.startswith("_") and not name.startswith("__")}
    assert private <= PRIVATE_ATTRIBUTES


def test_a_derived_value_cannot_hide_a_private_attribute_of_modules() -> None:
    found = only("y = x * version", arguments={"dim": DIM}, derived={"version": "2 * dim"})
    assert found.message == "`version` cannot be a name: every module has a private attribute of this name"
    assert not findings("y = x * version", arguments={"version": DIM})


@pytest.mark.parametrize("name", ["F", "init"])
def test_names_of_imports_are_free(name: str) -> None:
    assert not findings(f"y = x * {name}", arguments={name: DIM})
    assert not findings(f"{name} = x\ny = {name}")
    assert not findings(f"y = x * {name}", inputs={"x": ["N", name]}, outputs={"y": ["N", name]})


@pytest.mark.parametrize("name", ["case", "expected", "result", "copy"])
def test_inputs_may_have_names_that_tests_use(name: str) -> None:
    assert not findings(f"y = {name}", inputs={name: ["N", "C"]})
