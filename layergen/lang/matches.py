"""What computes the same as a layer: a module of torch.nn, or an expression in the layer's inputs."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Discriminator, Tag, field_validator, model_validator

from layergen.lang import expression as ex
from layergen.lang.part import Part
from layergen.lang.values import Entries, Expression, fault, read_expression

MODULE, FORMULA = "a module", "a formula"  # the tags, which stand in paths of pydantic's errors
HELP = "call a module, `nn.Linear(in_features, out_features)`, or write an expression in the inputs: `x * sigmoid(x)`"


class Match(Part):
    """An existing module that computes the same."""

    module: ex.Call
    inputs: Entries[Expression] | None = None  # what it is called with; the layer's inputs in order unless given

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return value if isinstance(value, dict) else {"module": value}

    @field_validator("module", mode="before")
    @classmethod
    def _module_of_torch(cls, value: Any) -> Any:
        call = read_expression(value)
        if not isinstance(call, ex.Call) or not call.function.startswith("nn."):
            called = isinstance(call, ex.Call) and call.function[:1].isupper() and "." not in call.function
            help = f"write it as `nn.{ex.show(call)}`" if called else HELP
            raise fault("expected a call of a torch.nn module", help=help)
        return call


def _formula(value: object) -> ex.Expression:
    node = read_expression(value)
    if isinstance(node, ex.Call) and node.function[:1].isupper():
        raise fault("expected a call of a torch.nn module", help=f"write it as `nn.{ex.show(node)}`")
    if not ex.names(node):
        raise fault("what a layer matches depends on its inputs", help=HELP)
    return node


def _kind(value: object) -> str:
    """Whether a text is a module's call: whatever else it says, it is meant as an expression."""
    if isinstance(value, str):
        return MODULE if value.lstrip().startswith("nn.") else FORMULA
    return FORMULA if isinstance(value, ex.Expression) else MODULE


Matches = Annotated[
    Annotated[Match, Tag(MODULE)] | Annotated[ex.Expression, BeforeValidator(_formula), Tag(FORMULA)],
    Discriminator(_kind),
]
