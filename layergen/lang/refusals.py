"""Faults of constructs that the language does not have, and what to write instead."""

import re
from dataclasses import replace
from functools import reduce

from layergen.diagnostics import Span
from layergen.lang import expression as ex
from layergen.lang.meant import IN_PLACE, unneeded, windows_meant
from layergen.lang.tokens import LAYER, SyntaxFault, Token, TokenKind, quoted

CONSTANTS = {"true": "True", "false": "False", "null": "None", "none": "None", "TRUE": "True", "FALSE": "False"}

_STATE = "state what must hold under `constraints`"
_VALUE = "write its value where it is used"
_LOOP = "write an op on a whole tensor instead of a loop"
SEVERAL_LINES = "put brackets around a value of several lines"
_TURNS = "write `for t in range(…):`, or an op on a whole tensor instead of a loop"
_CONTEXT = "leave it out: `detach(x)` hands a value on without its gradient, `upcast(x)` in float32 or wider"
_KEEP = "assign to a buffer to keep a value"
_OUTPUT = "assign to the output's name"
_BARE = "call ops by their bare names, as `relu(x)`"
KEYWORDS = {
    "as": None, "assert": _STATE, "async": "leave it out", "await": "leave it out", "break": _LOOP, "class": _VALUE,
    "continue": _LOOP, "def": "write its statements where it is called", "except": _STATE, "finally": _STATE,
    "del": "a value that is not used costs nothing", "for": _LOOP, "from": _BARE, "global": _KEEP, "import": _BARE,
    "lambda": _VALUE, "nonlocal": _KEEP, "pass": "leave the branch out", "raise": _STATE, "return": _OUTPUT,
    "try": _STATE, "while": _TURNS, "with": _CONTEXT, "yield": _OUTPUT,
}  # fmt: skip

# A keyword is meant as a name where one of these follows, an operator or an end, and it is no statement by itself.
_AFTER_A_NAME = frozenset(
    {"+", "-", "*", "/", "//", "%", "**", "@", "==", "!=", "<", "<=", ">", ">=", ",", ")", "]", "", "\n"}
)
_STATEMENTS = frozenset({"break", "continue", "pass", "raise", "return", "yield"})

# Modules that a PyTorch user writes before a function; here the function stands alone, or behind the name given.
_MODULES = {
    "F": "", "torch": "", "math": "", "np": "", "numpy": "", "functional": "", "special": "", "init": "",
    "nn.functional": "", "nn.init": "", "torch.nn.functional": "", "torch.nn.init": "", "torch.special": "",
    "torch.Tensor": "", "Tensor": "", "einops": "", "jnp": "", "jax.numpy": "", "jax.nn": "", "tf": "", "tf.math": "",
    "tf.nn": "", "scipy.special": "", "torch.fft": "fft.", "torch.linalg": "linalg.", "torch.nn": "nn.",
}  # fmt: skip

# Modules that own weights, which here the spec declares.
_OWNERS = re.compile(r"Conv|Linear|Bilinear|Norm|Embedding|PReLU|RNN|LSTM|GRU|Attention|Transformer")

_OF_TORCH = re.compile(
    r"(Conv|ConvTranspose|BatchNorm|InstanceNorm)[123]d|(Layer|Group|RMS)Norm|(Bil|L)inear|Embedding(Bag)?|PReLU|RNN"
    r"|LSTM|GRU|(RNN|LSTM|GRU)Cell|MultiheadAttention|Transformer((En|De)coder(Layer)?)?"
)

_OPS = "`layergen ops` lists the ops that a forward may call"
_BASE = "a layer inherits nothing: declare the other layer under `modules`, and call that"
_SHAPE = "shapes are plain names of dimensions"
_ATTRIBUTES = {
    "shape": _SHAPE, "size": _SHAPE, "ndim": _SHAPE, "dim": _SHAPE, "numel": _SHAPE,
    "dtype": "write `type_as(h, x)` for x's dtype, or `upcast(x)` for float32 or wider",
    "grad": "a forward knows no gradients", "grad_fn": "a forward knows no gradients",
    "device": "tensors are made on the first input's device",
}  # fmt: skip

# What torch's tensors have, beside methods. Other attributes may be the tensors of a member.
_OF_TENSORS = frozenset(
    {
        *("T", "mT", "H", "mH", "data", "grad", "grad_fn", "imag", "itemsize", "layout", "names", "nbytes", "real"),
        *("is_cpu", "is_cuda", "is_leaf", "is_meta", "is_nested", "is_quantized", "is_sparse", "output_nr"),
        *("requires_grad", "retains_grad"),
        *_ATTRIBUTES,
    }
)
_RECEIVERS = frozenset({"self", *(name.split(".")[0] for name in _MODULES)})  # which are no members


def is_listed(node: ex.Expression) -> bool:
    """Whether an expression may be a member of a list, ``blocks[i]``: a subscript of a name."""
    inner = node
    while isinstance(inner, ex.Subscript):
        inner = inner.value
    return isinstance(inner, ex.Name) and inner is not node


def is_path(receiver: ex.Expression, path: tuple[str, ...]) -> bool:
    """Whether ``receiver.path`` may be a member's tensor by its looks, or in a law an output, or one of a tuple."""
    if isinstance(receiver, ex.Call):
        return receiver.function == LAYER and len(path) <= 2 and not _OF_TENSORS.intersection(path[1:])
    inner = receiver
    while isinstance(inner, ex.Subscript | ex.Member):
        inner = inner.value
    return isinstance(inner, ex.Name) and inner.id not in _RECEIVERS and not _OF_TENSORS.intersection(path)


def forbidden(message: str, span: Span, help: str | None = None) -> SyntaxFault:
    return SyntaxFault(message, span, help, forbidden=True)


# Words that begin a statement of another language.
_DECLARING = ("let", "var", "const", "auto", "val", "float", "int", "double", "Tensor")
_OTHER_WORDS = {
    "match": "write it as `if`, `elif` and `else`", "switch": "write it as `if`, `elif` and `else`",
    "unless": "write `if not …:`", "elsif": "write `elif`", "elseif": "write `elif`", "foreach": "write `for`",
    "print": "leave it out: there is no printing",
}  # fmt: skip
_AT_THE_END = {"`:`": "end the line with `:`", "`else`": "say what it is otherwise: `a if condition else b`"}


def unexpected(token: Token, wanted: str, following: Token | None = None) -> SyntaxFault:
    """The fault of a token that stands where something else is wanted."""
    text, span = token.text, token.span
    if token.kind is TokenKind.END:
        help = _AT_THE_END.get(wanted)
        return SyntaxFault(f"the expression ends where {wanted} is expected", span, help)
    if token.kind in (TokenKind.NEWLINE, TokenKind.INDENT, TokenKind.DEDENT):
        continued = wanted == "a value" and following is not None and following.kind is TokenKind.INDENT
        help = SEVERAL_LINES if continued else _AT_THE_END.get(wanted)
        return SyntaxFault(f"the line ends where {wanted} is expected", span, help)
    if token.kind is TokenKind.KEYWORD and text in KEYWORDS:
        if wanted == "a value" and following and following.text in _AFTER_A_NAME and text not in _STATEMENTS:
            return keyword_as_name(token)
        return forbidden(f"`{text}` is not in the language", span, KEYWORDS[text])
    if token.kind is TokenKind.OPERATOR:
        match text:
            case "*" | "**" if wanted == "a value":
                return forbidden(f"`{text}` unpacks values, which the language does not do", span, "write them out")
            case "..." if wanted == "`,` or `)`":
                return SyntaxFault("`...` puts entries into a list alone", span, "write a list: `zeros([N, sizes...])`")
            case "//" if wanted == "a value":
                return foreign_comment(token)
            case ":=" if wanted == "`=`":
                return SyntaxFault("`:=` is no assignment of the language", span, "write `=`")
            case ":=":
                return forbidden("`:=` assigns inside an expression", span, "assign on a line before, with `=`")
            case "=":
                return SyntaxFault(f"expected {wanted}, got `=`", span, "write `==` to compare")
    return SyntaxFault(f"expected {wanted}, got {quoted(text)}", span)


def side_by_side(first: Token, second: Token, wanted: str) -> SyntaxFault | None:
    """The fault of two values with nothing between them, ``relu x``, or of a word before an assignment, ``let y``."""
    values = {TokenKind.NAME, TokenKind.NUMBER, TokenKind.STRING}
    if wanted == "`in`" or second.kind not in values or not (first.kind in values or first.text in (")", "]")):
        return None
    missing = "a comma or an operator" if "`,`" in wanted else "an operator or a bracket"
    help = f"{missing} is missing before {quoted(second.text)}"
    if wanted == "`=`":
        help = "leave the first word out" if first.text in _DECLARING else _OTHER_WORDS.get(first.text, help)
    elif "`,`" not in wanted and first.kind is second.kind is TokenKind.NAME:
        help = f"write `{first.text} * {second.text}` for a product, or `{first.text}({second.text})` for a call"
    return SyntaxFault(f"expected {wanted}, got {quoted(second.text)}", second.span, help)


def list_by_a_loop(token: Token, item: ex.Expression) -> SyntaxFault:
    """The fault of a list that a ``for`` inside of brackets makes, ``[f(t) for t in …]``."""
    message = "`for` inside of brackets makes a list, which the language does not do"
    if isinstance(item, ex.Call) and is_module(item):
        return forbidden(message, token.span, f"a list of members stands alone: `[{ex.show(item)} for … in range(…)]`")
    added = quoted(f"append(items, {ex.show(item)})", 80)
    return forbidden(message, token.span, f"in a forward, begin a list, `items = []`, and in a loop write {added}")


def foreign_comment(token: Token) -> SyntaxFault:
    """The fault of a comment as other languages write it."""
    return SyntaxFault("`//` divides numbers, and begins no comment", token.span, "write a comment as `# …`")


def keyword_as_name(token: Token) -> SyntaxFault:
    message = f"`{token.text}` is a keyword of Python and cannot be a name"
    return forbidden(message, token.span, f"choose another name, such as `{token.text}_`")


def begins_loop(following: Token) -> bool:
    """Whether a ``for`` begins a loop rather than being meant as a name, told from what follows it."""
    return following.text not in {*_AFTER_A_NAME, "="}


def misspelt_constant(token: Token) -> SyntaxFault:
    return SyntaxFault(f"`{token.text}` is not a value of the language", token.span, f"write `{CONSTANTS[token.text]}`")


def augmented(token: Token, repaired: str) -> SyntaxFault:
    message = f"`{token.text}` changes a value in place, which the language does not do"
    return forbidden(message, token.span, f"write {quoted(repaired, 80)}")


def no_effect(node: ex.Expression, source: str) -> SyntaxFault:
    """The fault of an expression that stands where a statement should."""
    message, help = f"{source} computes a value and drops it", "assign the value to a name"
    match node:
        case ex.Compare(left=ex.Name(id=name), operators=("==",), comparators=(value,)):
            message = f"{source} compares and drops the answer"
            help = f"write {quoted(f'{name} = {ex.show(value)}', 80)}"
        case ex.Compare(left=ex.Name(id=name), operators=("<",), comparators=(ex.Unary(operator="-", operand=value),)):
            help = f"write {quoted(f'{name} = {ex.show(value)}', 80)}"
        case ex.Literal(value=str()):
            help = "write a comment, `# …`"
        case ex.Call(function=function) if advice := unneeded(function):
            return forbidden(f"`{function}` is not in the language", node.span, advice)
        case ex.Call(function=function, arguments=(ex.Name(id=name), *_)) if function.endswith("_"):
            plain = replace(node, function=function.rstrip("_"))
            written = quoted(f"{name} = {ex.show(node)}", 80)
            plainly = quoted(f"{name} = {ex.show(plain)}", 80)
            help = f"write {plainly}, or of an input that is `written: inplace`, {written}"
    return SyntaxFault(message, node.span, help)


def target(node: ex.Expression, source: str) -> SyntaxFault:
    """The fault of a left side that is not a name."""
    message = f"{source} cannot be assigned to"
    if isinstance(node, ex.Subscript):
        help = "make a new tensor, as with `where`, `cat` or `index_copy`"
        return forbidden(f"{source} assigns to a part of a value, which the language does not do", node.span, help)
    if isinstance(node, ex.Sequence) and len(node.items) == 1:
        return SyntaxFault(f"{source} unpacks a single value", node.span, f"write `{ex.show(node.items[0])} = …[0]`")
    return SyntaxFault(message, node.span, "only names stand left of `=`", forbidden=isinstance(node, ex.Call))


def loop_target(node: ex.Expression, source: str) -> SyntaxFault:
    """The fault of what stands between ``for`` and ``in`` and is not a name."""
    return SyntaxFault(f"{source} cannot name what a loop runs over", node.span, "only names stand before `in`")


def loop_else(span: Span) -> SyntaxFault:
    return forbidden("a loop has no `else`", span, "write its statements after the loop")


def appended(call: ex.Call, source: str) -> SyntaxFault:
    """The fault of an ``append`` that does not have a list's name and a value."""
    return SyntaxFault(f"{source} needs a list's name and a value", call.span, "write `append(list, value)`")


def append_as_value(source: str, span: Span) -> SyntaxFault:
    """The fault of ``outputs = append(outputs, h)``."""
    return SyntaxFault(f"{source} makes a list longer and has no value", span, "write it on a line of its own")


def comprehension(message: str, span: Span) -> SyntaxFault:
    return forbidden(message, span, "write `[Block(…) for i in range(…)]`")


def not_a_module(node: ex.Expression, source: str) -> SyntaxFault:
    help = "write `Block(…)`, or `[Block(…) for i in range(…)]` for a list"
    return SyntaxFault(f"{source} makes no module", node.span, help)


def called(node: ex.Expression, source: str, span: Span) -> SyntaxFault:
    """The fault of parentheses behind something that is not a function's name."""
    if isinstance(node, ex.Literal) and isinstance(node.value, int | float):
        return SyntaxFault(f"{source} cannot be called", span, f"write `{source.strip('`')} * (…)`")
    return forbidden(f"{source} is called, but only a function's plain name can be", span)


def is_module(call: ex.Call) -> bool:
    """Whether a call makes a module, as ``nn.ReLU()`` does: its function is named like a class."""
    return call.function.removeprefix("nn.")[:1].isupper()


def module(
    made: ex.Call, arguments: tuple[ex.Expression, ...], keywords: tuple[ex.Keyword, ...], source: str, span: Span
) -> SyntaxFault:
    """The fault of a module that is made and called at once, ``nn.Softmax(dim=-1)(x)``."""
    name = made.function.removeprefix("nn.")
    op = re.sub(r"(?<=[a-z0-9])(?=[A-Z][a-z])", "_", name).lower()
    help = f"write {quoted(ex.show(ex.Call(op, (*arguments, *made.arguments), (*keywords, *made.keywords))), 80)}"
    if _OWNERS.search(name):
        declared = "declare its weights under `parameters`, and hand them to the op"
        own = replace(made, function=f"nn.{name}" if _OF_TORCH.fullmatch(name) else made.function)
        help = f"{declared}; or write {quoted(f'part: {ex.show(own)}', 80)} under `modules`, and call `part(…)`"
    elif any(isinstance(part, ex.Call) and is_module(part) for part in made.arguments):
        help = "call one op after the other"
    return forbidden(f"{source} makes a module, and a forward calls ops", span, help)


def attribute(
    receiver: ex.Expression, path: tuple[str, ...], call: ex.Call | None, source: str, span: Span
) -> SyntaxFault:
    """The fault of ``receiver.path`` or, with a call, of ``receiver.path(…)``."""
    *inner, last = path
    if isinstance(receiver, ex.Name):
        dotted = [receiver.id, *inner]
        module = _MODULES.get(".".join(dotted))
        if module is not None and dotted[-1] == "init":
            return _initializer(last, call, source, span)
        if module is not None:
            plain = ex.show(replace(call, function=module + last)) if call else module + last
            return forbidden(f"{source} names a module, and ops go by bare names", span, f"write {quoted(plain, 80)}")
        if dotted == ["self"]:
            plain = ex.show(call) if call else last
            return forbidden(f"{source} is an attribute of `self`", span, f"write {quoted(plain, 80)}")
        if call is None and dotted == ["nn"] and last[:1].isupper():
            return forbidden(f"{source} is a class, and a member is made by its call", span, f"write `nn.{last}(…)`")
        if dotted[0] == "torch" and len(dotted) > 1:
            return forbidden(f"{source} is no op", span, _OPS)
        own = ex.Name(".".join(dotted[1:] if dotted[0] == "self" else dotted))
        if call is None and dotted[0] == "self" and is_path(own, (last,)):
            plain = f"write {quoted(f'{own.id}.{last}', 80)}"
            return forbidden(f"{source} is an attribute of `self`", span, plain)
        receiver, path = own, (last,)
    else:
        receiver, path = reduce(ex.Member, inner, receiver), (last,)
    if isinstance(receiver, ex.Call) and receiver.function == "super":
        return forbidden(f"{source} calls what a base class does, and a layer has none", span, _BASE)
    shape = next((_ATTRIBUTES[name] for name in path if name in _ATTRIBUTES), None)
    if call is None:
        ops = {"T": "transpose({}, -2, -1)", "mT": "transpose({}, -2, -1)", "data": "detach({})", "real": "real({})",
               "imag": "imag({})"}  # fmt: skip
        op = ops.get(path[-1]) if len(path) == 1 else None
        help = f"write {quoted(op.format(ex.show(receiver)), 80)}" if op else shape
        return forbidden(f"{source} is an attribute, which the language does not have", span, help)
    message = f"{source} calls a method, which the language does not have"
    return forbidden(message, span, shape or _method_help(receiver, last, call))


def limits(span: Span) -> SyntaxFault:
    """The fault of ``finfo``, which tells of a dtype in torch."""
    help = "write `-inf` for its `min`, `inf` for its `max`, and a number, `1e-6`, for its `eps`"
    return forbidden("`finfo` asks about a dtype, which the language does not do", span, help)


def _initializer(name: str, call: ex.Call | None, source: str, span: Span) -> SyntaxFault:
    """The fault of ``nn.init.zeros_``, or of its call, which in torch has the tensor before all else."""
    plain = name.removesuffix("_")
    if call is not None:
        given = call.arguments[1:] if isinstance(next(iter(call.arguments), None), ex.Name) else call.arguments
        plain = ex.show(replace(call, function=plain, arguments=given)) if given or call.keywords else plain
    message = f"{source} names a module, and initializers go by bare names without their underscore"
    return forbidden(message, span, f"write {quoted(plain, 80)}")


def _method_help(receiver: ex.Expression, name: str, call: ex.Call) -> str:
    """What to write for a method of a tensor."""
    converts = any(keyword.name == "dtype" for keyword in call.keywords) or (
        call.arguments and not isinstance(call.arguments[0], ex.Literal)
    )
    if name == "float":
        return f"write {quoted(f'upcast({ex.show(receiver)})', 80)}, which leaves float64 as it is"
    if name == "unfold" and len(call.arguments) == 3:
        return windows_meant(ex.show(receiver), *map(_factor, call.arguments[1:]))
    advice = unneeded("cuda" if name == "to" and not converts else name)
    if advice:
        return advice
    plain = IN_PLACE.get(name, name.rstrip("_"))  # no op changes a tensor in place
    repaired = replace(call, function=plain, arguments=(receiver, *call.arguments))
    return f"write {quoted(ex.show(repaired), 80)}"


def _factor(node: ex.Expression) -> str:
    """An expression as it is written beside other operators."""
    return ex.Printer().show(node, ex.PRECEDENCE["unary"])
