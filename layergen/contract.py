"""A layer as others see it: what its constructor and its forward take, give and demand, as plain data.

All of it is in the words of the spec language, so that it can be stored, compared and shown. It has no prose: where
only that changes, nobody who relies on the layer has anything to do.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict

from layergen.checked import CheckedLayer, PreconditionCase
from layergen.lang import expression as ex
from layergen.lang.model import Argument, Buffer, Input, Kept, Output, Parameter, Tensor
from layergen.lang.values import Mixing
from layergen.prove.cost import Costs
from layergen.prove.leading import formula_text
from layergen.prove.proven import Proof, Tried
from layergen.resolve.program import Program
from layergen.settings.telling import flags

Shape = tuple[str, ...] | str  # the expression of each size, or the one that gives all of them


class Terms(BaseModel):
    """A part of a contract."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class ArgumentTerms(Terms):
    """An argument of the constructor."""

    name: str
    type: str
    default: str | None  # an expression; None: it must be given
    optional: bool
    min: int | float | None
    max: int | float | None
    exclusive: bool | Literal["min", "max"]
    choices: tuple[int | str, ...] | None
    optional_entries: bool  # whether None may stand among the entries of a list
    unused: bool  # whether it is taken for compatibility alone
    keyword: bool  # whether it is given by its name alone


class InputTerms(Terms):
    """A tensor that the forward takes."""

    name: str
    shape: Shape
    dtype: str | None  # None: floating; of several, the first
    dtypes: tuple[str, ...]  # those that it may have
    optional: bool
    range: tuple[str, str] | None  # low and high of its values, high excluded
    kept: bool  # whether the constructor takes it, and the layer keeps it as a buffer
    broadcast: bool | str  # whether it may be whatever broadcasts to the shape, "sizes" by sizes of 1 alone
    gradient: bool
    partial: bool  # whether some of its entries have no effect
    also: tuple[str, ...]  # single values beside the range that integers may have
    distinct: tuple[str, ...]  # the last dimensions, along which no value stands twice
    marks: tuple[str, ...]  # the inputs of which it says, being true, which positions count
    dim: int | str | None  # and along which of their dimensions
    written: bool  # whether the forward writes to it


class OutputTerms(Terms):
    """A tensor that the forward returns."""

    name: str
    shape: Shape
    dtype: str | None  # None: that of the first floating input
    when: str | None  # the condition under which it is returned
    otherwise: Literal["absent", "null"]  # what stands in its place elsewhere


class StateTerms(Terms):
    """A tensor that the layer owns."""

    name: str
    role: Literal["parameter", "buffer"]
    shape: Shape
    dtype: str | None  # None: that of the constructor's `dtype`
    when: str | None  # the condition under which there is one
    persistent: bool
    each: tuple[str, str] | None  # of a family, its index and how many tensors it has
    named: str | None  # and how they are called; None: as a list
    requires_grad: str | None  # the condition under which a parameter is learned; None: always
    updated: bool  # whether the forward changes it


class PathTerms(Terms):
    """A way through the forward, and what was shown of its shapes."""

    where: tuple[str, ...]  # the flags, choices and left out inputs that take it
    training: bool
    verdict: Literal["proven", "tried"]  # for all sizes from 2 up, or at the layer's settings
    open: tuple[str, ...]  # what was not left open: numbers that stood for arguments, or why it was only tried


class CostTerms(Terms):
    """What a layer costs on the first way through its forward: formulas, None where it cannot be counted at symbols."""

    parameters: str | None
    flops: str | None
    activation_bytes: str | None


class Contract(Terms):
    """All that another layer may rely on."""

    layer: str
    arguments: tuple[ArgumentTerms, ...]
    derived: tuple[tuple[str, str], ...]  # names and expressions, each in arguments and earlier names
    constraints: tuple[str, ...]
    inputs: tuple[InputTerms, ...]
    values: tuple[ArgumentTerms, ...]  # what the forward takes beside tensors
    call: tuple[str, ...]  # inputs and values in the order in which the forward takes them
    outputs: tuple[OutputTerms, ...]
    state: tuple[StateTerms, ...]
    modes: bool  # whether it does something else in training than in evaluation
    random: Literal["never", "training", "always"]
    mixes: tuple[tuple[str, Mixing], ...]  # the dimensions along which samples see each other, and when
    causal: str | None  # the dimensions along which no entry sees a later one, in raster order
    causal_when: str | None  # the condition under which it is so, None: always
    causal_strict: str | None  # the one under which an entry does not see what stands at its own place, None: never
    accepted: tuple[tuple[str, str], ...]  # judgements of the checks that the author overrules, with the reasons
    preconditions: tuple[str, ...]  # what torch demands of sizes beyond the constraints
    limited: tuple[str, ...]  # such conditions of which no expression can say on which ways they are demanded
    paths: tuple[PathTerms, ...]
    costs: CostTerms

    @property
    def proven(self) -> bool:
        """Whether the shapes are proven for all sizes on every way through the forward, with nothing left out."""
        return not self.limited and all(path.verdict == "proven" and not path.open for path in self.paths)

    def plain(self) -> dict[str, object]:
        """The contract as plain Python, as JSON has it."""
        return self.model_dump(mode="json")

    @classmethod
    def of_plain(cls, data: Mapping[str, object]) -> "Contract":
        """Read what `plain` gave.

        Raises:
            ValueError: If the data is no contract.
        """
        return cls.model_validate_json(json.dumps(data))


def contract_of(layer: CheckedLayer) -> Contract:
    """The contract of a layer that has been checked."""
    program = layer.program
    conditions = program.causal.conditions if program.causal is not None else {}
    return Contract(
        layer=program.layer,
        arguments=tuple(_argument(name, part) for name, part in program.arguments.items()),
        derived=tuple((name, ex.show(value)) for name, value in program.derived.items()),
        constraints=tuple(map(ex.show, program.constraints)),
        inputs=tuple(_input(name, part) for name, part in program.inputs.items()),
        values=tuple(_argument(name, part) for name, part in program.values.items()),
        call=program.call,
        outputs=tuple(_output(name, part) for name, part in program.outputs.items()),
        state=tuple(_state(program, name, part) for name, part in program.tensors.items()),
        modes=program.asks_mode,
        random=program.random if program.draws else "never",
        mixes=tuple(program.mixes.items()),
        causal=None if program.causal is None else ", ".join(program.causal.dims),
        causal_when=ex.show(conditions["when"]) if "when" in conditions else None,
        causal_strict=ex.show(conditions["strict"]) if "strict" in conditions else None,
        accepted=tuple(program.accept.items()),
        preconditions=tuple(text for condition in layer.preconditions if (text := _condition(condition))),
        limited=tuple(
            condition.text + condition.ways() for condition in layer.preconditions if not _condition(condition)
        ),
        paths=tuple(_path(program, proof) for proof in layer.proofs),
        costs=_costs(layer.costs),
    )


def _shape(tensor: Tensor) -> Shape:
    return tuple(map(ex.show, tensor.shape)) if isinstance(tensor.shape, tuple) else ex.show(tensor.shape)


def _argument(name: str, part: Argument) -> ArgumentTerms:
    return ArgumentTerms(
        name=name,
        type=str(part.type),
        default=None if part.default is None else ex.show(part.default),
        optional=part.optional,
        min=part.min,
        max=part.max,
        exclusive=part.exclusive,
        choices=part.choices,
        optional_entries=part.optional_entries,
        unused=part.unused,
        keyword=part.keyword,
    )


def _input(name: str, part: Input) -> InputTerms:
    return InputTerms(
        name=name,
        shape=_shape(part),
        dtype=part.dtype,
        dtypes=part.dtypes,
        optional=part.optional,
        range=None if part.range is None else (ex.show(part.range[0]), ex.show(part.range[1])),
        kept=isinstance(part, Kept),
        broadcast=part.broadcast,
        gradient=part.gradient,
        partial=part.partial,
        also=tuple(map(ex.show, part.also)),
        distinct=part.distinct,
        marks=part.marks,
        dim=part.dim,
        written=part.written is not None,
    )


def _output(name: str, part: Output) -> OutputTerms:
    when = None if part.when is None else ex.show(part.when)
    return OutputTerms(name=name, shape=_shape(part), dtype=part.dtype, when=when, otherwise=part.otherwise)


def _state(program: Program, name: str, part: Parameter | Buffer) -> StateTerms:
    return StateTerms(
        name=name,
        role="parameter" if isinstance(part, Parameter) else "buffer",
        shape=_shape(part),
        dtype=part.dtype,
        when=None if part.when is None else ex.show(part.when),
        persistent=part.persistent if isinstance(part, Buffer) else True,
        requires_grad=ex.show(part.requires_grad) if isinstance(part, Parameter) and part.requires_grad else None,
        each=None if part.each is None else (part.each.index, ex.show(part.each.count)),
        named=part.named,
        updated=name in program.forward.assigned,
    )


def _path(program: Program, proof: Proof | Tried) -> PathTerms:
    where = tuple(flags(program, proof.setting))
    if isinstance(proof, Tried):
        return PathTerms(where=where, training=True, verdict="tried", open=(proof.reason,))
    verdict: Literal["proven", "tried"] = "tried" if proof.sampled else "proven"
    return PathTerms(where=where, training=proof.training, verdict=verdict, open=tuple(_assumed(proof)))


def _condition(case: PreconditionCase) -> str | None:
    """A precondition as an expression that holds wherever it is not demanded; None where there is none."""
    if case.tests is None:
        return None
    return f"{case.text} if {' and '.join(case.tests)} else True" if case.tests else case.text


def _assumed(proof: Proof) -> Iterator[str]:
    """What a proof does not leave open."""
    yield from (f"{name} == {number}" for name, number in proof.concrete.items())
    yield from proof.tied
    yield from proof.inherited
    yield from (f"the shape of {name}: algebra cannot tell" for name in proof.sampled)


def _costs(costs: Costs) -> CostTerms:
    found = (costs.parameters, costs.flops, costs.activation_bytes)
    texts = [None if cost.formula is None else formula_text(cost.formula) for cost in found]
    return CostTerms(parameters=texts[0], flops=texts[1], activation_bytes=texts[2])
