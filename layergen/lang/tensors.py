"""What a spec says of tensors: those that a layer owns, takes and returns, alone or in tuples."""

import re
from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    Discriminator,
    Field,
    ModelWrapValidatorHandler,
    PrivateAttr,
    Tag,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from layergen.lang import expression as ex
from layergen.lang.argument import Argument, Value
from layergen.lang.dtypes import COMPLEX, DTYPES, FLOATING, INTEGRAL
from layergen.lang.part import Part
from layergen.lang.values import (
    Each,
    Expression,
    Initialized,
    Marks,
    Names,
    Prose,
    Section,
    Shape,
    describe,
    fault,
    read_entry,
    read_expression,
    read_size,
)

SURROGATE = "surrogate"  # what an input says of a gradient that is not the derivative
OF_AN_IMAGE = "of an image, take its pixels along one, `x: [N, L, C]`, and the mask as `[N, L]`, or leave `marks` out"


class Tensor(Part):
    """What tensors of all roles have in common."""

    read_entry: ClassVar[Callable[[object], ex.Expression]] = read_size

    shape: Shape
    doc: Prose | None = None

    @field_validator("shape", mode="before")
    @classmethod
    def _each_is_an_expression(cls, value: Any) -> Any:
        if not isinstance(value, list):
            return read_expression(value)
        return tuple(_located(index, item, cls.read_entry) for index, item in enumerate(value))

    @property
    def entries(self) -> tuple[ex.Expression, ...]:
        """The shape's expressions, or the one that gives the whole shape."""
        return self.shape if isinstance(self.shape, tuple) else (self.shape,)


def _located(index: int, item: object, read: Callable[[object], ex.Expression]) -> ex.Expression:
    """An entry of a shape; a fault in it says which entry it is."""
    try:
        return read(item)
    except PydanticCustomError as error:
        raise PydanticCustomError(error.type, "{message}", {**(error.context or {}), "key": index}) from None


class Owned(Tensor):
    """A tensor that the layer owns."""

    init: Initialized
    when: Expression | None = None  # the attribute is None where this is false
    each: Each | None = None  # the index and number of a family of tensors
    named: str | None = None  # how the tensors of a family are called: ``weight_ih_l{k}``

    def name(self, index: int | str) -> str:
        """What a tensor of a family that is ``named`` is called, or the source of an f-string for it."""
        assert self.named is not None and self.each is not None
        return self.named.replace(f"{{{self.each.index}}}", str(index))

    @model_validator(mode="after")
    def _named_by_the_index(self) -> Self:
        if self.named is None:
            return self
        if self.each is None:
            raise fault("`named` is for families", key="named", help="say how many there are: `each: {k: …}`")
        field = f"{{{self.each.index}}}"
        if self.named.count(field) != 1 or not re.fullmatch(r"[A-Za-z]\w*", self.name("0"), re.ASCII):
            help = f"write `{field}` once, where the number goes: `weight_l{field}`"
            raise fault(f"{describe(self.named)} does not make a name of each number", key="named", help=help)
        return self

    @model_validator(mode="after")
    def _some_are_missing(self) -> Self:
        asked = ex.names(self.when) if self.when is not None else set()
        if self.each is not None and self.named is None and self.each.index in asked:
            message = f"a list cannot leave out some of its tensors, and `when` asks for `{self.each.index}`"
            help = f"give the tensors names of their own: `named: …{{{self.each.index}}}`"
            raise fault(message, key="when", help=help)
        return self


class Parameter(Owned):
    """A learnable tensor of the layer."""

    dtype: Literal["float16", "bfloat16", "float32", "float64", "complex64", "complex128"] | None = None
    gradient: bool = True  # whether its gradient is the derivative; an embedding's padding row has none
    requires_grad: Expression | None = None  # whether it is learned; None: always


class Buffer(Owned):
    """A tensor of the layer that is not learned."""

    dtype: Literal[DTYPES] | None = None  # type: ignore[valid-type]
    persistent: bool = True  # whether the state dict has it
    unused: bool = False  # kept for the state dict alone

    @model_validator(mode="after")
    def _kept_for_the_state_dict(self) -> Self:
        if self.unused and not self.persistent:
            message = "a buffer that nothing uses is kept for the state dict, which has none that is not persistent"
            raise fault(message, key="unused", help="delete `persistent: false`, or the buffer")
        return self

    @model_validator(mode="after")
    def _buffers_have_names(self) -> Self:
        if self.each is not None and self.named is None:
            help = f"give each a name: `named: …{{{self.each.index}}}`"
            raise fault("torch has no list of buffers", key="each", help=help)
        return self


class ShortTensor(Tensor):
    """A tensor for which its shape alone may stand. The shape may begin with any dimensions, ``...``."""

    read_entry: ClassVar[Callable[[object], ex.Expression]] = read_entry

    dtype: Literal[DTYPES] | None = None  # type: ignore[valid-type]  # None: floating

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return {"shape": value} if isinstance(value, list | str) else value

    @property
    def floating(self) -> bool:
        return self.dtype is None or self.dtype in FLOATING

    @property
    def inexact(self) -> bool:
        """Whether it holds numbers that are rounded, floating or complex ones."""
        return self.floating or self.dtype in COMPLEX


class Input(ShortTensor):
    """A tensor that forward takes."""

    optional: bool = False
    gradient: bool = True  # whether a gradient flows back to it that is the derivative
    # Whether it may be whatever broadcasts to its shape, or what does by sizes of 1 alone.
    broadcast: bool | Literal["sizes"] = False
    partial: bool = False  # whether some of its entries are meant to have no effect
    range: tuple[Expression, Expression] | None = None  # low and high of its values, high excluded
    also: tuple[Expression, ...] = ()  # single values beside it that integers may have, as an `ignore_index`
    distinct: Names = ()  # the last dimensions, along which no value stands twice
    marks: Marks = ()  # the inputs of which it says, being true, which positions count
    dim: int | str | None = None  # and along which dimension of theirs, by index or by name
    written: Literal["inplace"] | None = None  # whether the forward writes to it
    _others: tuple[str, ...] = PrivateAttr(default=())
    _surrogate: bool = PrivateAttr(default=False)

    @property
    def surrogate(self) -> bool:
        """Whether a gradient flows back to it that is meant to be another one than the derivative."""
        return self._surrogate

    @property
    def dtypes(self) -> tuple[str, ...]:
        """The dtypes that it may have, the first of which is the one that it is mostly tried in; none: floating."""
        return (self.dtype, *self._others) if self.dtype else ()

    @property
    def room(self) -> ex.Expression | None:
        """That its range has as many values as are to be distinct."""
        if not self.distinct or self.range is None:
            return None
        count: ex.Expression = ex.Name(self.distinct[0])
        for name in self.distinct[1:]:
            count = ex.Binary("*", count, ex.Name(name))
        low, high = self.range
        return ex.Compare(count, ("<=",), (high if low == ex.Literal(0) else ex.Binary("-", high, low),))

    @model_validator(mode="wrap")
    @classmethod
    def _another_gradient(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        told = value.get("gradient") if isinstance(value, dict) else None
        made = handler({**value, "gradient": False} if told == SURROGATE else value)
        made._surrogate = told == SURROGATE
        return made

    @model_validator(mode="wrap")
    @classmethod
    def _one_of_several_dtypes(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        names = value.get("dtype") if isinstance(value, dict) else None
        if not isinstance(names, list):
            return handler(value)
        if not names or not all(name in INTEGRAL for name in names) or len({*names}) < len(names):
            message = f"several dtypes of an input are integers, each once, got `[{', '.join(map(str, names))}]`"
            raise fault(message, key="dtype", help=f"choose from {', '.join(INTEGRAL)}: `dtype: [int64, int32]`")
        made = handler({**value, "dtype": names[0]})
        made._others = tuple(names[1:])
        return made

    @field_validator("range", mode="before")
    @classmethod
    def _two_ends(cls, value: Any) -> Any:
        if not isinstance(value, list) or len(value) != 2:
            help = "write a list without quotes: `range: [low, high]`" if isinstance(value, str) else None
            raise fault(f"expected a list of two numbers, got {describe(value)}", help=help)
        return tuple(value)

    @field_validator("also", mode="before")
    @classmethod
    def _a_list_of_values(cls, value: Any) -> Any:
        if not isinstance(value, list) or not value:
            shown = value if isinstance(value, str | int) else "ignore_index"
            raise fault(f"expected a list of single values, got {describe(value)}", help=f"write `also: [{shown}]`")
        return tuple(value)

    @field_validator("dim", mode="before")
    @classmethod
    def _one_dimension(cls, value: Any) -> Any:
        if isinstance(value, list):
            message = f"positions stand along one dimension, got {describe(value)}"
            raise fault(message, help=f"name one, `dim: L`; {OF_AN_IMAGE}")
        return value

    @model_validator(mode="after")
    def _marks_along_a_dimension(self) -> Self:
        if self.marks and self.dim is None:
            help = f"add `dim: 1`, the dimension of `{self.marks[0]}` whose positions it marks"
            if isinstance(self.shape, tuple) and len(self.shape) > 2:
                help = f"add the one dimension of `{self.marks[0]}` whose positions it marks, `dim: L`; {OF_AN_IMAGE}"
            raise fault("a mask says along which dimension it marks", key="marks", help=help)
        if self.dim is not None and not self.marks:
            raise fault("`dim` goes with `marks`", key="dim", help="name the input that is marked: `marks: x`")
        if self.marks and self.dtype != "bool":
            raise fault("a mask that marks positions is bool", key="marks", help="add `dtype: bool`: true counts")
        return self

    @model_validator(mode="after")
    def _is_written_as_it_is(self) -> Self:
        if self.written and self.broadcast:
            message = "what is broadcast to a shape has not that shape, and cannot be written"
            raise fault(message, key="written", help="delete `broadcast`, or `written`")
        return self

    @model_validator(mode="after")
    def _integers_have_a_range(self) -> Self:
        if self.dtype in INTEGRAL and self.range is None:
            help = "add `range: [low, high]`: the tests draw values from low up to, but not including, high"
            raise fault(f"an input of dtype {self.dtype} needs a range", help=help)
        if self.also and self.dtype not in INTEGRAL:
            help = "delete it, or add `dtype: int64`" if self.floating else "delete it"
            raise fault("single values beside a range are for inputs of integers", key="also", help=help)
        if self.also and self.distinct:
            help = "delete it, or `distinct`"
            raise fault("where no value stands twice, there is none beside the range", key="also", help=help)
        return self


class Kept(Input):
    """A tensor that the constructor takes and the layer keeps as a buffer; to the forward, it is another input."""


def kept(argument: Argument) -> Kept:
    """The tensor that an argument is."""
    return Kept.model_construct(
        shape=argument.shape,
        doc=argument.doc,
        dtype=None,
        optional=argument.optional,
        gradient=False,
        broadcast=argument.broadcast,
        partial=False,
        range=argument.range,
        marks=(),
        dim=None,
    )


class Conditional(Part):
    """What may be returned on a condition."""

    when: Expression | None = None  # it is returned only where this holds
    otherwise: Literal["absent", "null"] = Field("absent", alias="else")  # what stands in its place elsewhere

    @field_validator("otherwise", mode="before")
    @classmethod
    def _null(cls, value: Any) -> Any:
        if value is not None:
            raise fault(f"expected `null`, got {describe(value)}", help="leave it out, or write `else: null`")
        return "null"

    @model_validator(mode="after")
    def _else_of_a_condition(self) -> Self:
        if self.otherwise == "null" and self.when is None:
            raise fault("`else` goes with `when`", key="else", help="add `when: …`, where there is the output")
        return self


class Output(ShortTensor, Conditional):
    """A tensor that forward returns. Its dtype is the first floating input's unless given."""


class Item(Input):
    """A tensor of a tuple that forward takes. It is there wherever the tuple is."""

    @model_validator(mode="after")
    def _is_there_with_the_others(self) -> Self:
        if self.optional:
            help = "let the tuple be left out as a whole: `{tuple: {…}, optional: true}`"
            raise fault("a tensor of a tuple cannot be left out alone", key="optional", help=help)
        if self.written:
            help = "make it an input of its own: `h: {shape: […], written: inplace}`"
            raise fault("a tensor of a tuple cannot be written", key="written", help=help)
        return self


class Result(Output):
    """A tensor of a tuple that forward returns."""

    @model_validator(mode="after")
    def _is_there_always(self) -> Self:
        if self.when is not None:
            help = "return it as an output of its own, or let the tuple be returned as a whole: `{tuple: {…}, when: …}`"
            raise fault("a tensor of a tuple cannot be missing alone", key="when", help=help)
        return self


class _Tuple(Part):
    """Tensors that are handed over as one."""

    doc: Prose | None = None

    @model_validator(mode="before")
    @classmethod
    def _several(cls, value: Any) -> Any:
        items = value["tuple"] if isinstance(value, dict) else None
        if isinstance(items, dict) and len(items) < 2:
            help = "declare a single tensor without `tuple`: `h: [N, dim]`"
            raise fault("a tuple has two tensors or more", key="tuple", help=help)
        if isinstance(items, list):
            raise fault("the tensors of a tuple have names", key="tuple", help="write `tuple: {h: […], c: […]}`")
        return value


class TupleInput(_Tuple):
    """A tuple of tensors that forward takes."""

    items: Section[Item] = Field(alias="tuple")
    optional: bool = False


class TupleOutput(_Tuple, Conditional):
    """A tuple of tensors that forward returns."""

    items: Section[Result] = Field(alias="tuple")


TENSOR, VALUE, TUPLE = "a tensor", "a value", "a tuple"  # the tags of inputs, which stand in paths of pydantic's errors


def _kind_of_tensor(value: object) -> str:
    """Whether a part is one tensor or a `tuple` of them."""
    return TUPLE if isinstance(value, _Tuple) or (isinstance(value, dict) and "tuple" in value) else TENSOR


def _kind_of_input(value: object) -> str:
    """Whether an input is a tensor, a `tuple` of them, or a value, which has a `type`."""
    is_value = isinstance(value, Value) or (isinstance(value, dict) and "type" in value)
    return VALUE if is_value else _kind_of_tensor(value)


Given = Annotated[
    Annotated[Input, Tag(TENSOR)] | Annotated[Value, Tag(VALUE)] | Annotated[TupleInput, Tag(TUPLE)],
    Discriminator(_kind_of_input),
]
Returned = Annotated[
    Annotated[Output, Tag(TENSOR)] | Annotated[TupleOutput, Tag(TUPLE)], Discriminator(_kind_of_tensor)
]
