"""An argument of a layer as its spec declares it: its type, what bounds its values, and its default."""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, field_validator, model_validator

from layergen.lang import expression as ex
from layergen.lang.argument_types import WORDS, ArgumentType, Base, read_type
from layergen.lang.meant import type_meant
from layergen.lang.part import Part
from layergen.lang.values import Entries, Entry, Exclusive, Expression, Number, Prose, describe, fault, read_expression
from layergen.words import listed

AXIS = "axis"  # what a type is called that is an int for the dimensions of an input


def _type(value: object) -> ArgumentType:
    found = read_type(value) if isinstance(value, str) else None
    if found is None:
        meant = type_meant(value)
        known = listed((f"`{word}`" for word in WORDS), "or")
        raise fault(f"expected a type such as {known}, got {describe(value)}", help=meant and f"write `{meant}`")
    return found


class Argument(Part):
    """A constructor argument."""

    type: Annotated[ArgumentType, BeforeValidator(_type)]
    doc: Prose
    default: Expression | None = None  # None: the argument is required; a default of null is ``Literal(None)``
    optional: bool = False  # None is one of its values
    min: Number | None = None
    max: Number | None = None
    exclusive: Exclusive = False  # which of the bounds are not themselves allowed
    choices: Entries[int | str] | None = None
    optional_entries: bool = False  # None is one of the values of each entry of a list
    as_given: bool = False  # the attribute of a list is what the caller gave, not the one form that the layer goes by
    unused: bool = False  # taken for compatibility alone
    keyword: bool = False  # given by its name alone
    of: str | None = None  # of an axis: the input of which it is one; its choices follow
    shape: Entries[Entry] | None = None  # of a tensor
    range: Entries[Expression] | None = None  # of a tensor: low and high of its values, high excluded
    broadcast: bool = False  # of a tensor: whether it may be whatever broadcasts to its shape

    @property
    def required(self) -> bool:
        return self.default is None

    @property
    def finite(self) -> bool:
        """Whether its values are told one by one: flags and choices."""
        return self.type.base is Base.BOOL or (self.choices is not None and not self.type.worded)

    @property
    def computed(self) -> bool:
        """Whether the default is an expression in earlier arguments."""
        return self.default is not None and bool(ex.names(self.default))

    def excludes(self, bound: Literal["min", "max"]) -> bool:
        return self.exclusive is True or self.exclusive == bound

    @model_validator(mode="before")
    @classmethod
    def _axis_of_an_input(cls, value: Any) -> Any:
        """An axis is an int; which ones it may be, the shape of an input tells."""
        if not isinstance(value, dict) or (value.get("type") != AXIS and "of" not in value):
            return value
        if value.get("type") != AXIS:
            raise fault("only an axis is one of an input", key="of", help=f"write `type: {AXIS}`, or leave it out")
        if "of" not in value:
            raise fault("an axis is one of an input", key="type", help="add `of: x`, the input")
        excess = next((key for key in ("min", "max", "choices") if key in value), None)
        if excess:
            raise fault(f"an axis has no `{excess}`", key=excess, help="the shape of the input says which there are")
        return {**value, "type": "int"}

    @field_validator("choices", mode="before")
    @classmethod
    def _choices_are_words(cls, value: Any) -> Any:
        """A choice is a text or an int; None is a value of what is optional."""
        if isinstance(value, list) and None in value:
            help = "the text is `none`; if None is a value too, leave it out here and write `optional: true`"
            raise fault("a choice is a text or an int, and this one is empty", help=help)
        return value

    @model_validator(mode="before")
    @classmethod
    def _default_of_text(cls, value: Any) -> Any:
        """The default of a ``str`` is its text, and so is a choice of a union; any other text is an expression."""
        if not isinstance(value, dict) or "default" not in value:
            return value
        type, default, choices = value.get("type"), value["default"], value.get("choices")
        textual = type in ("str", "function") or (isinstance(choices, list) and default in choices)
        if default is None or (isinstance(default, str) and textual):
            return {**value, "default": ex.Literal(default)}
        return value

    @field_validator("default", mode="before")
    @classmethod
    def _default_of_list(cls, value: Any) -> Any:
        """Several numbers may be written as a YAML list."""
        if isinstance(value, list):
            return ex.Sequence(tuple(read_expression(item) for item in value), "(")
        return read_expression(value)

    @model_validator(mode="after")
    def _bounds_fit(self) -> Self:
        bounds = {"min": self.min, "max": self.max}
        given = [name for name, bound in bounds.items() if bound is not None]
        if given and not self.type.numeric:
            raise fault(f"type `{self.type}` has no `{given[0]}`", key=given[0])
        for name in given:
            if self.type.integral and not isinstance(bounds[name], int):
                raise fault(f"the `{name}` of type `{self.type}` is an int, got {bounds[name]}", key=name)
        if self.min is not None and self.max is not None and self.min > self.max:
            raise fault(f"min {self.min} is greater than max {self.max}", key="min")
        if self.exclusive and not given:
            raise fault("there is no bound to exclude", key="exclusive", help="give a `min` or a `max`")
        return self

    @model_validator(mode="after")
    def _choices_fit(self) -> Self:
        if self.type.worded and self.choices is None:
            help = "add `choices: […]`, the texts that it takes"
            raise fault(f"the text of type `{self.type}` needs `choices`", key="type", help=help)
        if self.type.callable and self.choices is None:
            help = "add `choices: [relu, gelu]`, the ops that go by their names"
            raise fault("a function needs `choices`", key="type", help=help)
        if self.choices is None:
            return self
        if not self.type.textual and (self.type.listed or self.type.base is not Base.INT):
            raise fault(f"type `{self.type}` has no `choices`", key="choices", help="choices are for `int` and `str`")
        if not self.choices or len(set(self.choices)) != len(self.choices):
            raise fault("choices must be distinct, and at least one", key="choices")
        expected = (str, "str") if self.type.textual else (int, "int")
        for choice in self.choices:
            if not isinstance(choice, expected[0]):
                raise fault(f"{describe(choice)} is no {expected[1]}", key="choices")
        if not self.type.worded and (self.min is not None or self.max is not None):
            raise fault("choices and bounds exclude each other", key="choices")
        return self

    @model_validator(mode="after")
    def _tensor_fits(self) -> Self:
        tensor = self.type.base is Base.TENSOR
        for key in ("shape", "range", "broadcast"):
            if getattr(self, key) not in (None, False) and not tensor:
                bounds = (
                    "write `min: …, max: …`, between which it lies" if key == "range" and self.type.numeric else None
                )
                raise fault(f"type `{self.type}` has no `{key}`", key=key, help=bounds or "only a `tensor` has one")
        if tensor and self.shape is None:
            raise fault("a tensor needs its `shape`", key="type", help="add `shape: [C]`, in dimensions of the inputs")
        loose = any(entry == ex.Literal(...) or isinstance(entry, ex.Splice) for entry in self.shape or ())
        if loose and not self.broadcast:
            message = "a tensor of any dimensions is one that is broadcast to those of an input"
            raise fault(message, key="shape", help="add `broadcast: true`, or write each size by its name")
        if tensor and self.default not in (None, ex.Literal(None)):
            help = "write `optional: true` and `default: null`, or leave it out"
            raise fault("the default of a tensor is null", key="default", help=help)
        if self.range is not None and len(self.range) != 2:
            raise fault("expected a list of two numbers", key="range", help="write `range: [low, high]`")
        return self

    @model_validator(mode="after")
    def _is_kept(self) -> Self:
        """What is kept as it was given is a list, and is given: a computed default is in one form already."""
        if self.as_given and not self.type.listed:
            raise fault(f"type `{self.type}` has one form", key="as_given", help="leave it out: it is for lists")
        if self.as_given and self.computed:
            raise fault("a default that is computed is not given", key="as_given", help="leave it out")
        return self

    @model_validator(mode="after")
    def _entries_fit(self) -> Self:
        if self.optional_entries and not self.type.listed:
            help = "for a value that may be None as a whole, write `optional: true`"
            raise fault(f"type `{self.type}` has no entries", key="optional_entries", help=help)
        return self


class Value(Argument):
    """A value among the inputs of the forward: no tensor, but a flag, a number or a text that a caller gives."""

    doc: Prose = ""

    @model_validator(mode="before")
    @classmethod
    def _is_no_tensor(cls, value: Any) -> Any:
        if isinstance(value, dict) and value.get("type") == "tensor":
            help = "leave out `type`, and give its `shape`"
            raise fault("an input is a tensor where it has no `type`", key="type", help=help)
        return value

    @model_validator(mode="after")
    def _fits_a_call(self) -> Self:
        if self.type.callable:
            raise fault(f"a value of the inputs has no type `{self.type}`", key="type", help="make it an argument")
        if self.unused:
            raise fault("a value of the inputs is used", key="unused", help="make it an argument, or delete it")
        if self.keyword:
            raise fault("only arguments are given by name alone", key="keyword", help="make it one, or delete it")
        if self.computed:
            raise fault("the default of a value of the inputs is a constant", key="default", help="make it an argument")
        return self
