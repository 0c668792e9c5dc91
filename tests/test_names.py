"""The rules of names: defined, used, distinct, allowed, assigned."""

from typing import Any

import pytest
import torch
from small import spec

from layergen.diagnostics import Finding
from layergen.resolve.names import check_names
from layergen.resolve.reserved import MODULE_ATTRIBUTES
from layergen.resolve.signature import dimensions

DIM = {"type": "int", "doc": "Size."}
FLAG = {"type": "bool", "default": True, "doc": "Whether."}
WEIGHT = {"shape": ["dim"], "init": "ones"}


def findings(forward: str = "y = x", **parts: Any) -> list[Finding]:
    return list(check_names(spec(forward, **parts)))


def reports(forward: str = "y = x", **parts: Any) -> list[tuple[str, str, str]]:
    """The code, place and message of each finding."""
    return [(f.rule.code, f.place.pointer(), f.message) for f in findings(forward, **parts)]


def codes(forward: str = "y = x", **parts: Any) -> list[str]:
    return [finding.rule.code for finding in findings(forward, **parts)]


def only(forward: str = "y = x", **parts: Any) -> Finding:
    (finding,) = findings(forward, **parts)
    return finding


def test_a_sound_layer_has_no_findings() -> None:
    assert not findings(
        "h = upcast(x)\nif training: h = h * rate\nif bias is not None: h = h + bias\ny = h * scale * weight + pi",
        arguments={"dim": DIM, "rate": {"type": "float", "doc": "Rate."}, "bias": FLAG},
        derived={"scale": "1 / sqrt(dim)", "bound": "scale * 2"},
        constraints=["dim % 2 == 0"],
        parameters={
            "weight": {"shape": ["dim"], "init": "uniform(-bound, bound)"},
            "bias": {"shape": ["dim"], "init": "zeros", "when": "bias"},
        },
        inputs={"x": ["N", "2 * N", "dim"]},
        outputs={"y": ["N", "N + N", "dim"]},
        matches={"module": "nn.Linear(dim, dim, bias=bias)", "inputs": ["x"]},
        cases=[{"dim": 4, "N": 3}],
    )


# LG201 undefined-name


def test_a_misspelled_name_gets_the_nearest_one() -> None:
    finding = only("y = x / sqrt(c)")
    assert (finding.rule.code, finding.message, finding.help) == ("LG201", "`c` is not defined", "write `C`")
    assert finding.place.path == ("forward",)
    assert finding.place.span == (13, 14)


def test_a_name_like_no_other_is_told_to_be_declared() -> None:
    assert only("y = x * temperature").help == "declare it, or assign it before"


def test_an_undefined_name_is_reported_once() -> None:
    assert codes("h = x * zeta\ny = h + zeta") == ["LG201"]


def test_functions_and_keywords_are_not_names() -> None:
    assert not findings("y = whatever(x, anything=1)")


@pytest.mark.parametrize(
    ("parts", "place", "message", "help"),
    [
        (
            {"arguments": {"a": {**DIM, "default": "dim"}, "dim": DIM}},
            "arguments.a.default",
            "`dim` is an argument, which is not known here",
            "only earlier arguments are known here",
        ),
        (
            {"arguments": {"dim": DIM}, "derived": {"a": "b + dim", "b": "1"}},
            "derived.a",
            "`b` is a derived name, which is not known here",
            "only arguments and earlier derived names are known here",
        ),
        (
            {"derived": {"a": "C // 2"}},
            "derived.a",
            "`C` is a dimension, which is not known here",
            "only arguments and earlier derived names are known here",
        ),
        (
            {"constraints": ["x > 0"]},
            "constraints[0]",
            "`x` is an input, which is not known here",
            "only arguments and derived names are known here",
        ),
        (
            {"arguments": {"dim": DIM}, "constraints": ["dmi > 0"]},
            "constraints[0]",
            "`dmi` is not defined",
            "write `dim`",
        ),
        (
            {"parameters": {"w": {"shape": [4, "C"], "init": "zeros"}}},
            "parameters.w.shape[1]",
            "`C` is a dimension, which is not known here",
            "only arguments and derived names are known here",
        ),
        (
            {"parameters": {"w": {"shape": "sizes", "init": "zeros"}}},
            "parameters.w.shape",
            "`sizes` is not defined",
            "only arguments and derived names are known here",
        ),
        (
            {"buffers": {"w": {"shape": [4], "init": "zeros", "when": "training"}}},
            "buffers.w.when",
            "`training` is the layer's mode, which is not known here",
            "only arguments and derived names are known here",
        ),
        (
            {"inputs": {"x": ["N", "C", "2 * M"]}},
            "inputs.x.shape[2]",
            "`M` is not defined",
            "only arguments and derived names, and dimensions that stand alone in an input's shape are known here",
        ),
        (
            {"outputs": {"y": ["N", "K"]}},
            "outputs.y.shape[1]",
            "`K` is not defined",
            "only arguments and derived names, and dimensions that stand alone in an input's shape are known here",
        ),
        (
            {"matches": "nn.Linear(C, C)"},
            "matches.module",
            "`C` is a dimension, which is not known here",
            "only arguments and derived names are known here",
        ),
        (
            {"matches": {"module": "nn.Tanh()", "inputs": ["(x, C)"]}},
            "matches.inputs[0]",
            "`C` is a dimension, which is not known here",
            "only inputs are known here",
        ),
    ],
)
def test_each_section_knows_its_names(parts: dict[str, Any], place: str, message: str, help: str) -> None:
    found = [finding for finding in findings(**parts) if finding.rule.code == "LG201"]
    assert [(finding.place.pointer(), finding.message, finding.help) for finding in found] == [(place, message, help)]


def test_inputs_bind_dimensions_for_each_other_and_for_ranges() -> None:
    inputs = {"t": {"shape": ["N", "C * 2"], "dtype": "int64", "range": [0, "C"]}, "x": ["N", "C"]}
    assert not findings("y = x * t", inputs=inputs)


def test_dimensions_are_the_bare_names_of_listed_shapes() -> None:
    layer = spec(
        arguments={"dim": DIM},
        derived={"half_dim": "dim // 2"},
        inputs={"x": ["...", "L", "dim", "H * 2"], "m": {"shape": ["H", "L", "half_dim"]}, "s": "[K]"},
    )
    assert list(dimensions(layer)) == ["L", "H"]


def test_inits_know_arguments_constants_and_the_fans_of_earlier_parameters() -> None:
    parts = {
        "arguments": {"dim": DIM},
        "parameters": {
            "weight": {"shape": ["dim", "dim"], "init": "arange(0, dim, dtype=float32) * pi"},
            "bias": {"shape": ["dim"], "init": "uniform(-1 / sqrt(fan_in(weight)), fan_out(weight))"},
        },
    }
    assert not findings("y = x * weight + bias", **parts)


def test_inits_do_not_know_parameters_otherwise() -> None:
    parameters = {"a": {"shape": [2, 2], "init": "constant(fan_in(b))"}, "b": {"shape": [2, 2], "init": "a / 2"}}
    assert reports("y = x * a * b", parameters=parameters) == [
        ("LG201", "parameters.a.init", "`b` is a parameter, which is not known here"),
        ("LG201", "parameters.b.init", "`a` is a parameter, which is not known here"),
    ]


@pytest.mark.parametrize("init", ["zeros", "ones()", "xavier_uniform"])
def test_a_bare_initializer_is_no_name(init: str) -> None:
    assert not findings("y = x * w", parameters={"w": {"shape": [2], "init": init}})


def test_an_unknown_initializer_is_an_undefined_name() -> None:
    assert codes("y = x * w", parameters={"w": {"shape": [2], "init": "zeroes"}}) == ["LG201"]


def test_cases_set_arguments_and_dimensions() -> None:
    finding = only("y = x * dim", arguments={"dim": DIM}, cases=[{"dim": 2, "N": 3}, {"din": 2}])
    assert (finding.place.pointer(), finding.place.key) == ("cases[1].din", True)
    assert (finding.message, finding.help) == ("`din` is neither an argument nor a dimension", "write `dim`")


# LG202 unused-name


@pytest.mark.parametrize(
    ("parts", "place", "message"),
    [
        ({"arguments": {"dim": {**DIM, "min": 1}}}, "arguments.dim", "argument `dim` has no effect"),
        ({"arguments": {"dim": DIM}, "constraints": ["dim > 2"]}, "arguments.dim", "argument `dim` has no effect"),
        ({"arguments": {"dim": DIM}, "matches": "nn.Tanh(dim)"}, "arguments.dim", "argument `dim` has no effect"),
        ({"derived": {"half_dim": "2 // 2"}}, "derived.half_dim", "derived name `half_dim` has no effect"),
        (
            {"parameters": {"w": {"shape": [2], "init": "ones"}}},
            "parameters.w",
            "parameter `w` is never read by the forward",
        ),
        ({"buffers": {"b": {"shape": [2], "init": "ones"}}}, "buffers.b", "buffer `b` is never read by the forward"),
        ({"inputs": {"x": ["N", "C"], "z": ["N"]}}, "inputs.z", "input `z` is never read by the forward"),
    ],
)
def test_declared_names_must_be_used(parts: dict[str, Any], place: str, message: str) -> None:
    assert reports(**parts) == [("LG202", place, message)]
    assert only(**parts).place.key


@pytest.mark.parametrize(
    "parts",
    [
        {"inputs": {"x": ["N", "C", "dim"]}},
        {"outputs": {"y": ["N", "dim"]}},
        {"derived": {"a": "dim + 1"}, "forward": "y = x * a"},
        {"parameters": {"w": WEIGHT}, "forward": "y = x * w"},
        {"buffers": {"w": {"shape": [2], "init": "constant(dim)"}}, "forward": "y = x * w"},
        {"forward": "y = x * dim"},
    ],
)
def test_arguments_are_used_where_they_have_an_effect(parts: dict[str, Any]) -> None:
    assert not findings(**{"arguments": {"dim": DIM}, "forward": "y = x", **parts})


def test_a_flag_is_not_used_by_the_parameter_of_its_name() -> None:
    parameters = {"bias": {"shape": [2], "init": "zeros"}}
    assert codes("y = x + bias", arguments={"bias": FLAG}, parameters=parameters) == ["LG203", "LG202"]


def test_a_buffer_that_is_only_updated_is_used() -> None:
    buffers = {"steps": {"shape": [], "init": "zeros"}}
    assert not findings("y = x\nsteps = ones(1)", buffers=buffers)


def test_dimensions_need_no_use() -> None:
    assert not findings("y = relu(x)")


def test_a_local_that_is_never_read_is_reported_once_where_it_is_first_assigned() -> None:
    finding = only("value, index = topk(x, 2)\nindex = 3\ny = value")
    assert (finding.rule.code, finding.message) == ("LG202", "`index` is assigned but never read")
    assert finding.place.span == (7, 12)


def test_an_underscore_takes_what_is_not_needed() -> None:
    assert not findings("y, _ = topk(x, 2)")
    assert codes("y, _ = topk(x, 2)\ny = y + _") == []


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
        ("init", "generated code needs it"),
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


@pytest.mark.parametrize("section", ["arguments", "parameters", "buffers", "derived"])
@pytest.mark.parametrize("name", ["type", "to", "train", "half", "forward", "state_dict", "reset_parameters"])
def test_attributes_cannot_have_the_name_of_a_modules_own(section: str, name: str) -> None:
    declared = {"arguments": DIM, "derived": "1"}.get(section, {"shape": [2], "init": "ones"})
    finding = only(f"y = x * {name}", **{section: {name: declared}})
    assert finding.rule.code == "LG204"
    assert finding.message == f"`{name}` cannot be a name: every module has an attribute of this name"
    assert finding.help == f"choose another name, such as `{name}_`"


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


@pytest.mark.parametrize("name", ["RMSNorm", "GRUCell", "Conv2d", "GeMPool2d", "Linear"])
def test_usual_names_of_layers(name: str) -> None:
    assert not findings(layer=name)


def test_the_attributes_of_modules_are_all_reserved() -> None:
    public = {name for name in dir(torch.nn.Module()) if not name.startswith("_")}
    assert public <= MODULE_ATTRIBUTES


# LG210 unassigned


def test_an_output_must_be_assigned() -> None:
    finding = only("_ = x")
    assert (finding.rule.code, finding.place.path, finding.place.key) == ("LG210", ("outputs", "y"), True)
    assert (finding.message, finding.help) == ("output `y` is never assigned", "end the forward with `y = …`")


def test_an_output_must_be_assigned_on_every_path() -> None:
    finding = only("if training:\n    y = x")
    assert finding.message == "output `y` is not assigned on every path"
    assert finding.help == "assign `y` before the `if` too, or in its `else`; conditions are not compared"
    assert [label.place.span for label in finding.labels] == [(17, 18)]


@pytest.mark.parametrize(
    "forward",
    [
        "if training:\n    y = x\nelse:\n    y = 2 * x",
        "if training: y = x\nelif N > 2: y = 2 * x\nelse: y = 3 * x",
        "y = x\nif training: y = 2 * y",
        "if training:\n    h = x\n    y = h\nelse: y = x",
    ],
)
def test_all_paths_assign(forward: str) -> None:
    assert not findings(forward)


@pytest.mark.parametrize(
    ("forward", "name"),
    [
        ("if training: h = x\ny = h", "h"),
        ("if training: h = x\nelif N > 2: h = 2 * x\ny = h", "h"),
        ("y = h\nh = x", "h"),
        ("h = h + x\ny = h", "h"),
        ("if training: h = x\nif training: y = h\nelse: y = x", "h"),
        ("if h: h = x\ny = x", "h"),
    ],
)
def test_a_local_must_be_assigned_before_it_is_read(forward: str, name: str) -> None:
    finding = next(f for f in findings(forward) if f.rule.code == "LG210")
    assert finding.message == f"`{name}` is not assigned on every path that leads here"
    assert finding.place.path == ("forward",)


def test_a_dimension_of_an_optional_input_alone_may_be_missing() -> None:
    parts: dict[str, Any] = {"inputs": {"x": ["N", "C"], "mask": {"shape": ["N", "S"], "optional": True}}}
    found = dimensions(spec(**parts))
    assert {name: dimension.optional for name, dimension in found.items()} == {"N": None, "C": None, "S": "mask"}
    finding = only("y = x * S if mask is not None else x * N", **parts)
    assert finding.message == "`S` has no value where the optional input `mask` is left out"
