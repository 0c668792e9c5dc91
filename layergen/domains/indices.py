"""What ops make of indices, and whether these lie in their tables."""

from dataclasses import replace
from typing import Any

from layergen.domains.interval import ANY, UNIT, Interval
from layergen.domains.pointwise import Transfer
from layergen.domains.site import Edge, Site, as_value
from layergen.domains.size import number
from layergen.domains.value import UNKNOWN, Value, constant, derived

IGNORED = -100  # the target that torch takes for none, unless another one is given


def arange(site: Site) -> Value:
    given = [as_value(argument) for argument in site.arguments]
    start, end = (given[0], given[1]) if len(given) > 1 else (constant(0), given[0] if given else UNKNOWN)
    step = given[2] if len(given) > 2 else constant(1)
    if not step.range.above(0) or not end.safe:
        return Value(whole=all(part.whole for part in given))
    whole = start.whole and end.whole and step.whole
    most = end.most - number(1) if whole and end.most is not None else None
    high = end.range.high - 1 if whole else end.range.high
    low = start.range.low
    return Value(Interval(low, max(high, low)), whole=whole, least=start.least if whole else None, most=most)


def bounded_above_by(position: int, name: str) -> Transfer:
    """Integers from 0 up to, and not including, something."""

    def transfer(site: Site) -> Value:
        end = site.value(position, name)
        most = end.most - number(1) if end.most is not None else None
        return Value(Interval(0, max(end.range.high - 1, 0)), whole=True, least=number(0), most=most)

    return transfer


def gathered(position: int, table: int = 0) -> Transfer:
    """Ops that take entries at indices."""

    def transfer(site: Site) -> Value:
        source = site.value(table, "input" if table == 0 else "weight")
        dim = site.get(1, "dim") if table == 0 else constant(0)
        index = site.value(position, "index" if table == 0 else "input")
        check_index(site, index, rows_of(source, dim), negative=False)
        return source.entries()

    return transfer


def rows_of(table: Value, dim: Any) -> Any:
    """How many rows a table has along a dimension, where that is known."""
    if table.sizes is None or not isinstance(dim, Value) or dim.known is None:
        return None
    at = int(dim.known)
    return table.sizes[at] if -len(table.sizes) <= at < len(table.sizes) else None


def check_index(site: Site, index: Value, rows: Any, negative: bool) -> None:
    """Report an index unless it is shown to lie in its table."""
    knowledge = site.knowledge
    lowest = index.range.at_least(0) or (index.least is not None and knowledge.not_negative(index.least))
    if negative and not lowest and index.least is not None and rows is not None:
        lowest = knowledge.not_negative(index.least + rows)
    highest = rows is not None and index.most is not None and knowledge.at_most(index.most, rows - number(1))
    if not (index.whole and lowest and highest):
        known = [size for size in (index.most, rows) if size is not None]
        site.edge(Edge.INDEX, frozenset(name for size in known for term in size.terms for name in term))


def one_hot(site: Site) -> Value:
    classes = site.get(1, "num_classes")
    rows = classes.most if isinstance(classes, Value) and classes.most == classes.least else None
    check_index(site, site.first, rows, negative=False)
    return Value(UNIT, whole=True)


def cross_entropy(site: Site) -> Value:
    target = site.value(1, "target")
    if target.whole:
        ignored = site.get(None, "ignore_index")
        counted = target.without(as_value(IGNORED if ignored is None else ignored))
        rows = site.first.sizes[1] if site.first.sizes and len(site.first.sizes) > 1 else None
        check_index(site, counted, rows, negative=False)
        weighed = site.get(2, "weight") is not None
        if (isinstance(ignored, Value) or weighed) and site.get(None, "reduction") in (None, "mean"):
            site.edge(Edge.IGNORED)
            return Value(safe=False)
    if site.first.filled:
        site.edge(Edge.EMPTY)
    return derived(ANY, site.first)


def nll(site: Site) -> Value:
    return replace(cross_entropy(site), filled=False)
