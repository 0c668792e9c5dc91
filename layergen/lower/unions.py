"""Says of arguments that may be text or numbers which they are, so that a type checker follows.

``padding == "same"`` tells a reader that ``padding`` is a list elsewhere, where "same" is the only text; a type checker
wants to be asked ``isinstance(padding, str)``.
"""

from collections.abc import Mapping
from dataclasses import replace

from layergen.lang import expression as ex
from layergen.lang.argument import Argument
from layergen.resolve.conditions import Facts, facts


def as_types(
    node: ex.Expression, known: Facts, arguments: Mapping[str, Argument], names: Mapping[str, str]
) -> ex.Expression:
    """An expression in which the last text that an argument may be stands for all of them.

    Args:
        node: The expression.
        known: What is known where it stands.
        arguments: The arguments of the layer.
        names: How the code writes them.
    """

    def inner(part: ex.Expression, there: Facts = known) -> ex.Expression:
        return as_types(part, there, arguments, names)

    match node:
        case ex.Compare(
            left=ex.Name(id=name), operators=("==" | "!=" as sign,), comparators=(ex.Literal(value=str(text)),)
        ) if name in arguments and arguments[name].type.worded:
            rest = {choice for choice in arguments[name].choices or () if (_is(name, str(choice)), False) not in known}
            if rest != {text}:
                return node
            question = ex.Name(f"isinstance({names.get(name, name)}, str)")
            return question if sign == "==" else ex.Unary("not", question)
        case ex.Binary(operator="and" | "or" as word, left=left, right=right):
            return replace(node, left=inner(left), right=inner(right, known | facts(left, word == "and")))
        case ex.Conditional(test=test, then=then, orelse=orelse):
            where, elsewhere = known | facts(test, True), known | facts(test, False)
            return replace(node, test=inner(test), then=inner(then, where), orelse=inner(orelse, elsewhere))
        case _:
            return ex.with_children(node, inner)


def _is(name: str, text: str) -> ex.Expression:
    return ex.Compare(ex.Name(name), ("==",), (ex.Literal(text),))
