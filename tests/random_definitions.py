"""A strategy of hypothesis: definitions that read families, members, names on the way and what is outside."""

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

Draw = Callable[[st.SearchStrategy[Any]], Any]
Letters = tuple[tuple[str, str], ...]  # the indices that are bound, each with how far it runs

SIZES = ("N", "C", "depth", "2")
FREE = (("n", "N"), ("i", "C"))
BINARY = ("+", "-", "*", "/", "//", "%", "**")
REDUCTIONS = ("sum", "mean", "prod", "max", "min", "logsumexp", "argmax", "argmin")
FUNCTIONS = ("exp", "log", "sqrt", "tanh", "sigmoid", "abs", "floor", "round")
TESTS = ("flag", "training", "bias is not None", "z is None")
TENSORS = (
    ("x", ("N", "C")),
    ("weight", ("C", "C")),
    ("mask", ("N", "C")),
    ("cell", ("K", "C", "C")),
    ("counts", ("N",)),
)


def definitions(random: bool) -> st.SearchStrategy[str]:
    """Texts of definitions, some of which have faults, and whether they may draw random numbers."""

    @st.composite
    def texts(draw: Draw) -> str:
        return "\n".join(_Writer(draw, random).equations())

    return texts()


class _Writer:
    """Writes a definition, as it is drawn."""

    def __init__(self, draw: Draw, random: bool) -> None:
        self.draw = draw
        self.random = random
        self.named: dict[str, tuple[str, ...]] = {}

    def one(self, *several: Any) -> Any:
        return self.draw(st.sampled_from(several))

    def often(self, percent: int) -> bool:
        return bool(self.draw(st.integers(0, 99)) < percent)

    def equations(self) -> list[str]:
        found: list[str] = []
        for name in ("g", "h")[: self.one(0, 1, 2)]:
            found += self.on_the_way(name)
        others = "".join(f" + {name}[n, i]" for name in self.named)
        if self.often(20):
            found.append(f"y[n, 0] = {self.number((('n', 'N'),))}{others.replace('i]', '0]')}")
        return [*found, f"y[n, i] = {self.number(FREE)}{others}"]

    def on_the_way(self, name: str) -> list[str]:
        """The equations of a name, which may be a recurrence, or be told by cases."""
        left, value = f"{name}[n < N, i < C]", self.number(FREE)
        base = self.number((("n", "N"),))
        self.named[name] = ("N", "C")
        match self.one("plain", "cases", "before", "after", "rows"):
            case "cases":
                far = f"{name}[n < N, i < {self.one('C', '2 * C')}]"
                return [f"if {self.one('flag', 'C > 2')}:\n    {left} = {value}\nelse:\n    {far} = i + {base}"]
            case "before":
                return [f"{name}[n < N, -1] = {base}", f"{left} = tanh({name}[n, i - 1]) + {value}"]
            case "after":
                first = self.one("C", "C - 1")
                return [f"{name}[n < N, {first}] = {base}", f"{left} = {name}[n, i + 1] / 2 + {value}"]
            case "rows":
                return [f"{name}[0, i < C] = {base.replace('n', '0') if base == 'n' else 'i'}",
                        f"{left} = sum[c < C]({name}[n - 1, c]) + {value}"]  # fmt: skip
        return [f"{left} = {value}"]

    def number(self, letters: Letters, depth: int = 0) -> str:
        kinds = ("read", "read", "letter", "sum", "sum", "binary", "choice", "call", "test", "drawn")
        match self.one(*kinds[: 3 if depth > 3 else None]):
            case "letter":
                return str(self.one(*(name for name, _ in letters), "1", "0.5", "alpha"))
            case "sum":
                return self.reduced(letters, depth)
            case "binary":
                sides = [self.number(letters, depth + 1) for _ in range(2)]
                return f"({sides[0]} {self.one('+', '*', *BINARY)} {sides[1]})"
            case "choice":
                sides = [self.number(letters, depth + 1) for _ in range(2)]
                return f"({sides[0]} if {self.test(letters, depth)} else {sides[1]})"
            case "call":
                return f"{self.one(*FUNCTIONS)}({self.number(letters, depth + 1)})"
            case "test":
                return f"({self.test(letters, depth)})"
            case "drawn" if self.random:
                return str(self.one("uniform(0, 1)", "bernoulli(alpha)", "normal(alpha, 1)"))
        return self.read(letters)

    def test(self, letters: Letters, depth: int) -> str:
        match self.one("told", "compared", "both", "guard"):
            case "told":
                return str(self.one(*TESTS))
            case "both":
                return (
                    f"{self.test(letters, depth + 1)} {self.one('and', 'or')} not ({self.number(letters, depth + 2)})"
                )
            case "guard":
                return "i + 1 < C and x[0, i + 1] > 0" if ("i", "C") in letters else "C > 1 and x[0, 1] > 0"
        return f"{self.number(letters, depth + 2)} {self.one('<', '>=', '==')} {self.number(letters, depth + 2)}"

    def reduced(self, letters: Letters, depth: int) -> str:
        free = [name for name in "abcdef" if name not in dict(letters)]
        written: list[str] = []
        for name in free[: self.one(1, 1, 2)]:
            size = str(self.one(*SIZES, f"{letters[-1][0]} + 1"))
            letters = (*letters, (name, size if size in SIZES else "free"))
            written.append(f"{name} < {size}")
        word = self.one(*REDUCTIONS)
        written = written[:1] if word.startswith("arg") else written
        letters = letters if len(written) > 1 or word[:3] != "arg" else tuple(
            (name, size) for name, size in letters if name not in free[1:]
        )  # fmt: skip
        return f"{word}[{', '.join(written)}]({self.number(letters, depth + 1)})"

    def index(self, size: str, letters: Letters) -> str:
        own = [name for name, runs in letters if runs == size] or ["0"]
        told = self.one(*own, *own, *own, "0", f"({letters[0][0]} + 1) % {size}", f"{own[0]} // 2", f"{own[0]} + 1")
        return str(self.one(told, told, told, f"{own[0]} / 2") if self.often(10) else told)

    def read(self, letters: Letters) -> str:
        name, sizes = self.one(*TENSORS, *self.named.items(), ("member", ()), ("optional", ()))
        indices = [self.index("depth" if size == "K" else size, letters) for size in sizes]
        if name == "member":
            given = self.one("x", *self.named)
            call = self.one("inner", f"stack[{self.index('depth', letters)}]")
            return f"{call}({given})[{self.index('N', letters)}, {self.index('C', letters)}]"
        if name == "optional":
            return f"(bias[{self.index('C', letters)}] if bias is not None else {self.one('0', 'alpha')})"
        if name == "cell":
            return f"cell[{indices[0]}][{', '.join(indices[1:])}]"
        if self.often(25):
            moved = [f"{index} {self.one('+ 1', '- 1', '- 2')}" for index in indices]
            return f"padded({name})[{', '.join(moved)}]"
        return f"{name}[{', '.join(indices)}]"
