"""How generated constructors check arguments and make tensors, and what docstrings say."""

import inspect
import math
from typing import Any

import pytest
from lowered import AFFINE
from small import DIM, FLAG, program

from layergen.lang.interpreter import Interpreter
from layergen.lang.parser import parse_expression
from layergen.lower.arguments import argument_signature, bounds_check
from layergen.lower.behaviours import taken
from layergen.lower.checks import is_not, must_be
from layergen.lower.constructor import ConstructorWriter, constraint_message
from layergen.lower.definition import formula
from layergen.lower.docs import references, shape_sentence
from layergen.lower.imports import function, names_in
from layergen.lower.initial import reset_lines
from layergen.lower.kept import computed_there, kept
from layergen.lower.members import MemberPrinter
from layergen.lower.representation import extra_repr
from layergen.lower.shape_docs import computed_numbers, computed_sizes
from layergen.lower.source import DocText

# Constructors and initial values


def constructor(**parts: Any) -> list[str]:
    return list(ConstructorWriter(program(**parts)).write())


@pytest.mark.parametrize(
    ("bounds", "kept"),
    [
        ({"min": 0, "exclusive": True}, (0.5, math.inf)),
        ({"min": 0}, (0.0, 0.5)),
        ({"max": 1}, (-3.0, 1.0)),
        ({"max": 1, "exclusive": True}, (-3.0, 0.5)),
        ({"min": 0, "max": 1}, (0.0, 1.0)),
    ],
)
def test_what_is_no_number_is_within_no_bounds(bounds: dict[str, Any], kept: tuple[float, ...]) -> None:
    (check,) = bounds_check(
        "rate", program(arguments={"rate": {"type": "float", "doc": "It.", **bounds}}).decided["rate"]
    )
    refused = parse_expression(check.condition)
    taken = [number for number in (*kept, math.nan) if not Interpreter({"rate": number}).truth(refused)]
    assert taken == list(kept)


def test_what_a_method_takes_is_told_as_inspect_shows_it() -> None:
    shown = taken(["dim: int", "eps: float | None = None", "size: tuple[int, ...] = (1, 2)", "*", "rate: float = 1e-5"])
    assert shown == "(self, dim, eps=None, size=(1, 2), *, rate=1e-05)"

    class Taking:
        def method(self, dim: int, eps: None = None, size: Any = (1, 2), *, rate: float = 1e-5) -> None: ...

    signature = inspect.signature(Taking.method)
    plain = [part.replace(annotation=part.empty) for part in signature.parameters.values()]
    assert str(signature.replace(parameters=plain, return_annotation=signature.empty)) == shown
    assert taken(["rate: float = math.inf"]) is None


def test_a_derived_value_that_nothing_reads_is_not_kept() -> None:
    parts: dict[str, Any] = {"arguments": {"dim": DIM}, "derived": {"part": "dim // 2", "double": "2 * part"}}
    layer = program(**parts)
    lines = ConstructorWriter(layer).write()
    assert kept(layer, lines, ()) == tuple(line for line in lines if "self._" not in line)
    assert "self._double = 2 * part" in kept(layer, lines, (["return x[self._double]"],))


def test_a_derived_value_that_the_constructor_alone_reads_is_a_variable_of_it() -> None:
    parts: dict[str, Any] = {"arguments": {"dim": DIM}, "derived": {"part": "dim // 2"}, "constraints": ["part >= 1"]}
    layer = program(**parts)
    lines = ConstructorWriter(layer).write()
    assert kept(layer, lines, ()) == tuple(line.replace("self._part", "part") for line in lines)
    assert "part = dim // 2" in kept(layer, lines, ())
    assert kept(layer, lines, (["return x[self._part]"],)) == lines


def test_a_variable_of_the_constructor_takes_no_name_that_is_there() -> None:
    parts: dict[str, Any] = {"arguments": {"dim": DIM}, "derived": {"dtype": "dim // 2"}}
    parts["parameters"] = {"weight": {"shape": ["dtype"], "init": "zeros"}}
    layer = program(**parts)
    lines = ConstructorWriter(layer).write()
    assert kept(layer, lines, ()) == lines


def test_a_derived_value_that_initial_values_alone_read_is_computed_there() -> None:
    parts: dict[str, Any] = {"arguments": {"dim": DIM}, "derived": {"bound": "1 / sqrt(dim)"}}
    parts["parameters"] = {"weight": {"shape": ["dim"], "init": "uniform(-bound, bound)"}}
    layer = program(**parts)
    written, reset = ConstructorWriter(layer).write(), reset_lines(layer)
    there = ("bound = 1 / math.sqrt(self.dim)", "init.uniform_(self.weight, -bound, bound)")
    assert computed_there(layer, reset, (written,)) == there
    assert kept(layer, written, (there,)) == tuple(line for line in written if "_bound" not in line)
    assert computed_there(layer, reset, (written, ["return x * self._bound"])) == reset
    assert computed_there(layer, ("bound = 2", *reset), (written,)) == ("bound = 2", *reset)


def test_of_what_is_no_attribute_a_derived_value_is_computed_by_the_constructor() -> None:
    parts: dict[str, Any] = {"arguments": {"dim": DIM}, "derived": {"part": "dim // 2", "bound": "1 / part"}}
    parts["parameters"] = {"weight": {"shape": ["dim"], "init": "uniform(-bound, bound)"}}
    layer = program(**parts)
    written, reset = ConstructorWriter(layer).write(), reset_lines(layer)
    assert computed_there(layer, reset, (written,)) == reset


def test_an_infinite_default_needs_no_import() -> None:
    layer = program(arguments={"limit": {"type": "float", "default": math.inf, "doc": "Limit."}})
    assert list(argument_signature(layer)) == ['limit: float = float("inf")']
    assert names_in(function(argument_signature(layer), ())) == {"float"}


def test_what_is_made_in_the_shape_of_its_tensor_is_made_like_it() -> None:
    def written(init: str) -> str:
        parameters = {"weight": {"shape": ["dim", 3], "init": init}}
        return "\n".join(reset_lines(program(arguments={"dim": DIM}, parameters=parameters)))

    assert "self.weight.copy_(torch.randn_like(self.weight) / self.dim)" in written("randn(dim, 3) / dim")
    assert "self.weight.copy_(torch.ones_like(self.weight).cumsum(dim=1))" in written("cumsum(ones([dim, 3]), dim=1)")
    assert "torch.randn(self.dim, 1, device=" in written("randn(dim, 1) * ones(dim, 3)")
    count = {"count": {"shape": [], "init": "zeros"}}  # by an initializer, which makes nothing
    assert list(reset_lines(program(buffers=count))) == ["init.zeros_(self.count)"]


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
        "self._size = dim // heads",
        "if self._size % 2 != 0:",
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
        ("a == 2 or a == 4 or a == 6", "a not in (2, 4, 6)"),
        ("b > 1 or a == 2 or a == 4", "b <= 1 and a not in (2, 4)"),
        ("a == 2 or b == 4", "a != 2 and b != 4"),
        ("a == 2 or a == b", "a != 2 and a != b"),
    ],
)
def test_a_constraint_is_checked_by_its_opposite(constraint: str, condition: str) -> None:
    assert f"if {condition}:" in constructor(arguments={"a": DIM, "b": DIM}, constraints=[constraint])


PAIR = {"type": "float2", "min": 0, "doc": "Ends."}
SIZES = {"type": "ints", "doc": "Sizes."}


@pytest.mark.parametrize(
    ("argument", "constraint", "taken"),
    [
        (PAIR, "ends[0] < ends[1]", "tuple[float, float]"),
        (PAIR, "ends[0] != ends[-1]", "tuple[float, float]"),
        (PAIR, "0 < ends[0] < ends[1] and dim > 1", "tuple[float, float]"),
        (PAIR, "not ends[0] <= ends[1]", "float | tuple[float, float]"),  # which no word of it tells
        (PAIR, "ends[0] <= ends[1]", "float | tuple[float, float]"),
        (PAIR, "ends[0] < ends[1] or dim > 1", "float | tuple[float, float]"),
        ({**PAIR, "optional": True}, "ends is None or ends[0] < ends[1]", "tuple[float, float] | None"),
        (SIZES, "len(ends) == 2 or len(ends) == 4", "Sequence[int]"),
        (SIZES, "len(ends) == 1 or len(ends) == 3", "int | Sequence[int]"),
        (SIZES, "len(ends) == dim", "int | Sequence[int]"),
    ],
)
def test_no_number_stands_for_a_list_where_each_is_refused(
    argument: dict[str, Any], constraint: str, taken: str
) -> None:
    layer = program(arguments={"dim": DIM, "ends": argument}, constraints=[constraint])
    assert list(argument_signature(layer))[1] == f"ends: {taken}"


def test_a_fan_is_computed_once() -> None:
    parameters = {
        "weight": {"shape": ["dim", 3], "init": "kaiming_uniform(a=sqrt(5))"},
        "bias": {"shape": ["dim"], "init": "uniform(-1 / sqrt(fan_in(weight)), 1 / sqrt(fan_in(weight)))"},
    }
    assert list(reset_lines(program(arguments={"dim": DIM}, parameters=parameters))) == [
        "init.kaiming_uniform_(self.weight, a=math.sqrt(5))",
        "fan_in = self.weight[0].numel()",
        "bound = 1 / math.sqrt(fan_in)",
        "init.uniform_(self.bias, -bound, bound)",
    ]


def test_tensors_that_all_start_alike_share_a_loop() -> None:
    start = {"shape": ["dim"], "init": "uniform(-1 / dim, 1 / dim)"}
    alike = {"weight": {**start, "shape": ["dim", 3]}, "bias": start, "skip": {**start, "when": "flag"}}
    parts: dict[str, Any] = {"arguments": {"dim": DIM, "flag": FLAG}, "parameters": alike}
    assert list(reset_lines(program(**parts))) == [
        "bound = 1 / self.dim",
        "for parameter in self.parameters():",
        "    init.uniform_(parameter, -bound, bound)",
    ]
    count = {"count": {"shape": [], "init": "zeros"}}
    assert "parameter in" not in "".join(reset_lines(program(**parts, buffers=count)))
    alike["skip"] = {**start, "init": "zeros"}
    assert "parameter in" not in "".join(reset_lines(program(**parts)))


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
        ("ramp = (arange(dim) / dim) ** 1.3\nscale = ramp + zeros(dim)", 1),
        ("steps = arange(dim)\nscale = steps / dim + exp(-steps)", 1),
        ("steps = arange(dim)\nscale = (steps / dim)[steps]", 0),  # one of two that read it
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


def test_what_is_there_for_users_alone_is_told_to_be() -> None:
    written = constructor(arguments={"dim": DIM}, attributes={"mode": "'plain'"})
    assert written[-2:] == ["# For users of the layer to read.", "self.mode = 'plain'"]
    assert not any(line.startswith("#") for line in constructor(arguments={"dim": DIM}))


def test_a_flag_is_shown_as_its_condition_says() -> None:
    arguments = {"dim": DIM, "bias": FLAG, "causal": FLAG}
    shown = ["dim", "bias= if not bias", "causal= if causal", "bias= if causal"]
    bias = {"bias": {"shape": ["dim"], "init": "zeros", "when": "bias"}}
    written = extra_repr(program(arguments=arguments, parameters=bias, repr=shown))
    assert [line.strip() for line in written if "append" in line] == [
        'parts.append("bias=False")',
        'parts.append("causal=True")',
        'parts.append(f"bias={self.bias is not None}")',
    ]


def test_a_representation_asks_once_for_what_holds_or_does_not() -> None:
    arguments = {"dim": DIM, "wide": DIM, "bias": FLAG}
    either = program(arguments=arguments, forward="y = x if bias else -x", repr=["dim= if bias", "wide= if not bias"])
    assert extra_repr(either)[1:5] == (
        "if self.bias:",
        '    parts.append(f"dim={self.dim}")',
        "else:",
        '    parts.append(f"wide={self.wide}")',
    )
    both = program(arguments=arguments, forward="y = x if bias else -x", repr=["dim= if bias", "wide= if bias"])
    assert [line for line in extra_repr(both) if line.startswith("if")] == ["if self.bias:"]
    apart = program(
        arguments=arguments, forward="y = x if bias else -x", repr=["dim= if bias", "bias=", "wide= if not bias"]
    )
    assert [line for line in extra_repr(apart) if line.startswith(("if", "else"))] == [
        "if self.bias:",
        "if not self.bias:",
    ]


def test_the_docstring_says_what_a_mask_marks() -> None:
    mask = {"shape": ["N", "L"], "dtype": "bool", "marks": ["x", "z"], "dim": 1}
    inputs = {"x": ["N", "L", "D"], "z": ["N", "L", "D"], "mask": mask}
    layer = program("y = (x + z) * mask[:, :, None]", inputs=inputs, outputs={"y": ["N", "L", "D"]})
    said = shape_sentence(layer, layer.inputs["mask"])
    assert said == "``(N, L)``, of dtype ``bool``, true at the positions of ``x`` and ``z`` along ``L`` that count."


def test_a_range_of_integers_is_a_demand_and_one_of_floats_is_for_tests_alone() -> None:
    inputs = {"x": {"shape": ["N", "C"], "range": [0.5, 2]}, "i": {"shape": ["N"], "dtype": "int64", "range": [0, "C"]}}
    layer = program("y = x * i[:, None]", inputs=inputs)
    assert shape_sentence(layer, layer.inputs["x"]) == "``(N, C)``."
    assert shape_sentence(layer, layer.inputs["i"]) == "``(N,)``, of dtype ``int64``, with values in ``[0, C)``."


def test_several_references_are_a_list() -> None:
    one, other = ({"title": title, "url": f"https://example.org/{title}"} for title in ("One", "Other"))
    assert list(references(program(references=[one]), DocText(()))) == ["`One <https://example.org/One>`__"]
    assert list(references(program(references=[one, other]), DocText(()))) == [
        "- `One <https://example.org/One>`__",
        "- `Other <https://example.org/Other>`__",
    ]


@pytest.mark.parametrize(
    ("constraint", "told"),
    [
        ("p is None or p % 2 == 0", "p must be even"),
        ("p is None or len(p) == 2 or len(p) == 4", "expected len(p) == 2 or len(p) == 4"),
        ("p is None or q is None or p < q", "expected p < q"),
        ("p is None or mode == 'wide'", "expected p is None or mode == 'wide'"),
        ("p is None or q is None", "expected p is None or q is None"),
        ("mode != 'wide' or p == 1", "expected p == 1 with mode='wide'"),
        ("mode != 'wide' or p % 2 == 0", "p must be even with mode='wide'"),
    ],
)
def test_a_message_says_what_must_be_of_a_value_that_is_given_and_of_a_choice_that_is_made(
    constraint: str, told: str
) -> None:
    assert must_be(parse_expression(constraint)) == told


@pytest.mark.parametrize(
    ("constraint", "told"),
    [
        ("size is None or len(size) == 2", "len(size) == 2 does not hold"),
        ("size is None or size % n == 0", "size is not divisible by n"),
        (
            "size is None or 0 <= size - ((H - 1) * stride - 2 * padding + dilation * (n - 1) + 1) < stride",
            "size does not fit H, stride, padding, dilation and n",
        ),
        (
            "(H + 2 * padding - dilation * (n - 1) - 1) // stride + 1 <= most * stride",
            "H, padding, dilation, n, stride and most do not fit each other",
        ),
        ("n * n * n * n + n * n * n + n * n + n + n * n * n * n <= 100000000", None),  # of one number alone
    ],
)
def test_a_long_constraint_is_told_in_a_docstring_by_its_names(constraint: str, told: str | None) -> None:
    assert is_not(parse_expression(constraint), str) == (told or f"{constraint} does not hold")


def test_a_message_names_what_the_caller_passed() -> None:
    arguments = {"size": {**DIM}, "index": {"type": "int", "doc": "It."}}
    derived = {"index": "index + size if index < 0 else index", "half": "size // 2"}
    layer = program(arguments=arguments, derived=derived, constraints=["0 <= index < half"])
    (node,) = layer.argument_constraints
    told = [part for part in constraint_message(layer, node) if not isinstance(part, str)]
    assert told == [("index",), ("self._half",)]


@pytest.mark.parametrize(
    ("definition", "told"),
    [
        ("h[n, k < inner] = x[n, 0]\ny[n, c] = h[n, 0]", []),  # no reader sees the range
        ("h[n, k < inner] = x[n, 0] / inner\ny[n, c] = h[n, 0]", ["inner"]),
    ],
)
def test_a_derived_value_is_told_where_the_formula_shows_it(definition: str, told: list[str]) -> None:
    layer = program(arguments={"dim": DIM}, derived={"inner": "2 * dim"}, definition=definition)
    assert [*computed_numbers(layer)] == told
    assert ("where ``inner = 2 * dim``." in formula(layer, DocText(()))) == bool(told)
    assert not computed_sizes(layer)


@pytest.mark.parametrize(
    ("call", "line"),
    [
        ("nn.Conv2d(4, 4, [dim, 1], padding=[dim // 2, 0])", "nn.Conv2d(4, 4, (dim, 1), padding=(dim // 2, 0)"),
        ("nn.AdaptiveAvgPool2d([dim, None])", "nn.AdaptiveAvgPool2d((dim, None))"),
        ("nn.LayerNorm([dim, 4])", "nn.LayerNorm([dim, 4]"),  # which is annotated to take lists
    ],
)
def test_a_member_is_given_tuples_where_a_type_checker_wants_them(call: str, line: str) -> None:
    layer = program("y = x", arguments={"dim": DIM}, modules={"member": call})
    (made,) = MemberPrinter(layer).assigned(layer.members["member"])
    assert made.startswith(f"self.member = {line}")
