"""Conditions that come to the same at all settings, whatever cases there are, and what to write instead."""

from layergen.lang import expression as ex
from layergen.resolve.program import Program
from layergen.suggest import nearest


def settled(program: Program, test: ex.Expression) -> str | None:
    """Help with a question to which there is one answer by its words alone; None where there may be several."""
    match test:
        case ex.Compare(ex.Name(id=name), ("==" | "!=",), (ex.Literal(value=str(text)),)):
            return _no_choice(program, name, text)
        case ex.Compare(ex.Name(id=name), ("is" | "is not",), (ex.Literal(value=None),)):
            return _always_there(program, name)
    return None


def answer(program: Program, test: ex.Compare) -> bool | None:
    """What a comparison comes to with a text that is no choice; None where it is another one."""
    match test:
        case ex.Compare(ex.Name(id=name), ("==" | "!=" as sign,), (ex.Literal(value=str(text)),)):
            return sign == "!=" if _no_choice(program, name, text) else None
    return None


def _no_choice(program: Program, name: str, text: str) -> str | None:
    own = name not in {*program.derived, *(target.id for target in program.forward.targets)}
    argument = (program.arguments.get(name) or program.values.get(name)) if own else None
    choices = [choice for choice in (argument.choices or () if argument else ()) if isinstance(choice, str)]
    if not choices or text in choices:
        return None
    near = nearest(text, choices)
    known = f"`{name}` is one of {', '.join(repr(choice) for choice in choices)}"
    return f"write `{near!r}`: {known}" if near else known


def _always_there(program: Program, name: str) -> str | None:
    if name in {target.id for target in program.forward.targets}:
        return None
    if name in program.inputs and not program.inputs[name].optional:
        return f"`{name}` is always there: delete the question, or declare `optional: true` where it may be left out"
    if name in program.tensors and program.tensors[name].when is None:
        return f"`{name}` is always there: delete the question, or declare `when: …`, the condition under which it is"
    return None
