"""Lowers a spec's prose and shapes to the sections of the class docstring."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence

from layergen.checked import CheckedCase, CheckedLayer
from layergen.lang import expression as ex
from layergen.lang.bounds import requirement
from layergen.lang.dtypes import COMPLEX, FLOATING
from layergen.lang.model import Argument, Buffer, Input, Output, Parameter
from layergen.lang.tuples import TensorTuple, by_wholes, spread, wholes
from layergen.lower.arguments import type_of
from layergen.lower.definition import computes, equations, formula, start_texts, term_texts
from layergen.lower.ranks import is_not_kept, ranks_told
from layergen.lower.returned import returned_at
from layergen.lower.scopes import negated
from layergen.lower.shape_docs import (
    code,
    computed_sizes,
    described_shape,
    listed_shape,
    or_broadcast,
    shape_text,
)
from layergen.lower.size_docs import size_sentences
from layergen.lower.source import DocText, python, wrap
from layergen.lower.views import Lines
from layergen.prove.demands import RankDemand
from layergen.resolve.lifted import TRUE, lifted
from layergen.resolve.meanings import marked_dimension
from layergen.resolve.program import Member, Program
from layergen.words import listed

PROSE = 84  # columns of the docstring
SUMMARY = 81  # of its first line, which begins behind the quotes
TITLE = 110  # of a line of the module's docstring
ENTRY = 80  # columns of an entry in a section
LONGEST_TITLE = 100  # of a reference, on one line with its address


def sentence(text: str) -> str:
    text = text.strip()
    return text if text.endswith((".", "?", "!", ":")) else f"{text}."


def docstring(layer: CheckedLayer, doc: DocText) -> Lines:
    """The lines of the class's docstring. Sections that would be empty are left out."""
    program = layer.program
    blocks = [list(wrap(doc(sentence(program.summary)), SUMMARY))]
    if program.description:
        blocks.append(list(wrap(doc(program.description), PROSE)))
    sections = {
        computes(program): formula(program, doc),
        "Adds to the loss:": equations(term_texts(program), doc),
        "Starts with:": equations(start_texts(program), doc),
        "Args:": arguments(program, doc),
        "Shape:": [*shapes(program, doc), *preconditions(layer, doc)],
        "Attributes:": attributes(program, doc),
        "Raises:": raises(layer, doc),
        "Examples::": ["", *example(layer)],
        "References:": references(program, doc),
    }
    for title, lines in sections.items():
        indented = [f"    {line}" if line else "" for line in lines]
        if indented:
            blocks.append([title, *indented])
    return tuple(line for index, block in enumerate(blocks) for line in ([""] if index else []) + block)


def entry(head: str, text: str, doc: DocText) -> Lines:
    """``head: text``, wrapped; what follows the first line is indented."""
    first, *rest = wrap(doc(f"{head}: {text}"), ENTRY)
    indent = "  " if head.startswith("- ") else "    "
    return (first, *(f"{indent}{line}" if line else "" for line in rest))


def arguments(program: Program, doc: DocText) -> Iterator[str]:
    for name in program.constructor:
        if name in program.kept:
            nothing = " Default: ``None``" if program.kept[name].optional else ""
            yield from entry(name, f"{shape_sentence(program, program.kept[name], doc_first=True)}{nothing}", doc)
            continue
        argument = program.arguments[name]
        idle = " It has no effect, and is taken for compatibility alone." if argument.unused else ""
        yield from entry(name, f"{sentence(argument.doc)}{choices_text(argument)}{idle}{default_text(argument)}", doc)
    if program.owns:
        yield from entry("device", f"Device on which the {' and '.join(owned_kinds(program))} are created.", doc)
        if program.takes_dtype:
            yield from entry("dtype", f"Data type of the {' and '.join(open_kinds(program))}.", doc)


def owned_kinds(program: Program) -> list[str]:
    """What a layer has of tensors, its own or those of members."""
    return _kinds(program, [*program.tensors.values()])


def open_kinds(program: Program) -> list[str]:
    """What it has of tensors whose dtype the caller chooses."""
    return _kinds(program, [tensor for tensor in program.tensors.values() if tensor.dtype is None])


def _kinds(program: Program, own: Sequence[Parameter | Buffer]) -> list[str]:
    """What some tensors of a layer are, beside the parameters of its members."""
    learned = bool(program.members) or any(isinstance(tensor, Parameter) for tensor in own)
    kinds = {"parameters": learned, "buffers": any(isinstance(tensor, Buffer) for tensor in own)}
    return [kind for kind, there in kinds.items() if there] or ["parameters"]


def choices_text(argument: Argument) -> str:
    """The sentence that says what there is to choose from, unless the author has told all of it."""
    choices = argument.choices or ()
    if all(re.search(rf"(?<!\w){re.escape(str(choice))}(?!\w)", argument.doc) for choice in choices):
        return ""
    told = [code(python(choice)) for choice in choices]
    type, some = argument.type, listed(told, "or")
    if type.callable or type.worded or argument.optional:  # there is something else to give
        return f" {'By name' if type.callable else 'As text' if type.worded else 'If given'}, {some}."
    if len(told) == 2:
        return f" Either {some}."
    return f" One of {listed(told, 'and')}." if told[1:] else f" Always {some}."


def default_text(argument: Argument) -> str:
    if argument.default is None:
        return ""
    value = argument.default
    text = python(value.value) if isinstance(value, ex.Literal) else ex.show(value)
    return f" Default: {code(text)}"


def shapes(program: Program, doc: DocText) -> Iterator[str]:
    for name in program.call:
        if name in program.tuples:
            yield from entry(f"- {name}", tuple_sentence(program, program.tuples[name], program.inputs), doc)
        elif name in program.inputs:
            yield from entry(f"- {name}", shape_sentence(program, program.inputs[name]), doc)
    yield from values(program, doc)
    for name in wholes(program.outputs):
        if name in program.results:
            yield from entry(f"- {name}", tuple_sentence(program, program.results[name], program.outputs), doc)
        else:
            yield from entry(f"- {name}", shape_sentence(program, program.outputs[name]), doc)
    for name in dict.fromkeys((*program.noted, *(program.causal.dims[:1] if program.causal else []))):
        if texts := list(noted(program, name)):
            yield from entry(f"- {name}", " ".join(texts), doc)
    for name, value in computed_sizes(program).items():
        yield from entry(f"- {name}", f"{code(ex.show(value))}.", doc)


def noted(program: Program, name: str) -> Iterator[str]:
    """What there is to say of a dimension."""
    note = program.noted.get(name)
    if note is not None and note.optional:
        yield f"All inputs and outputs may lack ``{name}`` together."
    if note is not None and note.doc:
        yield sentence(note.doc)
    causal = program.causal
    if causal is not None and causal.dims[0] == name:
        where = f"Where {code(ex.show(causal.when))}, no" if causal.when is not None else "No"
        along, later = "it", "at a later index"
        if len(causal.dims) > 1:
            along, later = listed(map(code, causal.dims)), "later, row by row,"
        own = ""
        if causal.strict is not None:
            there = "" if isinstance(causal.strict, ex.Literal) else f", where {code(ex.show(causal.strict))},"
            own = f"; nor{there} on what is at its own place"
        seen = f"what is {later} of an input, if that is finite{own}"
        yield f"{where} entry of an output along {along} depends on {seen}."


def tuple_sentence(program: Program, whole: TensorTuple, tensors: Mapping[str, Input | Output]) -> str:
    """What a tuple of tensors is: each by the name that the spec gives it."""
    parts, docs = [], [whole.doc] if whole.doc else []
    for item, name in zip(whole.items, whole.names, strict=True):
        bare = tensors[item].model_copy(update={"optional": False, "doc": None, "when": None})
        parts.append(f"{name}, {shape_sentence(program, bare).removesuffix('.')}")
        docs += [f"{name}: {doc}"] if (doc := tensors[item].doc) else []
    first = tensors[whole.items[0]]
    nothing = f"; {_returned(first)}" if isinstance(first, Output) and first.when is not None else ""
    nothing = "; or ``None``" if whole.optional else nothing
    text = f"Tuple of {'; '.join(parts[:-1])}; and {parts[-1]}{nothing}"
    return " ".join(map(sentence, [text, *docs]))


def _returned(output: Output) -> str:
    """When an output is returned that may be missing."""
    assert output.when is not None
    nothing = "returned only if" if output.otherwise == "absent" else "``None`` unless"
    return f"{nothing} {code(ex.show(output.when))}"


def values(program: Program, doc: DocText) -> Iterator[str]:
    """What the forward takes beside tensors."""
    for name, value in program.values.items():
        must = f", {requirement(value)}" if requirement(value) else ""
        told = f" {sentence(value.doc)}" if value.doc else ""
        yield from entry(f"- {name}", f"{code(type_of(value))}{must}.{told}{default_text(value)}", doc)


def preconditions(layer: CheckedLayer, doc: DocText) -> Iterator[str]:
    """What torch demands of the sizes, as far as it can be told where."""
    if sentences := list(size_sentences(layer)):
        first, *rest = wrap(doc(f"- {' '.join(sentences)}"), ENTRY)
        yield from (first, *(f"  {line}" for line in rest))


def shape_sentence(program: Program, tensor: Input | Output, doc_first: bool = False) -> str:
    parts = [described_shape(program, tensor)]
    dtypes = tensor.dtypes if isinstance(tensor, Input) else (tensor.dtype,)
    if tensor.dtype is not None:
        parts.append(f"of dtype {listed([code(dtype) for dtype in dtypes if dtype], 'or')}")
    if isinstance(tensor, Input) and tensor.broadcast:
        parts.append(or_broadcast(tensor))
    if isinstance(tensor, Input) and tensor.range is not None and tensor.dtype is not None:
        # Integers are indices, or labels; of others it is where tests draw them, and their meaning is told in words.
        low, high = (ex.show(end) for end in tensor.range)
        singles = [f", or {code(ex.show(one))}" for one in tensor.also]
        parts.append(f"with values in {code(f'[{low}, {high})')}{''.join(singles)}")
    if isinstance(tensor, Input) and tensor.distinct:
        parts.append(f"none of them twice along {listed(map(code, tensor.distinct))}")
    if isinstance(tensor, Input) and tensor.marks:
        marked = listed(map(code, tensor.marks))
        parts.append(f"true at the positions of {marked} along {code(positions(program, tensor))} that count")
    if isinstance(tensor, Input):
        parts += ["written in place"] * bool(tensor.written) + ["or ``None``"] * tensor.optional
    if isinstance(tensor, Output) and tensor.when is not None:
        parts.append(_returned(tensor))
    text = ", ".join(parts)
    if doc_first and tensor.doc:
        return f"{sentence(tensor.doc)} Shape: {sentence(text)}"
    return sentence(text) + (f" {sentence(tensor.doc)}" if tensor.doc else "")


def positions(program: Program, mask: Input) -> str:
    """The dimension whose positions a mask marks."""
    along = marked_dimension(mask, program.inputs[mask.marks[0]])
    assert along is not None, "names are checked before anything is written"
    return along


def attributes(program: Program, doc: DocText) -> Iterator[str]:
    for name, tensor in program.tensors.items():
        yield from entry(tensor.named or name, attribute_text(tensor), doc)
    for name, member in program.members.items():
        yield from entry(name, member_text(member), doc)


def member_text(member: Member) -> str:
    """What a member is."""
    classes = listed([code(name) for name in dict.fromkeys(made.of.name for made in member.made)], "or")
    text = f"{'List of ' if member.listed else ''}{classes}."
    if member.doc:
        text = f"{sentence(member.doc)} {text}"
    if member.when is not None:
        text += f" ``None`` unless {code(ex.show(member.when))}."
    return text + frozen_text(member.requires_grad)


def frozen_text(learned: ex.Expression | None) -> str:
    """The sentence that says when something is not learned."""
    if learned is None or learned == ex.Literal(True):
        return ""
    return " Frozen." if learned == ex.Literal(False) else f" Frozen if {code(ex.show(negated(learned)))}."


def attribute_text(tensor: Parameter | Buffer) -> str:
    role = "Buffer" if isinstance(tensor, Buffer) else "Learnable parameter"
    condition = tensor.requires_grad if isinstance(tensor, Parameter) else None
    role = "Frozen parameter" if condition == ex.Literal(False) else role
    shape = code(shape_text(tensor.shape)) if isinstance(tensor.shape, tuple) else listed_shape(tensor.shape)
    text = f"{sentence(tensor.doc) if tensor.doc else f'{role}.'} Shape: {shape.removeprefix('shape ')}."
    if isinstance(tensor, Buffer) and tensor.unused:
        text += " It has no effect, and is kept for the state dict alone."
    if tensor.each is not None:
        count = code(f"range({ex.show(tensor.each.count)})")
        text += f" One for each {code(tensor.each.index)} in {count}."
    if tensor.when is not None:
        text += f" ``None`` unless {code(ex.show(tensor.when))}."
    return text if role.startswith("Frozen") and not tensor.doc else text + frozen_text(condition)


def raises(layer: CheckedLayer, doc: DocText) -> Iterator[str]:
    """An entry that says which arguments and inputs are refused, and one for each kind of error that torch raises."""
    program = layer.program
    by_requirement: dict[str, list[str]] = {}
    for name, argument in program.decided.items():
        if requirement(argument):
            by_requirement.setdefault(requirement(argument), []).append(code(name))
    reasons = [f"{listed(names, 'or')} is {unmet(must)}" for must, names in by_requirement.items()]
    demanded = {*program.argument_constraints, *layer.checked_constraints}
    reasons += [is_not_kept(program, node, code) for node in program.constraints if node in demanded]
    for each in lifted(program):
        where = "" if each.when == TRUE else f" where {code(ex.show(each.when))}"
        reasons.append(f"{is_not_kept(program, each.constraint, code)}{where}")
    reasons += [is_not_kept(program, check, code) for check, _ in layer.checked_conditions]
    checked = list(dict.fromkeys(check.input for check in layer.input_checks))
    sized = {check.input for check in layer.input_checks if not isinstance(check.demand, RankDemand)}
    told = {shown.input for node in demanded if (shown := ranks_told(program, node))}
    ranks = [code(name) for name in checked if name not in sized | told]
    reasons += [f"{listed(ranks, 'or')} has another number of dimensions"] if ranks else []
    shapes = [code(name) for name in checked if name in sized]
    reasons += [f"{listed(shapes, 'or')} has another shape that torch would take"] if shapes else []
    if reasons:
        yield from entry("ValueError", f"If {listed(reasons, 'or', comma=True)}.", doc)
    by_torch: dict[tuple[str, ...], list[str]] = {found.errors: [] for found in layer.kept_by_torch}
    for found in layer.kept_by_torch:
        by_torch[found.errors].append(is_not_kept(program, found.constraint, code))
    for errors, reasons in by_torch.items():
        yield from entry(" or ".join(errors), f"If {listed(reasons, 'or', comma=True)}.", doc)


def unmet(must: str) -> str:
    """What an argument is that is not what it must be."""
    return {"non-negative": "negative"}.get(must, f"not {must}")


def references(program: Program, doc: DocText) -> Iterator[str]:
    """One link, or a list of them: lines below each other alone would run together into a paragraph."""
    several = len(program.references) > 1
    for reference in program.references:
        title = " ".join(reference.title.replace("`", "'").replace("<", "(").replace(">", ")").split())
        link = doc(f"`{title} <{reference.url}>`__")
        first, *rest = (link,) if len(title) < LONGEST_TITLE else wrap(link, ENTRY)
        yield from (f"- {first}", *(f"  {line}" for line in rest)) if several else (first, *rest)


def example(layer: CheckedLayer) -> Iterator[str]:
    """A session that constructs and calls the layer; the tests run it."""
    program, case = layer.program, layer.cases[0]
    yield f">>> layer = {constructed(program, case)}"
    taken = [name for name in program.taken if case.inputs.get(name) is not None]
    present = list(wholes(taken))
    for name in present:
        samples = [sample(case, item, len(program.inputs[item].distinct)) for item in spread([name], program.tuples)]
        made = samples[0] if len(samples) == 1 else f"({', '.join(samples)})"
        yield f">>> {name} = {made}"
    given = [f"{name}={python(value)}" for name, value in case.setting.given.items() if name in program.values]
    positional = list(program.call)[: len(present)] == present
    call = f"layer({', '.join([*(present if positional else (f'{name}={name}' for name in present)), *given])})"
    found = dict(returned_at(program, case.setting))
    names = by_wholes(found)
    if len(found) == 1:
        yield f">>> {call}.shape"
    else:
        yield f">>> {', '.join(name if there else '_' for name, there in names.items())} = {call}"
        yield f">>> {next(name for name, there in found.items() if there)}.shape"
    first = next(iter(case.outputs.values()))
    yield f"torch.Size({list(first.shape)})"


def constructed(program: Program, case: CheckedCase) -> str:
    """The call of the constructor: required plain numbers by position, all else by keyword."""
    parts: list[str] = []
    for name, value in case.setting.given.items():
        if name not in program.arguments:
            continue
        argument = program.arguments[name]
        positional = (
            argument.required
            and not argument.keyword
            and argument.type.numeric
            and not argument.type.listed
            and len(parts) == list(program.arguments).index(name)
        )
        parts.append(python(value) if positional and "=" not in "".join(parts) else f"{name}={python(value)}")
    parts += [f"{name}={sample(case, name)}" for name in program.kept if case.inputs[name] is not None]
    return f"{program.layer}({', '.join(parts)})"


def sample(case: CheckedCase, name: str, distinct: int = 0) -> str:
    """An expression that makes an input of a case, which has no number twice along so many last dimensions."""
    facts = case.inputs[name]
    assert facts is not None
    if distinct:
        inner = facts.shape[-distinct:]
        counted = f"torch.arange({math.prod(inner)})"
        counted += f".reshape({', '.join(map(str, inner))})" if distinct > 1 else ""
        return counted if inner == facts.shape else f"{counted}.expand({', '.join(map(str, facts.shape))})"
    shape = ", ".join(map(str, facts.shape)) or "()"
    if facts.dtype == "bool":
        return f"torch.rand({shape}) < 0.5"
    if facts.dtype in (*FLOATING, *COMPLEX) and facts.dtype != "float32":
        return f"torch.randn({shape}, dtype=torch.{facts.dtype})"
    if facts.dtype != "float32":
        low, high = case.ranges[name]
        dtype = "" if facts.dtype == "int64" else f", dtype=torch.{facts.dtype}"
        size = f"({shape}{',' if len(facts.shape) == 1 else ''})" if facts.shape else "()"
        return f"torch.randint({python(low)}, {python(high)}, {size}{dtype})"
    if name not in case.ranges:
        return f"torch.randn({shape})"
    low, high = case.ranges[name]
    offset = f"{python(low)} + " if low else ""
    factor = f"{python(high - low)} * " if high - low != 1 else ""
    return f"{offset}{factor}torch.rand({shape})"
