"""Laws: the layer in them, as it is called and as its outputs are named."""

from collections.abc import Sequence
from dataclasses import dataclass

from layergen.lang import expression as ex
from layergen.lang.facts import Role
from layergen.lang.kinds import Kind, Kinds
from layergen.lang.model import Law
from layergen.lang.tokens import LAYER, TERM
from layergen.lang.tuples import Tuples
from layergen.resolve.annotation import Environment, Meaning, annotated
from layergen.resolve.inference import MEMBER, TENSOR


@dataclass(frozen=True)
class _Itself:
    """The layer, as its laws call it."""

    returns: Kinds
    name: str = LAYER


def resolved_law(law: Law, start: Environment, sizes: Environment, outputs: Sequence[str], tuples: Tuples) -> Law:
    """A law, which sees what the forward sees at its start, and the layer.

    Args:
        law: What is said.
        start: What the forward sees.
        sizes: What the condition of the law sees: numbers, and dimensions.
        outputs: What the layer returns, in its order.
        tuples: Those of the outputs that are tuples.
    """

    def placed(node: ex.Expression) -> ex.Expression | None:
        """What `layer(x).y` is: of several outputs the one in its place; `layer(x).state.h` is one of a tuple."""
        match node:
            case ex.Member(value=ex.Call(function=function) as call, name=name) if (
                function == LAYER and name in outputs
            ):
                value = ex.transform(call, placed)
                index = ex.Literal(outputs.index(name))
                return value if len(outputs) == 1 else ex.Subscript(value, index, span=node.span)
            case ex.Member(value=ex.Member(name=whole) as output, name=name) if (
                whole in tuples and name in tuples[whole].names and (several := placed(output)) is not None
            ):
                return ex.Subscript(several, ex.Literal(tuples[whole].names.index(name)), span=node.span)
        return None

    # Of what may be a tuple with a tuple in it, nobody knows what an item is.
    itself = _Itself(frozenset({Kind.UNKNOWN}) if tuples else TENSOR | frozenset({Kind.TENSORS}))
    own = _Itself(TENSOR, TERM)
    at = start.with_names({LAYER: Meaning(Role.MEMBER, MEMBER, itself), TERM: Meaning(Role.MEMBER, MEMBER, own)})
    when = None if law.when is None else annotated(law.when, sizes)
    return law.model_copy(update={"law": annotated(ex.transform(law.law, placed), at), "when": when})


def shown_law(law: Law, outputs: Sequence[str]) -> str:
    """A law as its author writes it, with the outputs of the layer by their names, where it has several."""
    if len(outputs) == 1:  # an index is one of its entries
        return ex.show(law.law)

    def named(node: ex.Expression) -> ex.Expression | None:
        match node:
            case ex.Subscript(value=ex.Call(function=function) as call, index=ex.Literal(value=int(place))) if (
                function == LAYER and 0 <= place < len(outputs)
            ):
                return ex.Member(ex.transform(call, named), outputs[place])
        return None

    return ex.show(ex.transform(law.law, named))
