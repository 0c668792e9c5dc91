"""What a member is made with, in the names of its owner, and expressions of a member in these."""

from collections.abc import Mapping

from layergen.definition.calling import bound
from layergen.definition.scene import Definition, Members
from layergen.lang import expression as ex

Names = dict[str, ex.Expression]


def made_with(owner: Definition, child: Definition, members: Members, which: ex.Expression | None) -> Names:
    """What the arguments of a member and what it derives of them are, as far as the words tell.

    Args:
        owner: The definition that reads the member.
        child: The definition of the member.
        members: How it is made.
        which: Its index in a list of such.

    Raises:
        CallFault: If the member is not made so.
    """
    call = members.made[0]
    given = bound(tuple(child.spec.arguments), call, call.function)
    names: Names = {}
    for name, argument in child.spec.arguments.items():
        if name in given:
            value = _at_turn(given[name], members, which)
        elif argument.default is not None and ex.names(argument.default) <= names.keys():
            value = in_terms(argument.default, names)
        else:
            value = None
        if value is not None and argument.type.listed:
            value = _as_list(owner, value, argument.type.count or 0)
        names |= {name: value} if value is not None else {}
    for name, expression in child.spec.derived.items():
        if ex.names(expression) <= names.keys():
            names[name] = in_terms(expression, names)
    return names


def _at_turn(value: ex.Expression, members: Members, which: ex.Expression | None) -> ex.Expression | None:
    """What a constructor gives, for one member of a list at its index; None where the words do not tell it."""
    match members.constructor:
        case ex.Comprehension(target=ex.Name(id=turn), iterable=iterable) if turn in ex.names(value):
            counted = isinstance(iterable, ex.Call) and iterable.function == "range" and len(iterable.arguments) == 1
            return in_terms(value, {turn: which}) if counted and which is not None else None
    return value


def _as_list(owner: Definition, value: ex.Expression, count: int) -> ex.Expression | None:
    """A value as a list, of one number for all where it is one; None where the words do not tell which it is."""
    match value:
        case ex.Sequence() | ex.Literal(value=str()):
            return value
        case ex.Name(id=name) if name in owner.spec.arguments and owner.spec.arguments[name].type.listed:
            return value
    return ex.Sequence((value,) * count, "[") if count and _is_number(owner, value) else None


def _is_number(owner: Definition, value: ex.Expression) -> bool:
    """Whether an expression of the owner's arguments is a number, and no list of such."""
    if any(isinstance(node, ex.Sequence | ex.Comprehension) for node in ex.walk(value)):
        return False
    for name in ex.names(value):
        argument, derived = owner.spec.arguments.get(name), owner.spec.derived.get(name)
        single = argument is not None and argument.type.numeric and not argument.type.listed
        if not single and (derived is None or not _is_number(owner, derived)):
            return False
    return True


def in_terms(node: ex.Expression, names: Mapping[str, ex.Expression]) -> ex.Expression:
    """An expression in which other expressions stand for names; what these decide is decided."""

    def change(part: ex.Expression) -> ex.Expression | None:
        match part:
            case ex.Name(id=name):
                return names.get(name)
            case ex.Subscript(value=ex.Name(id=name), index=ex.Literal(value=int(place))):
                known = names.get(name)
                return known.items[place] if isinstance(known, ex.Sequence) and place < len(known.items) else None
            case ex.Compare(left=ex.Name(id=name), operators=("==" | "!=" as sign,), comparators=(ex.Literal(word),)):
                return _compared(names.get(name), sign, word)
            case ex.Conditional(test=test, then=then, orelse=orelse):
                match in_terms(test, names):
                    case ex.Literal(value=bool(holds)):
                        return in_terms(then if holds else orelse, names)
        return None

    return ex.transform(node, change)


def _compared(known: ex.Expression | None, sign: str, word: object) -> ex.Expression | None:
    """Whether what is known is a text, where that can be told."""
    if not isinstance(word, str):
        return None
    match known:
        case ex.Sequence():
            return ex.Literal(sign == "!=")
        case ex.Literal(value=value):
            return ex.Literal((value == word) == (sign == "=="))
    return None
