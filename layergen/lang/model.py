"""The spec as data: frozen pydantic models that mirror the YAML.

Texts that hold expressions arrive here already as trees (`layergen.lang.expression`). What a type cannot say about a
single value is said by a validator; whatever takes two parts of a spec to see is a rule of `layergen.resolve`.
"""

import re
from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Literal, Self, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    StringConstraints,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from layergen.lang import expression as ex
from layergen.lang.dtypes import DTYPES, FLOATING, INTEGRAL
from layergen.lang.runs import block_without_name, has_leading, runs, shape_without_name
from layergen.lang.values import (
    Block,
    Constructor,
    Each,
    Entries,
    Exclusive,
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

SIZES = {"size1": 1, "size2": 2, "size3": 3}


class Part(BaseModel):
    """What all parts of a spec have in common: they are frozen, and unknown keys are faults."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, arbitrary_types_allowed=True)

    @model_validator(mode="before")
    @classmethod
    def _says_something(cls, value: Any) -> Any:
        """A ``doc`` that is there says something, also where it may be left out."""
        for key in ("doc", "description"):
            if isinstance(value, dict) and key in value and value[key] is None:
                raise fault(f"`{key}` is empty", key=key, help="say in a few words what it is")
        return value


class Reference(Part):
    """Where the layer comes from."""

    title: Prose
    url: Annotated[str, StringConstraints(pattern=r"^https?://[^\s<>`]+$")]


class Argument(Part):
    """A constructor argument."""

    type: Literal["int", "float", "bool", "str", "size1", "size2", "size3", "ints"]
    doc: Prose
    default: Expression | None = None  # None: the argument is required; a default of null is ``Literal(None)``
    optional: bool = False  # None is one of its values
    min: Number | None = None
    max: Number | None = None
    exclusive: Exclusive = False  # which of the bounds are not themselves allowed
    choices: Entries[int | str] | None = None

    @property
    def required(self) -> bool:
        return self.default is None

    @property
    def numeric(self) -> bool:
        return self.type not in ("bool", "str")

    @property
    def integral(self) -> bool:
        """Whether its values are ints, or lists of them."""
        return self.numeric and self.type != "float"

    @property
    def computed(self) -> bool:
        """Whether the default is an expression in earlier arguments."""
        return self.default is not None and bool(ex.names(self.default))

    def excludes(self, bound: Literal["min", "max"]) -> bool:
        return self.exclusive is True or self.exclusive == bound

    @model_validator(mode="before")
    @classmethod
    def _default_of_text(cls, value: Any) -> Any:
        """The default of a ``str`` is its text; any other text is an expression."""
        if isinstance(value, dict) and value.get("type") == "str" and isinstance(value.get("default"), str):
            return {**value, "default": ex.Literal(value["default"])}
        if isinstance(value, dict) and "default" in value and value["default"] is None:
            return {**value, "default": ex.Literal(None)}
        return value

    @field_validator("default", mode="before")
    @classmethod
    def _default_of_sizes(cls, value: Any) -> Any:
        """Sizes may be written as a YAML list."""
        if isinstance(value, list):
            return ex.Sequence(tuple(read_expression(item) for item in value), "(")
        return read_expression(value)

    @model_validator(mode="after")
    def _bounds_fit(self) -> Self:
        bounds = {"min": self.min, "max": self.max}
        given = [name for name, bound in bounds.items() if bound is not None]
        if given and not self.numeric:
            raise fault(f"type `{self.type}` has no `{given[0]}`", key=given[0])
        for name in given:
            if self.integral and not isinstance(bounds[name], int):
                raise fault(f"the `{name}` of type `{self.type}` is an int, got {bounds[name]}", key=name)
        if self.min is not None and self.max is not None and self.min > self.max:
            raise fault(f"min {self.min} is greater than max {self.max}", key="min")
        if self.exclusive and not given:
            raise fault("there is no bound to exclude", key="exclusive", help="give a `min` or a `max`")
        return self

    @model_validator(mode="after")
    def _choices_fit(self) -> Self:
        if self.choices is None:
            return self
        expected = {"str": str, "int": int}.get(self.type)
        if expected is None:
            raise fault(f"type `{self.type}` has no `choices`", key="choices", help="choices are for `int` and `str`")
        if not self.choices or len(set(self.choices)) != len(self.choices):
            raise fault("choices must be distinct, and at least one", key="choices")
        for choice in self.choices:
            if not isinstance(choice, expected):
                raise fault(f"{describe(choice)} is no {self.type}", key="choices")
        if self.min is not None or self.max is not None:
            raise fault("choices and bounds exclude each other", key="choices")
        return self


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


class Output(ShortTensor):
    """A tensor that forward returns. Its dtype is the first floating input's unless given."""


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


class LayerSpec(Part):
    """One layer: what its file says, checked part by part."""

    layer: str
    summary: Prose
    description: Prose | None = None
    references: Entries[Reference] = ()
    arguments: Section[Argument] = Field(default_factory=dict)
    derived: Section[Expression] = Field(default_factory=dict)
    constraints: Entries[Expression] = ()
    parameters: Section[Parameter] = Field(default_factory=dict)
    buffers: Section[Buffer] = Field(default_factory=dict)
    modules: Section[Module] = Field(default_factory=dict)
    ties: Section[TensorPath] = Field(default_factory=dict)  # by the path of each tensor the one that it is
    inputs: Section[Input]
    outputs: Section[Output]
    forward: Block
    random: Literal["training", "always"] = "training"  # when the forward may draw random numbers
    penalty: Expression | None = None  # a regularization term in the layer's own tensors and its members'
    mixes: Mixes = Field(default_factory=dict)
    causal: str | None = None  # the dimension along which no entry sees a later one
    matches: Match | None = None
    accept: Section[Prose] = Field(default_factory=dict)  # judgements that are overruled, by rule, each with its reason
    cases: Entries[dict[str, Any]] = ()

    @model_validator(mode="after")
    def _has_a_forward(self) -> Self:
        for name in ("inputs", "outputs", "forward"):
            if not getattr(self, name):
                raise fault(f"a layer has at least one {'statement' if name == 'forward' else name[:-1]}", key=name)
        return self

    _run: str | None = PrivateAttr(default=None)

    @property
    def run(self) -> str | None:
        """The name of what ``...`` stands for, if it has one."""
        return self._run

    @model_validator(mode="after")
    def _has_one_run(self) -> Self:
        """Let the run that has a name be ``...`` in shapes and lists."""
        shapes = {name: part.shape for name, part in self.inputs.items()}
        found = runs(shapes, {*self.arguments, *self.derived})
        if not found or self._run is not None:
            return self
        first, *others = found
        loose = next((name for name, shape in shapes.items() if has_leading(shape)), None)
        if others or loose is not None:
            other = f"`{others[0]}...`" if others else "`...`"
            message = f"a layer has one run of dimensions, but there is `{first}...`, and {other}"
            help = f"let `{first}...` stand in all shapes that have it, and name other dimensions one by one"
            raise fault(message, key="inputs", help=help)
        changed = {
            "inputs": {name: _unnamed(part, first) for name, part in self.inputs.items()},
            "outputs": {name: _unnamed(part, first) for name, part in self.outputs.items()},
            "forward": block_without_name(self.forward, first),
        }
        made = self.model_copy(update=changed)
        made._run = first
        return made

    @property
    def tensors(self) -> dict[str, Parameter | Buffer]:
        """The parameters and then the buffers: what the layer owns."""
        return {**self.parameters, **self.buffers}
