"""A strategy of hypothesis: forwards that assign names anew, in branches and loops, and fill lists there."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import strategies as st

FLAG: dict[str, Any] = {"type": "bool", "default": True, "doc": "Whether."}
OWNED: dict[str, Any] = {
    "arguments": {"flag": FLAG, "gate": FLAG},
    "parameters": {"w": {"shape": [3], "init": "ones"}, "v": {"shape": [3], "init": "ones", "when": "gate"}},
    "buffers": {"m": {"shape": [3], "init": "zeros"}},
    "inputs": {"x": ["N", "L", 3], "z": {"shape": ["N", "L", 3], "optional": True}},
    "cases": [{"N": 2, "L": 3}],
}
WHOLE, STEP, ROW = "whole", "step", "row"  # of shape [N, L, 3], [N, 3] and [3]
NAMES = {WHOLE: ("x", "a", "b"), STEP: ("h", "k"), ROW: ("r",)}
MAPS = ("tanh({})", "sin({})", "{} * 0.5", "{} + 1", "-{}", "upcast({})", "upcast({})", "linear({}, diag(tanh(w)))")
PAIRS = (
    "({} + {}) / 2",
    "{} * tanh({})",
    "tanh({}) - {} / 2",
    "type_as({}, {})",
    "{} if flag else {}",
    "{} if training else {}",
)
TESTS = ("flag", "gate", "not flag", "training", "flag and not gate", "z is not None", "v is not None")
BRINGING = {"z is not None": ("z", WHOLE), "v is not None": ("v", ROW), "gate": ("v", ROW)}


@dataclass(frozen=True)
class Scope:
    """What has a value where a statement stands: names, each with its shape, and lists that are not empty."""

    names: Mapping[str, str] = field(default_factory=lambda: {"x": WHOLE, "w": ROW, "m": ROW})
    lists: frozenset[str] = frozenset()

    def of(self, shape: str) -> list[str]:
        return [name for name, own in self.names.items() if own == shape]

    def having(self, name: str, shape: str) -> "Scope":
        return replace(self, names={**self.names, name: shape})

    def filled(self, name: str) -> "Scope":
        return replace(self, lists=self.lists | {name})

    def without(self, name: str) -> "Scope":
        return replace(self, lists=self.lists - {name})

    def common(self, other: "Scope") -> "Scope":
        """What has a value whichever of two ways was taken."""
        names = {name: shape for name, shape in self.names.items() if other.names.get(name) == shape}
        return Scope(names, self.lists & other.lists)


class Writer:
    """Writes the lines of one forward, as it draws them."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.lines: list[str] = []
        self.room = 7  # for further statements
        self.plain = draw(
            st.booleans()
        )  # whether the numbers of dimensions are plain to see, so that loops are arranged

    def one_of(self, *items: Any) -> Any:
        return self.draw(st.sampled_from(items))

    def emit(self, depth: int, line: str) -> None:
        self.lines.append("    " * depth + line)

    def value(self, scope: Scope, shape: str, deep: int = 2) -> str:
        """An expression of a shape."""
        names = scope.of(shape)
        if self.plain and shape == ROW:
            return str(self.one_of(*(name for name in names if name != "m")))
        kind = self.draw(st.integers(0, 5)) if deep else 0
        if kind in (1, 2) or (kind == 0 and not names and shape == WHOLE):
            return str(self.one_of(*MAPS[: None if shape != ROW else -1])).format(self.bracketed(scope, shape, deep))
        if kind == 3:
            pair = self.one_of(*PAIRS)
            return str(pair).format(self.bracketed(scope, shape, deep), self.bracketed(scope, shape, deep))
        if shape != WHOLE and (kind in (4, 5) or not names):
            return f"mean({self.value(scope, WHOLE if shape == STEP else STEP, deep - 1)}, {int(shape == STEP)})"
        if shape == WHOLE and kind == 5:
            return f"cos(upcast({self.one_of('x', *names)}))"
        if shape == WHOLE and kind == 4 and scope.of(ROW):
            return f"{self.bracketed(scope, WHOLE, deep)} * tanh({self.value(scope, ROW, deep - 1)})"
        if shape == STEP and scope.lists and kind == 0:
            return f"mean(stack({self.one_of(*sorted(scope.lists))}, 1), 1)"
        return str(self.one_of(*names))

    def bracketed(self, scope: Scope, shape: str, deep: int) -> str:
        text = self.value(scope, shape, max(deep - 1, 0))
        return text if text.isidentifier() or (text.endswith(")") and text.count("(") == 1) else f"({text})"

    def block(self, scope: Scope, depth: int, least: int = 1) -> Scope:
        """Write some statements, and tell what has a value behind them."""
        for _ in range(self.draw(st.integers(least, 4))):
            scope = self.statement(scope, depth)
        return scope

    def statement(self, scope: Scope, depth: int) -> Scope:
        self.room -= 1
        nested = ((self.branch, self.loop) if depth < 2 else (self.branch,)) if depth < 3 and self.room > 0 else ()
        others = (self.recurrence, self.recurrence) if self.plain and depth < 3 else (self.parts, self.fill)
        kinds = (self.assign, self.assign, self.update, self.fill, *others, *nested, *nested)
        return self.one_of(*kinds)(scope, depth)  # type: ignore[no-any-return]

    def assign(self, scope: Scope, depth: int) -> Scope:
        shape = self.one_of(WHOLE, WHOLE, STEP, STEP, *([] if self.plain else [ROW]))
        target = self.one_of(*NAMES[shape])
        value = self.value(scope, shape)
        if shape == STEP and scope.lists and self.draw(st.booleans()):
            value = f"mean(stack({self.one_of(*sorted(scope.lists))}, 1), 1)"
            value += self.one_of("", f" + len({self.one_of(*sorted(scope.lists))})")
        self.emit(depth, f"{target} = {value}")
        return scope.having(target, shape)

    def parts(self, scope: Scope, depth: int) -> Scope:
        shape = self.one_of(WHOLE, STEP)
        one, other = self.draw(st.permutations(NAMES[shape]))[:2]
        dim = 2 if shape == WHOLE else 1
        whole = f"cat([{self.value(scope, shape)}, {self.value(scope, shape)}], {dim})"
        self.emit(depth, f"{one}, {other} = chunk({whole}, 2, dim={dim})")
        return scope.having(one, shape).having(other, shape)

    def update(self, scope: Scope, depth: int) -> Scope:
        value = self.value(scope, ROW)
        self.emit(depth, f"m = {self.one_of('lerp(m, {}, 0.1)', 'm * 0.5 + {}', '{}', 'm + {}').format(f'({value})')}")
        return scope

    def fill(self, scope: Scope, depth: int) -> Scope:
        """Begin a list, and make it longer."""
        name = self.one_of("p", "q")
        if name in scope.lists and self.draw(st.booleans()):
            self.emit(depth, f"append({name}, {self.value(scope, STEP)})")
            return scope
        self.emit(depth, f"{name} = []")
        scope = scope.without(name)
        way = self.one_of(*(("loop",) * 3 if depth < 3 else ()), "branch", "once")
        if way == "loop":
            return self.loop(scope, depth, name)
        if way == "branch":
            self.emit(depth, f"if {self.one_of(*TESTS)}:")
            self.emit(depth + 1, f"append({name}, {self.value(scope, STEP)})")
            self.emit(depth, "else:")
            depth += 1
        self.emit(depth, f"append({name}, {self.value(scope, STEP)})")
        return scope.filled(name)

    def branch(self, scope: Scope, depth: int) -> Scope:
        test = self.one_of(*TESTS)
        self.emit(depth, f"if {test}:")
        there = self.block(scope.having(*BRINGING[test]) if test in BRINGING else scope, depth + 1)
        otherwise = scope
        if self.draw(st.booleans()):
            self.emit(depth, "else:")
            otherwise = self.block(scope, depth + 1)
        found = there.common(otherwise)
        brought = {BRINGING[test][0]} - scope.names.keys() if test in BRINGING else set()
        return Scope({name: shape for name, shape in found.names.items() if name not in brought}, found.lists)

    def recurrence(self, scope: Scope, depth: int) -> Scope:
        """A loop that carries a state, and collects what is made of it."""
        name, state = self.one_of("p", "q"), self.one_of("u", "u", "h")
        self.emit(depth, f"{state} = zeros(N, 3)")
        self.emit(depth, f"{name} = []")
        self.emit(depth, f"for s in unbind({self.one_of(*scope.of(WHOLE))}, 1):")
        if self.draw(st.booleans()):
            self.block(scope.having("s", STEP).having(state, STEP).without(name), depth + 1)
        self.emit(depth + 1, f"{state} = tanh({state} / 2 + {self.one_of(*MAPS).format('s')})")
        self.emit(depth + 1, f"append({name}, {self.one_of(*MAPS, '{} * s', '{} * tanh(m)').format(state)})")
        scope = scope.having(state, STEP).filled(name)
        if self.draw(st.booleans()):
            self.emit(depth, f"k = mean(stack({name}, 1) * tanh({self.one_of(*scope.of(ROW))}), 1)")
            scope = scope.having("k", STEP)
        return scope if self.draw(st.booleans()) else scope.without(name)

    def loop(self, scope: Scope, depth: int, grows: str = "") -> Scope:
        """A loop that may fill a list; what it alone gives a value has none behind it."""
        step, other = self.one_of("s", "s", "h"), self.one_of("t", "t", "k")
        over, more = (f"unbind({self.one_of(*scope.of(WHOLE))}, 1)" for _ in range(2))
        header, names = self.one_of(
            (f"{step} in {over}", (step,)),
            (f"{step} in {over}", (step,)),
            (f"{step} in reversed({over})", (step,)),
            (f"i, {step} in enumerate({over})", (step,)),
            (f"{step}, {other} in zip({over}, {more})", (step, other)),
            ("_ in range(2)", ()),
            ("i in range(L)", ()),
        )
        self.emit(depth, f"for {header}:")
        inner = scope
        for name in names:
            inner = inner.having(name, STEP)
        indexed = header == "i in range(L)"
        if indexed:
            self.emit(depth + 1, f"s = {self.one_of(*scope.of(WHOLE))}[:, i]")
            inner = inner.having("s", STEP)
        inner = self.block(inner, depth + 1, least=0 if grows or indexed else 1)
        if not grows:
            return scope
        return self.grown(scope, inner, depth, grows)

    def grown(self, scope: Scope, inner: Scope, depth: int, grows: str) -> Scope:
        """The end of a loop that fills a list, which may be joined behind it."""
        states = [name for name in ("h", "k") if name in scope.names] or inner.of(STEP)
        state = self.one_of(*states) if states else None
        if state is not None and self.draw(st.booleans()):
            self.emit(depth + 1, f"{state} = tanh({state} / 2 + {self.value(inner, STEP, 0)})")
        value = self.one_of(*MAPS).format(state) if state else self.value(inner, STEP)
        self.emit(depth + 1, f"append({grows}, {value})")
        found = Scope(scope.names, scope.lists & inner.lists).filled(grows)
        if not self.draw(st.booleans()):
            return found
        self.emit(depth, f"h = mean(stack({grows}, 1), 1)")
        return found.having("h", STEP) if self.draw(st.booleans()) else found.having("h", STEP).without(grows)


def _results(writer: Writer, scope: Scope) -> Iterator[tuple[str, Any]]:
    """The outputs, with the lines that give them values in some order."""
    lines: list[list[str]] = [[f"y = {writer.value(scope, WHOLE)}"]]
    yield "y", ["N", "L", 3]
    for name, when in (("e", "flag"), ("g", writer.one_of("gate", "flag", "not flag"))):
        if not writer.draw(st.booleans()):
            continue
        value = f"{name} = {writer.value(scope, STEP, writer.one_of(0, 2))}"
        lines.append([f"if {when}:", f"    {value}"] if writer.draw(st.booleans()) else [value])
        yield name, {"shape": ["N", 3], "when": when, **writer.one_of({}, {"else": None})}
    for part in writer.draw(st.permutations(lines)):
        writer.lines += part


@st.composite
def forwards(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A forward, and the parts of the layer that it is in."""
    writer = Writer(draw)
    scope = writer.block(Scope(), 0, least=2)
    outputs = dict(_results(writer, scope))
    return "\n".join(writer.lines), {**OWNED, "outputs": outputs}
