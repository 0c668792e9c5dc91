"""What einops-style patterns are made of: ordinary calls, put into the tree in their place."""

from collections.abc import Iterator, Mapping
from itertools import combinations

from layergen.diagnostics import Finding, Path, Place, Span
from layergen.lang import expression as ex
from layergen.lang.kinds import Kind, Kinds
from layergen.lang.model import LayerSpec
from layergen.lang.patterns import (
    ELLIPSIS,
    REDUCTIONS,
    UNKNOWN,
    Axis,
    Item,
    Pattern,
    PatternFault,
    check_pattern,
    is_pattern,
    read_pattern,
)
from layergen.lang.visitor import calls
from layergen.rules.calls import InvalidPattern
from layergen.suggest import nearest

UNIT = Axis("", 1, (0, 0))
UNITS = "1"
NO_KINDS: Kinds = frozenset()
OPS = {"max": "amax", "min": "amin"}  # those that have another name in torch


def check_patterns(spec: LayerSpec) -> Iterator[Finding]:
    """Yield what is wrong with the patterns of a spec by their words alone."""
    found: list[tuple[Path, ex.Call]] = [(("forward",), call) for call in calls(spec.forward)]
    for name, part in spec.tensors.items():
        section = "parameters" if name in spec.parameters else "buffers"
        found += [((section, name, "init"), node) for node in part.init.nodes() if isinstance(node, ex.Call)]
    for path, call in found:
        if is_pattern(call) and call.function not in spec.modules:
            try:
                Rearrangement(call)
            except PatternFault as fault:
                yield InvalidPattern.at(Place(path, fault.span), fault.message, help=fault.help)


def rearranged(call: ex.Call) -> ex.Expression:
    """The calls that a call with a pattern stands for; where it is wrong, the call itself."""
    try:
        return Rearrangement(call).expression()
    except PatternFault:
        return call


class Rearrangement:
    """A call of ``rearrange``, ``reduce`` or ``repeat`` with its pattern.

    Raises:
        PatternFault: If it means nothing; the span counts in the text that holds the call.
    """

    def __init__(self, call: ex.Call) -> None:
        self.call = call
        words = {word.name: word for word in call.keywords}
        places = ["tensor", "pattern", *(["reduction"] if call.function == "reduce" else [])]
        if len(call.arguments) > len(places):
            help = "sizes of axes go by their names: `h=heads`"
            raise PatternFault(f"`{call.function}` takes no further value", call.arguments[len(places)].span, help)
        given = dict(zip(places, call.arguments, strict=False))
        given |= {name: words.pop(name).value for name in places if name in words and name not in given}
        missing = next((name for name in places if name not in given), None)
        if missing is not None:
            raise PatternFault(f"`{call.function}` is called without its {missing}", call.function_span, _form(call))
        self.operand = given["tensor"]
        self.sizes: Mapping[str, ex.Keyword] = words
        self.reduction = self.text(given["reduction"], "a reduction") if "reduction" in given else None
        if self.reduction is not None and self.reduction not in REDUCTIONS:
            near = nearest(self.reduction, REDUCTIONS)
            help = f"write `{near!r}`" if near else f"there is {', '.join(map(repr, REDUCTIONS))}"
            raise PatternFault(f"`{self.reduction}` is no reduction", given["reduction"].span, help)
        text = self.text(given["pattern"], "a pattern")
        try:
            self.pattern = read_pattern(text)
            check_pattern(call.function, self.pattern, words)
        except PatternFault as fault:
            raise PatternFault(fault.message, self.place(given["pattern"], text, fault), fault.help) from None
        if self.expression() == self.operand:
            help = f"write `{ex.show(self.operand)}`"
            raise PatternFault("the pattern changes nothing", given["pattern"].span, help)

    def text(self, node: ex.Expression, what: str) -> str:
        if isinstance(node, ex.Literal) and isinstance(node.value, str):
            return node.value
        raise PatternFault(f"{what} is a text in quotes, got `{ex.show(node)}`", node.span, _form(self.call))

    def place(self, literal: ex.Expression, text: str, fault: PatternFault) -> Span:
        """The characters of a fault: those in the text of the pattern, or the keyword that is none of its axes."""
        if fault.span == UNKNOWN:
            word = next(word for name, word in self.sizes.items() if f"`{name}`" in fault.message)
            return word.span[0], word.span[0] + len(word.name)
        start, end = literal.span
        if end - start != len(text) + 2 or fault.span[0] == fault.span[1]:  # something in it is escaped
            return literal.span
        return start + 1 + fault.span[0], start + 1 + fault.span[1]

    def expression(self) -> ex.Expression:
        """The calls that it stands for."""
        steps = _Steps(self.call, self.operand, demand(self.pattern), [_key(item) for item in self.pattern.left])
        if isinstance(self.operand, ex.Sequence) or (self.operand.kinds or NO_KINDS) & {Kind.TENSORS}:
            steps.node = ex.Call("stack", (self.operand,), span=self.operand.span, origin=ex.Origin(self.call))
        self.part(steps)
        units = self.reduce(steps)
        self.order(steps, units)
        self.join(steps)
        return steps.node

    def size(self, axis: Axis) -> ex.Expression:
        if axis.size is not None:
            return ex.Literal(axis.size)
        return self.sizes[axis.name].value if axis.name in self.sizes else ex.Literal(-1)

    def part(self, steps: "_Steps") -> None:
        """Take apart the dimensions that are several axes, the last one first, so that indices before it stay."""
        for item in reversed(self.pattern.left):
            if len(item.wide) > 1:
                position = steps.axes.index(_key(item))
                sizes = ex.Sequence(tuple(map(self.size, item.wide)))
                last = position == len(steps.axes) - 1
                steps.then("unflatten", ex.Literal(-1 if last else steps.index(position)), sizes)
                steps.axes[position : position + 1] = [_name(axis) for axis in item.wide]

    def reduce(self, steps: "_Steps") -> list[str]:
        """Reduce the axes that are not on the right; return the units that stay, which stand for those on the right."""
        after = [_name(axis) for item in self.pattern.right for axis in item.wide or item.axes[:1] or (UNIT,)]
        lost = [name for name in steps.axes if name not in after and not _is_unit(name)]
        if ELLIPSIS in lost:  # as many as there may be are first made one
            position = steps.axes.index(ELLIPSIS)
            steps.collect(position)
            lost[lost.index(ELLIPSIS)] = steps.axes[position]
        units = [name for name in steps.axes if _is_unit(name)]
        if not lost:
            return units
        kept = [UNITS if name in lost or _is_unit(name) else name for name in steps.axes]
        keep = kept == [UNITS if _is_unit(name) else name for name in after]
        steps.reduce(OPS.get(self.reduction or "", self.reduction or ""), lost, keep)
        return [name for name in steps.axes if _is_unit(name)]

    def order(self, steps: "_Steps", units: list[str]) -> None:
        """Bring the axes into their order, drop units and make new axes."""
        places = sum(not item.wide for item in self.pattern.right)
        steps.drop(units[places:])
        remaining = iter(units[:places])
        after: list[str] = []
        new: list[tuple[int, str, ex.Expression | None]] = []  # where a new axis stands, and its size
        for item in self.pattern.right:
            for axis in item.wide or (UNIT,):
                name = _name(axis) if item.wide else next(remaining, f"new {len(after)}")
                if name not in steps.axes:
                    new.append((len(after), name, self.size(axis) if item.wide else None))
                after.append(name)
        made = {name for _, name, _ in new}
        steps.permute([name for name in after if name not in made])
        for position, name, _ in new:
            steps.insert(position, name)
        steps.widen({name: size for _, name, size in new if size is not None})

    def join(self, steps: "_Steps") -> None:
        """Make one dimension of the axes that stand in parentheses, the last ones first."""
        end = len(steps.axes)
        for item in reversed(self.pattern.right):
            start = end - max(len(item.wide), 1)
            if [axis.name for axis in item.wide] == [ELLIPSIS] and item.grouped:
                steps.collect(start)
            elif len(item.wide) > 1:
                steps.flatten(start, end - 1)
            end = start


def demand(pattern: Pattern) -> ex.Demand:
    """What a pattern says of its tensor."""
    count = len(pattern.left)
    dots = next((index for index, item in enumerate(pattern.left) if item.axes[:1] and _is_open(item)), None)
    sizes = []
    for index, item in enumerate(pattern.left):
        known = [axis.size for axis in item.wide]
        if len(known) <= 1 and None not in known and not _is_open(item):
            sizes.append((index if dots is None or index < dots else index - count, known[0] if known else 1))
    return ex.Demand(count - (dots is not None), dots is not None, tuple((at, size or 1) for at, size in sizes))


def _is_open(item: Item) -> bool:
    return any(axis.name == ELLIPSIS for axis in item.axes)


def _is_unit(name: str) -> bool:
    return name.startswith("1 ") or name == UNITS


def _name(axis: Axis) -> str:
    """What an axis is known by; one without a name, by where it stands."""
    return axis.name or f"{axis.size} {axis.span[0]}"


def _key(item: Item) -> str:
    """What a dimension is known by before it is taken apart."""
    if len(item.wide) == 1:
        return _name(item.wide[0])
    return f"({item.span[0]}" if item.wide else f"1 {item.span[0]}"


def _form(call: ex.Call) -> str:
    rest = ", 'mean'" if call.function == "reduce" else ""
    return f"write it as `{call.function}(x, '… -> …'{rest})`"


class _Steps:
    """Calls that follow each other, and the axes that the tensor has after them."""

    def __init__(self, written: ex.Call, operand: ex.Expression, demand: ex.Demand, axes: list[str]) -> None:
        self.written = written
        self.node = operand
        self.demand: ex.Demand | None = demand
        self.axes = axes

    def then(self, function: str, *arguments: ex.Expression, **keywords: ex.Expression) -> None:
        """Go on with a call of an op on the tensor."""
        words = tuple(ex.Keyword(name, value, span=self.written.span) for name, value in keywords.items())
        origin = ex.Origin(self.written, self.demand)
        self.demand = None
        self.node = ex.Call(
            function,
            (self.node, *arguments),
            words,
            span=self.written.span,
            function_span=self.written.function_span,
            origin=origin,
        )

    def index(self, position: int) -> int:
        """The index of an axis: from the end where ``...`` stands before it."""
        return position - len(self.axes) if ELLIPSIS in self.axes[:position] else position

    def indices(self, names: list[str]) -> ex.Expression:
        """The indices of axes, one alone without brackets."""
        found = [ex.Literal(self.index(self.axes.index(name))) for name in names]
        if len(found) == 1:
            last = names[0] == self.axes[-1] and len(self.axes) > 1
            return ex.Literal(-1) if last else found[0]
        return ex.Sequence(tuple(found), "(")

    def collect(self, position: int) -> None:
        """Make one axis of ``...``, also where it stands for none."""
        self.then("unsqueeze", ex.Literal(position))
        end = position - len(self.axes)
        self.then("flatten", ex.Literal(position), ex.Literal(end))
        self.axes[position] = "(...)"

    def reduce(self, function: str, names: list[str], keep: bool) -> None:
        words = {"keepdim": ex.Literal(True)} if keep else {}
        if function == "prod":  # which torch takes along one dimension
            for name in reversed(names):
                self.then(function, dim=self.indices([name]), **words)
                self.shrink([name], keep)
            return
        self.then(function, dim=self.indices(names), **words)
        self.shrink(names, keep)

    def shrink(self, names: list[str], keep: bool) -> None:
        """Note that axes are gone, or have become units."""
        if keep:
            self.axes = [f"1 kept {name}" if name in names else name for name in self.axes]
        else:
            self.axes = [name for name in self.axes if name not in names]

    def drop(self, units: list[str]) -> None:
        if units:
            self.then("squeeze", self.indices(units))
            self.axes = [name for name in self.axes if name not in units]

    def permute(self, order: list[str]) -> None:
        """Bring the axes into an order."""
        moved = [name for name, other in zip(self.axes, order, strict=True) if name != other]
        if len(moved) == 2 and ELLIPSIS not in moved:
            first, second = (ex.Literal(self.index(self.axes.index(name))) for name in moved)
            self.then("transpose", first, second)
        elif moved and ELLIPSIS not in self.axes:
            self.then("permute", ex.Sequence(tuple(ex.Literal(self.axes.index(name)) for name in order)))
        elif moved:
            moved = _least_moves(self.axes, order)
            sources, self.axes = self.indices_of(moved), order
            self.then("movedim", sources, self.indices_of(moved))
        self.axes = order

    def indices_of(self, names: list[str]) -> ex.Expression:
        found = tuple(ex.Literal(self.index(self.axes.index(name))) for name in names)
        return found[0] if len(found) == 1 else ex.Sequence(found, "(")

    def insert(self, position: int, name: str) -> None:
        """Make a new axis of one entry."""
        self.axes = [*self.axes[:position], name, *self.axes[position:]]
        self.then("unsqueeze", ex.Literal(self.index(position)))

    def widen(self, sizes: Mapping[str, ex.Expression]) -> None:
        """Repeat the one entry of new axes."""
        if not sizes:
            return
        if ELLIPSIS not in self.axes:
            self.then("expand", ex.Sequence(tuple(sizes.get(name, ex.Literal(-1)) for name in self.axes)))
            return
        for name, size in sizes.items():
            self.then("repeat_interleave", size, dim=ex.Literal(self.index(self.axes.index(name))))

    def flatten(self, start: int, end: int) -> None:
        last = end - len(self.axes) if ELLIPSIS in self.axes[: end + 1] else end
        ends = [ex.Literal(last)] if end < len(self.axes) - 1 else []
        self.then("flatten", ex.Literal(self.index(start)), *ends)
        self.axes[start : end + 1] = [f"({start}"]


def _least_moves(before: list[str], after: list[str]) -> list[str]:
    """The fewest axes that must move so that those before come to stand as those after; ``...`` stays."""
    for count in range(1, len(before)):
        for moved in combinations([name for name in before if name != ELLIPSIS], count):
            if [name for name in before if name not in moved] == [name for name in after if name not in moved]:
                return list(moved)
    return [name for name in before if name != ELLIPSIS]
