"""Prints statements as their author would write them."""

from collections.abc import Iterator

from layergen.lang import expression as ex
from layergen.lang.visitor import Block, Visitor, parts

INDENT = "    "


def show_block(block: Block) -> str:
    """The text of a block, with a line break at its end."""
    writer = _Writer()
    writer.block(block)
    return "".join(f"{line}\n" for line in writer.lines)


def headline(statement: ex.Statement) -> str:
    """A statement without those in it: ``y = f(x)``, ``for i in range(n)``."""
    first = show_block([statement]).split("\n", 1)[0]
    return first.removesuffix(":") if parts(statement).blocks else first


class _Writer(Visitor):
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.depth = 0

    def emit(self, line: str) -> None:
        self.lines.append(INDENT * self.depth + line)

    def inner(self, header: str, block: Block) -> None:
        self.emit(f"{header}:")
        self.depth += 1
        self.block(block)
        self.depth -= 1

    def comment(self, statement: ex.Comment) -> None:
        self.emit(f"# {statement.text}")

    def assign(self, statement: ex.Assign) -> None:
        if statement.parts_group:
            return
        self.emit(f"{_names(statement.targets)} = {ex.show(statement.value)}")

    def append(self, statement: ex.Append) -> None:
        self.emit(f"append({statement.list.id}, {ex.show(statement.value)})")

    def loop(self, statement: ex.For) -> None:
        self.inner(f"for {_names(statement.targets)} in {ex.show(statement.iterable)}", statement.body)

    def branch(self, statement: ex.If) -> None:
        for word, test, body, orelse in _chain(statement):
            self.inner(f"{word} {ex.show(test)}", body)
            if orelse:
                self.inner("else", orelse)


def _chain(statement: ex.If) -> Iterator[tuple[str, ex.Expression, Block, Block]]:
    """An ``if`` and its ``elif``s; only the last has an ``else``."""
    word = "if"
    while True:
        match statement.orelse:
            case (ex.If() as following,):
                yield word, statement.test, statement.body, ()
                word, statement = "elif", following
            case orelse:
                yield word, statement.test, statement.body, orelse
                return


def _names(targets: tuple[ex.Name, ...]) -> str:
    return ", ".join(target.id for target in targets)
