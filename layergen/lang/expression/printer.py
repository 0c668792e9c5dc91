"""Prints expressions as Python does."""

from layergen.lang.expression.tree import (
    Apply,
    Binary,
    Call,
    Compare,
    Comprehension,
    Conditional,
    Expression,
    Literal,
    Member,
    Name,
    Sequence,
    Slice,
    Splice,
    Subscript,
    Unary,
)

# How tightly each construct binds, as in Python; a larger number binds tighter.
PRECEDENCE = {
    "if": 1, "or": 2, "and": 3, "not": 4, "compare": 5, "|": 6, "^": 7, "&": 8, "<<": 9, ">>": 9, "+": 10, "-": 10,
    "*": 11, "/": 11, "//": 11, "%": 11, "@": 11, "unary": 12, "**": 13, "primary": 14,
}  # fmt: skip


def precedence(node: Expression) -> int:
    """How tightly the outermost construct of an expression binds."""
    match node:
        case Conditional():
            return PRECEDENCE["if"]
        case Binary(operator=operator):
            return PRECEDENCE[operator]
        case Compare():
            return PRECEDENCE["compare"]
        case Unary(operator="not"):
            return PRECEDENCE["not"]
        case Unary():
            return PRECEDENCE["unary"]
        case Literal(value=int() | float() as value) if not isinstance(value, bool) and value < 0:
            return PRECEDENCE["unary"]
        case Sequence(bracket=""):
            return 0
        case _:
            return PRECEDENCE["primary"]


class Printer:
    """Prints expressions as Python does, with the parentheses that they need and no more.

    A subclass changes how names and calls are written; all else is the same in a message and in generated code.
    """

    def name(self, node: Name) -> str:
        return node.id

    def call(self, node: Call) -> str:
        return f"{node.written.function}({self.arguments(node.written)})"

    def literal(self, node: Literal) -> str:
        return "..." if node.value is ... else repr(node.value)

    def member(self, node: Member) -> str:
        return f"{self.show(node.value, PRECEDENCE['primary'])}.{node.name}"

    def apply(self, node: Apply) -> str:
        return f"{self.show(node.function, PRECEDENCE['primary'])}({self.arguments(node)})"

    def arguments(self, node: Call | Apply) -> str:
        positional = [self.show(argument) for argument in node.arguments]
        return ", ".join(positional + [f"{keyword.name}={self.show(keyword.value)}" for keyword in node.keywords])

    def show(self, node: Expression, tightness: int = 0) -> str:
        """The text of an expression, in parentheses if it binds less tightly than ``tightness``."""
        text = self.bare(node)
        return f"({text})" if precedence(node) < tightness else text

    def bare(self, node: Expression) -> str:
        own = precedence(node)
        match node:
            case Literal():
                return self.literal(node)
            case Name():
                return self.name(node)
            case Call():
                return self.call(node)
            case Member():
                return self.member(node)
            case Apply():
                return self.apply(node)
            case Sequence():
                return self.sequence(node)
            case Splice():
                return self.splice(node)
            case Unary(operator=operator, operand=operand):
                return f"{operator}{' ' if operator == 'not' else ''}{self.show(operand, own)}"
            case Binary(operator="**", left=left, right=right):
                return f"{self.show(left, own + 1)} ** {self.show(right, PRECEDENCE['unary'])}"
            case Binary(operator=operator, left=left, right=right):
                return f"{self.show(left, own)} {operator} {self.show(right, own + 1)}"
            case Compare(left=left, operators=operators, comparators=comparators):
                parts = [f"{op} {self.show(item, own + 1)}" for op, item in zip(operators, comparators, strict=True)]
                return " ".join([self.show(left, own + 1), *parts])
            case Conditional(test=test, then=then, orelse=orelse):
                return f"{self.show(then, own + 1)} if {self.show(test, own + 1)} else {self.show(orelse, own)}"
            case Subscript(value=value, index=index):
                return f"{self.show(value, PRECEDENCE['primary'])}[{self.bare(index)}]"
            case Slice(start=start, stop=stop, step=step):
                text = f"{self.show(start) if start else ''}:{self.show(stop) if stop else ''}"
                return f"{text}:{self.show(step)}" if step else text
            case Comprehension(element=element, target=target, iterable=iterable):
                return f"[{self.show(element)} for {self.name(target)} in {self.show(iterable)}]"
            case _:
                raise TypeError(f"no way to print {type(node).__name__}")

    def splice(self, node: Splice) -> str:
        return f"{self.show(node.value, PRECEDENCE['primary'])}..."

    def sequence(self, node: Sequence) -> str:
        text = ", ".join(self.show(item, 1) for item in node.items)
        if node.bracket == "[":
            return f"[{text}]"
        text += "," if len(node.items) == 1 else ""
        return f"({text})" if node.bracket == "(" or not node.items else text


def show(node: Expression) -> str:
    """An expression as its author would write it."""
    return Printer().show(node)
