"""What was probably meant: the words of torch, of Python and of older YAML for what a spec calls otherwise."""

import re
from collections.abc import Container, Iterable

from layergen.diagnostics import Path
from layergen.lang.argument_types import WORDS
from layergen.suggest import nearest

# torch's other names of dtypes, and what people say who mean its usual ones.
DTYPE_WORDS = {
    "float": "float32", "single": "float32", "double": "float64", "half": "float16", "bf16": "bfloat16",
    "fp16": "float16", "fp32": "float32", "fp64": "float64", "long": "int64", "int": "int64", "integer": "int64",
    "short": "int16", "byte": "uint8", "char": "int8", "boolean": "bool", "cfloat": "complex64", "complex": "complex64",
    "cdouble": "complex128",
}  # fmt: skip
TYPE_WORDS = {
    "integer": "int", "number": "float", "real": "float", "double": "float", "boolean": "bool", "string": "str",
    "text": "str", "list": "ints", "tuple": "ints", "int_list": "ints", "list[int]": "ints", "size": "size2",
    "list[float]": "floats", "numbers": "floats", "pair": "size2", "string | size2": "str | size2",
}  # fmt: skip
INITIALIZER_WORDS = {
    "he_uniform": "kaiming_uniform", "he_normal": "kaiming_normal", "glorot_uniform": "xavier_uniform",
    "glorot_normal": "xavier_normal", "lecun_normal": "kaiming_normal(nonlinearity='linear')",
    "truncated_normal": "trunc_normal", "gaussian": "normal", "randn": "normal", "rand": "uniform",
    "xavier": "xavier_uniform", "glorot": "xavier_uniform", "kaiming": "kaiming_uniform", "he": "kaiming_uniform",
    "identity": "eye", "zero": "zeros", "one": "ones", "full": "constant",
}  # fmt: skip
# What others call an op.
OP_WORDS = {
    "swish": "silu", "reduce_sum": "sum", "reduce_mean": "mean", "reduce_max": "amax", "reduce_min": "amin",
    "dense": "linear", "fc": "linear", "affine": "linear", "expand_dims": "unsqueeze", "log_sum_exp": "logsumexp",
    "lrelu": "leaky_relu", "upsample": "interpolate", "resize": "interpolate", "one_hot_encode": "one_hot",
    "onehot": "one_hot", "astype": "type_as", "cast": "type_as", "matrix_multiply": "matmul", "softargmax": "softmax",
    "logistic": "sigmoid", "mse": "mse_loss", "bce": "binary_cross_entropy", "xent": "cross_entropy", "ln": "log",
    "int16": "short", "int32": "int", "int64": "long", "float16": "half", "float32": "float", "float64": "double",
    "attention": "scaled_dot_product_attention", "sdpa": "scaled_dot_product_attention", "norm2": "linalg.vector_norm",
}  # fmt: skip
# Names that stand for a value in other languages.
NAME_WORDS = {
    "self": "leave it out: names stand alone here", "e": "write `exp(1.0)`", "nil": "write `None`",
    "NaN": "write `nan`", "Inf": "write `inf`", "infinity": "write `inf`", "PI": "write `pi`",
}  # fmt: skip
MAKERS = {"zeros": "zeros", "ones": "ones", "randn": "normal", "rand": "uniform", "empty": "…"}
BUFFER = "what is not learned is declared under `buffers`"
KEY_WORDS = {
    "trainable": BUFFER, "learnable": BUFFER,
    "optional": "write `when: …`, the condition under which it exists",
    "required": "leave it out: what has no `default` is required",
    **dict.fromkeys(("description", "desc", "help"), "write `doc`"), **dict.fromkeys(("size", "dims"), "write `shape`"),
    **dict.fromkeys(("initializer", "initial", "value"), "write `init`"),
    **dict.fromkeys(("values", "enum", "options", "one_of"), "write `choices`"),
    **dict.fromkeys(("minimum", "low", "ge"), "write `min`"), **dict.fromkeys(("maximum", "high", "le"), "write `max`"),
    **dict.fromkeys(("nullable", "none"), "write `optional: true`"),
    "inplace": "write `written: inplace` where the forward writes to the input",
}  # fmt: skip
# Sections of a spec, as they are called elsewhere.
SECTION_WORDS = {
    **dict.fromkeys(("name", "class", "class_name", "module", "title"), "layer"),
    **dict.fromkeys(("doc", "docs", "docstring", "desc", "brief"), "summary"),
    **dict.fromkeys(("notes", "details", "long_description"), "description"),
    **dict.fromkeys(("paper", "papers", "citation", "citations"), "references"),
    **dict.fromkeys(("args", "params", "hyperparameters", "constructor", "init", "config"), "arguments"),
    **dict.fromkeys(("weights", "learnable"), "parameters"), **dict.fromkeys(("state", "non_learnable"), "buffers"),
    **dict.fromkeys(("submodules", "layers", "children", "members", "blocks"), "modules"),
    **dict.fromkeys(("requires", "checks", "conditions", "asserts"), "constraints"),
    **dict.fromkeys(("returns", "return"), "outputs"), **dict.fromkeys(("tests", "examples", "settings"), "cases"),
    **dict.fromkeys(("body", "code", "call", "compute", "forward_pass"), "forward"),
    **dict.fromkeys(("math", "formula", "equations"), "definition"),
    **dict.fromkeys(("regularization", "regularizer"), "penalty"),
    **dict.fromkeys(("properties", "invariants"), "laws"),
}  # fmt: skip
REFERENCE = '{title: "…", url: "https://…"}'
BOOLEANS = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}  # of YAML 1.1

# Functions that a forward does without, whether they are called as methods or by their names.
PLACED = "leave it out: a layer computes where its inputs are"
PRINTED = "leave it out: there is no printing, and `layergen show` tells the shape and dtype of each step"
DATA = "a layer does not look at values: choose element by element, with `where`"
SHAPE = "shapes are plain names of dimensions"
LOOPED = "it stands behind the `in` of a loop alone: `arange` makes a tensor of numbers, `flip` turns one round"
UNNEEDED = {
    **dict.fromkeys(("cuda", "cpu", "xpu", "mps", "pin_memory"), PLACED),
    **dict.fromkeys(("print", "pprint", "breakpoint"), PRINTED),
    **dict.fromkeys(("item", "tolist", "numpy"), DATA),
    **dict.fromkeys(("range", "enumerate", "reversed", "zip"), LOOPED),
    **dict.fromkeys(("size", "numel", "ndim", "shape"), SHAPE),
    **dict.fromkeys(("isinstance", "type", "hasattr", "getattr"), "what a name is stands where it is declared"),
    "list": "a list begins as `[]`, and grows by `append(ys, y)`",
    "tuple": "put what belongs together into parentheses: `(h, c)`",
    "backward": "a forward knows no gradients",
    "pi": "`pi` is a number: write it without brackets",
    "contiguous": "leave it out: `reshape` copies where a view is impossible",
}

# Methods that change a tensor in place, whose op goes by another name than theirs without the underscore.
IN_PLACE = {"zero_": "zeros_like", "fill_": "full_like", "uniform_": "rand_like", "normal_": "randn_like"}

# What stands below each key that holds a mapping, as one would begin it.
ENTRIES = {
    "arguments": "dim: {type: int, min: 1, doc: …}",
    "derived": "head_dim: dim // heads",
    "parameters": "weight: {shape: [dim], init: ones}",
    "buffers": "mean: {shape: [dim], init: zeros}",
    "inputs": "x: [N, D]",
    "outputs": "y: [N, D]",
}

# And what a key is that others take for a flag, or for one of a list.
FORMS = {
    "causal": "name the dimension along which nothing sees what is later: `causal: L`, `[H, W]` for rows, or "
    "`{dim: L, when: causal}`",
    "mixes": "name the dimensions along which samples see each other: `mixes: [N]`",
    "random": "write `always` where it draws random numbers at all times",
    "cases": "begin each case with a dash: `- {dim: 4}`",
}


def literal_meant(path: Path, value: object, allowed: Iterable[str]) -> str | None:
    """The one of some words that a value stands for which is none of them."""
    if not isinstance(value, str):
        return None
    known = tuple(allowed)
    bare = value.strip().removeprefix("torch.").lower()
    words = DTYPE_WORDS if path[-1] == "dtype" else {}
    meant = bare if bare in known else words.get(bare)
    return meant if meant in known else nearest(bare, known)


def type_meant(value: object) -> str | None:
    """The type of an argument that a value stands for which is none."""
    bare = str(value).strip().lower()
    if " or " in bare or bare.startswith("union"):
        return "str | size2"
    sizes = re.fullmatch(r"(?:sizes?|ints?|tuple)[_ \[]*(\d+)\]?", bare)
    if sizes:
        return f"size{int(sizes[1])}" if 0 < int(sizes[1]) < 10 else "ints"
    return TYPE_WORDS.get(bare) or nearest(bare, (*WORDS, "size1", "size3"))


def entry_meant(path: Path, value: object) -> str | None:
    """How to begin a section that is no mapping of names."""
    begin = ENTRIES.get(str(path[0])) if len(path) == 1 else None
    if begin is None:
        return None
    if isinstance(value, list) and len(value) > 1 and all(_is_size(item) for item in value):
        return f"give each name a line of its own: `{begin[0]}: [{', '.join(map(str, value))}]`"
    names = value if isinstance(value, list) else [value]
    first = next((name for name in names if isinstance(name, str) and name.isidentifier()), None)
    if first:
        begin = re.sub(r"^\w+", first, begin)
    return f"give each name a line of its own: `{begin}`"


def members_meant(path: Path, value: object) -> str | None:
    """The text that was meant by a list of members, which YAML reads as one of its own."""
    if len(path) != 2 or path[0] != "modules" or not isinstance(value, list):
        return None
    whole = all(type(item) in (str, int) and '"' not in str(item) for item in value)
    listed = ", ".join(map(str, value)) if whole else "…"
    return f'a list of members goes in quotes: `{path[1]}: "[{listed}]"`'


def tensor_meant(path: Path, value: object) -> str | None:
    """How to declare a tensor of the layer's own that is written as torch makes it, or by its shape alone."""
    if len(path) != 2 or path[0] not in ("parameters", "buffers"):
        return None
    shape, init = "…", "…"
    made = re.fullmatch(r"(?:(?:torch\.)?nn\.Parameter\()?\s*(?:torch\.)?(\w+)\(([\w\s,]+)\)\s*\)?", str(value))
    if isinstance(value, list) and all(type(item) in (int, str) for item in value):
        shape = ", ".join(map(str, value))
    elif made and made[1] in MAKERS:
        shape, init = made[2].strip().rstrip(","), MAKERS[made[1]]
    return f"write `{path[1]}: {{shape: [{shape}], init: {init}}}`"


def _is_size(item: object) -> bool:
    """Whether an item stands for a size rather than a tensor, by its looks."""
    return isinstance(item, int) or (isinstance(item, str) and (item == "..." or item[:1].isupper()))


def shape_meant(path: Path, value: object) -> str | None:
    """The shape that was meant by a number, or by nothing, where a tensor is declared."""
    if len(path) != 2 or path[0] not in ("inputs", "outputs") or not (value is None or isinstance(value, int)):
        return None
    other = "" if value is None else f"`{path[1]}: [{value}]`, or "
    return f"a shape is a list: write {other}`{path[1]}: []` for a single number"


def form_meant(path: Path) -> str | None:
    """How to write a key of the whole spec that is none of its own values."""
    return FORMS.get(str(path[0])) if len(path) == 1 else None


def reference_meant(path: Path, value: object) -> str | None:
    """How to write one reference that is given as a text."""
    return f"write `- {REFERENCE}`" if len(path) == 2 and path[0] == "references" and isinstance(value, str) else None


def list_meant(value: object) -> str | None:
    """The list that was meant by its items without brackets, or within others."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    items = [item.strip() for item in str(value).strip("(){} ").split(",")]
    return f"[{', '.join(item for item in items if item)}]"


def argument_meant(path: Path, value: object) -> str | None:
    """How to declare an argument that is written as its type or its default alone, ``dim: int``."""
    if len(path) != 2 or path[0] != "arguments" or not isinstance(value, str | int | float):
        return None
    kind, default = str(value).strip(), ""
    if not isinstance(value, str):
        kind, default = type(value).__name__, f"default: {str(value).lower()}, "
    meant = kind if kind in WORDS else type_meant(kind) or "…"
    return f'write `{path[1]}: {{type: {meant}, {default}doc: "…"}}`'


def bound_meant(path: Path, value: object) -> str | None:
    """The constraint to write for a bound that is no number, ``min: dt_min``."""
    if len(path) != 3 or path[0] != "arguments" or path[-1] not in ("min", "max") or not isinstance(value, str):
        return None
    name, other = path[1], value.strip()
    constraint = f"{other} <= {name}" if path[-1] == "min" else f"{name} <= {other}"
    return f"a bound is a number: write `{constraint}` under `constraints`"


def constant_meant(path: Path, name: str) -> str | None:
    """The value that a word stands for in other languages, where a key takes an expression."""
    return BOOLEANS.get(name.lower()) if path[-1] in ("default", "when", "requires_grad") else None


def text_meant(message: str, texts: Container[str]) -> str | None:
    """The text that was meant by a word without quotes which other languages have as a value, ``mode == none``."""
    found = re.fullmatch(r"`(\w+)` is not a value of the language", message)
    return f"write `{found[1]!r}`, the text in quotes" if found and found[1] in texts else None


def unneeded(function: str) -> str | None:
    """What to do instead of calling a function of torch or Python that no layer needs."""
    return UNNEEDED.get(function)


def initializer_meant(name: str) -> str | None:
    """The initializer that goes by another name elsewhere, or has an underscore at its end in torch."""
    return INITIALIZER_WORDS.get(name.rstrip("_"))


def windows_meant(x: str, size: str, step: str) -> str:
    """What to write for windows that a tensor has by its own method ``unfold``, which no op has by its name."""
    places = f"arange(0, L - {size} + 1, {step})[:, None] + arange({size})"
    return f"`unfold` is that of images: write `{x}[..., {places}]` for windows of a last dimension `L`"
