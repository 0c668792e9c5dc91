"""What is said of common mistakes: what the help tells to write is of the language, and is right."""

from typing import Any

import pytest
from parsing import block_fault_of
from small import DIM, MATRIX, checked, fault_of, program, spec, weight

from layergen.definition.reading import check_definition
from layergen.diagnostics import Finding
from layergen.faults import SourceError, SpecError
from layergen.lang.parser import parse_module
from layergen.lang.source import parse
from layergen.lang.tokens import SyntaxFault
from layergen.lang.validate import validate
from layergen.resolve import resolve

OWN = {"weight": {"shape": ["out", "dim"], "init": "xavier_uniform"}, "bias": {"shape": ["out"], "init": "zeros"}}
LINEAR: dict[str, Any] = {
    **MATRIX, "parameters": OWN, "inputs": {"x": ["N", "T", "dim"]}, "outputs": {"y": ["N", "T", "out"]}
}  # fmt: skip
WHOLE = "y = linear(x, weight, bias)"
INDICES = "write the indices, and a sum over them: `y[i, j] = sum[k](a[i, k] * b[j, k])`"
LIMITS = "write `-inf` for its `min`, `inf` for its `max`, and a number, `1e-6`, for its `eps`"
WRITTEN = """\
layer: Small
summary: Do little.
arguments:
  dim: {type: int, min: 1, doc: Size.}
parameters: {weight: {shape: [dim], init: ones}}
inputs: {x: [N, T, dim]}
outputs: {y: [N, T, dim]}
forward: |
  y = x * weight
"""


@pytest.mark.parametrize(
    ("text", "help"),
    [
        (
            "y = [relu(t) for t in unbind(x, 1)]",
            "in a forward, begin a list, `items = []`, and in a loop write `append(items, relu(t))`",
        ),
        (
            "y = stack(relu(t) for t in unbind(x, 1))",
            "in a forward, begin a list, `items = []`, and in a loop write `append(items, relu(t))`",
        ),
        (
            "y = Linear(dim, out)(x)",
            "declare its weights under `parameters`, and hand them to the op; "
            "or write `part: nn.Linear(dim, out)` under `modules`, and call `part(…)`",
        ),
        (
            "y = FastAttention(dim)(x)",
            "declare its weights under `parameters`, and hand them to the op; "
            "or write `part: FastAttention(dim)` under `modules`, and call `part(…)`",
        ),
        ("y = where(m, x, finfo(x).min)", LIMITS),
        ("y = where(m, x, torch.finfo(x.dtype).min)", LIMITS),
        ("y = relu(x);", "delete it: a line ends by itself"),
        ("y = relu(x); # twice", "delete it: a line ends by itself"),
        ("h = relu(x); y = h", "write each statement on a line of its own"),
        ("y = self.norm.weight * x", "write `norm.weight`"),
        ("y = x @ self.gate.T", "write `transpose(gate, -2, -1)`"),
        ("y = super().forward(x)", "a layer inherits nothing: declare the other layer under `modules`, and call that"),
        ("y = nn.ReLU", "write `nn.ReLU(…)`"),
        ("y = x.data", "write `detach(x)`"),
        ("y = einops.rearrange(x, 'n c -> c n')", "write `rearrange(x, 'n c -> c n')`"),
        ("y = torch.jit.script(x)", "`layergen ops` lists the ops that a forward may call"),
        ("y = nn.init.normal_(weight, std=0.1)", "write `normal(std=0.1)`"),
        ("y = nn.init.zeros_(weight)", "write `zeros`"),
        ("z := x", "write `=`"),
        ("y <- x", "write `y = x`"),
        ("y => x", "write `>=` to compare, and `=` to assign"),
        ("y = x |> relu", "write calls one inside the other, `g(f(x))`"),
        ("/* words */", "write a comment as `# …`"),
        ("let y = x", "leave the first word out"),
        ("match x:\n    y = x", "write it as `if`, `elif` and `else`"),
        ("y = relu x", "write `relu * x` for a product, or `relu(x)` for a call"),
        ("y = x if training", "say what it is otherwise: `a if condition else b`"),
        ('print(f"{x}")', 'write `"…"`'),  # not that the bracket is never closed
    ],
)
def test_constructs_of_python_and_torch(text: str, help: str) -> None:
    assert block_fault_of(text).help == help


def test_a_module_list_stands_alone() -> None:
    with pytest.raises(SyntaxFault) as refusal:
        parse_module("nn.ModuleList([nn.Linear(dim, dim) for i in range(depth)])")
    assert refusal.value.help == "a list of members stands alone: `[nn.Linear(dim, dim) for … in range(…)]`"


@pytest.mark.parametrize(
    ("text", "helps"),
    [
        ("y = sum[i](weight[o, i] * x[n, t, i]) + bias[o]", ["give each an index: `y[n, t, o] = …`"]),
        ("y = relu(x)", ["give each an index: `y[n, t, o] = …`"]),
        ("y = sum[o](weight[i, o] * x[n, t, o])", ["give each an index: `y[n, t, i] = …`"]),
        ("y = x @ weight.T + bias", [INDICES]),
        ("y[n, t, o] = x @ weight", [INDICES]),
        (
            "y[n, t, o] = sum[i](weight[o][i] * x[n][t][i])",
            ["write all indices at once: `weight[o, i]`", "write all indices at once: `x[n, t, i]`"],
        ),
        ("y[n, t, o] = sum[i](weight[o, i] * x[n, t, i]) + bias[o]", []),
        (
            "y[n, t, o] = sum(weight[o, i] * x[n, t, i] for i in range(dim)) + bias[o]",
            ["write `sum[i < dim](weight[o, i] * x[n, t, i])`"],
        ),
        (
            "y[n, t, o] = max([weight[o, i] * x[n, t, i] for i in range(dim)]) + bias[o]",
            ["write `max[i < dim](weight[o, i] * x[n, t, i])`"],
        ),
        ("y[n, t, o] = sum[i in range(dim)](weight[o, i] * x[n, t, i])", ["write `sum[i < dim](…)`"]),
        (
            "y[n, t, o] += weight[o, i] * x[n, t, i]",
            ["write `y[n, t, o] = sum[i](…)`, which adds up over an index"],
        ),
        ("h = []\nappend(h, x)", ["write an equation of an entry, `h[k, i] = …`"]),
        ("y[n, t, o] = torch.sum(x * weight)", ["write `sum[i](…)`, with the index in brackets"]),
        ("y[n, t, o] = x[n, t].dot(weight[o])", [INDICES]),
        ("y[n, t, o] = bias[o].relu()", ["write `max(x[n, i], 0)`"]),
        ("y[n, t, o] = where(bias[o] > 0, bias[o], 0)", ["write `a if c else b`"]),
    ],
)
def test_definitions(text: str, helps: list[str]) -> None:
    found = [finding.help for finding in check_definition(spec(WHOLE, **LINEAR, definition=text))]
    assert found[: len(helps) or 1] == helps


JOINED = "join them, `stack(parts)` or `cat(parts)`, or take one of them, `parts[0]`"


def only(forward: str, **parts: Any) -> Finding:
    return fault_of(program(forward, **parts))


@pytest.mark.parametrize(
    ("forward", "help"),
    [
        ("y = linear(x, weight) + bias[:, None]", "write `bias` alone, which goes along the last dimension"),
        ("y = linear(x, weight) + unsqueeze(bias, -1)", "write `bias` alone, which goes along the last dimension"),
        ("y = linear(squeeze(x), weight, bias)", "write `x` alone: no dimension is 1 at all settings"),
        (
            f"if x is None:\n    y = bias\nelse:\n    {WHOLE}",
            "`x` is always there: delete the question, or declare `optional: true` where it may be left out",
        ),
        (
            f"y = linear(x, weight)\nif bias is not None:\n    {WHOLE}",
            "`bias` is always there: delete the question, or declare `when: …`, the condition under which it is",
        ),
    ],
)
def test_forwards(forward: str, help: str) -> None:
    assert only(forward, **LINEAR).help == help


def test_a_dtype_that_follows_that_of_an_input_is_deleted() -> None:
    outputs = {"y": {"shape": ["N", "T", "out"], "dtype": "int64"}}
    found = only(WHOLE, **{**LINEAR, "outputs": outputs})
    assert found.help == "delete its `dtype`: without one, `y` has that of `x`"


def test_an_initializer_of_matrices() -> None:
    flat = {**OWN, "bias": {"shape": ["out"], "init": "kaiming_uniform"}}
    found = only(WHOLE, **{**LINEAR, "parameters": flat})
    assert found.message == "`kaiming_uniform` is for tensors of two dimensions or more"
    assert found.help == "write `zeros`, or `uniform(-0.1, 0.1)` for another spread"


def test_a_word_that_is_no_choice() -> None:
    mode = {"mode": {"type": "str", "choices": ["mean", "sum"], "doc": "Mode."}}
    forward = "y = x\nif mode == 'maen':\n    y = -x"
    assert only(forward, arguments=mode).help == "write `'mean'`: `mode` is one of 'mean', 'sum'"


def helps_with(forward: str, **parts: Any) -> list[str | None]:
    """What helps with the words of a layer, which is not run."""
    with pytest.raises(SpecError) as refusal:
        resolve(spec(forward, **parts))
    return [finding.help for finding in refusal.value.findings]


def test_none_is_asked_for_by_is() -> None:
    optional = {"x": ["N", "C"], "m": {"shape": ["N", "C"], "optional": True}}
    assert helps_with("y = x\nif m != None:\n    y = x * m", inputs=optional) == ["write `m is not None`"]


def test_a_tensor_that_is_always_there_is_not_asked_for() -> None:
    forward = "y = linear(x, weight)\nif bias:\n    y = y + bias"
    assert helps_with(forward, **LINEAR) == ["`bias` is always there: delete the `if`"]


def test_a_member_that_fails_points_at_its_constructor() -> None:
    found = only("y = lin(x)", **{**MATRIX, "modules": {"lin": "nn.Linear(out, dim)"}})
    (label,) = found.labels
    assert (label.place.path, label.text) == (("modules", "lin", "module"), "made here")


def test_of_the_members_of_a_list_one_finding_will_do() -> None:
    parts = {"parts": "[nn.Linear(dim, dim) for i in range(depth)]"}
    sizes = {"arguments": {"dim": DIM, "depth": DIM}, "inputs": {"x": ["N", "dim"]}, "outputs": {"y": ["N", "dim"]}}
    found = only("y = x\nfor part in parts:\n    y = relu(part(x))", modules=parts, **sizes)
    assert found.rule.code == "LG309"


def test_an_exponential_may_be_kept_small_by_a_range() -> None:
    inputs: dict[str, Any] = {"s": ["N", "C"], "x": ["N", "C"]}
    help = only("y = tanh(exp(-s) * x)", inputs=inputs).help
    assert help is not None and help.endswith("; or say how large `s` is: `range: [low, high]`")


def test_a_loop_over_a_number() -> None:
    found = helps_with("y = x\nfor t in count:\n    y = relu(y)", arguments={"count": DIM})
    assert found == ["write `range(count)`"]


@pytest.mark.parametrize(
    ("old", "new", "help"),
    [
        ("doc: Size", "desc: Size", "write `doc`"),
        ("y = x * weight", "out = x * weight", "assign to `y`"),
        ("y = x * weight", "y = x / x.size(-1)", "write `dim`: sizes go by their names in `x: [N, T, dim]`"),
        ("y = x * weight", "y = x / x.shape[1]", "write `T`: sizes go by their names in `x: [N, T, dim]`"),
        (
            "y = x * weight",
            "B, T, C = x.shape",
            "the sizes have names already, `N`, `T` and `dim` of `x: [N, T, dim]`: write these",
        ),
        (
            "weight: {shape: [dim], init: ones}",
            "weight: nn.Parameter(torch.ones(dim))",
            "write `weight: {shape: [dim], init: ones}`",
        ),
        ("weight: {shape: [dim], init: ones}", "weight: [dim]", "write `weight: {shape: [dim], init: …}`"),
        ("y = x * weight", "return x * weight  # so", "write `y = x * weight`"),
        ("y = x * weight", "y = x * weight\n  return y", "leave it out: what the outputs are at the end is given back"),
        ("{type: int, min: 1, doc: Size.}", "int", 'write `dim: {type: int, doc: "…"}`'),
        ("{type: int, min: 1, doc: Size.}", "64", 'write `dim: {type: int, default: 64, doc: "…"}`'),
        ("init: ones}", "init: ones, requires_grad: no}", "write `false`"),
        ("x: [N, T, dim]", "x: {shape: [N, T, dim]", "close it with `}`: `{x: {shape: [N, T, dim]}}`"),
    ],
)
def test_words_of_a_spec(old: str, new: str, help: str) -> None:
    with pytest.raises(SourceError) as refusal:
        source = parse(WRITTEN.replace(old, new), "small.yaml")
        try:
            resolve(validate(source))
        except SpecError as fault:
            raise SourceError(map(source.diagnose, fault.findings)) from None
    assert [diagnostic.help for diagnostic in refusal.value.diagnostics] == [help]


@pytest.mark.parametrize(
    ("forward", "help"),
    [
        ("y = relu", "`relu` is an op: call it, `relu(…)`"),
        ("y = dropout(x, 0.5, self)", "leave it out: names stand alone here"),
        ("y = x * zeros(C, dtype=double)", "write `float64`"),
        ("y = x(1)", "write `x * (1)` for a product, `x[1]` for a part of it"),
        ("y = x + C(2)", "write `C * (2)` for a product"),
        ("y = rearrange(x, 'n c > c n')", "write `n c -> c n`, the axes as they are to be"),
    ],
)
def test_words_of_a_forward(forward: str, help: str) -> None:
    assert helps_with(forward) == [help]


@pytest.mark.parametrize(
    ("forward", "message"),
    [
        ("y = x + [1, 2]", "a tensor and a list have no `+`"),
        ("y = chunk(x, 2) * x", "a tuple of tensors and a tensor have no `*`"),
        ("y = x + None", "a tensor and `None` have no `+`"),
        ("y = x < 'a'", "a tensor and a text cannot be compared by `<`"),
        ("y = C[0] * x", "an int has no entries to index"),
        ("y = x[0][0][0]", "a single number has no entries to index"),
        ("y = stack([x, 1])", "`stack` fails: the item at 1 is an int, not a tensor"),
        ("y = sum(x, 2)", "`sum` fails: there is no dimension 2: they are -2 to 1, of which -1 is the last"),
        ("y = bernoulli(x)", "`bernoulli` fails: values from 0 to 1 are wanted"),
    ],
)
def test_python_and_torch_are_told_in_plain_words(forward: str, message: str) -> None:
    assert only(forward).message == message


@pytest.mark.parametrize(
    ("forward", "help"),
    [
        ("y = x + (1, 2)", "make a tensor of it, `tensor((1, 2))`"),
        ("parts = chunk(x, 2)\ny = parts + x", JOINED),
        ("parts = []\nfor row in unbind(x, 1):\n    append(parts, row)\ny = x - parts", JOINED),
    ],
)
def test_a_list_beside_a_tensor(forward: str, help: str) -> None:
    assert only(forward).help == help


def test_a_sum_as_on_paper_has_its_index_in_brackets() -> None:
    (found,) = check_definition(spec(WHOLE, **LINEAR, definition="y[n, t, o] = sum_i weight[o, i] * x[n, t, i]"))
    assert found.help == "write `sum[i](…)`: the indices stand in brackets, and what is reduced behind"


def test_a_tensor_has_no_length() -> None:
    assert helps_with("y = x * len(x)") == ["sizes are plain names of dimensions: write the first one of its shape"]


@pytest.mark.parametrize("runs_over", ["C", "x"])
def test_a_loop_over_no_list_is_told_once(runs_over: str) -> None:
    (help,) = helps_with(f"y = x\nfor t in {runs_over}:\n    y = y + 1")
    assert help in ("write `range(C)`", "say along which dimension: `unbind(x, dim)`")


@pytest.mark.parametrize(
    ("forward", "made"),
    [
        ("y = lin(x, bad=1)", ["lin"]),
        ("y = x\nfor part in parts:\n    y = part(y, bad=1)", ["parts"]),
        ("y = parts[0](x, bad=1)", ["parts"]),
        ("y = x\nfor part in [lin, other]:\n    y = part(y, bad=1)", ["lin", "other"]),
    ],
)
def test_a_wrong_call_points_at_the_constructors_it_may_be_of(forward: str, made: list[str]) -> None:
    listed = "[nn.Linear(dim, dim) for i in range(2)]"
    members = {"lin": "nn.Linear(dim, dim)", "other": "nn.Linear(dim, dim)", "parts": listed}
    sizes = {"arguments": {"dim": DIM}, "inputs": {"x": ["N", "dim"]}, "outputs": {"y": ["N", "dim"]}}
    modules = {name: members[name] for name in made}
    with pytest.raises(SpecError) as refusal:
        resolve(spec(forward, **{**sizes, "modules": modules}))
    (finding,) = refusal.value.findings
    assert [(label.place.path[1], label.text) for label in finding.labels] == [(name, "made here") for name in made]


# Shapes


CUBE: dict[str, Any] = {"inputs": {"x": ["N", "L", "C"]}}


@pytest.mark.parametrize(
    ("forward", "shape", "help"),
    [
        ("y = mean(x, dim=1, keepdim=True)", ["N", "C"], "y = squeeze(y, 1)"),
        ("y = mean(x, dim=[1, 2], keepdim=True)", ["N"], "y = flatten(y, 0)"),
        ("y = sum(x, dim=2)", ["N", "L", 1], "y = unsqueeze(y, 2)"),
        ("y = x * 2", ["N", 1, "L", "C"], "y = unsqueeze(y, 1)"),
        ("y = x * 2", ["N", "C", "L"], "y = permute(y, [0, 2, 1])"),
        ("y = x * 2", ["C", "N", "L"], "y = permute(y, [2, 0, 1])"),
    ],
)
def test_an_output_is_brought_to_the_shape_that_is_declared(forward: str, shape: list[Any], help: str) -> None:
    assert only(forward, **CUBE, outputs={"y": shape}).help == f"end the forward with `{help}`"
    assert checked(program(f"{forward}\n{help}", **CUBE, outputs={"y": shape})).cases


def test_a_name_that_has_the_dtype_of_an_input_no_more_is_told_where_it_is_to_bring_it_back() -> None:
    finding = only("x = upcast(x)\ny = type_as(tanh(x), x)")
    named = "give that a name of its own, and end the forward with `y = type_as(y, x)`"
    assert (finding.rule.code, finding.help) == ("LG304", f"`x` itself has become float32: {named}")
    assert checked(program("h = upcast(x)\ny = type_as(tanh(h), x)")).cases
    assert only("x = x * 2\ny = tanh(upcast(x))").help == "end the forward with `y = type_as(y, x)`"


def test_a_tensor_of_a_tuple_is_brought_to_the_dtype_that_is_declared_by_a_tuple_made_again() -> None:
    parts: dict[str, Any] = {"outputs": {"y": ["N", "C"], "state": {"tuple": {"h": ["N", "C"], "c": ["N", "C"]}}}}
    forward = "y = x\nstate = (x, upcast(x) + 1)"
    help = "state = (state[0], type_as(state[1], x))"
    finding = only(forward, **parts)
    assert (finding.rule.code, finding.help) == ("LG304", f"end the forward with `{help}`")
    assert checked(program(f"{forward}\n{help}", **parts)).cases


def test_a_tuple_whose_name_is_taken_again_is_brought_back_before() -> None:
    state = {"tuple": {"h": ["N", "C"], "c": ["N", "C"]}}
    parts: dict[str, Any] = {"inputs": {"state": state}, "outputs": {"state": state}}
    finding = only("h, c = state\nstate = (h, upcast(c) + 1)", **parts)
    assert finding.help == "bring it back before `state` is assigned, as by `type_as(…, state[0])`"
    assert checked(program("h, c = state\nstate = (h, type_as(upcast(c) + 1, state[0]))", **parts)).cases


def test_a_state_of_integers_begins_in_the_dtype_of_the_inputs() -> None:
    forward = "h = zeros([N, C]{})\nfor x_t in unbind(x, 1):\n    h = 0.5 * h + x_t\ny = h"
    parts: dict[str, Any] = {**CUBE, "outputs": {"y": ["N", "C"]}}
    finding = only(forward.format(", dtype=int64"), **parts)
    assert finding.rule.code == "LG317" and "`zeros(…)` has without a `dtype`" in (finding.help or "")
    assert checked(program(forward.format(""), **parts)).cases


@pytest.mark.parametrize(
    ("forward", "shape"),
    [("y = x[..., None]", ["N", "L"]), ("y = mean(x, dim=2)", ["N", "C"]), ("y = x", ["N", "L", 2])],
)
def test_another_shape_is_not_guessed(forward: str, shape: list[Any]) -> None:
    assert only(forward, **CUBE, outputs={"y": shape}).help is None


# Values of the constructor


def test_an_initial_value_has_the_sizes_that_the_constructor_knows() -> None:
    parts: dict[str, Any] = {
        "arguments": {"dim": {**DIM, "min": 4}},
        "buffers": {"table": {"shape": ["dim"], "init": "arange(0, dim, 2)"}},
        "inputs": {"x": ["N", "dim"]},
        "outputs": {"y": ["N", "dim"]},
        "cases": [{"dim": 8, "N": 4}],
    }
    assert only("y = x + table", **parts).message == "the initial value has shape [4], not [dim]"


def test_a_bound_is_asked_for_below_which_nothing_works() -> None:
    parts: dict[str, Any] = {"arguments": {"dim": {"type": "int", "doc": "Size."}}, "derived": {"k": "1 / sqrt(dim)"}}
    assert only("y = x * k", **parts).help == "say what `dim` is at least: `min: 1`"


def test_a_case_is_told_what_it_breaks_without_the_rest() -> None:
    parts: dict[str, Any] = {
        "arguments": {"dim": DIM, "heads": DIM, "mode": {"type": "str", "doc": "Mode."}},
        "constraints": ["dim % heads == 0"],
        "cases": [{"dim": 4, "heads": 3}],
    }
    forward = 'y = x * dim / heads if mode == "text" else x'
    assert only(forward, **parts).message == "the case does not satisfy `dim % heads == 0`"


# What a module of torch gives


RECURRENT: dict[str, Any] = {
    "arguments": {"dim": DIM},
    "modules": {"rnn": {"module": "nn.GRU(dim, dim, batch_first=True)"}},
    "inputs": {"x": ["N", "L", "dim"]},
    "outputs": {"y": ["N", "dim"]},
}


@pytest.mark.parametrize("forward", ["y = out[:, -1]", "y = out - 1", "y = relu(out)"])
def test_what_is_several_values_is_taken_apart(forward: str) -> None:
    assert only(f"out = rnn(x)\n{forward}", **RECURRENT).help == "`out` is 2 values: take it apart, `h, _ = out`"


def test_what_is_taken_apart_so_is_accepted() -> None:
    assert checked(program("out = rnn(x)\nh, _ = out\ny = h[:, -1]", **RECURRENT)).cases


def test_without_a_floating_input_an_output_follows_the_parameters() -> None:
    shape: dict[str, Any] = {"shape": ["N"]}
    look_up: dict[str, Any] = {
        "inputs": {"i": {"shape": ["N"], "dtype": "int64", "range": [0, 7]}},
        "parameters": {"table": {"shape": [7], "init": "normal(0, 1)"}},
    }
    finding = fault_of(program("y = table[i]", **look_up, outputs={"y": {**shape, "dtype": "float32"}}))
    said = "delete its `dtype`: as no input is floating, `y` has that of the layer's own tensors without it"
    assert (finding.rule.code, finding.help) == ("LG304", said)
    assert checked(program("y = table[i]", **look_up, outputs={"y": shape})).cases


def test_no_help_names_a_size_that_has_no_name() -> None:
    forward = "y = type_as(upcast(x) * sigmoid(weight * log(mean(square(upcast(x)), dim=-1) + 1)), x)"
    shapes: dict[str, Any] = {
        "arguments": {"dim": DIM},
        "inputs": {"x": ["...", "dim"]},
        "outputs": {"y": ["...", "dim"]},
    }
    finding = fault_of(program(forward, parameters=weight("ones", "dim"), **shapes))
    assert finding.rule.code == "LG301" and "..." not in str(finding.help)
