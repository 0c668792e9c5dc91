"""The lines of generated methods: as one would write them by hand."""

from typing import Any

import pytest
import torch
from lowered import AFFINE, checked, forward, lines
from small import DIM, FLAG, instance_of, program, spec

from layergen.faults import SpecError
from layergen.lower.initial import reset_lines
from layergen.resolve import resolve
from layergen.run.on_data import CPU, drawn, fill
from layergen.run.placement import Placement

# Conditions


def test_a_flag_becomes_a_question_about_the_parameter_it_decides_about() -> None:
    written = forward("h = x\nif affine:\n    h = h * weight\ny = h", **AFFINE)
    assert written == lines("""
        weight = self.weight
        if weight is not None:
            x = x * weight
        return x
    """)


def test_a_flag_is_said_of_all_parameters_that_are_used_under_it() -> None:
    written = forward("h = x\nif affine and dim > 1:\n    h = h * weight + bias\ny = h", **AFFINE)
    assert "if weight is not None and bias is not None and self.dim > 1:" in written.splitlines()


def test_each_part_of_a_condition_is_said_once() -> None:
    written = forward("h = x\nif weight is not None and bias is not None:\n    h = h * weight + bias\ny = h", **AFFINE)
    assert "if weight is not None and bias is not None:" in written.splitlines()


def test_the_opposite_of_a_flag_joins_its_parameters_by_or() -> None:
    written = forward("if not affine:\n    y = x\nelse:\n    y = x * weight + bias", **AFFINE)
    assert written.splitlines()[:3] == [
        "weight = self.weight",
        "bias = self.bias",
        "if weight is None or bias is None:",
    ]


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


def test_counting_needs_no_block() -> None:
    """Autograd takes no note of what is added to a buffer by a number."""
    assert forward("count = count + 1\ny = x", **RUNNING).splitlines() == ["self.count.add_(1)", "return x"]


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
    cast = "value.to(torch.promote_types(value.dtype, torch.float32))"
    assert forward("y = upcast(x * 2) + 1") == f"value = x * 2\nreturn {cast} + 1"


def test_what_a_cast_alone_has_as_its_name_is_called_so_before() -> None:
    cast = "h.to(torch.promote_types(h.dtype, torch.float32))"
    assert forward("h = upcast(x * 2)\ny = h * h") == f"h = x * 2\nh = {cast}\nreturn h * h"


def test_a_cast_beside_what_is_drawn_stands_where_it_is() -> None:
    assert "(value := x * 2).to(" in forward("y = rand_like(x) * upcast(x * 2)")


def test_each_of_several_expressions_that_are_cast_is_its_own() -> None:
    assert forward("y = upcast(x * 2) * upcast(x + 1)") == (
        "return (value := x * 2).to(torch.promote_types(value.dtype, torch.float32)) * "
        "(value := x + 1).to(torch.promote_types(value.dtype, torch.float32))"
    )


def test_an_expression_that_is_cast_is_computed_under_its_condition_alone() -> None:
    weight = {"shape": ["dim"], "init": "ones", "when": "dim > 4"}
    written = forward("y = x if weight is None else upcast(x * weight)", parameters={"weight": weight}, **LEADING)
    assert "value = " not in written
    assert "else (value := x * self.weight).to(" in written


def test_what_holds_floating_numbers_is_cast_where_it_is_narrow_alone() -> None:
    narrow = "x.float() if x.dtype.itemsize < 4 else x"
    assert forward("h = upcast(x)\ny = h") == f"return {narrow}"
    assert forward("y = upcast(x) * 2") == f"return ({narrow}) * 2"
    assert "promote_types(x.dtype" in forward("x = x > 0\ny = upcast(x)")


WIDE = "torch.promote_types(x.dtype, torch.float32)"


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("y = x * cos(0.1 * upcast(arange(4)))", f"torch.arange(4, dtype={WIDE}, device=x.device)"),
        ("t = arange(4) + 1\ny = x * upcast(t)", f"t.to({WIDE})"),
        ("y = x * upcast(cumsum(x > 0, dim=-1)[:, -1:])", f".to({WIDE})"),
        ("t = arange(4)\nt = t / 4\ny = x * upcast(t)", "t.to(torch.promote_types(t.dtype, torch.float32))"),
        ("x = x * 2\ny = x * upcast(arange(4))", "torch.arange(4, dtype=torch.promote_types(dtype, torch.float32)"),
    ],
)
def test_whole_numbers_are_cast_as_wide_as_the_input_is(text: str, written: str) -> None:
    assert written in " ".join(forward(text).replace("\n", " ").split())


def test_whole_numbers_are_as_wide_where_the_spec_is_run() -> None:
    instance = instance_of(program("y = x * 0 + cos(0.1 * upcast(arange(C)))"), Placement(CPU, torch.float64))
    with drawn():
        fill(instance)
        y = instance.run(training=False).outputs["y"]
    expected = torch.cos(0.1 * torch.arange(y.shape[1], dtype=torch.float64)).expand_as(y)
    torch.testing.assert_close(y, expected, rtol=0, atol=1e-15)


def test_a_range_of_integers_that_becomes_floating_is_made_so() -> None:
    assert "torch.arange(4, device=x.device, dtype=x.dtype)" in forward("y = x + sum(type_as(arange(4), x))")
    wide = forward("h = upcast(x)\ny = h + sum(type_as(arange(4), h))")
    assert "torch.arange(4, device=h.device, dtype=h.dtype)" in wide
    flags = forward("h = x > 0\ny = x + sum(type_as(arange(4), h))")
    assert "torch.arange(4, device=x.device).type_as(h)" in flags  # torch makes no range of booleans


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("y = x + sum(type_as(arange(4), upcast(x)))", f"torch.arange(4, device=x.device, dtype={WIDE})"),
        ("h = upcast(x)\ny = x + sum(type_as(arange(4), h))", f"torch.arange(4, device=x.device, dtype={WIDE})"),
        ("y = x + sum(type_as(x > 0, upcast(x)))", f"(x > 0).to({WIDE})"),
        ("y = x + type_as(x * x, upcast(weight))", "(x * x).to(torch.promote_types(self.weight.dtype, torch.float32))"),
        ("y = zeros_like(upcast(x)) + x", f"torch.zeros_like(x, dtype={WIDE})"),
        ("y = zeros_like(upcast(x), dtype=float64) + x", "torch.zeros_like(x, dtype=torch.float64)"),
        ("y = new_ones(upcast(x), 3, 1) + x", f"x.new_ones(3, 1, dtype={WIDE})"),
    ],
)
def test_what_lends_its_dtype_alone_is_not_upcast_for_that(text: str, written: str) -> None:
    weight = {"weight": {"shape": [1], "init": "ones"}}
    found = " ".join(forward(text, parameters=weight).replace("\n", " ").split())
    assert written in found.replace("( ", "(").replace(" )", ")")
    assert "float()" not in found


@pytest.mark.parametrize(
    "text",
    [
        "h = upcast(x)\ny = h + sum(type_as(arange(4), h))",
        "h = upcast(x)\nx = x * 2\ny = x + sum(type_as(x > 0, h))",  # which is not of the same x any more
    ],
)
def test_what_was_upcast_has_its_name_where_more_than_its_dtype_is_read(text: str) -> None:
    assert forward(text).startswith(("h = x.float() if", "h = x.to(torch.promote_types(x.dtype"))


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
        "return x.sum([0, -1]) + torch.ones(x.shape[1:-1], device=x.device, dtype=x.dtype)"
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
    assert written[0] == "value = x + 1"
    assert written[1] == "value_ = value * 2"


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


def test_a_branch_that_decides_what_is_returned_is_asked_once() -> None:
    parts: dict[str, Any] = {
        "arguments": {"flag": FLAG},
        "outputs": {"y": ["N", "C"], "z": {"shape": ["N", "C"], "when": "flag"}},
    }
    assert forward("if flag:\n    y = x + 1\n    z = x\nelse:\n    y = exp(x)", **parts) == lines("""
        if self.flag:
            y = x + 1
            return y, x
        return torch.exp(x)
    """)


@pytest.mark.parametrize("before", ["y = first(x)", "y = relu(x)"])
def test_what_a_member_gives_last_is_returned_by_another_name_where_the_first_has_its_type(before: str) -> None:
    modules = {"last": "nn.Linear(4, 4)", **({"first": "nn.Linear(4, 4)"} if "first" in before else {})}
    *_, made, returned = forward(f"{before}\ny = last(y)", modules=modules).splitlines()
    assert (made, returned) == ("result: Tensor = self.last(y)", "return result")
    alone = forward("h = relu(x)\ny = last(h)", modules={"last": "nn.Linear(4, 4)"}).splitlines()
    assert alone[-2:] == ["y: Tensor = self.last(h)", "return y"]


def test_a_list_has_a_name_of_its_own_where_a_tensor_takes_it() -> None:
    given = "{0} = []\nfor _ in range(3):\n    append({0}, exp(x))\n{0} = stack({0})\ny = {0} * 2"
    written = forward(given.format("h"), outputs={"y": [3, "N", 3]}).splitlines()
    assert "hs: list[Tensor] = []" in written and "h = torch.stack(hs)" in written
    written = forward(given.format("steps"), outputs={"y": [3, "N", 3]}).splitlines()
    assert "steps_list: list[Tensor] = []" in written
    written = forward("y = []\nappend(y, x)\ny = stack(y)", outputs={"y": [1, "N", 3]}).splitlines()
    assert written == ["y: list[Tensor] = []", "y.append(x)", "return torch.stack(y)"]
