"""What a user reads of torch's refusals: never a word of its innards."""

import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small import DIM, faults_of, program, spec
from strategies import examples

from layergen.check import check
from layergen.diagnostics import Finding
from layergen.faults import SpecError
from layergen.lang.parser import parse_expression
from layergen.resolve import resolve
from layergen.run.remedies import remedy
from layergen.run.said import NEEDS_DATA, REFUSED, dotted, lacks_half, plain, sheltered
from layergen.run.words import Words
from layergen.settings.choice import Setting

INNARDS = re.compile(
    r"\b[suz]\d+\b|aten[.:]|prims[.:]|register_meta|FakeTensor|Sym(Int|Float|Bool)|IntTrueDiv|FloorDiv\(|TruncToInt"
    r"|torch\._|torch\.fx|[Mm]eta (tensor|kernel)|fake impl|data-dependent|\*[01]\b|C\+\+|Dynamo|functorch"
)


def said_of(forward: str, **parts: Any) -> list[Finding]:
    """What is said of a layer of one input, by whatever stage finds it wrong."""
    try:
        check(resolve(spec(forward, **parts)))
    except SpecError as fault:
        return list(fault.findings)
    return []


def texts(finding: Finding) -> list[str]:
    labels = [label.text for label in finding.labels]
    return [finding.message, finding.help or "", finding.label, *finding.notes, *labels]


def leaks(findings: list[Finding]) -> list[str]:
    return [text for finding in findings for text in texts(finding) if INNARDS.search(text)]


@pytest.mark.parametrize(
    "forward",
    [
        "y = x @ x", "y = x + [1, C]", "y = bincount(x)", "y = nonzero(x)", "y = x[x > 0]", "y = unbind(x, 1)",
        "y = split(x, C)", "y = masked_select(x, x > 0)", "a, b = split(x, 1)\ny = a + b", "a, b = x\ny = a + b",
        "y = reshape(x, [N, 3 * C])", "y = view(x, [C, 7])", "y = select(x, 1, 3 * C)", "y = x[:, C]", "y = x[N]",
        "y = cat([x, N], dim=0)", "y = conv1d(x, x)", "y = N + C if training else x", "y = expand(x, [C, N, 7])",
        "y = one_hot(x)", "y = repeat_interleave(x, x)", "y = embedding(x, x)", "y = index_select(x, 0, x)",
        "y = linalg.inv(x)", "y = fft.fft(x)", "y = histc(x)", "y = unique(x)", "y = x * arange(N + C)",
        "y = pad(x, [C, N, 1])", "y = where(x > 0)", "y = einsum('ij,jk->ik', x, x)", "y = unfold(x, 3)",
        "y = x / (N - C) if training else N / C", "y = gather(x, 1, x)", "y = topk(x, N)", "y = diag_embed(x, N, C)",
    ],
)  # fmt: skip
@pytest.mark.parametrize("leading", ["N", pytest.param("...", marks=pytest.mark.slow)])
def test_no_innards_are_shown(forward: str, leading: str) -> None:
    found = said_of(forward, inputs={"x": [leading, "C"]}, outputs={"y": [leading, "C"]})
    assert found
    assert leaks(found) == []


OPS = [
    "relu", "softmax", "cumsum", "flatten", "squeeze", "unsqueeze", "transpose", "permute", "reshape", "view",
    "expand", "sum", "mean", "amax", "argmax", "sort", "topk", "linear", "matmul", "bmm", "mm", "conv1d",
    "conv2d", "max_pool2d", "avg_pool1d", "layer_norm", "group_norm", "batch_norm", "embedding", "one_hot",
    "gather", "scatter", "index_select", "cat", "stack", "chunk", "split", "unbind", "pad", "unfold", "fold",
    "interpolate", "cross_entropy", "mse_loss", "nll_loss", "bilinear", "cdist", "cosine_similarity",
    "pixel_shuffle", "multi_head_attention_forward", "tril", "diagonal", "einsum", "masked_fill", "where",
    "kthvalue", "searchsorted", "bucketize", "fft.rfft", "linalg.norm", "linalg.qr", "linalg.solve", "repeat",
    "tile", "roll", "narrow", "select", "clamp",
]  # fmt: skip
ARGUMENTS = st.sampled_from(
    [
        "x",
        "N",
        "C",
        "dim",
        "N * C",
        "0.5",
        "-1",
        "7",
        "[N, C]",
        "[dim]",
        "[-1, 7]",
        "None",
        "True",
        "x > 0",
        "x[0]",
        "p",
    ]
)
FLOAT = {"type": "float", "min": 0, "default": 0.5, "doc": "Part."}


@settings(examples(150), suppress_health_check=list(HealthCheck))
@given(st.sampled_from(OPS), st.lists(ARGUMENTS, max_size=3), st.sampled_from(["{}", "{} + dim * p", "{} @ x"]))
def test_no_arguments_bring_innards_to_light(op: str, arguments: list[str], around: str) -> None:
    call = f"{op}({', '.join(['x', *arguments])})"
    forward = f"h = x * dim * p\ny = {around.format(call)}\ny = y + h"
    found = said_of(forward, arguments={"dim": DIM, "p": FLOAT}, inputs={"x": ["N", "C"]})
    assert leaks(found) == []


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("Tensor.item() cannot be called on meta tensors", NEEDS_DATA),
        ("aten._ctc_loss.Tensor", NEEDS_DATA),
        ("aten::bincount: attempted to run this operator with Meta tensors, but there was no fake impl", NEEDS_DATA),
        ("Could not guard on data-dependent expression Eq(u0, 1) (unhinted: Eq(u0, 1)).", NEEDS_DATA),
        ("unsupported types for +: 'FakeTensor' and 'list'", "unsupported types for +: 'Tensor' and 'list'"),
        ("expected Tensor as element 1, but got SymInt", "expected Tensor as element 1, but got int"),
        ("size of torch.Size([2, 3])!", "size of [2, 3]"),
    ],
)  # fmt: skip
def test_what_torch_says_is_put_plainly(said: str, shown: str) -> None:
    assert plain(said) == shown


def test_what_cannot_be_put_plainly_is_not_shown() -> None:
    assert sheltered("a size is an int, got `IntTrueDiv(dim, 2)`") == REFUSED
    assert sheltered("index s4 of 5") == REFUSED


def test_names_of_the_spec_may_look_like_those_of_torch() -> None:
    assert sheltered("index s4 of 5", frozenset({"s4"})) == "index s4 of 5"
    finding = said_of("y = x[:, s4]", inputs={"x": ["N", "s4"]}, outputs={"y": ["N", "s4"]})[0]
    assert "s4=" in finding.notes[0] and finding.message != REFUSED


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("[...[0], ...[1], C]", "[..., C]"),
        ("input of size ...[0]*C*...[1]", "input of size prod(...)*C"),
        ("4 * ...[0] * ...[1] * dim", "4 * prod(...) * dim"),
        ("[...[1], C]", "[...[1], C]"),
    ],
)
def test_dots_stand_for_the_leading_dimensions(text: str, shown: str) -> None:
    assert dotted(text) == shown


def test_the_setting_tells_what_the_dots_were() -> None:
    finding = said_of("y = view(x, [C, 7])", inputs={"x": ["...", "C"]}, outputs={"y": ["...", "C"]})[0]
    assert finding.notes == ("shapes: x [..., C]", "setting: C=211, ...=[13, 17]")


def test_a_long_list_of_tensors_is_not_listed() -> None:
    finding = said_of("y = unbind(x, 1)", outputs={"y": ["N"]})[0]
    assert finding.message == "output `y` is a list of tensors, the first [N], not a tensor"
    assert finding.help == "join them with `stack` or `cat`, or give each an output of its own"


def test_an_output_that_is_a_number_is_shown_as_a_formula() -> None:
    finding = said_of("y = x if training else N + C")[0]
    assert finding.message == "output `y` is `C + N`, not a tensor"


def test_parts_are_counted_by_the_dimension_that_they_come_from() -> None:
    finding = said_of("a, b = split(x, 1)\ny = a + b")[0]
    assert finding.message == "2 names for `N` values"
    assert finding.help == "`split` takes the size of a part: for 2 parts, write `chunk(x, 2)`"


@pytest.mark.parametrize(
    ("forward", "help"),
    [
        ("y = bincount(x)", "say how many classes there are: `sum(one_hot(x, count), dim=0)`"),
        ("y = where(x)", "choose element by element: `where(condition, a, b)`"),
        ("y = x[x > 0]", "keep all entries and weight them: `sum(h * m) / sum(m)` is a mean over those where `m` is 1"),
    ],
)
def test_sizes_of_values_have_a_way_out(forward: str, help: str) -> None:
    labels = {"shape": ["N"], "dtype": "int64", "range": [0, 5]}
    (finding,) = said_of(forward, inputs={"x": labels}, outputs={"y": {"shape": ["N"], "dtype": "int64"}})
    accepted = "; where it spares work, accept it with the reason: `accept: {size-of-values: …}`"
    assert (finding.rule.code, finding.help) == ("LG216", f"{help}{accepted}")


@pytest.mark.parametrize(
    ("entry", "message", "help"),
    [
        (
            "p",
            "a size is an int, but `p` is an argument of type float",
            "if a dimension is meant, choose another name, such as `P`",
        ),
        ("dim / 2", "a size is an int, but `dim / 2` is a float", "write `dim // 2`"),
        ("sizes", "a size is an int, but `sizes` is an argument of type size2", "take one of its entries: `sizes[0]`"),
    ],
)  # fmt: skip
def test_what_is_no_size_is_said_once(entry: str, message: str, help: str) -> None:
    sizes = {"type": "size2", "min": 1, "doc": "Sizes."}
    given = {name: part for name, part in {"dim": DIM, "p": FLOAT, "sizes": sizes}.items() if name in entry}
    (finding,) = said_of("y = x", arguments=given, inputs={"x": ["N", entry]}, outputs={"y": ["N", entry]})
    assert (finding.rule.code, finding.message, finding.help) == ("LG215", message, help)


@pytest.mark.parametrize(
    ("size", "help"),
    [
        ("dim - 100", "where that is not meant, give `dim` the bound `min: 101`"),
        ("dim // 2 - 100", "where that is not meant, add the constraint `dim // 2 - 100 >= 1`"),
    ],
)
def test_a_negative_size_is_a_fault_of_the_spec(size: str, help: str) -> None:
    parts = {"arguments": {"dim": DIM}, "parameters": {"w": {"shape": [size], "init": "ones"}}}
    (finding,) = faults_of(program("y = x * sum(w) * dim", **parts))
    assert (finding.rule.code, finding.message, finding.help) == ("LG303", f"the size `{size}` is negative", help)


def test_a_dimension_that_is_too_small_is_told_no_bound() -> None:
    size, message = parse_expression("C - 1"), "a size cannot be negative, got -1"
    assert remedy(size, message, {}, {"C"}) == "where that is not meant, give `C` the bound `min: 2`"
    assert remedy(size, message, {}, ()) == "where that is not meant, add the constraint `C - 1 >= 1`"


def test_ops_without_half_precision_are_told_from_dtypes_that_differ() -> None:
    assert lacks_half("unsupported dtype BFloat16")
    assert lacks_half("linalg.inv: Low precision dtypes not supported. Got torch.float16")
    assert not lacks_half("expected m1 and m2 to have the same dtype, but got: float != c10::Half")


@pytest.mark.parametrize(
    ("leading", "forward", "shown"),
    [
        ("S...", "y = x * taps", "[S[0], S[1], C]"),  # by the run rather than an argument that no size is made of
        ("...", "y = x * taps", "[3, 2, C]"),
        ("S...", "y = x + sum(reshape(x, [-1, steps]))", "[S[0], 2, C]"),  # it may be either
    ],
)
def test_a_size_of_a_run_is_not_told_by_an_argument_that_has_it_by_chance(
    leading: str, forward: str, shown: str
) -> None:
    sizes = {
        "arguments": {"steps": DIM, "taps": DIM},
        "inputs": {"x": [leading, "C"]},
        "outputs": {"y": [leading, "C"]},
    }
    layer = program(forward, **sizes)
    setting = Setting("some", {}, {"steps": 2, "taps": 3}, {"C": 5}, leading=(3, 2))
    assert Words(layer, setting).shape((3, 2, 5)) == shown
    assert Words(layer, replace(setting, leading=())).shape((3, 2, 5)) == "[taps, steps, C]"
