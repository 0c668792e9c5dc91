"""The dimension that all inputs may lack together, as that of the batch: where it stands, and what tells it is gone.

The forward is written with it. Where it is absent the generated code puts it in, with a size of 1, and takes it out of
the outputs.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from layergen.diagnostics import Finding, Place
from layergen.lang import expression as ex
from layergen.lang.model import Input, Kept, LayerSpec, Output, Tensor
from layergen.resolve.signature import Sizes, all_of, alternatives, dimensions
from layergen.rules.names import UndefinedName
from layergen.rules.spec import InvalidValue
from layergen.suggest import nearest
from layergen.words import listed


@dataclass(frozen=True)
class Telling:
    """The input by whose number of dimensions a call tells whether one is left out."""

    input: str
    rank: int  # with it


def axis(tensor: Tensor, name: str) -> ex.Expression | None:
    """Where a dimension stands in a shape: an index, or one for each condition; None if it is not there.

    A condition under which the shape lacks it has None in its place.
    """
    found = [(sizes, place_in(sizes, name)) for sizes in alternatives(tensor.shape)]
    if all(index is None for _, index in found):
        return None
    *others, (_, last) = found
    result: ex.Expression = ex.Literal(last)
    for sizes, index in reversed(others):
        if any(index != other for _, other in found):
            result = ex.Conditional(all_of(sizes.tests), ex.Literal(index), result)
    return result


def everywhere(tensor: Tensor, name: str) -> bool:
    """Whether a dimension stands in each of the shapes of a tensor."""
    return all(place_in(sizes, name) is not None for sizes in alternatives(tensor.shape))


def place_in(sizes: Sizes, name: str) -> int | None:
    """At which place a dimension stands in one shape, None if it does not."""
    names = [entry.id if isinstance(entry, ex.Name) else None for entry in sizes.entries]
    return sizes.index(names.index(name)) if name in names else None


def without(sizes: Sizes, name: str) -> tuple[ex.Expression, ...]:
    """One shape as it is where a dimension is left out, and with it those of which any number may follow it."""
    gone = [ex.Name(name), *([ex.Literal(...)] if _before_any(sizes, name) else [])]
    return tuple(entry for entry in sizes.entries if entry not in gone)


def telling(inputs: Mapping[str, Input], name: str) -> Telling | None:
    """What tells whether a dimension is left out: the first input that is always there and has it.

    Where any number of dimensions may follow it, it is left out together with these.
    """
    for input, part in inputs.items():
        shapes = alternatives(part.shape)
        ranks = {sizes.least for sizes in shapes}
        closed = not any(sizes.opens for sizes in shapes) or (len(shapes) == 1 and _before_any(shapes[0], name))
        told = axis(part, name) is not None and everywhere(part, name)
        if told and not part.optional and not isinstance(part, Kept) and closed and len(ranks) == 1:
            return Telling(input, *ranks)
    return None


def _before_any(sizes: Sizes, name: str) -> bool:
    """Whether a dimension stands in front of those of which there may be any number."""
    return sizes.loose is not None and not sizes.lists and ex.Name(name) in sizes.entries[: sizes.loose]


def check_dimensions(spec: LayerSpec) -> Iterator[Finding]:
    """Yield what is wrong with the section `dimensions`."""
    known = dimensions(spec)
    for name in spec.noted:
        if name not in known:
            near = nearest(name, known)
            help = (
                f"write `{near}`" if near else f"there is {listed(f'`{other}`' for other in known)}" if known else None
            )
            message = f"`{name}` is not a dimension of the inputs"
            yield UndefinedName.at(Place(("dimensions", name), key=True), message, help=help)
    absent = [name for name, note in spec.noted.items() if note.optional and name in known]
    for name in absent[1:]:
        message = f"`{absent[0]}` may be left out already, and which of two is missing cannot be told"
        yield InvalidValue.at(("dimensions", name, "optional"), message, help="let one dimension be optional")
    for name in absent[:1]:
        yield from _check_places(spec, name)


def _check_places(spec: LayerSpec, name: str) -> Iterator[Finding]:
    """A dimension that may be left out is an entry of its own, and some input tells whether it is there."""
    for key, kept in spec.inputs.items():
        if isinstance(kept, Kept) and axis(kept, name) is not None:
            message = f"a call may leave out `{name}`, and `{key}` has it already when the layer is made"
            help = "give the tensor dimensions that each call has, or let `broadcast: true` say that it may be smaller"
            yield InvalidValue.at(("arguments", key, "shape"), message, help=help)
    parts: list[tuple[str, str, Input | Output]] = [
        *(("inputs", key, part) for key, part in spec.inputs.items() if not isinstance(part, Kept)),
        *(("outputs", key, part) for key, part in spec.outputs.items()),
    ]
    faulty = False
    for section, key, part in parts:
        shapes = alternatives(part.shape)
        counts = [sum(name in ex.names(entry) for entry in sizes.entries) for sizes in shapes]
        if not any(counts) and (shapes or name not in set[str]().union(*map(ex.names, part.entries))):
            continue
        lacking = section == "outputs"  # which a reduction takes it out of, as it stands
        alone = all(count == 1 or (lacking and count == 0) for count in counts)
        if axis(part, name) is None or not (alone and (lacking or everywhere(part, name))):
            faulty = True
            message = f"`{name}` cannot be left out of `{key}`, where it is no entry of its own that stands there once"
            help = f"give each shape of `{key}` one entry `{name}`, or delete `optional: true`"
            yield InvalidValue.at((section, key, "shape"), message, help=help)
    if not faulty and telling(spec.inputs, name) is None:
        message = f"no input tells whether `{name}` is left out"
        help = f"give an input that is always there a shape with `{name}`, and without `...`"
        yield InvalidValue.at(("dimensions", name, "optional"), message, help=help)
