"""What was meant: words of torch, of Python and of older YAML in the places of a spec's own."""

import pytest
from parsing import block_fault_of, fault_of

from layergen.diagnostics import Diagnostic
from layergen.faults import SourceError, SpecError
from layergen.lang.source import parse
from layergen.lang.validate import validate
from layergen.resolve import resolve
from layergen.suggest import is_slip, nearest

SPEC = """\
layer: Scale
summary: Scale.
arguments:
  dim: {type: int, min: 1, doc: Size.}
parameters:
  weight: {shape: [dim], init: ones}
inputs:
  x: [N, dim]
outputs:
  y: [N, dim]
forward: |
  h = x * weight
  y = h
"""


def reported(old: str, new: str) -> Diagnostic:
    """What is wrong with the spec above once one part of it is another."""
    assert SPEC.count(old) == 1
    with pytest.raises(SourceError) as refusal:
        source = parse(SPEC.replace(old, new), "scale.yaml")
        try:
            resolve(validate(source))
        except SpecError as fault:
            raise SourceError(map(source.diagnose, fault.findings)) from None
    (diagnostic,) = refusal.value.diagnostics
    return diagnostic


def marked(diagnostic: Diagnostic) -> str:
    """The text at the place of a diagnostic of one line."""
    ((_, line),) = diagnostic.excerpt
    return line[diagnostic.location.column - 1 : diagnostic.location.end_column - 1]


def help_of(old: str, new: str) -> tuple[str, str | None]:
    """What is marked, and the help."""
    found = reported(old, new)
    return marked(found), found.help


@pytest.mark.parametrize(
    ("prose", "quoted"),
    [
        ("A, one or two.", "A, one or two."),
        ("One, two, or three.", "One, two, or three."),
        ('Sizes, as "large".', "Sizes, as 'large'."),
    ],
)
def test_prose_with_a_comma_goes_in_quotes(prose: str, quoted: str) -> None:
    found = reported("doc: Size.}", f"doc: {prose}}}")
    assert found.message == "`doc` ends at the comma"
    assert found.help == f'text with a comma goes in quotes: `doc: "{quoted}"`'


def test_a_key_without_a_value_after_a_number_is_no_prose() -> None:
    assert reported("min: 1,", "min: 1, positive,").rule.name == "unknown-key"


@pytest.mark.parametrize(("word", "dtype"), [
    ("float", "float32"), ("torch.float32", "float32"), ("torch.long", "int64"), ("long", "int64"), ("half", "float16"),
    ("double", "float64"), ("int", "int64"), ("flaot32", "float32"),
])  # fmt: skip
def test_dtypes_go_by_their_full_names(word: str, dtype: str) -> None:
    found = help_of("x: [N, dim]", f"x: {{shape: [N, dim], dtype: {word}, range: [0, 9]}}")
    assert found == (word, f"write `{dtype}`")


@pytest.mark.parametrize(("word", "type"), [
    ("integer", "int"), ("number", "float"), ("boolean", "bool"), ("string", "str"), ("Int", "int"),
])  # fmt: skip
def test_types_go_by_their_names_in_python(word: str, type: str) -> None:
    assert help_of("type: int", f"type: {word}") == (word, f"write `{type}`")


@pytest.mark.parametrize(("init", "meant"), [
    ("nn.init.ones_", "ones"), ("torch.nn.init.zeros_", "zeros"), ("nn.init.zeros_()", "zeros"), ("init.ones_", "ones"),
    ("he_uniform", "kaiming_uniform"), ("he_normal", "kaiming_normal"), ("glorot_uniform", "xavier_uniform"),
    ("ones_", "ones"), ("truncated_normal", "trunc_normal"), ('"nn.init.normal_(0, 0.02)"', "normal(0, 0.02)"),
])  # fmt: skip
def test_initializers_go_by_bare_names(init: str, meant: str) -> None:
    assert reported("init: ones", f"init: {init}").help == f"write `{meant}`"


@pytest.mark.parametrize(("word", "value"), [("yes", "true"), ("on", "true"), ("no", "false"), ("off", "false")])
def test_booleans_are_those_of_the_newer_yaml(word: str, value: str) -> None:
    argument = "dim: {type: int, min: 1, doc: Size.}"
    default = reported(argument, f"{argument}\n  flag: {{type: bool, default: {word}, doc: Whether.}}")
    assert (marked(default), default.help) == (word, f"write `{value}`")
    assert help_of("min: 1,", f"min: 1, optional: {word},") == (word, f"write `{value}`")


@pytest.mark.parametrize("none", ["None", "null"])
def test_a_default_of_none_wants_an_argument_that_may_be_none(none: str) -> None:
    found = reported("min: 1,", f"min: 1, default: {none},")
    assert found.help == "where None is allowed, write `optional: true` and `default: null`"


@pytest.mark.parametrize(("bound", "constraint"), [("min: low", "low <= dim"), ("max: 2 * low", "dim <= 2 * low")])
def test_a_bound_by_another_argument_is_a_constraint(bound: str, constraint: str) -> None:
    found = reported("min: 1,", f"{bound},")
    assert found.help == f"a bound is a number: write `{constraint}` under `constraints`"


@pytest.mark.parametrize(
    ("section", "entry"),
    [
        ("inputs: [x]", "x: [N, D]"),
        ("inputs: x", "x: [N, D]"),
        ("inputs: [[N, D]]", "x: [N, D]"),
    ],
)
def test_a_section_without_a_mapping_is_shown_its_form(section: str, entry: str) -> None:
    found = reported("inputs:\n  x: [N, dim]", section)
    assert found.help == f"give each name a line of its own: `{entry}`"


@pytest.mark.parametrize("doc", ["", '""', "null", '"  "'])
@pytest.mark.parametrize("place", ["doc: Size.", "init: ones"])
def test_docs_are_not_empty(place: str, doc: str) -> None:
    found = reported(place, f"doc: {doc}" if place.startswith("doc") else f"init: ones, doc: {doc}")
    assert (found.message, found.help) == ("`doc` is empty", "say in a few words what it is")


@pytest.mark.parametrize("line", ["y = h", "y = h[:, 0]", "relu(h)", " y = h"])
def test_a_line_outside_of_the_forward_is_told_to_be_indented(line: str) -> None:
    found = reported("  y = h\n", f"{line}\n")
    assert (found.rule.code, marked(found)) == ("LG104", line.strip())
    assert found.message == "this line is not in the text that `forward: |` begins"
    assert found.help == "indent it, so that it belongs to `forward`"


def test_a_forward_of_which_no_line_is_indented_is_told_so() -> None:
    found = reported("  h = x * weight\n  y = h\n", "y = x\n")
    assert found.help == "indent it, so that it belongs to `forward`"


def test_a_branch_outside_of_the_forward_is_told_to_be_indented() -> None:
    found = reported("  y = h\n", "  y = h\nif training:\n  y = x\n")
    assert (found.rule.code, found.help) == ("LG111", "indent it, so that it belongs to `forward`")


def test_a_line_after_other_keys_is_not_taken_for_the_forward() -> None:
    assert reported("summary: Scale.", "summary: Scale.\nthe input").help == "write `key: value`"


def test_a_dimension_that_no_entry_gives_is_reported_once() -> None:
    found = reported("  x: [N, dim]\noutputs:\n  y: [N, dim]", "  x: [N // dim, dim]\noutputs:\n  y: [N, dim * N]")
    assert (marked(found), found.message) == ("N", "`N` is not defined")
    assert found.help == "a dimension gets its size where it stands alone: give `N` an entry of its own"


@pytest.mark.parametrize(
    ("text", "help"),
    [
        ("x.float()", "write `upcast(x)`, which leaves float64 as it is"),
        ('x.to("cuda")', "leave it out: a layer computes where its inputs are"),
        ('x.to(device="cuda")', "leave it out: a layer computes where its inputs are"),
        ("x.cuda()", "leave it out: a layer computes where its inputs are"),
        ("x.to(float32)", "write `to(x, float32)`"),
        ("x.to(y)", "write `to(x, y)`"),
        ("x.contiguous()", "leave it out: `reshape` copies where a view is impossible"),
        ("x.item()", "a layer does not look at values: choose element by element, with `where`"),
    ],
)
def test_methods_that_no_layer_needs_are_told_to_go(text: str, help: str) -> None:
    fault = fault_of(text)
    assert (fault.help, fault.forbidden) == (help, True)


def test_there_is_no_printing() -> None:
    help = "leave it out: there is no printing, and `layergen show` tells the shape and dtype of each step"
    fault = block_fault_of("print(x)\ny = x")
    assert (fault.message, fault.help, fault.forbidden) == ("`print` is not in the language", help, True)
    assert reported("y = h", "y = print(h)").help == help


@pytest.mark.parametrize(
    ("written", "known", "meant"),
    [
        ("tahn", ["tan", "tanh", "atan"], "tanh"),
        ("RELU", ["relu", "relu6"], "relu"),
        ("sofmax", ["softmin", "softmax"], "softmax"),
        ("zzz", ["relu"], None),
    ],
)
def test_letters_that_have_changed_places_are_nearer_than_one_that_is_missing(
    written: str, known: list[str], meant: str | None
) -> None:
    assert nearest(written, known) == meant


def test_a_misspelled_op_keeps_its_arguments() -> None:
    found = reported("y = h", "y = tahn(h)")
    assert (marked(found), found.help, found.fix) == ("tahn", "write `tanh(h)`", "tanh")


@pytest.mark.parametrize(
    ("old", "new", "at", "help"),
    [
        ("doc: Size.}", "doc: Size., choices: 1, 2}", "2", "put a list in brackets: `choices: [1, 2]`"),
        ("{type: int,", "{type: str, choices: none, mean,", "none", "put a list in brackets: `choices: [none, mean]`"),
        ("{type: int,", "{type: str, choices: (a, b),", "(a", "put a list in brackets: `choices: [a, b]`"),
        ("{type: int,", "{type: size2, default: 0,0,", "0", "put a list in brackets: `default: [0, 0]`"),
        ("{type: int,", '{type: str, choices: "a, b",', '"a, b"', "write `[a, b]`"),
        ("inputs:\n  x: [N, dim]", "inputs: {x: N, dim}", "N", "put a list in brackets: `x: [N, dim]`"),
        ("shape: [dim],", "shape: dim, dim,", "dim", "put a list in brackets: `shape: [dim, dim]`"),
        ("  x: [N, dim]", "  x: N, dim", ",", "write `[N, dim]`"),
        ("summary: Scale.", "summary: Scale.\nconstraints: dim > 2", "dim > 2", "write `[dim > 2]`"),
    ],
)
def test_lists_stand_in_brackets(old: str, new: str, at: str, help: str) -> None:
    assert help_of(old, new) == (at, help)


def test_a_reference_has_a_title_and_an_address() -> None:
    found = reported("summary: Scale.", "summary: Scale.\nreferences: https://example.org")
    assert found.help == 'write `[{title: "…", url: "https://…"}]`'


@pytest.mark.parametrize(
    "forward", ["forward:\n  h = x * weight\n  if training:\n    h = x\n", "forward: h = x\n  if h:\n"]
)
def test_a_branch_in_a_forward_without_a_bar_is_told_to_have_one(forward: str) -> None:
    found = reported("forward: |\n  h = x * weight\n", forward)
    assert (marked(found), found.help) == ("forward", "begin a forward of several lines with `forward: |`")


@pytest.mark.parametrize("line", ["  // double\n  y = h", "  y = h  // double it"])
def test_comments_begin_with_a_number_sign(line: str) -> None:
    assert help_of("  y = h", line) == ("//", "write a comment as `# …`")


def test_comments_between_keys_begin_with_one_too() -> None:
    assert help_of("inputs:", "// what comes in\ninputs:") == ("// what comes in", "write a comment as `# …`")


@pytest.mark.parametrize(
    ("line", "help"),
    [
        ("y = h.masked_fill_(x, 0)", "write `masked_fill(h, x, 0)`"),
        ("y = h.zero_()", "write `zeros_like(h)`"),
        ("add_(h, x)", "write `h = add(h, x)`, or of an input that is `written: inplace`, `h = add_(h, x)`"),
    ],
)
def test_no_op_changes_a_tensor_in_place(line: str, help: str) -> None:
    assert reported("  y = h", f"  {line}").help == help


@pytest.mark.parametrize(("name", "meant"), [("scale", "Scale"), ("scale_2d", "Scale2d"), ("big-scale", "BigScale")])
def test_layers_are_named_in_cap_words(name: str, meant: str) -> None:
    assert help_of("layer: Scale", f"layer: {name}") == (name, f"write `{meant}`")


@pytest.mark.parametrize(
    ("written", "meant", "is_slip_of_it"),
    [
        ("chanels", "channels", True), ("channels", "chanels", True), ("heigth", "height", True),
        ("dim_q", "dim_k", False), ("kdim", "dim", False), ("width1", "width", False), ("width", "height", False),
    ],
)  # fmt: skip
def test_a_slip_is_a_letter_too_few_or_too_many_or_two_that_have_changed_places(
    written: str, meant: str, is_slip_of_it: bool
) -> None:
    assert is_slip(written, meant) == is_slip_of_it


@pytest.mark.parametrize(
    ("old", "new", "help"),
    [
        ("init: ones", "initializer: ones", "write `init`"),
        (
            "init: ones",
            "init: ones, optional: true",
            "write `when: …`, the condition under which it exists",
        ),
        ("min: 1", "minimum: 1", "write `min`"),
        ("min: 1", "options: [1, 2]", "write `choices`"),
        ("min: 1", "required: true", "leave it out: what has no `default` is required"),
        ("doc: Size.", "description: Size.", "write `doc`"),
    ],
)
def test_keys_of_other_tools_are_known(old: str, new: str, help: str) -> None:
    with pytest.raises(SourceError) as refusal:
        source = parse(SPEC.replace(old, new), "scale.yaml")
        try:
            validate(source)
        except SpecError as fault:
            raise SourceError(map(source.diagnose, fault.findings)) from None
    assert help in [diagnostic.help for diagnostic in refusal.value.diagnostics]


@pytest.mark.parametrize(
    ("line", "help"),
    [
        (
            "causal: true",
            "name the dimension along which nothing sees what is later: `causal: L`, `[H, W]` for rows, or "
            "`{dim: L, when: causal}`",
        ),
        ("mixes: true", "name the dimensions along which samples see each other: `mixes: [N]`"),
        ("random: true", "write `always` where it draws random numbers at all times"),
        ("cases: {dim: 4}", "begin each case with a dash: `- {dim: 4}`"),
        ("matches: LayerNorm(dim)", "write it as `nn.LayerNorm(dim)`"),
    ],
)
def test_keys_of_the_layer_show_their_form(line: str, help: str) -> None:
    assert reported("summary: Scale.", f"summary: Scale.\n{line}").help == help


@pytest.mark.parametrize(
    ("shape", "help"),
    [
        ("  y:", "a shape is a list: write `y: []` for a single number"),
        ("  y: 1", "a shape is a list: write `y: [1]`, or `y: []` for a single number"),
        ("  y: scalar", "write `[]`"),
    ],
)
def test_shapes_are_lists(shape: str, help: str) -> None:
    assert reported("  y: [N, dim]", shape).help == help


def test_a_list_of_sizes_in_the_place_of_outputs_is_a_shape() -> None:
    found = reported("outputs:\n  y: [N, dim]", "outputs: [N, 3]")
    assert found.help == "give each name a line of its own: `y: [N, 3]`"


def test_else_if_is_one_word() -> None:
    found = reported("  y = h", "  if training:\n    y = h\n  else if dim > 2:\n    y = x\n  else:\n    y = h")
    assert (found.message, found.help) == ("`else if` is one word", "write `elif`")


def test_a_list_of_members_goes_in_quotes() -> None:
    members = "modules:\n  convs: [nn.Linear(dim, 3) for i in range(dim)]\ninputs:"
    found = reported("inputs:", members)
    assert found.help == 'a list of members goes in quotes: `convs: "[nn.Linear(dim, 3) for i in range(dim)]"`'


def test_none_among_the_choices_is_told_once() -> None:
    argument = "dim: {type: int, min: 1, doc: Size.}"
    found = reported(argument, f"{argument}\n  mode: {{type: str, choices: [null, mean], doc: Mode.}}")
    assert found.message == "a choice is a text or an int, and this one is empty"
    assert found.help is not None
    assert "`optional: true`" in found.help


def test_a_key_without_a_space_after_its_colon() -> None:
    found = reported("  weight: {", "  weight:{")
    assert (found.message, found.help) == ("no space follows the `:`", "write `weight: {`")


@pytest.mark.parametrize("text", ["inf", "-inf"])
def test_infinity_is_a_name(text: str) -> None:
    assert reported("  h = x * weight", f'  h = x * weight * float("{text}")').help == f"write `{text}`"


def test_a_quotient_as_an_index_is_told_once_with_where_it_is_computed() -> None:
    found = reported("  h = x * weight\n", "  k = dim / 2\n  h = cat([x[:, :k], x[:, k:]], dim=1) * weight\n")
    assert found.help == "write `k = dim // 2`: `/` gives a float"


def test_a_forward_that_is_missing_is_told_beside_a_key_that_nobody_means() -> None:
    text = f"layer: A\nsummary: B.\ninputs: {{x: [N]}}\noutputs: {{y: [N]}}\n{'9' * 50}forward: |\n  y = x\n"
    with pytest.raises(SpecError) as caught:
        validate(parse(text, "specs/a.yaml"))
    assert [finding.rule.code for finding in caught.value.findings] == ["LG112", "LG111"]
