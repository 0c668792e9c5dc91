"""Conditions of a forward, said such that a type checker follows: of what is there or not.

``if affine:`` becomes ``if self.weight is not None:``, which says the same where the flag decides about the parameter,
and ``if c is not None:`` becomes ``if c is not None and self.weight is not None:`` where a constraint lets no caller
give the input to a layer without the parameter.
"""

from collections.abc import Iterator, Set

from layergen.lang import expression as ex
from layergen.lang.tuples import wholes
from layergen.lang.visitor import mentioned
from layergen.lower.scopes import is_flag
from layergen.resolve.conditions import NOTHING, Facts, facts, present, settled
from layergen.resolve.program import Program


class Narrowing:
    """Knows on which conditions the parameters, buffers and members of a layer depend."""

    def __init__(self, program: Program) -> None:
        parts = {name: part.when for name, part in (*program.tensors.items(), *program.members.items())}
        self.conditional = {name: when for name, when in parts.items() if when is not None}
        named = {name: part for name, part in program.families.items() if part.named is not None}
        flags = {name: self.conditional.pop(name) for name in named if name in self.conditional}
        self.flags = {name: _of_tensors(when, program) for name, when in flags.items()}
        self.along = {name: self._demanded(program, name) for name in wholes(program.inputs) if name in program.asked}

    def _demanded(self, program: Program, name: str) -> list[str]:
        """What constraints say to be there where an input is."""
        asked = (node for node in program.size_constraints if name in ex.names(node))
        known = frozenset(fact for node in asked for fact in facts(settled(node, name)))
        numbers = (part for part, argument in program.arguments.items() if argument.optional)
        given = [part for part in numbers if part not in program.derived and present(part) <= known]
        return [*(part for part, when in self.conditional.items() if facts(when) <= known), *given]

    def __call__(self, node: ex.Expression, used: Set[str], known: Facts = NOTHING) -> ex.Expression:
        """A node whose conditions are said of all that depend on them and that are used where they hold.

        Args:
            node: The node.
            used: What is used where its conditions hold.
            known: What is known where it stands.
        """
        asked = set(_asked(node))
        told = {name for name in used if present(name) <= known}
        return _leaning(ex.transform(node, lambda part: self._change(part, used, used - asked - told)))

    def _change(self, part: ex.Expression, used: Set[str], unasked: Set[str]) -> ex.Expression | None:
        asked, condition, there = None, part, True
        match part:
            case ex.Compare(ex.Name(id=name), ("is" | "is not" as sign,), (ex.Literal(None),)) if name in self.flags:
                return self.flags[name] if sign == "is not" else ex.Unary("not", self.flags[name])
            case ex.Unary(operator="not", operand=operand):
                condition, there = operand, False
            case ex.Compare(ex.Name(id=name), ("is" | "is not" as sign,), (ex.Literal(None),)) if self._has(name):
                asked, condition, there = name, self.conditional[name], sign == "is not"
            case ex.Compare(ex.Name(id=name), ("is" | "is not" as sign,), (ex.Literal(None),)) if name in self.along:
                found = [other for other in self.along[name] if other in unasked]
                return _all_there([name, *found], sign == "is not") if found else None
        if isinstance(part, ex.Name) and self._has(part.id):
            return None
        alike = [name for name, when in self.conditional.items() if when == condition]
        found = [name for name in alike if name == asked or name in used]
        return _all_there(found, there) if found else None

    def _has(self, name: str) -> bool:
        return name in self.conditional


def _of_tensors(condition: ex.Expression, program: Program) -> ex.Expression:
    """A condition on arguments where a flag that a parameter has the name of is that parameter being there."""

    def told(node: ex.Expression) -> ex.Expression | None:
        is_tensor = isinstance(node, ex.Name) and is_flag(program, node.id)
        return ex.Compare(node, ("is not",), (ex.Literal(None),)) if is_tensor else None

    return ex.transform(condition, told)


def asked_and_read(test: ex.Expression, statement: ex.If, program: Program) -> list[str]:
    """The tensors of a layer of which a condition asks whether they are there, and which are read behind it."""
    read = mentioned((*statement.body, *statement.orelse))
    asked = [
        part.left for part in ex.walk(test) if isinstance(part, ex.Compare) and ex.Literal(None) in part.comparators
    ]
    names = [name.id for name in asked if isinstance(name, ex.Name)]
    return [name for name in names if name in program.tensors and name not in program.families and name in read]


def _asked(node: ex.Expression) -> Iterator[str]:
    """The names of which a node asks whether they are there."""
    for part in ex.walk(node):
        match part:
            case ex.Compare(ex.Name(id=name), ("is" | "is not",), (ex.Literal(None),)):
                yield name


def _all_there(names: list[str], there: bool) -> ex.Expression:
    """That all of some are there, or that one is not."""
    sign, join = ("is not", "and") if there else ("is", "or")
    first, *others = (ex.Compare(ex.Name(name), (sign,), (ex.Literal(None),)) for name in names)
    result: ex.Expression = first
    for other in others:
        result = ex.Binary(join, result, other)
    return result


def _leaning(node: ex.Expression) -> ex.Expression:
    """A condition in which ``a and (b and a)`` has become ``a and b``, each part said once, and the like for ``or``."""

    def change(part: ex.Expression) -> ex.Expression | None:
        match part:
            case ex.Binary("and" | "or" as word, left, ex.Binary(inner, middle, right)) if word == inner:
                return _leaning(ex.Binary(word, ex.Binary(word, left, middle), right))
            case ex.Binary("and" | "or" as word, left, right) if right in _parts(left, word):
                return _leaning(left)
        return None

    return ex.transform(node, change)


def _parts(node: ex.Expression, word: str) -> tuple[ex.Expression, ...]:
    """What stands between the words of a condition ``a and b and c``."""
    match node:
        case ex.Binary(operator, left, right) if operator == word:
            return (*_parts(left, word), *_parts(right, word))
    return (node,)
