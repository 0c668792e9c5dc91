"""Do the names in `mixes`, `causal`, `marks` and `accept` name something that they can be said of?"""

from collections.abc import Iterable, Iterator, Sequence

from layergen.diagnostics import Finding, Path, Place, Rule
from layergen.lang import expression as ex
from layergen.lang.dtypes import INTEGRAL
from layergen.lang.model import Input, LayerSpec, Tensor
from layergen.lang.tensors import OF_AN_IMAGE
from layergen.resolve.signature import (
    Binding,
    Sizes,
    alternatives,
    dimensions,
    entries,
    leading_source,
    run_of,
    shapes_of,
)
from layergen.rules import all_rules
from layergen.rules.names import UndefinedName
from layergen.rules.spec import InvalidValue
from layergen.suggest import nearest
from layergen.words import listed

LEADING_ENTRY = ex.Literal(...)
LEADING = "..."  # what `mixes` calls the leading dimensions


def check_meanings(spec: LayerSpec) -> Iterator[Finding]:
    """Yield what is wrong with these keys by their words alone."""
    known = set(dimensions(spec))
    leading = {LEADING} if any(ex.Literal(...) in part.entries for part in spec.inputs.values()) else set()
    for name in spec.mixes:
        if name not in known | leading:
            told = {spec.run or LEADING} if leading else leading
            yield _undefined(("mixes",), name, "a dimension of the inputs", known | told)
    shapes = shapes_of(spec.inputs, entries(spec.inputs, (*spec.arguments, *spec.derived)))
    for name, part in spec.inputs.items():
        yield from _check_places(name, part, shapes[name])
        if part.broadcast:
            yield from _check_broadcast(spec, name, part)
    if spec.causal is not None:
        yield from _check_causal(spec, spec.causal.dims, known)
    yield from _check_told(spec)
    for name, part in spec.inputs.items():
        if part.distinct:
            yield from _check_distinct(name, part)
        for marked in part.marks:
            yield from _check_mask(spec, name, part, marked)
    yield from _check_accept(spec)
    yield from _check_shown(spec)


def _check_places(name: str, part: Input, shapes: Iterable[Sizes]) -> Iterator[Finding]:
    """In the shape of an input, it can be told where each entry stands."""
    for sizes in shapes:
        opens = sizes.opens
        if len(opens) > 1 and (len(opens) > 2 or opens[1] != opens[0] + 1 or len(sizes.lists) != 1):
            path: Path = ("inputs", name, "shape")
            path = (*path, opens[1]) if isinstance(part.shape, tuple) else path
            message = f"where `{ex.show(sizes.entries[opens[1]])}` begins in `{name}` cannot be told"
            help = "an input has any dimensions, `...`, once, and one list, `sizes...`, right beside them"
            yield InvalidValue.at(Place(path, sizes.entries[opens[1]].span), message, help=help)


def _check_told(spec: LayerSpec) -> Iterator[Finding]:
    """Each run beside ``...`` has its sizes from an input, before others are held to them."""
    found = [entry for entry in entries(spec.inputs, (*spec.arguments, *spec.derived)) if run_of(entry.expression)]
    for run in spec.runs[1:]:
        own = [entry for entry in found if run_of(entry.expression) == run]
        tells = next((entry for entry in own if entry.binding is Binding.RUN), None)
        if tells is None:
            message = f"no input tells which dimensions `{run}...` are"
            help = f"let an input that is always there have `{run}...` without another run: `y: [{run}..., D]`"
            yield InvalidValue.at(own[0].place if own else Place(("inputs",), key=True), message, help=help)
        elif tells is not own[0]:
            message = f"`{run}...` stands in `{own[0].input}` before `{tells.input}` tells which dimensions they are"
            help = f"declare `{tells.input}` before `{own[0].input}`"
            yield InvalidValue.at(own[0].place, message, help=help)


def _check_broadcast(spec: LayerSpec, name: str, part: Input) -> Iterator[Finding]:
    """What is broadcast to a shape does not say how large that is."""
    path: Path = ("inputs", name, "shape")
    opens = alternatives(part.shape)[0].opens if isinstance(part.shape, tuple) else (0,)
    source = leading_source(spec.inputs)
    runs = [ex.Splice(ex.Name(run)) for run in spec.runs[1:]]  # each of which an input tells, as ever
    fixed = isinstance(part.shape, tuple) and [at for at in opens if part.shape[at] not in runs]
    if not isinstance(part.shape, tuple) or (fixed and (fixed != [0] or part.shape[0] != LEADING_ENTRY or not source)):
        message = f"what `{name}` is broadcast to has as many dimensions as are written, or begins as another input"
        help = "write each size by its name, `[N, heads, L, L]`, or begin as what is always there does: `[..., C]`"
        help += f", `[{spec.run}..., {spec.runs[1]}...]`" if spec.runs[1:] else ""
        yield InvalidValue.at(path, message, help=help)
        return
    known = dimensions(spec)
    for index, entry in enumerate(part.shape):
        for own in sorted(ex.names(entry) & known.keys()):
            if not known[own].always:
                message = f"`{own}` may be 1 in `{name}`, which is broadcast, so that no input tells how large it is"
                help = f"give `{own}` to an input that is always there, or delete `broadcast: true`"
                yield InvalidValue.at(Place((*path, index), entry.span), message, help=help)


def _undefined(path: Path, name: str, what: str, known: Iterable[str]) -> Finding:
    names = sorted(known)
    near = nearest(name, names)
    help = f"write `{near}`" if near else f"there is {listed(f'`{other}`' for other in names)}" if names else None
    return UndefinedName.at(Place(path), f"`{name}` is not {what}", help=help)


def _check_causal(spec: LayerSpec, names: Sequence[str], known: set[str]) -> Iterator[Finding]:
    path: Path = ("causal", "dim")
    unknown = [name for name in names if name not in known]
    if unknown:
        yield _undefined(path, unknown[0], "a dimension of the inputs", known)
        return
    if len({*names}) < len(names) or not names:
        message = f"`causal` names {'a dimension twice' if names else 'no dimension'}"
        yield InvalidValue.at(path, message, help="name each dimension once: `causal: L`, or `[H, W]` for rows")
        return
    told = listed(f"`{name}`" for name in names)
    shared = f"name {'a dimension' if len(names) == 1 else 'dimensions'} that inputs and outputs share"
    own = "as an entry of its own" if len(names) == 1 else "as entries of their own"
    if not any(has_alone(part, names) for part in spec.outputs.values()):
        message = f"no output has {told} {own}, so that none can be causal along {'it' if len(names) == 1 else 'them'}"
        yield InvalidValue.at(path, message, help=shared)
    elif not any(has_alone(part, names) for part in spec.inputs.values()):
        message = f"no input has {told} {own} just once, so that no entry is later than another"
        yield InvalidValue.at(path, message, help=shared)


def has_alone(part: Tensor, names: Iterable[str]) -> bool:
    """Whether a shape has each of some dimensions as an entry of its own, and nowhere else."""
    return all(is_alone(part, name) for name in names)


def is_alone(part: Tensor, name: str) -> bool:
    """Whether a shape has a dimension as an entry of its own, and nowhere else."""
    if not isinstance(part.shape, tuple):
        return False
    return part.shape.count(ex.Name(name)) == 1 == sum(name in ex.names(entry) for entry in part.shape)


def _check_distinct(name: str, part: Input) -> Iterator[Finding]:
    """What has no value twice are integers, along dimensions that stand last in their shape."""
    place = ("inputs", name, "distinct")
    last = part.shape[-len(part.distinct) :] if isinstance(part.shape, tuple) else ()
    if part.dtype not in INTEGRAL:
        yield InvalidValue.at(place, f"`{name}` has no integers, which alone can be distinct", help="delete `distinct`")
    elif last != tuple(map(ex.Name, part.distinct)):
        message = f"the shape of `{name}` does not end in {listed(f'`{entry}`' for entry in part.distinct)}"
        yield InvalidValue.at(place, message, help=f"name dimensions at the end of `{_shape(part)}`, in its order")


def _check_mask(spec: LayerSpec, name: str, mask: Input, marked: str) -> Iterator[Finding]:
    if marked not in spec.inputs or marked == name:
        yield _undefined(("inputs", name, "marks"), marked, "another input", set(spec.inputs) - {name})
        return
    entry = marked_dimension(mask, spec.inputs[marked])
    if entry is None:
        message = f"`{marked}` has no dimension {mask.dim} that is an entry of its own, a name that stands there once"
        yield InvalidValue.at(("inputs", name, "dim"), message, help=f"`{marked}` is `{_shape(spec.inputs[marked])}`")
    elif not is_alone(mask, entry):
        message = f"`{name}` has no dimension `{entry}`, of whose positions it could say which count"
        yield InvalidValue.at(("inputs", name, "marks"), message, help=_of_positions(mask, spec.inputs[marked], entry))


def _of_positions(mask: Input, marked: Tensor, entry: str) -> str:
    """What to write where a mask has no positions along a dimension of what it marks: perhaps it has some along others.

    The first dimension that both have is mostly the batch.
    """
    names = [node.id for node in marked.entries if isinstance(node, ex.Name)]
    _, *shared = [name for name in names if is_alone(mask, name) and is_alone(marked, name)] or [""]
    match shared:
        case []:
            return f"give it the shape `[…, {entry}]`"
        case [name]:
            return f"write `dim: {name}`, or give it the shape `[…, {entry}]`"
    return f"positions stand along one dimension, such as `dim: {shared[-1]}`; {OF_AN_IMAGE}"


def marked_dimension(mask: Input, marked: Tensor) -> str | None:
    """The name of the dimension along which a mask marks positions, if it names one."""
    if not isinstance(marked.shape, tuple) or mask.dim is None:
        return None
    entry = mask.dim
    if isinstance(entry, int):
        if not -len(marked.shape) <= entry < len(marked.shape):
            return None
        node = marked.shape[entry]
        if not isinstance(node, ex.Name) or ex.Literal(...) in marked.shape[:entry]:
            return None
        entry = node.id
    return entry if is_alone(marked, entry) else None


def _shape(part: Tensor) -> str:
    return f"[{', '.join(map(ex.show, part.entries))}]"


def _check_accept(spec: LayerSpec) -> Iterator[Finding]:
    rules = {rule.name: rule for rule in all_rules()}
    judging = sorted(name for name, rule in rules.items() if rule.judges)
    for name in spec.accept:
        place = Place(("accept", name), key=True)
        if name not in rules:
            near = nearest(name, judging) or nearest(name, rules)
            help = f"write `{near}`" if near else f"what may be accepted is {_quoted(judging)}"
            yield UndefinedName.at(place, f"there is no rule `{name}`", help=help)
        elif not rules[name].judges:
            message = f"`{name}` cannot be accepted: {_role(rules[name])}"
            yield InvalidValue.at(place, message, help=f"what may be accepted is {_quoted(judging)}")


def _role(rule: type[Rule]) -> str:
    if rule.code.startswith("LG3"):
        return "it says that the layer does not do what its spec says, or is settled by a key of its own"
    return "it does not judge what a layer does"


def _quoted(names: Iterable[str]) -> str:
    return listed(f"`{name}`" for name in names)


def _check_shown(spec: LayerSpec) -> Iterator[Finding]:
    """What is shown without its quotes is text."""
    for index, shown in enumerate(spec.repr or ()):
        argument = spec.arguments.get(shown.name.id)
        if shown.bare and argument is not None and not argument.type.textual and shown.name.id not in spec.derived:
            message = f"`!s` leaves out the quotes of text, and `{shown.name.id}` is none"
            help = f"write `{shown.name.id}{'=' if shown.keyed else ''}`"
            yield InvalidValue.at(Place(("repr", index), shown.name.span), message, help=help)
