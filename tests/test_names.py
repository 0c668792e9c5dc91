"""The rules of names: defined, used, distinct, allowed, assigned."""

from typing import Any

import pytest
from name_findings import WEIGHT, codes, findings, only, reports
from small import DIM, FLAG, spec

from layergen.resolve.signature import dimensions


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
            "only arguments and derived names, and dimensions that stand alone in an input's shape are known here",
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
            {"inputs": {"x": ["N", "C", "N * M"]}},
            "inputs.x.shape[2]",
            "`M` is not defined",
            "a dimension gets its size where it stands alone: give `M` an entry of its own",
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
    assert list(dimensions(layer)) == ["L", "H", "K"]


def test_inits_know_arguments_constants_and_the_fans_of_earlier_parameters() -> None:
    parts = {
        "arguments": {"dim": DIM},
        "parameters": {
            "weight": {"shape": ["dim", "dim"], "init": "arange(0, dim, dtype=float32) * pi"},
            "bias": {"shape": ["dim"], "init": "uniform(-1 / sqrt(fan_in(weight)), fan_out(weight))"},
        },
    }
    assert not findings("y = x * weight + bias", **parts)


def test_inits_know_the_other_tensors() -> None:
    parameters = {"a": {"shape": [2, 2], "init": "constant(fan_in(b))"}, "b": {"shape": [2, 2], "init": "a / 2"}}
    assert not findings("y = sum(a * b) * x", parameters=parameters)


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
    ("parts", "help"),
    [
        ({"definition": "y[n, c] = x[n, c] * 2 / twice"}, "only the definition reads it: write `twice = 2 * 2` there"),
        ({"laws": ["layer(x) == x * 2 / twice"]}, "only `laws` has it: write `2 * 2` there"),
        ({"definition": "y[n, c] = x[n, c]"}, "use `twice` or delete it"),
    ],
)
def test_derived_values_that_only_describe_the_layer_are_written_there(parts: dict[str, Any], help: str) -> None:
    found = only(derived={"twice": "2 * 2"}, **parts)
    assert (found.rule.code, found.message) == ("LG202", "derived name `twice` has no effect")
    assert (found.help or "").split(", or ")[0] == help


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
    finding = only("y = x * S if mask is None else x * N", **parts)
    assert finding.message == "`S` has no value where the optional input `mask` is left out"
    assert finding.help == "use it under `if mask is not None:`, or give the dimension to an input that is always there"


@pytest.mark.parametrize(
    "forward",
    [
        "y = x * S if mask is not None else x * N",
        "y = x\nif mask is not None:\n    y = y * S",
        "y = x\nif mask is None:\n    y = x\nelse:\n    mask = mask + 1\n    y = y * S",
        "y = x if mask is None or S > 3 else x * 2",
    ],
)
def test_a_dimension_has_a_value_where_its_input_is_known_to_be_there(forward: str) -> None:
    assert not findings(forward, inputs={"x": ["N", "C"], "mask": {"shape": ["N", "S"], "optional": True}})


@pytest.mark.parametrize(
    "forward",
    [
        "y = x\nif C > 2:\n    y = y * S * sum(mask)",
        "y = x\nif mask is not None:\n    mask = mask + 1\n    if mask is not None:\n        y = y\ny = y * S",
        "if mask is None:\n    mask = x\nif mask is not None:\n    y = x * S",
    ],
)
def test_a_dimension_has_none_where_its_input_may_be_missing_or_another_tensor(forward: str) -> None:
    parts: dict[str, Any] = {"inputs": {"x": ["N", "C"], "mask": {"shape": ["N", "S"], "optional": True}}}
    assert "LG210" in codes(forward, **parts)


def test_a_size_of_an_input_that_is_assigned_anew_is_told_as_such() -> None:
    parts: dict[str, Any] = {"inputs": {"x": ["N", "C"], "z": {"shape": ["N", "S", "C"], "optional": True}}}
    forward = "y = x\nif z is not None:\n    {} = cat([z, z], dim=1)\n    y = y + sum({}, dim=1) / S\n"
    again = "if z is not None:\n    y = y / S"
    finding = only(forward.format("z", "z") + again, **parts)
    assert finding.message == "`S` is a size of `z` as it was given, and `z` may have another value by now"
    assert finding.help == "give the new value of `z` another name"
    assert not findings(forward.format("twice", "twice") + again, **parts)
    assert not findings(forward.format("z", "z"), **parts)


def test_a_dimension_of_one_shape_has_a_value_where_that_is_the_shape() -> None:
    arguments = {"mode": {"type": "str", "choices": ["a", "b"], "doc": "Mode."}, "flat": FLAG}
    parts: dict[str, Any] = {"arguments": arguments, "inputs": {"x": "[L] if flat and mode == 'a' else [N, C]"}}
    assert not findings("if flat and mode != 'b' and mode == 'a':\n    y = x * L\nelse:\n    y = x", **parts)
    finding = only("y = x * L if flat else mode", **parts)
    assert finding.message == "`L` has no value where `x` has another shape"
    assert finding.help is not None and "`if flat and mode == 'a':`" in finding.help


def test_a_dimension_of_a_broadcast_input_alone_is_a_fault_of_the_input_and_not_of_its_use() -> None:
    mask = {"shape": ["N", "H", "L"], "dtype": "bool", "broadcast": True}
    parts: dict[str, Any] = {"inputs": {"x": ["N", "L"], "mask": mask}, "outputs": {"y": ["N", "H", "L"]}}
    assert codes("y = masked_fill(expand(x[:, None], N, H, L), ~mask, 0)", **parts) == []
