"""The lines of generated methods: as one would write them by hand."""

import math
from textwrap import dedent
from typing import Any

import pytest
from small import DIM, FLAG, forward_lines, program, spec

from layergen.faults import SpecError
from layergen.lower.arguments import argument_signature
from layergen.lower.constructor import ConstructorWriter
from layergen.lower.docs import references, shape_sentence
from layergen.lower.imports import function, names_in
from layergen.lower.initial import reset_lines
from layergen.lower.representation import extra_repr
from layergen.lower.source import DocText
from layergen.resolve import resolve

VECTOR = {"shape": ["dim"], "init": "ones", "when": "affine"}
AFFINE: dict[str, Any] = {
    "arguments": {"dim": DIM, "affine": FLAG},
    "parameters": {"weight": VECTOR, "bias": {**VECTOR, "init": "zeros"}},
    "inputs": {"x": ["N", "dim"]},
    "outputs": {"y": ["N", "dim"]},
}


def forward(text: str, **parts: Any) -> str:
    return "\n".join(forward_lines(program(dedent(text), **parts)))


def lines(text: str) -> str:
    return dedent(text).strip("\n")


# Conditions


def test_a_flag_becomes_a_question_about_the_parameter_it_decides_about() -> None:
    written = forward("h = x\nif affine:\n    h = h * weight\ny = h", **AFFINE)
    assert written == lines("""
        if self.weight is not None:
            x = x * self.weight
        return x
    """)


def test_a_flag_is_said_of_all_parameters_that_are_used_under_it() -> None:
    written = forward("h = x\nif affine and dim > 1:\n    h = h * weight + bias\ny = h", **AFFINE)
    assert "if self.weight is not None and self.bias is not None and self.dim > 1:" in written.splitlines()


def test_the_opposite_of_a_flag_joins_its_parameters_by_or() -> None:
    written = forward("if not affine:\n    y = x\nelse:\n    y = x * weight + bias", **AFFINE)
    assert written.splitlines()[0] == "if self.weight is None or self.bias is None:"


def test_a_flag_stays_where_no_parameter_hangs_on_it() -> None:
    assert forward("if affine:\n    y = x\nelse:\n    y = -x", **AFFINE).splitlines()[0] == "if self.affine:"


def test_a_choice_within_an_expression_is_narrowed_too() -> None:
    assert (
        forward("y = x * weight if affine else x", **AFFINE)
        == "return x * self.weight if self.weight is not None else x"
    )


def test_a_flag_that_has_its_parameters_name_is_that_parameter() -> None:
    parts = {"arguments": {"bias": FLAG}, "parameters": {"bias": {"shape": [3], "init": "zeros", "when": "bias"}}}
    assert forward("y = x if bias is None else x + bias", **parts) == "return x if self.bias is None else x + self.bias"


def test_branches_keep_their_words() -> None:
    written = forward(
        "if dim > 2:\n    y = x\nelif dim > 1:\n    y = -x\nelse:\n    # Nothing.\n    y = 2 * x", **AFFINE
    )
    assert written == lines("""
        if self.dim > 2:
            y = x
        elif self.dim > 1:
            y = -x
        else:
            # Nothing.
            y = 2 * x
        return y
    """)


# Buffers

RUNNING: dict[str, Any] = {
    "buffers": {"mean_": {"shape": [3], "init": "zeros"}, "count": {"shape": [], "init": "zeros", "dtype": "int64"}}
}


@pytest.mark.parametrize(
    ("statement", "line"),
    [
        ("count = count + 1", "self.count.add_(1)"),
        ("mean_ = mean_ * 0.5", "self.mean_.mul_(0.5)"),
        ("mean_ = mean_ - mean(x, 0)", "self.mean_.sub_(x.mean(0))"),
        ("mean_ = lerp(mean_, mean(x, 0), 0.1)", "self.mean_.lerp_(x.mean(0), 0.1)"),
        ("mean_ = mean(x, 0)", "self.mean_.copy_(x.mean(0))"),
        ("mean_ = mean(x, 0) + mean_", "self.mean_.copy_(x.mean(0) + self.mean_)"),
        ("mean_ = mean_ / 2", "self.mean_.copy_(self.mean_ / 2)"),
        ("mean_ = 0.9 * mean_ + 0.1", "self.mean_.copy_(0.9 * self.mean_ + 0.1)"),
    ],
)
def test_a_buffer_is_written_in_place(statement: str, line: str) -> None:
    assert forward(f"{statement}\ny = x", **RUNNING).splitlines()[:2] == ["with torch.no_grad():", f"    {line}"]


def test_updates_that_follow_each_other_share_a_block() -> None:
    written = forward(
        "if training:\n    count = count + 1\n    # Then.\n    mean_ = mean(x, 0)\ny = x - mean_", **RUNNING
    )
    assert written == lines("""
        if self.training:
            with torch.no_grad():
                self.count.add_(1)
                # Then.
                self.mean_.copy_(x.mean(0))
        return x - self.mean_
    """)


# Expressions


def test_an_expression_that_is_cast_is_computed_once() -> None:
    assert forward("y = upcast(x * 2) + 1") == lines("""
        value = x * 2
        return value.to(torch.promote_types(value.dtype, torch.float32)) + 1
    """)
    assert forward("h = upcast(x)\ny = h") == "return x.to(torch.promote_types(x.dtype, torch.float32))"


LEADING: dict[str, Any] = {
    "arguments": {"dim": DIM},
    "inputs": {"x": ["...", "dim"]},
    "outputs": {"y": ["...", "dim"]},
}


def test_dots_in_a_list_are_the_leading_dimensions() -> None:
    assert forward("h = flatten(x)\ny = reshape(h, [..., dim])", **LEADING) == lines("""
        h = x.flatten()
        return h.reshape(*x.shape[:-1], self.dim)
    """)
    assert forward("y = x + zeros([..., dim])", **LEADING) == (
        "return x + torch.zeros(*x.shape[:-1], self.dim, device=x.device, dtype=x.dtype)"
    )


def test_leading_dimensions_of_an_input_that_is_assigned_anew_are_kept() -> None:
    assert forward("x = flatten(x)\ny = reshape(x, [..., dim])", **LEADING) == lines("""
        leading = x.shape[:-1]
        x = x.flatten()
        return x.reshape(*leading, self.dim)
    """)


def test_leading_dimensions_may_stand_in_the_middle() -> None:
    parts = {"inputs": {"x": ["N", "...", "C"]}, "outputs": {"y": ["..."]}}
    assert forward("y = sum(x, [0, -1]) + ones([...])", **parts) == (
        "return x.sum([0, -1]) + torch.ones(*x.shape[1:-1], device=x.device, dtype=x.dtype)"
    )


@pytest.mark.parametrize("shape", [["N", "C"], ["..."]])
def test_dots_in_a_list_need_an_input_that_has_them(shape: list[str]) -> None:
    optional = {"z": {"shape": shape, "optional": True}}
    layer = spec("y = reshape(x, [..., C])\nif z is not None:\n    y = y + z", inputs={"x": ["N", "C"], **optional})
    with pytest.raises(SpecError) as refusal:
        resolve(layer)
    (finding,) = refusal.value.findings
    assert (finding.rule.code, finding.help) == (
        "LG215", "where the shape is that of another tensor, write `reshape_as(h, x)`",
    )  # fmt: skip


def test_a_value_that_is_computed_once_takes_no_name_of_the_forward() -> None:
    written = forward("value = x + 1\ny = upcast(value * 2) + value").splitlines()
    assert written[:2] == ["value = x + 1", "value_ = value * 2"]


def test_lists_are_spread_where_torch_takes_them_so() -> None:
    assert forward("y = reshape(x, [N, 2, -1])") == "N = x.shape[0]\nreturn x.reshape(N, 2, -1)"
    assert forward("y = permute(x, [1, 0]) + sum(x, [0, 1])") == "return x.permute(1, 0) + x.sum([0, 1])"


def test_tensors_from_nothing_are_made_where_the_input_is() -> None:
    written = forward("x = x + 1\ny = x + zeros([C]) + arange(C)")
    assert written == lines("""
        C = x.shape[1]
        dtype = x.dtype
        x = x + 1
        return x + torch.zeros(C, device=x.device, dtype=dtype) + torch.arange(C, device=x.device)
    """)


# Dimensions


def test_dimensions_are_bound_only_if_they_are_mentioned() -> None:
    assert forward("y = x") == "return x"
    assert forward("y = x * C") == "C = x.shape[1]\nreturn x * C"
    assert forward("y = x * C / N") == "N, C = x.shape\nreturn x * C / N"


def test_several_dimensions_of_one_input_are_unpacked_together() -> None:
    parts = {"inputs": {"x": ["N", "C", 4, "W"]}, "outputs": {"y": ["N", "C", 4, "W"]}}
    assert forward("y = x * W / N", **parts) == "N, _, _, W = x.shape\nreturn x * W / N"


def test_dimensions_behind_leading_ones_are_counted_from_the_end() -> None:
    parts = {"inputs": {"x": ["...", "L", "C"]}, "outputs": {"y": ["...", "L", "C"]}}
    assert forward("y = x * L / C", **parts) == "L = x.shape[-2]\nC = x.shape[-1]\nreturn x * L / C"


def test_dimensions_are_bound_before_an_input_is_rebound() -> None:
    assert forward("x = sum(x, 0)\ny = expand(x, N, -1)").splitlines()[0] == "N = x.shape[0]"


def test_a_dimension_comes_from_an_input_that_is_always_there() -> None:
    parts = {"inputs": {"mask": {"shape": ["L"], "optional": True}, "x": ["N", "L"]}, "outputs": {"y": ["N", "L"]}}
    assert forward("y = x * L", **parts) == "L = x.shape[1]\nreturn x * L"


# Input checks


def checked(text: str, **parts: Any) -> list[str]:
    return forward_lines(program(text, **parts), with_checks=True)


def test_a_size_that_torch_would_let_through_is_checked() -> None:
    assert checked("y = x * weight", **{**AFFINE, "parameters": {"weight": {"shape": ["dim"], "init": "ones"}}}) == [
        "if x.dim() != 2 or x.shape[1] != self.dim:",
        '    raise ValueError(f"expected x of shape (N, dim) with dim={self.dim}, " f"got {tuple(x.shape)}")',
        "return x * self.weight",
    ]


def test_a_size_that_torch_checks_itself_is_not_checked_again() -> None:
    parameters = {"weight": {"shape": ["dim", "dim"], "init": "ones"}}
    assert checked("y = linear(x, weight)", **{**AFFINE, "parameters": parameters}) == [
        "if x.dim() != 2:",  # which it does not
        '    raise ValueError(f"expected x of shape (N, dim), got {tuple(x.shape)}")',
        "return F.linear(x, self.weight)",
    ]


def test_inputs_that_share_a_dimension_are_compared() -> None:
    parts = {"inputs": {"x": ["N", "C"], "z": ["N", "C"]}}
    assert checked("y = x + z", **parts)[2:4] == [
        "N, C = x.shape",
        "if z.dim() != 2 or z.shape[0] != N or z.shape[1] != C:",
    ]


def test_an_input_that_may_be_left_out_is_checked_where_it_is_there() -> None:
    parts = {"inputs": {"x": ["N", "C"], "z": {"shape": ["C"], "optional": True}}}
    written = checked("y = x if z is None else x * z", **parts)
    assert written[2:4] == ["C = x.shape[1]", "if z is not None and (z.dim() != 1 or z.shape[0] != C):"]


def test_a_dimension_that_occurs_twice_is_bound_once_and_compared() -> None:
    parts = {"inputs": {"x": ["N", "L", "L"]}, "outputs": {"y": ["N", "L", "L"]}}
    assert checked("y = x * L + N", **parts) == [
        "if x.dim() != 3 or x.shape[2] != x.shape[1]:",
        '    raise ValueError(f"expected x of shape (N, L, L), got {tuple(x.shape)}")',
        "N, L, _ = x.shape",
        "return x * L + N",
    ]


def test_a_message_does_not_say_that_a_number_is_that_number() -> None:
    assert checked("y = x + 1", inputs={"x": ["N", 4]}, outputs={"y": ["N", 4]})[1] == (
        '    raise ValueError(f"expected x of shape (N, 4), got {tuple(x.shape)}")'
    )


def test_a_size_that_is_computed_from_dimensions_is_compared() -> None:
    parts = {"inputs": {"x": ["N"], "z": ["N - 1"]}, "outputs": {"y": ["N"]}}
    assert checked("y = x * sum(z)", **parts)[3] == "if z.dim() != 1 or z.shape[0] != N - 1:"


def test_an_input_with_leading_dimensions_has_those_behind_them() -> None:
    parts = {"inputs": {"x": ["...", "L", "C"]}, "outputs": {"y": ["...", "L", "C"]}}
    assert checked("y = x * L", **parts)[0] == "if x.dim() < 2:"
    assert checked("y = relu(x)", inputs={"x": ["..."]}, outputs={"y": ["..."]}) == ["return F.relu(x)"]


def test_what_is_checked_on_one_way_alone_is_checked() -> None:
    parts = {
        "arguments": {"flag": {**FLAG, "default": False}},
        "parameters": {"weight": {"shape": [4, 4], "init": "ones"}, "bias": {"shape": [4], "init": "ones"}},
        "inputs": {"x": ["N", 4]},
        "outputs": {"y": ["N", 4]},
    }
    written = checked("y = x * bias if flag else linear(x, weight) * bias", **parts)
    assert written[0] == "if x.dim() != 2 or x.shape[1] != 4:"


def test_each_shape_that_an_input_may_have_is_checked_where_it_is_meant() -> None:
    parts = {
        "arguments": {"dim": {**DIM, "optional": True, "default": None}},
        "inputs": {"x": "[...] if dim is None else [..., dim]"},
        "outputs": {"y": "[...] if dim is None else [..., dim]"},
    }
    assert checked("y = relu(x) + 1", **parts) == [
        "if self.dim is not None and (x.dim() < 1 or x.shape[-1] != self.dim):",
        '    raise ValueError(f"expected x of shape (*, dim) with dim={self.dim}, " f"got {tuple(x.shape)}")',
        "return F.relu(x) + 1",
    ]


def test_a_dimension_is_bound_in_the_branches_in_which_it_has_a_size() -> None:
    parts = {"inputs": {"x": ["N", "C"], "c": {"shape": ["S"], "optional": True}}}
    written = forward("if c is not None:\n    y = x * S + sum(c)\nelse:\n    y = x", **parts)
    assert written.splitlines()[:3] == ["if c is not None:", "    S = c.shape[0]", "    y = x * S + c.sum()"]
    assert forward("y = x if c is None else x * S", **parts) == "return x if c is None else x * c.shape[0]"


# Lists


@pytest.mark.parametrize(
    ("given", "written"),
    [
        ("[0, 0] + size", "[0, 0, *self.size]"),
        ("size + [1]", "[*self.size, 1]"),
        ("size + size", "self.size + self.size"),
        ("[0] * 2 + size", "[*[0] * 2, *self.size]"),
        ("[0] * 2 + [1] * 2", "[0] * 2 + [1] * 2"),
        ("size[:1] + [1, 2, 3]", "[*self.size[:1], 1, 2, 3]"),
    ],
)
def test_lists_are_joined_whatever_they_are_in_python(given: str, written: str) -> None:
    arguments = {"size": {"type": "size2", "doc": "Size."}}
    assert forward(f"y = pad(x, {given})", arguments=arguments) == f"return F.pad(x, {written})"


def test_a_size_is_compared_with_a_tuple() -> None:
    arguments = {"size": {"type": "size2", "doc": "Size."}}
    assert forward("y = x if size == [1, 1] else -x", arguments=arguments) == "return x if self.size == (1, 1) else -x"


# Names of imports


def test_functions_are_called_by_another_name_where_theirs_is_taken() -> None:
    assert forward("y = relu(x) * F", inputs={"x": ["N", "F"]}, outputs={"y": ["N", "F"]}).splitlines()[-1] == (
        "return nn.functional.relu(x) * F"
    )
    parameters = {"weight": {"shape": [3], "init": "constant(init)"}}
    arguments = {"init": {"type": "float", "doc": "Start."}}
    assert list(reset_lines(program(arguments=arguments, parameters=parameters))) == [
        "nn.init.constant_(self.weight, self.init)"
    ]


# Results


def test_the_result_is_returned_at_once_where_it_can_be() -> None:
    assert forward("y = relu(x)") == "return F.relu(x)"
    assert forward("z = x\ny = relu(x)", outputs={"y": ["N"], "z": ["N"]}).splitlines()[-1] == "return y, z"
    assert forward("y = x\nif training:\n    y = -x").splitlines()[-1] == "return y"


# Constructors and initial values


def constructor(**parts: Any) -> list[str]:
    return list(ConstructorWriter(program(**parts)).write())


def test_an_infinite_default_needs_no_import() -> None:
    layer = program(arguments={"limit": {"type": "float", "default": math.inf, "doc": "Limit."}})
    assert list(argument_signature(layer)) == ['limit: float = float("inf")']
    assert names_in(function(argument_signature(layer), ())) == {"float"}


def test_neighbours_under_one_condition_share_its_branch() -> None:
    assert constructor(**AFFINE)[-7:] == [
        "if affine:",
        "    self.weight = nn.Parameter(torch.empty(dim, device=device, dtype=dtype))",
        "    self.bias = nn.Parameter(torch.empty(dim, device=device, dtype=dtype))",
        "else:",
        '    self.register_parameter("weight", None)',
        '    self.register_parameter("bias", None)',
        "self.reset_parameters()",
    ]


def test_constraints_on_derived_values_come_after_them() -> None:
    parts = {"arguments": {"dim": DIM, "heads": DIM}, "derived": {"size": "dim // heads"}}
    written = constructor(**parts, constraints=["size % 2 == 0", "dim % heads == 0"])
    order = [
        "if dim % heads != 0:",
        "self.dim = dim",
        "self.size = dim // heads",
        "if self.size % 2 != 0:",
    ]
    assert [line for line in written if line in order] == order
    assert '    raise ValueError(f"dim must be divisible by heads, got dim={dim}, heads={heads}")' in written


@pytest.mark.parametrize(
    ("constraint", "condition"),
    [
        ("a < b", "a >= b"),
        ("a == b", "a != b"),
        ("not a == b", "a == b"),
        ("a > 1 or b > 1", "a <= 1 and b <= 1"),
        ("1 < a < b", "not 1 < a < b"),
        ("a > 1 and b > 1", "not (a > 1 and b > 1)"),
        ("a % 2", "not a % 2"),
    ],
)
def test_a_constraint_is_checked_by_its_opposite(constraint: str, condition: str) -> None:
    assert f"if {condition}:" in constructor(arguments={"a": DIM, "b": DIM}, constraints=[constraint])


def test_a_fan_is_computed_once() -> None:
    parameters = {
        "weight": {"shape": ["dim", 3], "init": "kaiming_uniform(a=sqrt(5))"},
        "bias": {"shape": ["dim"], "init": "uniform(-1 / sqrt(fan_in(weight)), 1 / sqrt(fan_in(weight)))"},
    }
    assert list(reset_lines(program(arguments={"dim": DIM}, parameters=parameters))) == [
        "init.kaiming_uniform_(self.weight, a=math.sqrt(5))",
        "fan_in = self.weight[0].numel()",
        "init.uniform_(self.bias, -1 / math.sqrt(fan_in), 1 / math.sqrt(fan_in))",
    ]


def test_initial_values_that_are_expressions_are_copied_without_a_gradient() -> None:
    parts: dict[str, Any] = {
        "arguments": {"dim": DIM},
        "parameters": {"scale": {"shape": ["dim"], "init": "arange(dim) - dim"}},
    }
    assert list(reset_lines(program(**parts))) == [
        "with torch.no_grad():",
        "    self.scale.copy_(torch.arange(self.dim, device=self.scale.device) - self.dim)",
    ]


@pytest.mark.parametrize(
    ("init", "count"),
    [
        ("arange(dim) / dim", 1),
        ("2 ** (-8 * arange(1, dim + 1) / dim)", 1),
        ("0.5 * (arange(dim) - 1)", 1),
        ("log(arange(1, dim + 1)) * ones(dim)", 1),
        ("ones(dim)[arange(dim)] / 3", 0),  # an index is an integer
        ("arange(dim) - dim", 0),
        ("arange(dim) != 3", 0),
        ("other + arange(dim)", 0),
    ],
)
def test_integers_of_which_fractions_are_computed_have_the_precision_of_the_tensor(init: str, count: int) -> None:
    tensors = {"scale": {"shape": ["dim"], "init": init}, "other": {"shape": ["dim"], "init": "ones"}}
    written = "\n".join(reset_lines(program(arguments={"dim": DIM}, parameters=tensors)))
    assert written.count("dtype=torch.promote_types(") == count


def test_a_representation_names_what_does_not_go_without_saying() -> None:
    arguments = {"dim": DIM, "size": {"type": "size2", "doc": "Size."}, "mode": {"type": "str", "doc": "Mode."}}
    assert extra_repr(program(arguments=arguments)) == ('return f"{self.dim}, size={self.size}, mode={self.mode!r}"',)
    assert extra_repr(program()) == ()


# What linters want


@pytest.mark.parametrize(
    ("given", "written"),
    [
        (
            "if affine:\n    if dim > 2:\n        x = -x\ny = x",
            "if self.affine and self.dim > 2:\n    x = -x\nreturn x",
        ),
        ("if affine == True:\n    x = -x\ny = x", "if self.affine:\n    x = -x\nreturn x"),
        ("if affine != True:\n    x = -x\ny = x", "if not self.affine:\n    x = -x\nreturn x"),
        ("if 2 < dim:\n    x = -x\ny = x", "if self.dim > 2:\n    x = -x\nreturn x"),
        ("if not dim == 2:\n    x = -x\ny = x", "if self.dim != 2:\n    x = -x\nreturn x"),
        ("if not dim < 2:\n    x = -x\ny = x", "if not self.dim < 2:\n    x = -x\nreturn x"),
        ("flag = True if affine else False\ny = -x if flag else x", "flag = self.affine\nreturn -x if flag else x"),
        (
            "if affine:\n    x = -x\nelif dim > 2:\n    x = -x\ny = x",
            "if self.affine or self.dim > 2:\n    x = -x\nreturn x",
        ),
        ("if affine:\n    x = x\ny = x", "return x"),
        ("h = relu(x)\ny = h", "return F.relu(x)"),
        ("h = relu(x)\nz = -h\ny = h", "h = F.relu(x)\nz = -h\nreturn h"),
        ("y = type_as(x == True, x) * dim", "return (x == True).type_as(x) * self.dim"),  # of a tensor, it says more
    ],
)
def test_a_forward_is_written_as_linters_want_it(given: str, written: str) -> None:
    assert forward(given, **AFFINE) == written


def test_names_are_given_to_what_is_used_alone() -> None:
    assert checked("y = x + 1", inputs={"x": ["L", "L"]}, outputs={"y": ["L", "L"]})[2:] == ["return x + 1"]
    assert "dtype" not in forward("x = x + 1\ny = x + arange(3)")


def test_without_an_input_that_is_always_there_tensors_are_made_where_the_layer_is() -> None:
    parts: dict[str, Any] = {"inputs": {"x": {"shape": [3], "optional": True}}, "outputs": {"y": [3]}}
    weight = {"weight": {"shape": [3], "init": "ones"}}
    written = forward("y = zeros([3]) * weight if x is None else x * weight", parameters=weight, **parts)
    assert "torch.zeros(3, device=self.weight.device, dtype=self.weight.dtype)" in written


def test_the_docstring_says_what_a_mask_marks() -> None:
    mask = {"shape": ["N", "L"], "dtype": "bool", "marks": ["x", "z"], "dim": 1}
    inputs = {"x": ["N", "L", "D"], "z": ["N", "L", "D"], "mask": mask}
    layer = program("y = (x + z) * mask[:, :, None]", inputs=inputs, outputs={"y": ["N", "L", "D"]})
    said = shape_sentence(layer, layer.inputs["mask"])
    assert said == "``(N, L)``, of dtype ``bool``, true at the positions of ``x`` and ``z`` along ``L`` that count."


def test_a_range_of_floats_is_what_was_tested_and_one_of_integers_a_demand() -> None:
    inputs = {"x": {"shape": ["N", "C"], "range": [0.5, 2]}, "i": {"shape": ["N"], "dtype": "int64", "range": [0, "C"]}}
    layer = program("y = x * i[:, None]", inputs=inputs)
    assert shape_sentence(layer, layer.inputs["x"]) == "``(N, C)``, tested with values in ``[0.5, 2)``."
    assert shape_sentence(layer, layer.inputs["i"]) == "``(N,)``, of dtype ``int64``, with values in ``[0, C)``."


def test_several_references_are_a_list() -> None:
    one, other = ({"title": title, "url": f"https://example.org/{title}"} for title in ("One", "Other"))
    assert list(references(program(references=[one]), DocText(()))) == ["`One <https://example.org/One>`__"]
    assert list(references(program(references=[one, other]), DocText(()))) == [
        "- `One <https://example.org/One>`__",
        "- `Other <https://example.org/Other>`__",
    ]


# Second names


def test_an_input_that_is_not_read_again_carries_what_is_done_to_it() -> None:
    written = forward("h = x\nfor _ in range(3):\n    h = relu(h)\ny = h")
    assert written == lines("""
        for _ in range(3):
            x = F.relu(x)
        return x
    """)


@pytest.mark.parametrize(
    "text",
    [
        "h = x\nfor _ in range(3):\n    h = relu(h)\ny = x + h",
        "h = x\nfor _ in range(3):\n    h = relu(h) + zeros(N, C)\ny = h",
        "h = x\n# What h is in the end.\nh = relu(h)\ny = h",
    ],
    ids=["read again", "tensors take after it", "a comment speaks of it"],
)
def test_an_input_keeps_its_name_where_something_asks_for_it(text: str) -> None:
    assert forward(text).splitlines()[-1] != "return x"
    assert "h = x" in forward(text)


def test_outputs_that_have_names_are_returned_by_them() -> None:
    parts = {"outputs": {"y": ["N", "C"], "z": ["N", "C"]}}
    assert forward("a = relu(x)\nb = -a\ny = b\nz = a", **parts).splitlines()[-1] == "return b, a"
    assert forward("a = relu(x)\ny = -a\nz = y", **parts).splitlines()[-1] == "return y, y"


def test_a_message_gives_the_names_that_a_size_is_made_of() -> None:
    layer = program("y = x + sum(scale)", inputs={"x": ["N", "C"], "scale": ["2 * C"]})
    written = "\n".join(forward_lines(layer, with_checks=True))
    assert "with C={C}, got" in " ".join(written.replace('"', "").replace(" f", " ").split())
