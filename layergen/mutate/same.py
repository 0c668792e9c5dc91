"""Changes that compute the same by construction, whatever the layer is: no test could find them, and none is made."""

import ast
from collections.abc import Iterator

# Functions whose first two arguments may be swapped; that torch puts those of `embedding_bag` in order is its own.
SYMMETRIC = frozenset({
    "cosine_embedding_loss", "cosine_similarity", "embedding_bag", "eq", "fmax", "fmin", "hypot", "huber_loss",
    "l1_loss", "logaddexp", "logical_and", "logical_or", "logical_xor", "maximum", "minimum", "mse_loss", "ne",
    "promote_types", "smooth_l1_loss", "transpose",
})  # fmt: skip
# What functions take for keywords that are left out, where a literal may say the same.
DEFAULTS: dict[tuple[str, str], object] = {
    ("cosine_similarity", "dim"): 1,
    ("diagonal", "dim1"): 0,
    ("diagonal", "dim2"): 1,
    ("glu", "dim"): -1,
    ("interpolate", "mode"): "nearest",
    ("mean", "keepdim"): False,
    ("normalize", "dim"): 1,
    ("normalize", "p"): 2,
    ("pad", "mode"): "constant",
    ("pad", "value"): 0,
    ("softplus", "beta"): 1,
    ("stack", "dim"): 0,
    ("cat", "dim"): 0,
    ("chunk", "dim"): 0,
    ("split", "dim"): 0,
    ("sum", "keepdim"): False,
    ("unbind", "dim"): 0,
}
# The same of arguments by position.
POSITIONAL: dict[tuple[str, int], object] = {
    ("normal_", 1): 0,
    ("normal_", 2): 1,
    ("uniform_", 1): 0,
    ("uniform_", 2): 1,
}
ONE = "_single"  # the helper that gives lists of one entry


def alike(parent: ast.AST, field: str, node: ast.AST, other: ast.AST, lists: frozenset[str]) -> bool:
    """Whether another node in the place of one computes the same.

    Args:
        parent: Where they stand.
        field: In which of its fields.
        node: The one that is there.
        other: The one that is put there.
        lists: What has one entry only.
    """
    return (
        _leaves_out_a_default(node, other)
        or _takes_apart(parent, field, node, other)
        or _is_the_other_branch(parent, field, other)
        or _asks_for_equal_lengths(parent)
        or _leaves_for_another_device(parent, node, other)
        or _counts_from_the_end(parent, field, node, other, lists)
    )


def swaps(call: ast.Call) -> bool:
    """Whether it matters which of the first two arguments of a call comes first."""
    return not isinstance(call.func, ast.Attribute) or call.func.attr not in SYMMETRIC


def _leaves_out_a_default(node: ast.AST, other: ast.AST) -> bool:
    """Whether a call is there without an argument that says what holds without it."""
    if not isinstance(node, ast.Call) or not isinstance(other, ast.Call):
        return False
    function = node.func.attr if isinstance(node.func, ast.Attribute) else ""
    if other.args is not node.args:
        *kept, last = node.args or [node]
        return other.args == kept and _says(last, POSITIONAL.get((function, len(kept)), node))
    gone = [keyword for keyword in node.keywords if keyword not in other.keywords]
    return len(gone) == 1 and _says(gone[0].value, DEFAULTS.get((function, str(gone[0].arg)), gone))


def _leaves_for_another_device(parent: ast.AST, node: ast.AST, other: ast.AST) -> bool:
    """Whether a tensor is made anywhere that is brought to another one's device at once, by `type_as`."""
    if not isinstance(parent, ast.Attribute) or parent.attr != "type_as" or not isinstance(node, ast.Call):
        return False
    gone = [keyword.arg for keyword in node.keywords if keyword not in getattr(other, "keywords", node.keywords)]
    return gone == ["device"]


def _says(node: ast.expr, value: object) -> bool:
    """Whether a literal is a value."""
    try:
        return bool(ast.literal_eval(node) == value)
    except ValueError:
        return False


def _takes_apart(parent: ast.AST, field: str, node: ast.AST, other: ast.AST) -> bool:
    """Whether `unbind()` is left out where Python takes a tensor apart in the same way."""
    match node:
        case ast.Call(func=ast.Attribute(value=value, attr="unbind"), args=[], keywords=[]) if other is value:
            unpacked = isinstance(parent, ast.Assign) and isinstance(parent.targets[0], ast.Tuple)
            return unpacked or (isinstance(parent, ast.For) and field == "iter")
    return False


def _is_the_other_branch(parent: ast.AST, field: str, other: ast.AST) -> bool:
    """Whether a value becomes the one that there is on the other way: a mutant without the condition is made anyway."""
    if not isinstance(parent, ast.IfExp) or field == "test":
        return False
    rest = parent.orelse if field == "body" else parent.body
    return ast.unparse(rest) == ast.unparse(other)


def _asks_for_equal_lengths(parent: ast.AST) -> bool:
    """Whether what is changed is `strict` of a `zip`: a layer goes through tensors of one length."""
    return isinstance(parent, ast.keyword) and parent.arg == "strict"


def _counts_from_the_end(parent: ast.AST, field: str, node: ast.AST, other: ast.AST, lists: frozenset[str]) -> bool:
    """Whether the only entry of a list is read from the end of it."""
    read = isinstance(parent, ast.Subscript) and field == "slice" and ast.unparse(parent.value) in lists
    return (
        read
        and isinstance(other, ast.Constant)
        and isinstance(node, ast.Constant)
        and (node.value, other.value) == (0, -1)
    )


def lists_of_one(cls: ast.ClassDef) -> frozenset[str]:
    """What has one entry in all methods of a class, as they write it: arguments of the constructor, and attributes."""
    constructor = next(
        (part for part in cls.body if isinstance(part, ast.FunctionDef) and part.name == "__init__"), None
    )
    found: set[str] = set()
    several: set[str] = set()
    for target, value in _assigned(constructor) if constructor else ():
        (found if _has_one(value, found) else several).add(target)
    return frozenset(found - several)


def _assigned(method: ast.FunctionDef) -> Iterator[tuple[str, ast.expr]]:
    """What a method assigns, in order."""
    for node in ast.walk(method):
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            yield ast.unparse(node.targets[0]), node.value
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            yield ast.unparse(node.target), node.value


def _has_one(value: ast.expr, lists: set[str]) -> bool:
    match value:
        case ast.Call(func=ast.Name(id=name)):
            return name == ONE
        case ast.List(elts=[_]) | ast.Tuple(elts=[_]):
            return True
        case ast.Name(id=name):
            return name in lists
    return False
