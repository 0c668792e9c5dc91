"""What a forward takes and returns, and which of its outputs it returns at a setting."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product

from layergen.lang import expression as ex
from layergen.lang.interpreter import Interpreter
from layergen.lang.tuples import TensorTuple, by_wholes, wholes
from layergen.lower.arguments import parameter
from layergen.resolve.program import Program
from layergen.settings.choice import Setting

Answers = Mapping[ex.Expression, bool]  # of the conditions of outputs


def forward_signature(program: Program) -> Iterator[str]:
    """The parameters of the forward after ``self``."""
    for name in program.call:
        if name in program.values:
            yield parameter(name, program.values[name])
            continue
        whole = program.tuples.get(name)
        nothing = " | None = None" if (whole or program.inputs[name]).optional else ""
        yield f"{name}: {tuple_type(whole) if whole else 'Tensor'}{nothing}"


def tuple_type(whole: TensorTuple) -> str:
    """The annotation of a tuple of tensors."""
    return f"tuple[{', '.join(['Tensor'] * len(whole.items))}]"


def conditions(program: Program) -> tuple[ex.Expression, ...]:
    """The conditions on which outputs are returned, each once."""
    return tuple(dict.fromkeys(part.when for part in program.outputs.values() if part.when is not None))


def returned(program: Program, answers: Answers) -> Iterator[tuple[str, bool]]:
    """The outputs that stand in the result, and whether each is there or None."""
    return program.returned(lambda test: answers[test])


def returned_at(program: Program, setting: Setting) -> Iterator[tuple[str, bool]]:
    """Those of a setting."""
    return returned(program, {test: Interpreter(setting.values).truth(test) for test in conditions(program)})


def return_type(program: Program) -> str:
    """The annotation of the result."""
    tests = conditions(program)
    ways = [dict(zip(tests, answers, strict=True)) for answers in product((True, False), repeat=len(tests))]
    names = list(dict.fromkeys(tuple(name for name, _ in returned(program, way)) for way in ways))
    found: list[str] = []
    for several in names:
        types = [_type(program, name) for name in wholes(several)]
        found.append(types[0] if len(types) == 1 else f"tuple[{', '.join(types)}]" if types else "None")
    return " | ".join(dict.fromkeys(found))


def _type(program: Program, name: str) -> str:
    """The annotation of an output."""
    if name in program.results:
        whole = program.results[name]
        nothing = " | None" if program.outputs[whole.items[0]].otherwise == "null" else ""
        return f"{tuple_type(whole)}{nothing}"
    return f"Tensor{' | None' if program.outputs[name].otherwise == 'null' else ''}"


def result(names: Sequence[tuple[str, bool]], given: Mapping[str, str]) -> str:
    """What is returned, as source text; some outputs have been given no name of their own."""
    there = by_wholes(dict(names))
    return ", ".join(given.get(name, name) if there[name] else "None" for name in there) or "None"


def named_output(program: Program, statement: ex.Statement) -> tuple[str, ex.Expression] | None:
    """The output that a statement gives a value that has a name already, or a tuple of such."""
    match statement:
        case ex.Assign(targets=(target,), value=ex.Name() | ex.Sequence(bracket="(" | "") as value):
            items = value.items if isinstance(value, ex.Sequence) else (value,)
            named = all(isinstance(item, ex.Name) for item in items) and items
            if named and target.id in wholes(program.outputs) and target.id not in program.tensors:
                bracket = replace(value, bracket="(") if isinstance(value, ex.Sequence) else value
                return target.id, bracket
    return None
