"""The spec as data: frozen pydantic models that mirror the YAML.

Texts that hold expressions arrive here already as trees (`layergen.lang.expression`). What a type cannot say about a
single value is said by a validator; whatever takes two parts of a spec to see is a rule of `layergen.resolve`.
"""

from collections.abc import Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BeforeValidator,
    Field,
    PrivateAttr,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)

from layergen.lang import expression as ex
from layergen.lang.argument import Argument as Argument
from layergen.lang.argument import Value as Value
from layergen.lang.argument_types import Base
from layergen.lang.matches import FORMULA, MODULE, Matches
from layergen.lang.matches import Match as Match
from layergen.lang.part import Part
from layergen.lang.runs import block_without_name, has_leading, runs, shape_without_name
from layergen.lang.shown import Shown, read_shown
from layergen.lang.tensors import TENSOR as TENSOR
from layergen.lang.tensors import TUPLE as TUPLE
from layergen.lang.tensors import VALUE as VALUE
from layergen.lang.tensors import Buffer as Buffer
from layergen.lang.tensors import Given as Given
from layergen.lang.tensors import Input as Input
from layergen.lang.tensors import Item as Item
from layergen.lang.tensors import Kept as Kept
from layergen.lang.tensors import Output as Output
from layergen.lang.tensors import Owned as Owned
from layergen.lang.tensors import Parameter as Parameter
from layergen.lang.tensors import Result as Result
from layergen.lang.tensors import Returned as Returned
from layergen.lang.tensors import ShortTensor as ShortTensor
from layergen.lang.tensors import Tensor as Tensor
from layergen.lang.tensors import TupleInput as TupleInput
from layergen.lang.tensors import TupleOutput as TupleOutput
from layergen.lang.tensors import kept as kept
from layergen.lang.ties import Ties
from layergen.lang.tokens import LAYER, TERM
from layergen.lang.tuples import TensorTuple, item_name
from layergen.lang.values import (
    Block,
    Constructor,
    Entries,
    Expression,
    Mixes,
    Names,
    Number,
    Prose,
    Section,
    fault,
)
from layergen.words import plural


class Reference(Part):
    """Where the layer comes from."""

    title: Prose
    url: Annotated[str, StringConstraints(pattern=r"^https?://[^\s<>`]+$")]


TAGS = frozenset({TENSOR, VALUE, TUPLE, MODULE, FORMULA})  # in paths of pydantic's errors, beside what a spec names
COMPARING = ("==", "<=", ">=", "<", ">")  # what a law may be


def _unnamed(part: Any, run: str) -> Any:
    """An input, output or tensor among the arguments in whose shape, or shapes, a run has lost its name."""
    if isinstance(part, ShortTensor | Argument) and part.shape is not None:
        return part.model_copy(update={"shape": shape_without_name(part.shape, run)})
    if isinstance(part, TupleInput | TupleOutput):
        return part.model_copy(update={"items": {name: _unnamed(item, run) for name, item in part.items.items()}})
    return part


def _items(name: str, part: TupleInput | TupleOutput) -> tuple[str, ...]:
    """What the tensors of a tuple are called."""
    return tuple(item_name(name, index) for index in range(len(part.items)))


class Noted(Part):
    """What is said of a dimension."""

    optional: bool = False  # whether all inputs may lack it together
    doc: Prose | None = None


class Module(Part):
    """A layer that this one is made of, or a list of them. Its constructor's call alone may stand for it."""

    module: Constructor
    when: Expression | None = None  # the attribute is None where this is false
    doc: Prose | None = None
    init: Section[Expression] = Field(default_factory=dict)  # other initial values, by the paths of its tensors
    requires_grad: Expression | None = None  # whether its parameters are learned; None: as they are by themselves
    gradient: bool = True  # whether the gradients of its parameters are derivatives, as far as it says itself

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return {"module": value} if isinstance(value, str) else value


class Survivor(Part):
    """A change of the generated layer that its tests cannot find, since it changes nothing."""

    was: Prose  # the statement that is changed, as Python prints it
    now: Prose
    reason: Prose


class Law(Part):
    """An equation or inequality that holds for all inputs, of which `layer` is the layer itself."""

    law: Expression
    within: Number | None = None  # how far apart the sides may be, absolutely; None: by the rounding of the dtype
    when: Expression | None = None  # a condition on arguments and sizes under which it holds

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
        if not any(isinstance(part, ex.Call) and part.function in (LAYER, TERM) for part in ex.walk(node)):
            raise fault(f"a law is about the layer: call it, as `{LAYER}(x)`", key="law")
        return self

    @property
    def sides(self) -> tuple[ex.Expression, str, ex.Expression]:
        """The left side, the sign between them, and the right one."""
        node = self.law
        assert isinstance(node, ex.Compare)
        return node.left, node.operators[0], node.comparators[0]


class Causal(Part):
    """Dimensions along which no entry of an output sees a later one of an input. Their names alone may stand for it."""

    dims: Names = Field(alias="dim")  # of several, the last one runs first: row by row
    when: Expression | None = None  # a condition on arguments and values under which it is so
    strict: Expression | None = None  # one under which an entry does not see what stands at its own place either

    @model_validator(mode="before")
    @classmethod
    def _short_form(cls, value: Any) -> Any:
        return {"dim": value} if isinstance(value, str | list | tuple) else value

    @field_validator("when", "strict")
    @classmethod
    def _without_defaults(cls, condition: ex.Expression | None, info: ValidationInfo) -> ex.Expression | None:
        """No condition where one says what is so without it."""
        default = info.field_name == "when"
        return None if isinstance(condition, ex.Literal) and condition.value is default else condition

    @property
    def conditions(self) -> Mapping[str, ex.Expression]:
        """Its conditions, by their keys."""
        given = {"when": self.when, "strict": self.strict}
        return {key: condition for key, condition in given.items() if condition is not None}


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
    ties: Ties = ()
    noted: Section[Noted] = Field(default_factory=dict, alias="dimensions")
    given: Section[Given] = Field(alias="inputs")
    returned: Section[Returned] = Field(alias="outputs")
    forward: Block
    definition: Prose | None = None  # the formula in index notation, which `layergen.definition` reads
    random: Literal["training", "always"] = "training"  # when the forward may draw random numbers
    penalty: Expression | None = None  # a regularization term in the layer's own tensors and its members'
    laws: Entries[Law] = ()  # what holds for all inputs
    mixes: Mixes = Field(default_factory=dict)
    causal: Causal | None = None  # the dimensions along which no entry sees a later one
    matches: Matches | None = None
    repr: Entries[Annotated[Shown, BeforeValidator(read_shown)]] | None = None  # None: all arguments are shown
    attributes: Section[Expression] = Field(default_factory=dict)  # what is there for others to read alone
    accept: Section[Prose] = Field(default_factory=dict)  # judgements that are overruled, by rule, each with its reason
    cases: Entries[dict[str, Any]] = ()
    survivors: Entries[Survivor] = ()  # what `layergen test --mutate` need not find

    @model_validator(mode="after")
    def _has_a_forward(self) -> Self:
        for name, part in (("inputs", self.given), ("outputs", self.returned), ("forward", self.forward)):
            if not part:
                raise fault(f"a layer has at least one {'statement' if name == 'forward' else name[:-1]}", key=name)
        return self

    @model_validator(mode="after")
    def _passes_on_what_is_given(self) -> Self:
        """What takes the place of a list that is kept as it was given is one of such lists, whichever it is."""
        given = {name for name, part in self.declared.items() if part.as_given}
        for name in given & set(self.derived):
            for node in ex.walk(self.derived[name]):
                asked = isinstance(node, ex.Compare) and node.operators[0] in ("is", "is not")
                one = isinstance(node, ex.Name) and node.id in given
                if not (one or asked or isinstance(node, ex.Conditional) or node == ex.Literal(None)):
                    help = f"write `{name} if {name} is not None else other`, or leave out `as_given`"
                    message = f"`{name}` is kept as it is given, but this computes another list"
                    raise fault(message, key=("derived", name), help=help)
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
        """The numbers of the dimensions that an input has in every call; of none, torch knows those of one."""
        tensor = self.given.get(str(axis.of))
        if not isinstance(tensor, Input) or not isinstance(tensor.shape, tuple):
            known = [f"`{other}`" for other, part in self.given.items() if isinstance(part, Input)]
            help = f"name one of {', '.join(known)}, whose shape is a list"
            raise fault(f"`{axis.of}` is no input with a list of dimensions", key=("arguments", name, "of"), help=help)
        single = [entry for entry in tensor.shape if entry != ex.Literal(...) and not isinstance(entry, ex.Splice)]
        count = len(single) or min(1, len(tensor.shape))
        choices = tuple(range(-count, count))
        if isinstance(axis.default, ex.Literal) and axis.default.value not in (*choices, None):
            told = plural(len(single), "dimension")
            message = f"`{axis.of}` has {told} in every call, and so no dimension {axis.default.value}"
            raise fault(message, key=("arguments", name, "default"))
        return choices

    _runs: tuple[str, ...] = PrivateAttr(default=())

    @property
    def runs(self) -> tuple[str, ...]:
        """The names of its runs of dimensions. ``...`` stands for the first of them, or for one without a name."""
        return self._runs

    @property
    def run(self) -> str | None:
        """The name of what ``...`` stands for, if it has one."""
        return self._runs[0] if self._runs else None

    @model_validator(mode="after")
    def _names_its_runs(self) -> Self:
        """Let the first run that has a name be ``...`` in shapes and lists."""
        shapes = {name: part.shape for name, part in self.inputs.items() if not isinstance(part, Kept)}
        found = runs(shapes, {*self.declared, *self.derived})
        if not found or self._runs:
            return self
        first = next(iter(found))
        if any(map(has_leading, shapes.values())):
            message = f"a run of dimensions has a name where another one has, but there is `{first}...`, and `...`"
            other = "S" if first == "T" else "T"
            help = f"write `{first}...` where it is the same run, and `{other}...` where it is another one"
            raise fault(message, key="inputs", help=help)
        changed = {
            "declared": {name: _unnamed(part, first) for name, part in self.declared.items()},
            "given": {name: _unnamed(part, first) for name, part in self.given.items()},
            "returned": {name: _unnamed(part, first) for name, part in self.returned.items()},
            "forward": block_without_name(self.forward, first),
            "mixes": MappingProxyType({"..." if name == first else name: when for name, when in self.mixes.items()}),
        }
        made = self.model_copy(update=changed)
        for name in ("arguments", "inputs", "outputs", "values", "taken_tuples", "given_tuples"):
            made.__dict__.pop(name, None)  # which have been computed of what is changed
        made._runs = tuple(found)
        return made

    def names_in(self, section: str) -> tuple[str, ...]:
        """The names that a section declares."""
        fields = {"inputs": "given", "outputs": "returned", "arguments": "declared"}
        return tuple(getattr(self, fields.get(section, section)))

    @cached_property
    def arguments(self) -> dict[str, Argument]:
        """The arguments of the constructor that are no tensors."""
        return {name: part for name, part in self.declared.items() if part.type.base is not Base.TENSOR}

    @cached_property
    def inputs(self) -> dict[str, Input]:
        """The tensors that the forward takes, and then those that the constructor has taken for it."""
        taken: dict[str, Input] = {}
        for name, part in self.given.items():
            if isinstance(part, Input):
                taken[name] = part
            elif isinstance(part, TupleInput):
                items = [item.model_copy(update={"optional": part.optional}) for item in part.items.values()]
                taken |= zip(_items(name, part), items, strict=True)
        return taken | {name: kept(part) for name, part in self.declared.items() if name not in self.arguments}

    @cached_property
    def outputs(self) -> dict[str, Output]:
        """The tensors that the forward gives."""
        found: dict[str, Output] = {}
        for name, part in self.returned.items():
            if isinstance(part, TupleOutput):
                given = {"when": part.when, "otherwise": part.otherwise}
                items = [item.model_copy(update=given) for item in part.items.values()]
                found |= zip(_items(name, part), items, strict=True)
            else:
                found[name] = part
        return found

    @cached_property
    def taken_tuples(self) -> dict[str, TensorTuple]:
        """The tuples of tensors that the forward takes."""
        parts = {name: part for name, part in self.given.items() if isinstance(part, TupleInput)}
        return {
            name: TensorTuple(_items(name, part), tuple(part.items), part.optional, part.doc)
            for name, part in parts.items()
        }

    @cached_property
    def given_tuples(self) -> dict[str, TensorTuple]:
        """Those that it gives."""
        parts = {name: part for name, part in self.returned.items() if isinstance(part, TupleOutput)}
        return {name: TensorTuple(_items(name, part), tuple(part.items), doc=part.doc) for name, part in parts.items()}

    @property
    def shared(self) -> frozenset[str]:
        """The names of tensors that the forward takes which arguments have, too."""
        taken = {name for name, part in self.given.items() if isinstance(part, Input)}
        return frozenset(taken & self.arguments.keys() - {*self.derived, *self.tensors, *self.modules})

    @cached_property
    def values(self) -> dict[str, Value]:
        """The values that it takes beside them."""
        return {name: part for name, part in self.given.items() if isinstance(part, Value)}

    @property
    def texts(self) -> frozenset[str]:
        """The texts among which arguments and values choose."""
        parts = (*self.arguments.values(), *self.values.values())
        return frozenset(choice for part in parts for choice in part.choices or () if isinstance(choice, str))

    @property
    def tensors(self) -> dict[str, Parameter | Buffer]:
        """The parameters and then the buffers: what the layer owns."""
        return {**self.parameters, **self.buffers}
