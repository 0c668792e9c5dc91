"""The spec as data: frozen pydantic models that mirror the YAML.

Texts that hold expressions arrive here already as trees (`layergen.lang.expression`). What a type cannot say about a
single value is said by a validator; whatever takes two parts of a spec to see is a rule of `layergen.resolve`.
"""

import re
from collections.abc import Callable
from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    PrivateAttr,
    StringConstraints,
    Tag,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from layergen.lang import expression as ex
from layergen.lang.argument import Argument as Argument
from layergen.lang.argument import Value as Value
from layergen.lang.argument_types import Base
from layergen.lang.dtypes import DTYPES, FLOATING, INTEGRAL
from layergen.lang.part import Part
from layergen.lang.runs import block_without_name, has_leading, runs, shape_without_name
from layergen.lang.shown import Shown, read_shown
from layergen.lang.values import (
    Block,
    Constructor,
    Each,
    Entries,
    Expression,
    Initialized,
    Marks,
    Mixes,
    Number,
    Prose,
    Section,
    Shape,
    TensorPath,
    describe,
    fault,
    read_entry,
    read_expression,
    read_size,
)


class Reference(Part):
    """Where the layer comes from."""

    title: Prose
    url: Annotated[str, StringConstraints(pattern=r"^https?://[^\s<>`]+$")]


COMPARING = ("==", "<=", ">=", "<", ">")  # what a law may be
LAYER = "layer"  # what a law calls the layer itself


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


class Input(ShortTensor):
    """A tensor that forward takes."""

    optional: bool = False
    gradient: bool = True  # whether a gradient flows back to it
    partial: bool = False  # whether some of its entries are meant to have no effect
    range: tuple[Expression, Expression] | None = None  # low and high of its values, high excluded
    marks: Marks = ()  # the inputs of which it says, being true, which positions count
    dim: int | str | None = None  # and along which dimension of theirs, by index or by name

    @field_validator("range", mode="before")
    @classmethod
    def _two_ends(cls, value: Any) -> Any:
        if not isinstance(value, list) or len(value) != 2:
            raise fault(f"expected a list of two numbers, got {describe(value)}")
        return tuple(value)

    @model_validator(mode="after")
    def _marks_along_a_dimension(self) -> Self:
        if self.marks and self.dim is None:
            help = f"add `dim: 1`, the dimension of `{self.marks[0]}` whose positions it marks"
            raise fault("a mask says along which dimension it marks", key="marks", help=help)
        if self.dim is not None and not self.marks:
            raise fault("`dim` goes with `marks`", key="dim", help="name the input that is marked: `marks: x`")
        if self.marks and self.dtype != "bool":
            raise fault("a mask that marks positions is bool", key="marks", help="add `dtype: bool`: true counts")
        return self

    @model_validator(mode="after")
    def _integers_have_a_range(self) -> Self:
        if self.dtype in INTEGRAL and self.range is None:
            help = "add `range: [low, high]`: the tests draw values from low up to, but not including, high"
            raise fault(f"an input of dtype {self.dtype} needs a range", help=help)
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
        partial=False,
        range=argument.range,
        marks=(),
        dim=None,
    )


def _kind_of_input(value: object) -> str:
    """Whether an input is a tensor or a value, which has a `type`."""
    return VALUE if isinstance(value, Value) or (isinstance(value, dict) and "type" in value) else TENSOR


TENSOR, VALUE = "a tensor", "a value"  # the tags of inputs, which stand in the paths of pydantic's errors
Given = Annotated[Annotated[Input, Tag(TENSOR)] | Annotated[Value, Tag(VALUE)], Discriminator(_kind_of_input)]


class Output(ShortTensor):
    """A tensor that forward returns. Its dtype is the first floating input's unless given."""

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


Short = TypeVar("Short", bound=ShortTensor)


def _unnamed(tensor: Short, run: str) -> Short:
    return tensor.model_copy(update={"shape": shape_without_name(tensor.shape, run)})


class Module(Part):
    """A layer that this one is made of, or a list of them. Its constructor's call alone may stand for it."""

    module: Constructor
    when: Expression | None = None  # the attribute is None where this is false
    doc: Prose | None = None
    init: Section[Expression] = Field(default_factory=dict)  # other initial values, by the paths of its tensors

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return {"module": value} if isinstance(value, str) else value


class Match(Part):
    """An existing module that computes the same."""

    module: ex.Call
    inputs: Entries[Expression] | None = None  # what it is called with; the layer's inputs in order unless given

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return {"module": value} if isinstance(value, str) else value

    @field_validator("module", mode="before")
    @classmethod
    def _module_of_torch(cls, value: Any) -> Any:
        call = read_expression(value)
        if not isinstance(call, ex.Call) or not call.function.startswith("nn."):
            called = isinstance(call, ex.Call) and call.function[:1].isupper() and "." not in call.function
            example = f"nn.{ex.show(call)}" if called else "nn.Conv2d(in_channels, …)"
            raise fault("expected a call of a torch.nn module", help=f"write it as `{example}`")
        return call


class Law(Part):
    """An equation or inequality that holds for all inputs, of which `layer` is the layer itself."""

    law: Expression
    within: Number | None = None  # how far apart the sides may be, absolutely; None: by the rounding of the dtype
    when: Expression | None = None  # a condition on arguments under which it holds

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return {"law": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _compares(self) -> Self:
        node = self.law
        if not isinstance(node, ex.Compare) or len(node.operators) != 1 or node.operators[0] not in COMPARING:
            help = f"write one comparison by {', '.join(f'`{sign}`' for sign in COMPARING)}: `layer(-x) == -layer(x)`"
            raise fault("a law compares two sides", key="law", help=help)
        if not any(isinstance(part, ex.Call) and part.function == LAYER for part in ex.walk(node)):
            raise fault(f"a law is about the layer: call it, as `{LAYER}(x)`", key="law")
        return self

    @property
    def sides(self) -> tuple[ex.Expression, str, ex.Expression]:
        """The left side, the sign between them, and the right one."""
        node = self.law
        assert isinstance(node, ex.Compare)
        return node.left, node.operators[0], node.comparators[0]


class LayerSpec(Part):
    """One layer: what its file says, checked part by part."""

    layer: str
    summary: Prose
    description: Prose | None = None
    references: Entries[Reference] = ()
    declared: Section[Argument] = Field(default_factory=dict, alias="arguments")
    derived: Section[Expression] = Field(default_factory=dict)
    constraints: Entries[Expression] = ()
    parameters: Section[Parameter] = Field(default_factory=dict)
    buffers: Section[Buffer] = Field(default_factory=dict)
    modules: Section[Module] = Field(default_factory=dict)
    ties: Section[TensorPath] = Field(default_factory=dict)  # by the path of each tensor the one that it is
    given: Section[Given] = Field(alias="inputs")
    outputs: Section[Output]
    forward: Block
    definition: Prose | None = None  # the formula in index notation, which `layergen.definition` reads
    random: Literal["training", "always"] = "training"  # when the forward may draw random numbers
    penalty: Expression | None = None  # a regularization term in the layer's own tensors and its members'
    laws: Entries[Law] = ()  # what holds for all inputs
    mixes: Mixes = Field(default_factory=dict)
    causal: str | None = None  # the dimension along which no entry sees a later one
    matches: Match | None = None
    repr: Entries[Annotated[Shown, BeforeValidator(read_shown)]] | None = None  # None: all arguments are shown
    accept: Section[Prose] = Field(default_factory=dict)  # judgements that are overruled, by rule, each with its reason
    cases: Entries[dict[str, Any]] = ()

    @model_validator(mode="after")
    def _has_a_forward(self) -> Self:
        for name in ("inputs", "outputs", "forward"):
            if not getattr(self, name):
                raise fault(f"a layer has at least one {'statement' if name == 'forward' else name[:-1]}", key=name)
        return self

    @model_validator(mode="after")
    def _has_axes_of_inputs(self) -> Self:
        """Give the axes among the arguments the choices that the shapes of their inputs leave."""
        axes = {name: part for name, part in self.declared.items() if part.of is not None and part.choices is None}
        if not axes:
            return self
        changed = {name: part.model_copy(update={"choices": self._axes(name, part)}) for name, part in axes.items()}
        made = self.model_copy(update={"declared": {**self.declared, **changed}})
        made.__dict__.pop("arguments", None)  # which has been computed of what is changed
        return made

    def _axes(self, name: str, axis: Argument) -> tuple[int, ...]:
        """The numbers of the dimensions that an input has in every call."""
        tensor = self.given.get(str(axis.of))
        if not isinstance(tensor, Input) or not isinstance(tensor.shape, tuple):
            known = [f"`{other}`" for other, part in self.given.items() if isinstance(part, Input)]
            help = f"name one of {', '.join(known)}, whose shape is a list"
            raise fault(f"`{axis.of}` is no input with a list of dimensions", key=("arguments", name, "of"), help=help)
        count = sum(entry != ex.Literal(...) for entry in tensor.shape)
        choices = tuple(range(-count, count))
        if isinstance(axis.default, ex.Literal) and axis.default.value not in (*choices, None):
            message = f"`{axis.of}` has {count} dimensions in every call, and so no dimension {axis.default.value}"
            raise fault(message, key=("arguments", name, "default"))
        return choices

    _run: str | None = PrivateAttr(default=None)

    @property
    def run(self) -> str | None:
        """The name of what ``...`` stands for, if it has one."""
        return self._run

    @model_validator(mode="after")
    def _has_one_run(self) -> Self:
        """Let the run that has a name be ``...`` in shapes and lists."""
        shapes = {name: part.shape for name, part in self.given.items() if isinstance(part, Input)}
        found = runs(shapes, {*self.declared, *self.derived})
        if not found or self._run is not None:
            return self
        first, *others = found
        loose = next((name for name, shape in shapes.items() if has_leading(shape)), None)
        if others or loose is not None:
            other = f"`{others[0]}...`" if others else "`...`"
            message = f"a layer has one run of dimensions, but there is `{first}...`, and {other}"
            help = f"let `{first}...` stand in all shapes that have it, and name other dimensions one by one"
            raise fault(message, key="inputs", help=help)
        given = self.given.items()
        changed = {
            "given": {name: _unnamed(part, first) if isinstance(part, Input) else part for name, part in given},
            "outputs": {name: _unnamed(part, first) for name, part in self.outputs.items()},
            "forward": block_without_name(self.forward, first),
        }
        made = self.model_copy(update=changed)
        for name in ("arguments", "inputs", "values"):
            made.__dict__.pop(name, None)  # which have been computed of what is changed
        made._run = first
        return made

    def names_in(self, section: str) -> tuple[str, ...]:
        """The names that a section declares."""
        fields = {"inputs": "given", "arguments": "declared"}
        return tuple(getattr(self, fields.get(section, section)))

    @cached_property
    def arguments(self) -> dict[str, Argument]:
        """The arguments of the constructor that are no tensors."""
        return {name: part for name, part in self.declared.items() if part.type.base is not Base.TENSOR}

    @cached_property
    def inputs(self) -> dict[str, Input]:
        """The tensors that the forward takes, and then those that the constructor has taken for it."""
        taken = {name: part for name, part in self.given.items() if isinstance(part, Input)}
        return taken | {name: kept(part) for name, part in self.declared.items() if name not in self.arguments}

    @cached_property
    def values(self) -> dict[str, Value]:
        """The values that it takes beside them."""
        return {name: part for name, part in self.given.items() if isinstance(part, Value)}

    @property
    def tensors(self) -> dict[str, Parameter | Buffer]:
        """The parameters and then the buffers: what the layer owns."""
        return {**self.parameters, **self.buffers}
