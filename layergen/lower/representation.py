"""Lowers ``extra_repr``, and tells what ``repr`` gives at a case."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

from layergen import ops
from layergen.lang import expression as ex
from layergen.lang.argument_types import ANY, Base
from layergen.lang.interpreter import Interpreter
from layergen.lang.kinds import Kind
from layergen.lower.scopes import as_given, attribute_names, is_flag, negated
from layergen.lower.source import WIDTH, SourcePrinter
from layergen.lower.unions import as_types
from layergen.resolve.conditions import NOTHING, facts
from layergen.resolve.families import at_values
from layergen.resolve.functions import functions
from layergen.resolve.inference import kinds_of
from layergen.resolve.program import Program
from layergen.run.trial import TensorFacts
from layergen.settings.choice import Setting
from layergen.settings.search import kept_as_given

ROOM = WIDTH - 16  # columns for a piece of the text within its line


@dataclass(frozen=True)
class Item:
    """One value of the representation."""

    name: str
    label: str  # ``eps=``; empty for what goes without saying
    source: str  # of the value, in the method; empty where the label says it
    conversion: str  # ``!r`` for text
    when: ex.Expression | None = None  # it is left out where this does not hold

    @property
    def piece(self) -> str:
        """What an f-string has of it."""
        return f"{self.label}{{{self.source}{self.conversion}}}" if self.source else self.label


def items(program: Program) -> Iterator[Item]:
    if program.repr is not None:
        for shown in program.repr:
            name = shown.name.id
            item = _item(program, name, f"{name}=" if shown.keyed else "")
            yield replace(item, when=shown.when, conversion="" if shown.bare else item.conversion)
        return
    leading = True
    for name, argument in program.arguments.items():
        plain = not argument.type.textual and (not argument.type.listed or argument.type.count == ANY)
        leading = leading and argument.required and plain
        yield _item(program, name, "" if leading else f"{name}=")


def _item(program: Program, name: str, label: str) -> Item:
    if name in program.attributes:
        return Item(name, label, f"self.{name}", "!r" if Kind.STR in kinds_of(program.attributes[name]) else "")
    argument = program.arguments.get(name)
    source = f"self.{name}" if as_given(program, name) else attribute_names(program)[name]
    if argument is not None and argument.type.callable:
        return Item(name, label, f"getattr({source}, '__name__', {source})", "")
    return Item(name, label, source, "!r" if argument is not None and argument.type.textual else "")


def extra_repr(program: Program) -> tuple[str, ...]:
    """The body of the method: one f-string, or several that follow each other; what depends is added where it holds."""
    shown = tuple(items(program))
    if all(item.when is None for item in shown):
        return _returned([item.piece for item in shown]) if shown else ()
    always = list(takewhile(lambda item: item.when is None, shown))
    names = attribute_names(program)
    lines = [f"parts = [{', '.join(_literal(item.piece) for item in always)}]" if always else "parts: list[str] = []"]
    asked: ex.Expression | None = None  # by the condition that stands last
    for item in shown[len(always) :]:
        added = f"parts.append({_literal(_settled(program, item).piece)})"
        if item.when is None:
            lines.append(added)
        elif item.when == asked:
            lines.append(f"    {added}")
        elif asked is not None and (negated(asked) == item.when or negated(item.when) == asked):
            lines += ["else:", f"    {added}"]
            asked = None
            continue
        else:
            test = as_types(item.when, NOTHING, program.arguments, names)
            lines += [f"if {SourcePrinter(names).show(test)}:", f"    {added}"]
        asked = item.when
    return (*lines, 'return ", ".join(parts)')


def _settled(program: Program, item: Item) -> Item:
    """A value as it is where it is shown: of a flag that the condition asks for itself, the answer."""
    argument = program.arguments.get(item.name)
    if item.when is None or argument is None or argument.type.base is not Base.BOOL:
        return item
    answers = (holds for node, holds in facts(item.when) if node == ex.Name(item.name))
    answer = next(answers, None)
    return item if answer is None else replace(item, source="", label=f"{item.label}{answer}")


def _literal(text: str) -> str:
    return f'f"{text}"' if "{" in text else f'"{text}"'


def _returned(pieces: Sequence[str]) -> tuple[str, ...]:
    """The statement that returns some pieces, in lines that are not too long."""
    lines = [""]
    for index, piece in enumerate(pieces):
        text = piece + (", " if index < len(pieces) - 1 else "")
        if lines[-1] and len(lines[-1]) + len(text) > ROOM:
            lines.append("")
        lines[-1] += text
    literals = [_literal(line) for line in lines]
    if len(literals) == 1:
        return (f"return {literals[0]}",)
    return ("return (", *(f"    {literal}" for literal in literals), ")")


def expected_repr(program: Program, setting: Setting, tensors: Mapping[str, TensorFacts]) -> str:
    """What ``repr`` gives; told from the spec's values and the tensors there are, not from the code."""
    values, shown = setting.values, []
    given = {**values, **kept_as_given(program, setting.given)}
    given |= {name: Interpreter(values).evaluate(value) for name, value in program.attributes.items()}
    for item in items(program):
        if item.when is not None and not Interpreter(values).truth(item.when):
            continue
        flag = is_flag(program, item.name) and item.name not in program.families
        value = item.name in tensors if flag else given[item.name]
        if item.name in functions(program) and value is not None:
            value = ops.get(str(value)).function.__name__
        shown.append(f"{item.label}{value!r}" if item.conversion else f"{item.label}{value}")
    own, text = at_values(program, values), ", ".join(shown)
    lists = {name: several for name, several in own.kin.items() if program.families[name].named is None}
    holds = Interpreter(values).truth
    members = any(member.when is None or holds(member.when) for member in program.members.values())
    if members or not lists or any(member in tensors for several in lists.values() for member in several):
        return f"{program.layer}({text})"  # what is in it shows itself
    lines = [f"({name}): {'None' if several else 'ParameterList()'}" for name, several in lists.items()]
    return "\n  ".join([f"{program.layer}(", *([text] if text else []), *lines]) + "\n)"
