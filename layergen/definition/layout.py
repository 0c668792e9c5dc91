"""What a shape says, as far as it is written out: how far the indices run that stand at its dimensions."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from layergen.definition.grammar import RUN, run_name
from layergen.diagnostics import Span
from layergen.lang import expression as ex
from layergen.lang.values import Shape

UNTOLD = ex.Name("?")  # a size, or a list of them, that the words do not tell


@dataclass(frozen=True)
class Runs:
    """The runs of indices of a definition, ``...`` and ``s...``."""

    sizes: ex.Name  # of the dimensions that `...` stands for
    written: Mapping[str, ex.Expression]  # the sizes that are written for a run, by its name


@dataclass(frozen=True)
class Layout:
    """A shape item by item: a size, or ``...`` or a list that is put in, which are several."""

    items: tuple[ex.Expression, ...]

    @property
    def runs(self) -> tuple[int, ...]:
        """Where several dimensions stand, of an unknown number."""
        return tuple(place for place, item in enumerate(self.items) if item == RUN or isinstance(item, ex.Splice))

    @property
    def before(self) -> tuple[ex.Expression, ...]:
        """The sizes before all that are several."""
        return self.items[: self.runs[0]] if self.runs else self.items

    @property
    def run(self) -> ex.Expression | None:
        """The first item that is several."""
        return self.items[self.runs[0]] if self.runs else None

    @property
    def after(self) -> tuple[ex.Expression, ...]:
        """The sizes after all that are several."""
        return self.items[self.runs[-1] + 1 :] if self.runs else ()

    def told(self, indices: Sequence[ex.Expression], runs: Runs) -> tuple[ex.Expression | None, ...] | None:
        """How far each of some indices runs, as far as that is told; None if so many read no entry."""
        if RUN in self.items and not any(run_name(index) for index in indices):
            return None  # dimensions of an unknown number are read by a run
        items = tuple(_item(item, runs) for item in self.items)
        told = {None, "...", *runs.written}
        untold = [index for index in indices if run_name(index) not in told]
        found = _Matching(tuple(indices), runs, len(untold) == 1, {}).told(items, 0)
        return None if found is None else tuple(None if size == UNTOLD else size for size in found)


def layouts(shape: Shape) -> Iterator[Layout]:
    """What a shape may be, as far as it is written out."""
    match shape:
        case tuple():
            yield Layout(shape)
        case ex.Sequence(items=items):
            yield Layout(items)
        case ex.Conditional(then=then, orelse=orelse):
            yield from layouts(then)
            yield from layouts(orelse)
        case ex.Binary(operator="+", left=left, right=right):  # `S[:dim] + [2] + S[dim + 1:]`
            yield from (Layout((*one.items, *other.items)) for one in layouts(left) for other in layouts(right))
        case ex.Name() | ex.Subscript(value=ex.Name(), index=ex.Slice()):
            yield Layout((ex.Splice(shape),))


def fits(layout: Layout, indices: Sequence[ex.Expression], runs: Runs) -> bool:
    """Whether so many indices read an entry of a shape."""
    return layout.told(indices, runs) is not None


@dataclass(frozen=True)
class Size:
    """How far an index runs, and what says so."""

    size: ex.Expression  # of a run, a list of sizes
    span: Span
    words: str = ""  # "dimension 0 of `weight`"; empty where it is written or declared


@dataclass(frozen=True)
class _Several:
    """Several dimensions, as far as no index before them has taken them."""

    sizes: ex.Expression  # all of them
    start: ex.Expression | None = None  # how many are taken, and
    count: int = 0  # how many more
    all_read: bool = False  # whether they are those of `...`, none of which may be passed over

    def rest(self) -> ex.Expression:
        """The sizes that are left."""
        if self.sizes == UNTOLD or (self.start is None and not self.count):
            return self.sizes
        if self.start is None:
            return _cut(self.sizes, ex.Literal(self.count))
        if not self.count or _counts(self.start):
            return _cut(self.sizes, _later(self.start, self.count))
        return _cut(_cut(self.sizes, self.start), ex.Literal(self.count))

    def first(self) -> ex.Expression:
        """The first of the sizes that are left."""
        if self.sizes == UNTOLD:
            return UNTOLD
        if self.start is None:
            return ex.Subscript(self.sizes, ex.Literal(self.count))
        if not self.count or _counts(self.start):
            return ex.Subscript(self.sizes, _later(self.start, self.count))
        return ex.Subscript(_cut(self.sizes, self.start), ex.Literal(self.count))

    def after(self, taken: ex.Expression) -> "_Several":
        """What a run leaves of them, which has the sizes ``S[:k]``."""
        match taken:
            case ex.Subscript(value=sizes, index=ex.Slice(start=start, stop=stop, step=None)):
                if sizes == self.sizes and start == self.start and stop is not None and not self.count:
                    return _Several(sizes, stop)
        return _Several(UNTOLD)


def _cut(sizes: ex.Expression, start: ex.Expression) -> ex.Expression:
    return ex.Subscript(sizes, ex.Slice(start, None, None))


def _later(start: ex.Expression, count: int) -> ex.Expression:
    if isinstance(start, ex.Literal) and isinstance(start.value, int):
        return ex.Literal(start.value + count)
    return ex.Binary("+", start, ex.Literal(count)) if count else start


def _counts(place: ex.Expression) -> bool:
    """Whether the words show that a place is counted from the first one, as `dim % len(S)` is and `dim` may not be."""
    match place:
        case ex.Literal(value=int(value)):
            return value >= 0
        case ex.Binary(operator="%"):
            return True
    return False


def _item(item: ex.Expression, runs: Runs) -> ex.Expression | _Several:
    if item in (RUN, ex.Splice(runs.sizes)):
        return _Several(runs.sizes, all_read=True)
    return _Several(item.value) if isinstance(item, ex.Splice) else item


_Items = tuple[ex.Expression | _Several, ...]


@dataclass(frozen=True)
class _Matching:
    """Puts indices to the dimensions of a shape, one after the other."""

    indices: tuple[ex.Expression, ...]
    runs: Runs
    joining: bool  # whether a run whose sizes are told nowhere may stand for several items
    known: dict[tuple[_Items, int], tuple[ex.Expression, ...] | None]  # what has been found

    def told(self, items: _Items, place: int) -> tuple[ex.Expression, ...] | None:
        """The sizes for the indices from a place on; None if they do not stand at these items."""
        key = items, place
        if key not in self.known:
            self.known[key] = next(self.found(items, place), None)
        return self.known[key]

    def found(self, items: _Items, place: int) -> Iterator[tuple[ex.Expression, ...]]:
        if not items:
            if place == len(self.indices):
                yield ()
            return
        first, others = items[0], items[1:]
        if place < len(self.indices):
            for size, left in self.taken(items, self.indices[place]):
                following = self.told(left, place + 1)
                if following is not None:
                    yield (size, *following)
        if isinstance(first, _Several) and not first.all_read:
            following = self.told(others, place)
            if following is not None:
                yield following

    def taken(self, items: _Items, index: ex.Expression) -> Iterator[tuple[ex.Expression, _Items]]:
        """The sizes that an index may have at the first of some items, each with the items that are left."""
        name = run_name(index)
        item, others = items[0], items[1:]
        if name is None:
            left = (replace(item, count=item.count + 1, all_read=False),) if isinstance(item, _Several) else ()
            yield (item.first() if isinstance(item, _Several) else item), (*left, *others)
        elif name == "...":
            if isinstance(item, _Several) and item.all_read:
                yield item.sizes, others
        elif name in self.runs.written:
            own = self.runs.written[name]
            yield from ((own, left) for left in _without(items, own))
        else:
            most = len(items) if self.joining else int(isinstance(item, _Several))
            for count in range(most, 0, -1):
                yield _joined(items[:count]), items[count:]
            if isinstance(item, _Several):
                yield UNTOLD, (_Several(UNTOLD), *others)


def _without(items: _Items, sizes: ex.Expression) -> Iterator[_Items]:
    """What is left of some items behind those that a run takes, whose sizes are written."""
    item, others = items[0], items[1:]
    if isinstance(item, _Several):
        yield others if sizes == item.rest() else (item.after(sizes), *others)
    elif isinstance(sizes, ex.Sequence) and not any(isinstance(size, ex.Splice) for size in sizes.items):
        plain = items[: len(sizes.items)]
        if len(plain) == len(sizes.items) and not any(isinstance(one, _Several) for one in plain):
            yield items[len(sizes.items) :]
    else:
        yield from ((_Several(UNTOLD), *items[count:]) for count in range(len(items), -1, -1))


def _joined(items: _Items) -> ex.Expression:
    """The sizes of some items as a list."""
    rests = [item.rest() if isinstance(item, _Several) else item for item in items]
    if UNTOLD in rests:
        return UNTOLD
    if len(items) == 1 and isinstance(items[0], _Several):
        return rests[0]
    pairs = zip(items, rests, strict=True)
    return ex.Sequence(tuple(ex.Splice(rest) if isinstance(item, _Several) else rest for item, rest in pairs), "[")
