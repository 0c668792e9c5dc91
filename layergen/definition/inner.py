"""Members, each computed by its own definition where the definition of their owner calls them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from layergen.definition.calling import CallFault, inputs_at, maker, misfit, output_of, settled, sizes_of
from layergen.definition.entries import Entry, passed
from layergen.definition.numbers import Computed, Entries, Given, Held, Index, IndexFault, Part, Reader, Source
from layergen.definition.readers import inside, reader_of
from layergen.definition.scene import Definition, written_index
from layergen.lang import expression as ex
from layergen.lang.interpreter import EvaluationFault, Interpreter


@dataclass(frozen=True)
class Made:
    """A member at its numbers."""

    definition: Definition
    numbers: Mapping[str, Any]  # its arguments and derived values
    tensors: Mapping[str, Held]  # that it owns


class Inner:
    """The members of a layer, each computed by its own definition.

    Args:
        owner: The layer that calls them.
    """

    def __init__(self, owner: Source) -> None:
        self.owner = owner
        self.made: dict[tuple[str, int | None], Made] = {}
        self.called: dict[tuple[str, int | None, Given], Source] = {}
        self.outputs: dict[tuple[str, int | None, str | None], str] = {}  # of members, by how they are called there

    def there(self, name: str) -> bool:
        """Whether a member is there."""
        when = self.owner.definition.scene.members[name].when
        return when is None or bool(self.owner.number(when))

    def reader(self, entry: Entry, which: int | None, given: Given) -> Reader:
        """What reads the entries of what a member gives, or of a tensor that it owns."""
        member = self.member(entry, which)
        if entry.call is None:
            return self.owned(entry, member)
        key = entry.name.id, which, given
        if key not in self.called:
            self.called[key] = self.evaluation(entry, member, given)
        meant = entry.name.id, which, entry.output
        if meant not in self.outputs:
            self.outputs[meant] = output_of(member.definition, entry)
        inside = self.called[key].reader(self.outputs[meant], entry.node)

        def read(index: Index) -> Any:
            try:
                return inside.read(index)
            except IndexFault as fault:
                if fault.node is entry.node:
                    message = f"`{ex.show(entry.node.value)}` has no entry {list(index)}"
                    raise IndexFault(entry.node, message, two_ranges(self.owner.definition, entry)) from None
                message = f"by the definition of `{member.definition.spec.layer}`, {fault.message}"
                raise IndexFault(entry.node, message) from None  # what it says of places is said of another file

        return Reader(read, inside.known, inside.ahead, inside.drawn)

    def owned(self, entry: Entry, member: "Made") -> Reader:
        """What reads the entries of a tensor of a member, or of a family of them."""
        tensor, text = member.tensors.get(entry.owned), ex.show(entry.read)
        if not isinstance(tensor, tuple):
            return self.entries(entry, tensor, text)
        several = [self.entries(entry, one, f"{text}[{k}]") for k, one in enumerate(tensor)]

        def read(index: Index) -> Any:
            first, *others = index
            if not 0 <= first < len(several):
                raise IndexFault(entry.node, f"`{text}` has {len(several)} tensors, and none at {first}")
            return several[first].read(tuple(others))

        return Reader(read)

    def entries(self, entry: Entry, tensor: Held, text: str) -> Reader:
        return reader_of(self.owner.account, entry.node, text, tensor, padded=False)

    def member(self, entry: Entry, which: int | None) -> Made:
        """A member at its numbers."""
        key = entry.name.id, which
        if key not in self.made:
            try:
                self.made[key] = self.make(*key)
            except IndexError:
                message = f"`{entry.name.id}` has no member at {which}"
                raise IndexFault(entry.node, message) from None
            except (CallFault, EvaluationFault) as fault:
                raise IndexFault(entry.name, fault.message) from None
        return self.made[key]

    def make(self, name: str, which: int | None) -> Made:
        members = self.owner.definition.scene.members[name]
        call, names = maker(members, which, self.owner.numbers)
        definition = members.known[call.function]
        numbers = settled(definition, call, names)
        prefix = f"{name}." if which is None else f"{name}.{which}."
        tensors = {
            path.removeprefix(prefix): held for path, held in self.owner.tensors.items() if path.startswith(prefix)
        }
        return Made(definition, numbers, {**tensors, **dict(families_in(definition, tensors, numbers))})

    def evaluation(self, entry: Entry, member: Made, given: Given) -> Source:
        """The definition of a member where it is given something."""
        spec = member.definition.spec
        inputs: dict[str, Held] = dict.fromkeys(spec.inputs)
        values = dict(member.numbers)
        for name, value in given:
            if isinstance(value, Part):
                inputs[name] = self.part(value, entry)
            elif name in spec.values:
                values[name] = value
        shapes = {name: held.shape for name, held in inputs.items() if isinstance(held, Computed)}
        sizes = sizes_of(spec, shapes, values)
        leading = sizes.pop("...", ())
        if any(list(leading) != sizes.get(name, list(leading)) for name in member.definition.scene.met - {spec.run}):
            message = f"`{spec.layer}` broadcasts what it is given here, and its definition does not"
            raise IndexFault(entry.node, message, "hand on tensors of one shape, or write out what it computes")
        if wrong := misfit(spec, shapes, {**values, **sizes}):
            raise IndexFault(entry.node, wrong, "hand on as many entries as the member is made for")
        run = {spec.run: list(leading)} if spec.run else {}
        tensors = {**dict.fromkeys(spec.tensors), **member.tensors, **inputs}
        return self.owner.inside(member.definition, {**values, **sizes, **run}, tensors, leading)

    def part(self, part: Part, entry: Entry) -> Computed:
        """The entries that are handed on."""
        owner, first = self.owner, part.first
        held = owner.tensors.get(part.name)
        if held is None:
            shape = owner.shape(part.name)
            if shape is None:
                raise IndexFault(entry.node, f"nothing tells how large `{part.name}` is")
            reader = owner.reader(part.name, entry.node)
        else:
            assert isinstance(held, Entries | Computed)
            shape, reader = held.shape, inside(owner.account, entry.node, part.name, held, padded=False)
        if not first:
            return Computed(shape, reader.read, reader.ahead, reader.known)
        return Computed(
            shape[len(first) :],
            lambda index: reader.read((*first, *index)),
            lambda indices: reader.ahead([(*first, *index) for index in indices]),
        )


def two_ranges(definition: Definition, entry: Entry) -> str | None:
    """What to do where a member is handed entries of which one index runs by two statements, and not equally far."""
    handed = (passed(node) for node in inputs_at(definition, entry).values())
    for name in (part.name.id for part in handed if part is not None):
        ranges: dict[int, dict[str, None]] = {}  # those that are written, by the place of their index
        for equation in definition.named.get(name, ()):
            for place, written in enumerate(map(written_index, equation.indices)):
                if written is not None and written[1] is not None:
                    ranges.setdefault(place, {})[f"`{written[0]} < {ex.show(written[1])}`"] = None
        if several := next((list(told) for told in ranges.values() if len(told) > 1), None):
            told = " and ".join(several[:2])
            return f"`{name}` has two ranges of an index, {told}: give what is handed on at first a name of its own"
    return None


def families_in(
    definition: Definition, tensors: Mapping[str, Held], numbers: Mapping[str, Any]
) -> Iterator[tuple[str, Held]]:
    """The families of a layer, put together of its tensors."""
    for name, part in definition.scene.families.items():
        assert part.each is not None
        count = int(Interpreter(numbers).evaluate(part.each.count))
        several = [tensors.get(part.name(k) if part.named is not None else f"{name}.{k}") for k in range(count)]
        there = part.when is None or any(held is not None for held in several)
        yield name, tuple(held if isinstance(held, Entries) else None for held in several) if there else None
