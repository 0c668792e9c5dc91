"""What reads the entries of tensors, one by one, or some at once before they are asked for."""

from collections.abc import Callable, Sequence
from typing import Any

from layergen.definition.lacking import absent, in_zeros
from layergen.definition.numbers import (
    Account,
    Computed,
    Entries,
    Held,
    Index,
    IndexFault,
    Memory,
    Reader,
    Source,
    is_within,
    those_within,
)
from layergen.lang import expression as ex
from layergen.words import plural


def reader_of(account: Account, node: ex.Node, name: str, tensor: Held, padded: bool) -> Reader:
    """What reads the entries of a tensor, or tells that it is not there."""
    if isinstance(tensor, Entries | Computed):
        return inside(account, node, name, tensor, padded)
    return Reader(lambda _: absent(node, name))


def readers_of(account: Account, node: ex.Node, name: str, several: Held, padded: bool) -> Callable[[int], Reader]:
    """What gives the reader of each tensor of a family."""
    if not isinstance(several, tuple):
        lacking = Reader(lambda _: absent(node, name))
        return lambda _: lacking
    readers = [reader_of(account, node, f"{name}[{k}]", tensor, padded) for k, tensor in enumerate(several)]

    def reader(which: int) -> Reader:
        if not 0 <= which < len(readers):
            raise IndexFault(node, f"`{name}` has {len(readers)} tensors, and none at {which}")
        return readers[which]

    return reader


def within_zeros(source: Source, name: str, node: ex.Subscript) -> Reader:
    """What reads the entries of a name that has equations, and zeros outside of where they hold."""
    found = source.reader(name, node)
    if (told := source.beyond(name)) is not None:
        raise IndexFault(node, *in_zeros(name, told, node.index))

    def read(index: Index) -> Any:
        shape = source.shape(name, len(index))
        return 0 if shape is not None and not is_within(index, shape) else found.read(index)

    def ahead(indices: Sequence[Index]) -> None:
        shape = source.shape(name, len(indices[0]))
        found.ahead(indices if shape is None else those_within(indices, shape))

    return Reader(read, found.known, ahead, found.drawn)


def inside(account: Account, node: ex.Node, name: str, tensor: Entries | Computed, padded: bool) -> Reader:
    """What reads the entries of a tensor that is there."""
    shape, rank = tensor.shape, len(tensor.shape)
    values = tensor.values if isinstance(tensor, Entries) else ()
    computed = tensor.at if isinstance(tensor, Computed) else None
    # Of those that have been read, for most are read again and again.
    memory = Memory(account) if computed is None else account.memory()
    known = memory.known

    def at(own: Index) -> Any:
        value = known.get(own)
        if value is None and (value := memory.again(own)) is None:
            draws = account.draws
            value = sought(own)
            memory.keep(own, value, draws)
        return value

    def sought(own: Index) -> Any:
        if len(own) != rank:
            given = plural(len(own), "index", "indices")
            raise IndexFault(node, f"`{name}` has {plural(rank, 'dimension')}, and {given} here")
        offset = 0
        for one, size in zip(own, shape):  # noqa: B905 (as many, which is asked above; it is done for each entry)
            if not 0 <= one < size:
                if padded:
                    return 0
                help = f"write `padded({name})[…]` where it is zero outside" if not padded else None
                raise IndexFault(node, f"`{name}{list(own)}` is outside of {list(shape)}", help)
            offset = offset * size + one
        return values[offset] if computed is None else computed(own)

    def ahead(indices: Sequence[Index]) -> None:
        there = those_within(indices, shape)
        if padded and len(there) < len(indices) and all(len(index) == rank for index in indices):
            known.update(dict.fromkeys({*indices}.difference(there), 0))
        if isinstance(tensor, Entries):
            known.update(zip(there, tensor.several(there), strict=True))
        else:
            tensor.ahead(there)
            known.update((index, tensor.known[index]) for index in there if index in tensor.known)

    return Reader(at, known, ahead, memory.drawn)
