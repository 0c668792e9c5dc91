"""What a call of an op is told when it does not fit, and the kinds that expressions are taken to have."""

import builtins
import math

import pytest
from small import DIM, checked, faults_of, program

from layergen.diagnostics import Finding, Rule
from layergen.lang import expression as ex
from layergen.lang.facts import Role
from layergen.lang.kinds import Kind, Kinds
from layergen.lang.parser import parse_expression
from layergen.lang.scalars import SCALARS
from layergen.resolve.annotation import Environment, Functions, Meaning, annotated
from layergen.resolve.calls import check_call
from layergen.resolve.inference import kinds_of


def one_of(*kinds: Kind) -> Kinds:
    return frozenset(kinds)


ENVIRONMENT: dict[str, Kinds] = {
    "x": one_of(Kind.TENSOR),
    "y": one_of(Kind.TENSOR),
    "weight": one_of(Kind.TENSOR),
    "bias": one_of(Kind.TENSOR, Kind.NONE),
    "stride": one_of(Kind.INT, Kind.INTS),
    "padding": one_of(Kind.INTS),
    "output_size": one_of(Kind.INTS),
    "dim": one_of(Kind.INT),
    "eps": one_of(Kind.FLOAT),
    "mode": one_of(Kind.STR),
}


HERE = Environment({name: Meaning(Role.LOCAL, kinds) for name, kinds in ENVIRONMENT.items()}, Functions.TENSORS)


def resolved(text: str) -> ex.Expression:
    return annotated(parse_expression(text), HERE)


def kinds(text: str) -> Kinds:
    return kinds_of(resolved(text))


def findings(text: str) -> list[Finding]:
    call = resolved(text)
    assert isinstance(call, ex.Call)
    return list(check_call(call, ("forward",)))


def only(text: str) -> Finding:
    found = findings(text)
    assert len(found) == 1, found
    return found[0]


def marked(text: str, finding: Finding) -> str:
    assert finding.place.path == ("forward",)
    assert finding.place.span is not None
    return text[slice(*finding.place.span)]


@pytest.mark.parametrize(
    "text",
    [
        *("conv2d(x, weight, bias, stride=stride)", "relu(x)", "max_pool2d(x, 2)", "mean(x, -1, keepdim=True)"),
        *("reshape(x, 2, dim)", "permute(x, 0, 2, 1)", "cat([x, y], dim=1)", "einsum('ij,jk->ik', x, y)"),
        *("sqrt(dim)", "sqrt(x)", "max(dim, 2)", "max(x, dim=-1)", "float(x)", "float(dim)", "abs(x - y)"),
        *("zeros(dim, 3, dtype=float32)", "arange(0, dim, 2)", "full([dim], inf)", "silu(x)", "len(padding)"),
        *("softmax(undefined, dim=-1)", "conv2d(x, weight, undefined, undefined)", "where(x > 0, x, 0.0)"),
        *("dropout(x, eps, training)", "pad(x, [0, padding[0]])", "upcast(x)", "type_as(upcast(x), y)"),
    ],
)
def test_calls_that_fit_are_left_alone(text: str) -> None:
    assert findings(text) == []


def test_slipped_arguments_are_named() -> None:
    text = "conv2d(x, weight, stride, padding)"
    finding = only(text)
    assert finding.rule.code == "LG209"
    assert marked(text, finding) == "stride"
    assert finding.message == "`conv2d` takes a tensor as `bias`, the third argument, but `stride` is an int or ints"
    assert finding.help == "write `conv2d(x, weight, stride=stride, padding=padding)`"


def test_unknown_keywords_are_one_finding() -> None:
    text = "adaptive_avg_pool2d(x, output_size=output_size, stride=1, padding=0)"
    finding = only(text)
    assert finding.rule.code == "LG206"
    assert marked(text, finding) == "stride"
    assert [text[slice(*label.place.span or (0, 0))] for label in finding.labels] == ["padding"]
    assert finding.message == "`adaptive_avg_pool2d` has no keywords `stride` and `padding`"
    assert finding.help == "write `adaptive_avg_pool2d(x, output_size=output_size)`"
    assert finding.notes == ("signature: adaptive_avg_pool2d(input, output_size)",)


@pytest.mark.parametrize(
    ("text", "code", "place", "remedy"),
    [
        ("conv2d(x, weight, strid=stride)", "LG206", "strid", "conv2d(x, weight, stride=stride)"),
        ("clamp(x, minimum=0)", "LG206", "minimum", "clamp(x, min=0)"),
        ("sum(x, dims=1)", "LG206", "dims", "sum(x, dim=1)"),
        ("mean(input=x)", "LG206", "input", "mean(x)"),
        ("zeros(dim, device='cuda')", "LG206", "device", "zeros(dim)"),
        ("softmax(x, -1, dim=-1)", "LG208", "dim", "softmax(x, -1)"),
        ("gelu(x, 'tanh')", "LG208", "'tanh'", "gelu(x, approximate='tanh')"),
        ("layer_norm(x, dim)", "LG209", "dim", "layer_norm(x, [dim])"),
        ("layer_norm(x, normalized_shape=dim)", "LG209", "dim", "layer_norm(x, normalized_shape=[dim])"),
        ("cat(x, y, dim=1)", "LG209", "x", "cat([x, y], dim=1)"),
        ("dropout(x, rate=eps)", "LG206", "rate", "dropout(x, p=eps)"),
        ("clamp(x, low=0)", "LG206", "low", None),
        ("leaky_relu(x, mode)", "LG209", "mode", None),
        ("stack(x)", "LG209", "x", None),
        ("pad(x, 1)", "LG209", "1", "pad(x, [1, 1])"),
        ("conv2d(x)", "LG207", "conv2d", None),
        ("relu(x, False, 3)", "LG208", "3", None),
    ],
)
def test_faults_are_marked_and_mended_where_they_can_be(text: str, code: str, place: str, remedy: str | None) -> None:
    finding = only(text)
    assert finding.rule.code == code
    assert marked(text, finding) == place
    assert finding.help == (remedy and f"write `{remedy}`")


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("leaky_relu(x, True)", "if `inplace` is meant, name it: `inplace=True`"),
        ("dropout(x, True)", "if `training` or `inplace` is meant, name it: `training=True`"),
        ("dropout(x, True, True, inplace=True)", None),
        ("softmax(x, True)", None),
    ],
)
def test_a_flag_in_the_place_of_a_number_is_asked_to_be_named(text: str, remedy: str | None) -> None:
    assert only(text).help == remedy


@pytest.mark.parametrize(
    ("text", "repaired"),
    [
        ("softmax(x)", "softmax(x, dim=-1)"),
        ("softmax(x, None)", "softmax(x, dim=-1)"),
        ("log_softmax(x, dim=None)", "log_softmax(x, dim=-1)"),
        ("softmin(x, dtype=float32)", "softmin(x, dtype=float32, dim=-1)"),
        ("cross(x, y)", "cross(x, y, dim=-1)"),
        ("meshgrid(x, y)", "meshgrid(x, y, indexing='ij')"),
    ],
)
def test_what_torch_would_guess_is_asked_for(text: str, repaired: str) -> None:
    finding = only(text)
    assert (finding.rule.code, finding.help) == ("LG207", f"write `{repaired}`")
    assert "which torch would guess" in finding.message


@pytest.mark.parametrize("text", ["softmax(x, -1)", "softmax(x, dim=0)", "cross(x, y, dim=1)", "linalg.cross(x, y)"])
def test_what_is_said_is_no_guess(text: str) -> None:
    assert not findings(text)


@pytest.mark.parametrize(
    ("name", "nearest"), [("leakyrelu", "leaky_relu"), ("ReLU", "relu"), ("conv_2d", "conv2d"), ("softmx", "softmax")]
)
def test_unknown_ops_get_the_nearest(name: str, nearest: str) -> None:
    finding = only(f"{name}(x, undefined)")
    assert finding.rule.code == "LG205"
    assert finding.message == f"`{name}` is no op"
    assert finding.help == f"write `{nearest}(x, undefined)`"
    assert finding.fix == nearest


@pytest.mark.parametrize(("name", "op"), [("int64", "long"), ("int32", "int"), ("float16", "half"), ("int", "int")])
def test_a_dtype_that_is_called_gets_the_cast_to_it(name: str, op: str) -> None:
    found = findings(f"{name}(x)")
    assert [finding.help for finding in found] == ([f"write `{op}(x)`"] if name != op else [])


def test_a_dotted_spelling_gets_the_bare_op() -> None:
    call = ex.Call("F.relu", (ex.Name("x"),), function_span=(0, 6))
    (finding,) = check_call(call, ("forward",))
    assert finding.help == "write `relu(x)`"
    assert finding.fix == "relu"


def test_an_op_like_no_other_gets_the_list() -> None:
    finding = only("quite_another_thing(x)")
    assert finding.help == "`layergen ops` lists the ops that a forward may call"
    assert finding.fix is None


def test_faults_that_no_one_repair_mends_are_all_reported() -> None:
    assert [finding.rule.code for finding in findings("conv2d(x, stide=1)")] == ["LG206", "LG207"]


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ("sqrt(4, 2)", "LG208", "2"),
        ("round(2.5, ndigits=1)", "LG206", "ndigits"),
        ("sqrt()", "LG207", "sqrt"),
        ("len(x)", "LG209", "x"),
    ],
)
def test_scalar_functions_are_checked_too(text: str, code: str, place: str) -> None:
    finding = only(text)
    assert finding.rule.code == code
    assert marked(text, finding) == place


@pytest.mark.parametrize("code", ["LG205", "LG206", "LG207", "LG208", "LG209"])
def test_rules_explain_themselves(code: str) -> None:
    page = Rule.registry[code].page()
    assert all(section in page for section in ("Why:", "Example:", "Fix:"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1", {Kind.INT}),
        ("1.5", {Kind.FLOAT}),
        ("True", {Kind.BOOL}),
        ("'same'", {Kind.STR}),
        ("None", {Kind.NONE}),
        ("undefined", {Kind.UNKNOWN}),
        ("pi", {Kind.FLOAT}),
        ("float32", {Kind.DTYPE}),
        ("dim // 2", {Kind.INT}),
        ("dim / 2", {Kind.FLOAT}),
        ("dim * eps", {Kind.FLOAT}),
        ("x * dim", {Kind.TENSOR}),
        ("-x", {Kind.TENSOR}),
        ("x + bias", {Kind.TENSOR}),
        ("dim > 1", {Kind.BOOL}),
        ("x > 1", {Kind.TENSOR}),
        ("bias is None", {Kind.BOOL}),
        ("not training", {Kind.BOOL}),
        ("[1, dim]", {Kind.INTS}),
        ("(1, 2.0)", {Kind.FLOATS}),
        ("[x, y]", {Kind.TENSORS}),
        ("[x, 1]", {Kind.UNKNOWN}),
        ("padding[0]", {Kind.INT}),
        ("padding[1:]", {Kind.INTS}),
        ("padding + [1]", {Kind.INTS}),
        ("[0] * dim", {Kind.INTS}),
        ("x[:, 0]", {Kind.TENSOR}),
        ("chunk(x, 2)[0]", {Kind.TENSOR}),
        ("chunk(x, 2)", {Kind.TENSORS}),
        ("max(x)", {Kind.TENSOR}),
        ("max(x, dim=1)", {Kind.TENSORS}),
        ("max(dim, eps)", {Kind.INT, Kind.FLOAT}),
        ("sum(padding)", {Kind.INT}),
        ("sqrt(dim)", {Kind.FLOAT}),
        ("sqrt(x)", {Kind.TENSOR}),
        ("floor(eps)", {Kind.INT}),
        ("relu(x)", {Kind.TENSOR}),
        ("arange(dim)", {Kind.TENSOR}),
        ("upcast(x)", {Kind.TENSOR}),
        ("no_such_op(x)", {Kind.UNKNOWN}),
        ("x if bias is None else dim", {Kind.TENSOR, Kind.INT}),
    ],
)
def test_kinds_of_expressions(text: str, expected: set[Kind]) -> None:
    assert kinds(text) == expected


def test_scalar_functions_compute_what_generated_code_does() -> None:
    of_one = {name: function for name, function in SCALARS.items() if function.least == 1}
    for name, function in of_one.items():
        argument = [2, 3] if name in ("len", "sum", "prod", "min", "max") else 0.5
        module, _, bare = function.text.rpartition(".")
        assert function.python(argument) == getattr(math if module else builtins, bare)(argument)


def test_a_product_stays_bounded() -> None:
    with pytest.raises(OverflowError):
        SCALARS["prod"].python([2**40] * 1000)


@pytest.mark.parametrize("text", ["clamp(x, min='a')", "pow(x, 'a')", "std(x, correction='a')"])
def test_a_number_of_any_kind_is_called_a_number(text: str) -> None:
    assert " takes a number as " in only(text).message


def test_an_empty_list_may_be_one_of_anything() -> None:
    assert findings("cat([], dim=0)") == []
    assert findings("sum(x, [])") == []


def test_greater_of_two_numbers_is_one_though_the_argument_may_be_none() -> None:
    often = {"type": "int", "min": 1, "optional": True, "default": None, "doc": "How often."}
    layer = program(
        "y = tile(x, [1, times])",
        arguments={"often": often},
        derived={"times": "max(often, 2) if often is not None else 2"},
        outputs={"y": ["N", "times * C"]},
        cases=[{"often": 3, "C": 2}, {"C": 2}],
    )
    assert [case.outputs["y"].shape[1] for case in checked(layer).cases[:2]] == [6, 4]


def test_of_a_tuple_that_a_loop_runs_over_members_alone_are_called() -> None:
    parts = {"arguments": {"C": DIM}, "modules": {"ups": "[nn.Linear(C, C) for i in range(2)]"}}
    loop = "y = x\nfor k, (up, h) in enumerate(zip(ups, [x, x])):\n  y = up(y)"
    assert checked(program(f"{loop} + h / (k + 1)", **parts)).cases
    (finding,) = faults_of(program(f"{loop} + h(y) / (k + 1)", **parts))
    assert finding.message.startswith("`h`")


@pytest.mark.parametrize(
    ("text", "help"),
    [
        ("swish(x)", "write `silu(x)`"),
        ("expand_dims(x, 0)", "write `unsqueeze(x, 0)`"),
        ("conv(x)", "write `conv1d`, `conv2d` or `conv3d`"),
        ("shape(x)", "shapes are plain names of dimensions"),
        ("isinstance(x, y)", "what a name is stands where it is declared"),
        ("max(0, x)", "write `clamp(x, min=0)`"),
        ("min(1, x)", "write `clamp(x, max=1)`"),
        ("einsum(x, 'ij->j')", "write `einsum('ij->j', x)`"),
        ("softmax(-1, x)", "write `softmax(x, -1)`"),
        ("linear(weight=y, x=x)", "write `linear(weight=y, input=x)`"),
        ("zeros(3, dtype='float32')", "write `float32`"),
        ("zeros(3, dtype='double')", "write `float64`"),
    ],
)
def test_what_is_meant_by_other_words(text: str, help: str) -> None:
    assert only(text).help == help


@pytest.mark.parametrize("text", ["embedding(x, weight, sparse=True)", "embedding_bag(x, weight, sparse=True)"])
def test_sparse_gradients_are_no_part_of_the_language(text: str) -> None:
    finding = only(text)
    assert finding.rule.code == "LG206"
    assert finding.help == f"write `{text.replace(', sparse=True', '')}`"
