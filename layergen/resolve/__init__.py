"""From a spec to a program: what each of its words is, said once."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import takewhile
from typing import TypeVar

from layergen.definition.reading import check_definition, definition_of
from layergen.definition.scene import Definition
from layergen.diagnostics import FORWARD, Finding, Place
from layergen.faults import refuse
from layergen.lang import expression as ex
from layergen.lang.constructors import constructor_calls
from layergen.lang.facts import Callee, CalleeKind, Role
from layergen.lang.kinds import Kind, Kinds
from layergen.lang.meetings import implied
from layergen.lang.model import (
    Argument,
    Buffer,
    Causal,
    Input,
    Kept,
    LayerSpec,
    Match,
    Module,
    Output,
    Parameter,
    Tensor,
)
from layergen.lang.refusals import is_module
from layergen.lang.shown import Shown
from layergen.lang.tuples import item_index, wholes
from layergen.lang.visitor import Block
from layergen.resolve.annotation import Environment, Functions, Meaning, annotated, as_initializer
from layergen.resolve.arguments import kinds_of_argument
from layergen.resolve.asking import check_identity, check_nameless
from layergen.resolve.autocast import kept_from_autocast
from layergen.resolve.blocks import annotated_block
from layergen.resolve.callsites import check_calls
from layergen.resolve.defaults import check_defaults
from layergen.resolve.families import check_families
from layergen.resolve.functions import check_choices
from layergen.resolve.inference import BOOL, INT, MEMBER, NONE, TENSOR, TENSORS, kinds_of
from layergen.resolve.initial import check_initial, initial_order
from layergen.resolve.iteration import turns_without_list
from layergen.resolve.laws import resolved_law
from layergen.resolve.library import EMPTY, Library, constructible
from layergen.resolve.made_wide import block_with_wide_makings, with_wide_makings, with_wide_start
from layergen.resolve.meanings import check_meanings
from layergen.resolve.membership import check_members
from layergen.resolve.method import Method
from layergen.resolve.names import check_declared, check_names
from layergen.resolve.patterns import check_patterns
from layergen.resolve.program import Child, Made, Member, Program
from layergen.resolve.real_parts import with_real_parts
from layergen.resolve.refused import check_refused
from layergen.resolve.shorthand import with_lists_alone
from layergen.resolve.signature import dimensions_of, entries
from layergen.resolve.single import takes_single_samples
from layergen.resolve.unbatched import check_dimensions
from layergen.resolve.whole import with_whole_starts, with_whole_upcasts
from layergen.rules.names import UnusedName

__all__ = ["Library", "Method", "Program", "check_sections", "resolve"]

Part = TypeVar("Part", bound=Tensor)


def resolve(spec: LayerSpec, library: Library = EMPTY) -> Program:
    """Say what each word of a spec is.

    Args:
        spec: The spec.
        library: The layers that it may be made of.

    Raises:
        SpecError: If names are undefined, unused or misused, defaults out of bounds, or calls do not fit.
    """
    refuse((*check_refused(spec), *check_identity(spec), *check_nameless(spec)))
    refuse(check_members(spec, library))
    findings = (
        *check_names(spec),
        *check_defaults(spec),
        *check_meanings(spec),
        *check_dimensions(spec),
        *check_patterns(spec),
    )
    findings = (*findings, *check_initial(spec), *check_families(spec), *check_choices(spec))
    defined = tuple(check_definition(spec, _definitions(library)))
    program = understood(spec, library)
    if all(finding.rule is UnusedName for finding in findings):  # what a wrong call leaves out is unused, too
        called = tuple(check_calls(program))
        turns = {Place(FORWARD, span) for span in turns_without_list(spec.forward, called)}
        findings = (*(finding for finding in findings if finding.place not in turns), *called)
    made = all(finding.place.path[0] != "modules" for finding in findings)  # else a definition may not know them
    refuse((*findings, *defined) if made else findings)
    return program


def check_sections(spec: LayerSpec, library: Library = EMPTY) -> Iterator[Finding]:
    """Yield what is wrong with a spec beside its forward, some lines of which are missing as they cannot be read."""
    yield from (*check_refused(spec), *check_identity(spec), *check_nameless(spec), *check_members(spec, library))
    yield from (*check_declared(spec), *check_defaults(spec), *check_meanings(spec), *check_dimensions(spec))
    yield from (*check_initial(spec), *check_families(spec))
    yield from check_definition(spec, _definitions(library))


def _definitions(library: Library) -> dict[str, Definition]:
    """The definitions of the layers that a spec may be made of."""
    found = {name: child.program.definition for name, child in library.layers.items()}
    return {name: definition for name, definition in found.items() if definition is not None}


def understood(spec: LayerSpec, library: Library = EMPTY) -> Program:
    """A spec whose trees have their facts, as far as its words mean something."""
    numbers = Environment(_arguments(spec))
    derived: dict[str, ex.Expression] = {}
    for name, expression in spec.derived.items():
        derived[name] = annotated(expression, numbers)
        numbers = numbers.with_names({name: Meaning(Role.DERIVED, kinds_of(derived[name]))})
    scalars = (*spec.arguments, *spec.derived)
    found = tuple(entries(spec.inputs, scalars))
    dimensions = dimensions_of(spec.inputs, found)
    sizes = numbers.with_names(dict.fromkeys(dimensions, Meaning(Role.DIMENSION, INT)))
    sizes = sizes.with_names(dict.fromkeys(spec.runs, Meaning(Role.DIMENSION, frozenset({Kind.INTS}))))
    asked = {name: meaning for name, meaning in _taken(spec).items() if name not in spec.arguments}
    called = sizes.with_names({**asked, **_values(spec)})
    inputs = {name: _input(part, sizes) for name, part in spec.inputs.items()}
    members = {name: _member(name, part, numbers, library) for name, part in spec.modules.items()}
    start = _forward(spec, sizes, members)
    statements, _ = annotated_block(spec.forward, start)
    single = _takes_single_samples(spec, statements)
    resolved = tuple(entries(inputs, scalars, inputs if single else ()))
    return Program(
        layer=spec.layer,
        summary=spec.summary,
        description=spec.description,
        references=spec.references,
        arguments={name: _argument(spec, name, Environment(_earlier(spec, name))) for name in spec.arguments},
        values={name: _argument(spec, name, Environment({})) for name in spec.values},
        constructor=tuple(spec.declared),
        call=tuple(spec.given),
        derived=derived,
        constraints=tuple(annotated(constraint, called) for constraint in (*spec.constraints, *implied(spec))),
        parameters={name: _owned(part, numbers, spec) for name, part in spec.parameters.items()},
        buffers={name: _owned(part, numbers, spec) for name, part in spec.buffers.items()},
        members=members,
        ties=spec.ties,
        noted=spec.noted,
        inputs=inputs,
        tuples=spec.taken_tuples,
        results=spec.given_tuples,
        laws=tuple(resolved_law(law, start, sizes, wholes(spec.outputs), spec.given_tuples) for law in spec.laws),
        penalty=None if spec.penalty is None else with_wide_makings(annotated(spec.penalty, _owning(spec, start))),
        outputs={name: _output(part, called) for name, part in spec.outputs.items()},
        random="always" if any(child.program.random == "always" for child in children_of(members)) else spec.random,
        mixes=spec.mixes,
        causal=None if spec.causal is None else _conditional(spec.causal, numbers),
        matches=_match(spec.matches, _with_kept(spec, numbers), start) if isinstance(spec.matches, Match) else None,
        formula=annotated(spec.matches, start) if isinstance(spec.matches, ex.Expression) else None,
        repr=spec.repr and tuple(_shown(part, numbers.with_names(_attributes(spec, numbers))) for part in spec.repr),
        attributes={name: annotated(value, numbers) for name, value in spec.attributes.items()},
        accept=spec.accept,
        cases=spec.cases,
        forward=Method(_converted(kept_from_autocast(statements, inputs, spec.tensors), inputs)),
        definition=definition_of(spec, _definitions(library)),
        names=start.names,
        entries=resolved,
        dimensions=dimensions_of(inputs, resolved),
        initial_order=initial_order(spec),
        runs=spec.runs,
        single=single,
        keywords=frozenset(name for name, part in spec.declared.items() if part.keyword),
    )


def _converted(statements: tuple[ex.Statement, ...], inputs: Mapping[str, Input]) -> tuple[ex.Statement, ...]:
    """The statements of a forward, which know what they compute in a wide dtype."""
    return with_whole_upcasts(block_with_wide_makings(statements), inputs)


def _takes_single_samples(spec: LayerSpec, statements: Block) -> bool:
    """Whether nothing has to be done for a call that leaves out a dimension."""
    name = next((name for name, note in spec.noted.items() if note.optional), None)
    read = frozenset[str]().union(*map(ex.names, spec.constraints))
    return name is not None and takes_single_samples(statements, spec.inputs, name, read)


def _arguments(spec: LayerSpec) -> dict[str, Meaning]:
    return {name: _meaning(part, Role.ARGUMENT) for name, part in spec.arguments.items()}


def _values(spec: LayerSpec) -> dict[str, Meaning]:
    return {name: _meaning(part, Role.INPUT) for name, part in spec.values.items()}


def _meaning(part: Argument, role: Role) -> Meaning:
    return Meaning(role, kinds_of_argument(part), texts=_texts(part))


def _texts(argument: Argument) -> frozenset[str]:
    """The texts that an argument may be, where it is told which."""
    return frozenset(choice for choice in argument.choices or () if isinstance(choice, str))


def _earlier(spec: LayerSpec, name: str) -> dict[str, Meaning]:
    """The arguments before one, which its default may mention."""
    return dict(takewhile(lambda item: item[0] != name, _arguments(spec).items()))


def _forward(spec: LayerSpec, sizes: Environment, members: Mapping[str, Member]) -> Environment:
    """What the forward sees at its start. A parameter hides the argument of its name that switches it on."""
    names = {
        **{name: Meaning(Role.PARAMETER, _tensors(part)) for name, part in spec.parameters.items()},
        **{name: Meaning(Role.BUFFER, _tensors(part)) for name, part in spec.buffers.items()},
        **_taken(spec),
        **{name: Meaning(Role.MEMBER, member.kinds, member) for name, member in members.items()},
        **_values(spec),
        "training": Meaning(Role.MODE, BOOL),
    }
    parts: dict[str, Parameter | Buffer | Module] = {**spec.tensors, **spec.modules}
    conditions = {name: part.when for name, part in parts.items() if part.when is not None}
    return replace(sizes.with_names(names), functions=Functions.TENSORS, conditions=conditions)


def _taken(spec: LayerSpec) -> dict[str, Meaning]:
    """What the forward is given of tensors, alone or as tuples."""
    tensors = {name: part.optional for name, part in spec.inputs.items() if item_index(name) is None}
    tuples = {name: part.optional for name, part in spec.taken_tuples.items()}
    return {
        **{name: Meaning(Role.INPUT, TENSOR | _absent(optional)) for name, optional in tensors.items()},
        **{name: Meaning(Role.INPUT, TENSORS | _absent(optional)) for name, optional in tuples.items()},
    }


def _conditional(causal: Causal, numbers: Environment) -> Causal:
    return causal.model_copy(update={key: annotated(node, numbers) for key, node in causal.conditions.items()})


def _owning(spec: LayerSpec, start: Environment) -> Environment:
    """What a penalty sees: all that the forward does, but for inputs, dimensions and the mode."""
    known = {*spec.arguments, *spec.derived, *spec.tensors, *spec.modules}
    return replace(start, names={name: meaning for name, meaning in start.names.items() if name in known})


def _tensors(part: Parameter | Buffer) -> Kinds:
    """The kinds of what a layer owns by a name: a tensor, or a family of them."""
    return (TENSOR if part.each is None else TENSORS) | _absent(part.when)


def _absent(condition: object) -> Kinds:
    return NONE if condition else frozenset()


def _argument(spec: LayerSpec, name: str, earlier: Environment) -> Argument:
    argument = with_lists_alone(name, {**spec.arguments, **spec.values}[name], spec.constraints)
    if argument.default is None:
        return argument
    return argument.model_copy(update={"default": annotated(argument.default, earlier)})


def _shaped(tensor: Part, at: Environment) -> Part:
    shape = tensor.shape
    found = tuple(annotated(entry, at) for entry in shape) if isinstance(shape, tuple) else annotated(shape, at)
    return tensor.model_copy(update={"shape": found})


def _input(tensor: Input, at: Environment) -> Input:
    shaped = _shaped(tensor, at)
    if tensor.range is None:
        return shaped
    ends, singles = ([annotated(one, at) for one in several] for several in (tensor.range, tensor.also))
    return shaped.model_copy(update={"range": tuple(ends), "also": tuple(singles)})


def _output(tensor: Output, at: Environment) -> Output:
    shaped = _shaped(tensor, at)
    return shaped if tensor.when is None else shaped.model_copy(update={"when": annotated(tensor.when, at)})


Owned = TypeVar("Owned", Parameter, Buffer)


def _owned(tensor: Owned, numbers: Environment, spec: LayerSpec) -> Owned:
    roles = {**dict.fromkeys(spec.parameters, Role.PARAMETER), **dict.fromkeys(spec.buffers, Role.BUFFER)}
    each = tensor.each and replace(tensor.each, count=annotated(tensor.each.count, numbers))
    if each is not None:
        numbers = numbers.with_names({each.index: Meaning(Role.INDEX, INT)})
    kinds = {name: _tensors(part) for name, part in spec.tensors.items()}
    others = {name: Meaning(role, kinds[name]) for name, role in roles.items() if name not in numbers.names}
    written = with_real_parts(tensor.init, tensor.dtype)
    before, at = annotated_block(written.before, replace(numbers.with_names(others), functions=Functions.INITIAL))
    value = annotated(written.value, at)
    init = replace(written, before=before, value=value if written.is_block else as_initializer(value, tensor.shape))
    if not (tensor.dtype or "").startswith("complex"):
        init = with_whole_starts(with_wide_start(init), spec.tensors)
    when = None if tensor.when is None else annotated(tensor.when, numbers)
    found = _shaped(tensor, numbers).model_copy(update={"init": init, "when": when, "each": each})
    if isinstance(found, Parameter) and found.requires_grad is not None:
        return found.model_copy(update={"requires_grad": annotated(found.requires_grad, numbers)})
    return found


def _member(name: str, part: Module, numbers: Environment, library: Library) -> Member:
    """A member whose constructors are known; what is unknown has been told before."""
    at = numbers
    if isinstance(part.module, ex.Comprehension):
        at = numbers.with_names({part.module.target.id: Meaning(Role.LOCAL, INT)})
    constructor = ex.transform(annotated(part.module, at), _constructed)
    made = [(call, constructible(call.function, library.layers)) for call in constructor_calls(constructor)]
    initial = replace(at, functions=Functions.INITIAL)
    return Member(
        name,
        constructor,
        tuple(Made(call, of) for call, of in made if of is not None),
        None if part.when is None else annotated(part.when, numbers),
        part.doc,
        {path: as_initializer(with_wide_makings(annotated(init, initial))) for path, init in part.init.items()},
        None if part.requires_grad is None else annotated(part.requires_grad, numbers),
        part.gradient,
    )


def _constructed(node: ex.Expression) -> ex.Expression | None:
    """A constructor's call, which knows that it is one."""
    if not isinstance(node, ex.Call) or not is_module(node):
        return None
    kind = CalleeKind.MODULE if node.function.startswith("nn.") else CalleeKind.LAYER
    return replace(node, callee=Callee(kind, node.function), kinds=MEMBER)


def children_of(members: Mapping[str, Member]) -> Iterator[Child]:
    return (child for member in members.values() for child in member.children)


def _shown(part: Shown, numbers: Environment) -> Shown:
    name = annotated(part.name, numbers)
    assert isinstance(name, ex.Name)
    return part.changed(name, None if part.when is None else annotated(part.when, numbers))


def _attributes(spec: LayerSpec, numbers: Environment) -> dict[str, Meaning]:
    """What is there for others to read alone."""
    parts = spec.attributes.items()
    return {name: Meaning(Role.DERIVED, kinds_of(annotated(value, numbers))) for name, value in parts}


def _with_kept(spec: LayerSpec, numbers: Environment) -> Environment:
    """What is known where the constructor's tensors are, too."""
    tensors = {name: part for name, part in spec.inputs.items() if isinstance(part, Kept)}
    return numbers.with_names(
        {name: Meaning(Role.ARGUMENT, TENSOR | _absent(part.optional)) for name, part in tensors.items()}
    )


def _match(match: Match, numbers: Environment, forward: Environment) -> Match:
    module = annotated(match.module, numbers)
    assert isinstance(module, ex.Call)
    made = replace(module, callee=Callee(CalleeKind.MODULE, module.function), kinds=TENSOR)
    inputs = match.inputs and tuple(annotated(value, forward) for value in match.inputs)
    return match.model_copy(update={"module": made, "inputs": inputs})
