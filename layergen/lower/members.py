"""Lowers members: how the constructor makes them, how they are reset, and what their classes are imported from."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby

from layergen.lang import expression as ex
from layergen.lang.inits import is_initializer
from layergen.lang.ties import Tie
from layergen.lang.visitor import statements
from layergen.lower.lists import as_tuple
from layergen.lower.scopes import attribute_names, constructor_names, given, initializers, negated
from layergen.lower.source import Origin, SourcePrinter
from layergen.resolve.lacking import is_untyped, may_lack
from layergen.resolve.program import Constructible, Made, Member, Program
from layergen.resolve.torch_module import TorchModule
from layergen.run.paths import bracketed, dotted, parted

ITEM = "member"  # one of a list, where all are reset
TIE = "_tie"  # the method for tensors that are one
LEFT_OUT = "tensor"  # one of a member, which may have none


def imports(program: Program, module: tuple[str, ...]) -> Iterator[str]:
    """The statements that import the classes of members, relative to a module of the same package."""
    for child in program.children.values():
        yield f"from {relative(module, child.module)} import {child.name}"


def relative(module: tuple[str, ...], other: tuple[str, ...]) -> str:
    """How a module names another one of the same package: ``.rms_norm``, ``..norm.rms_norm``."""
    own = list(module[:-1])
    shared = 0
    while shared < min(len(own), len(other) - 1) and own[shared] == other[shared]:
        shared += 1
    return "." * (len(own) - shared + 1) + ".".join(other[shared:])


def annotations(program: Program) -> Iterator[str]:
    """The attributes that are None where their condition does not hold."""
    for name, member in program.members.items():
        if member.when is not None:
            yield f"{name}: {type_of(member)} | None"


def type_of(member: Member) -> str:
    return "nn.ModuleList" if member.listed else member.made[0].of.name


def listed(program: Program) -> dict[str, str]:
    """The classes of the members in lists, by the lists' names and by those of the loops over them."""
    lists = {name: type_of_item(member) for name, member in program.members.items() if member.listed}
    loops = (part for part in statements(program.forward.statements) if isinstance(part, ex.For))
    turns: dict[str, dict[str, None]] = {}  # the classes that a name has in the loops over these
    for target, name in (pair for loop in loops for pair in _run_over(loop.targets, loop.iterable)):
        if name in lists:
            turns.setdefault(target, {})[lists[name]] = None
    return {**lists, **{target: " | ".join(classes) for target, classes in turns.items()}}


def _run_over(targets: Sequence[ex.Name], iterable: ex.Expression) -> Iterator[tuple[str, str]]:
    """The names that a loop gives its items, each with the list that it runs over."""
    match iterable:
        case ex.Name(id=name) | ex.Subscript(value=ex.Name(id=name), index=ex.Slice()) if len(targets) == 1:
            yield targets[0].id, name
        case ex.Call(function="enumerate", arguments=(inner,)) if len(targets) > 1:
            yield from _run_over(targets[1:], inner)
        case ex.Call(function="reversed", arguments=(inner,)):
            yield from _run_over(targets, inner)
        case ex.Call(function="zip", arguments=inners) if len(targets) == len(inners):
            for target, inner in zip(targets, inners, strict=True):
                yield from _run_over([target], inner)


def untyped(program: Program) -> Callable[[ex.Member], bool]:
    """Tells the tensors of members whose types a type checker does not see."""

    def is_vague(node: ex.Member) -> bool:
        base, path = parted(node, lambda index: 0)
        owner = base.value if isinstance(base, ex.Subscript) else base
        member = program.members.get(owner.id) if isinstance(owner, ex.Name) else None
        return member is not None and is_untyped(member, bracketed(path))

    return is_vague


def type_of_item(member: Member) -> str:
    """The classes of a list."""
    return " | ".join(dict.fromkeys(made.of.name for made in member.made))


def created(program: Program) -> Iterator[str]:
    """The statements of the constructor that make the members; neighbours under one condition share its branch."""
    printer = MemberPrinter(program)
    for when, group in groupby(program.members.values(), key=lambda member: member.when):
        members = list(group)
        lines = [line for member in members for line in printer.assigned(member)]
        if when is None:
            yield from lines
            continue
        yield f"if {printer.show(when)}:"
        yield from (f"    {line}" for line in lines)
        yield "else:"
        yield from (f"    self.{member.name} = None" for member in members)


class MemberPrinter(SourcePrinter):
    """Prints the calls of constructors, which hand ``device`` and ``dtype`` down."""

    def __init__(self, program: Program) -> None:
        super().__init__(constructor_names(program))

    def assigned(self, member: Member) -> Iterator[str]:
        """The lines that make a member, and freeze it where it is not learned."""
        learned, line = member.requires_grad, f"self.{member.name} = {self.constructor(member)}"
        if learned is None or isinstance(learned, ex.Literal):
            yield line + (".requires_grad_(False)" if learned == ex.Literal(False) else "")
            return
        yield line
        yield f"if {self.show(negated(learned))}:"
        yield f"    self.{member.name}.requires_grad_(False)"

    def constructor(self, member: Member) -> str:
        match member.constructor:
            case ex.Call():
                return self.made(member.made[0])
            case ex.Comprehension(target=target, iterable=ex.Call() as turns, element=element):
                index = target.id if target.id in ex.names(element) else "_"
                made = self.made(member.made[0])
                return f"nn.ModuleList({made} for {index} in {turns.function}({self.arguments(turns)}))"
            case _:
                return f"nn.ModuleList([{', '.join(map(self.made, member.made))}])"

    def made(self, made: Made) -> str:
        handed = [f"{option}={option}" for option in ("device", "dtype") if made.of.takes(option)]
        call = _tupled(made.call, made.of.tuples) if isinstance(made.of, TorchModule) else made.call
        given = [self.arguments(call)] if call.arguments or call.keywords else []
        return f"{made.of.name}({', '.join([*given, *handed])})"


def _tupled(call: ex.Call, tuples: Mapping[str, bool]) -> ex.Call:
    """A call, with tuples in the place of lists where these are asked for, by name and in order."""
    placed = zip(call.arguments, [*tuples.values(), *(False for _ in call.arguments)], strict=False)
    keywords = (replace(part, value=as_tuple(part.value)) if tuples.get(part.name) else part for part in call.keywords)
    return replace(
        call, arguments=tuple(as_tuple(part) if wanted else part for part, wanted in placed), keywords=tuple(keywords)
    )


def reset(program: Program) -> Iterator[str]:
    """The statements that reset the members, each with tensors of its own."""
    yield from untied(program)
    for name, member in program.members.items():
        owning = [made.of for made in member.made if owns(made.of)]
        if not owning:
            continue
        if member.listed:
            lines = each(member, owning, "{}.reset_parameters()")
        else:
            lines = [f"self.{name}.reset_parameters()"]
        if member.when is not None:
            lines = [f"if self.{name} is not None:", *(f"    {line}" for line in lines)]
        yield from lines


def each(member: Member, having: list[Constructible], line: str) -> list[str]:
    """The loop that does something with each member of a list that has what it takes; the line has braces for it.

    Where all have it, their class is told and not asked: what a caller has wrapped one in may have it too.
    """
    classes = " | ".join(dict.fromkeys(of.name for of in having))
    if len(having) == len(member.made):
        lines = [line.format(_told(classes))]
    else:
        lines = [f"if isinstance({ITEM}, {classes}):", f"    {line.format(ITEM)}"]
    return [f"for {ITEM} in self.{member.name}:", *(f"    {line}" for line in lines)]


def _told(classes: str) -> str:
    """One member of a list, which a type checker takes for any module."""
    return f"cast({classes}, {ITEM})"


def owns(of: Constructible) -> bool:
    """Whether what a constructor makes has tensors."""
    return of.takes("device")


def restarted(program: Program) -> Iterator[str]:
    """The statements that give tensors of members other initial values, and that make tied ones the same."""
    for name, member in program.members.items():
        lines: list[str] = []
        target = _told(type_of_item(member)) if member.listed else f"self.{name}"
        for path, init in member.init.items():
            tensor = f"cast(Tensor, {target}.{path})" if is_untyped(member, path) else f"{target}.{path}"
            if not may_lack(member, path):
                lines += started(program, tensor, init)
                continue
            if tensor.startswith("cast(Tensor"):
                tensor = tensor.replace("Tensor", "Tensor | None", 1)
            if "(" in tensor:  # a type checker forgets what was asked of a call
                lines.append(f"{LEFT_OUT} = {tensor}")
                tensor = LEFT_OUT
            lines += [f"if {tensor} is not None:", *(f"    {line}" for line in started(program, tensor, init))]
        if not lines:
            continue
        if member.listed:
            lines = [f"for {ITEM} in self.{name}:", *(f"    {line}" for line in lines)]
        if member.when is not None:
            read = (argument for init in member.init.values() for argument in given(program, ex.walk(init)))
            there = [f"self.{part} is not None" for part in (name, *dict.fromkeys(read))]
            lines = [f"if {' and '.join(there)}:", *(f"    {line}" for line in lines)]
        yield from lines
    if program.ties:
        yield f"self.{TIE}()"


def started(program: Program, target: str, init: ex.Expression) -> list[str]:
    """The statements that give one tensor its initial value."""
    printer = SourcePrinter(attribute_names(program), Origin(f"{target}.device", f"{target}.dtype"), once="value")
    if is_initializer(init):
        arguments = printer.arguments(init)
        return [f"{initializers(program)}.{init.function}_({target}{', ' if arguments else ''}{arguments})"]
    return ["with torch.no_grad():", f"    {target}.copy_({printer.show(init)})"]


def tied(program: Program) -> Iterator[str]:
    """The statements that make tied tensors the same."""
    yield from _of_each(
        program,
        ((tie, f"{_tensor(program, tie.left)} = {_tensor(program, tie.right, tie.left)}") for tie in program.ties),
    )


def untied(program: Program) -> Iterator[str]:
    """The statements that part tied tensors, where the start of the left one would be left in the right one."""
    found = (tie for tie in program.ties if not _is_started(program, tie.right) or _is_started(program, tie.left))
    lines = (
        (tie, f"{_tensor(program, tie.left)} = copy.deepcopy({_tensor(program, tie.right, tie.left)})") for tie in found
    )
    told = list(_of_each(program, lines))
    if told:
        yield "# Parted, so that the start of one is not left in the other."
    yield from told


def _is_started(program: Program, path: ex.Expression) -> bool:
    """Whether the layer gives a tensor of a member, or of each of a list, its initial value itself."""
    base, rest = parted(path, ex.show)
    match base:
        case ex.Name(id=name) | ex.Subscript(value=ex.Name(id=name)):
            return not rest or any(dotted(other) == rest for other in program.members[name].init)
    return False


def _of_each(program: Program, found: Iterable[tuple[Tie, str]]) -> Iterator[str]:
    """Statements about two tensors that are one, for each index, and where the members are there that have them.

    Neighbours that ask the same stand in one branch or loop.
    """
    for (there, each), group in groupby(found, key=lambda pair: (_asked(program, pair[0]), pair[0].each)):
        lines = [line for _, line in group]
        if each is not None:
            count = SourcePrinter(attribute_names(program)).show(each.count)
            lines = [f"for {each.index} in range({count}):", *(f"    {line}" for line in lines)]
        if there:
            asked = " and ".join(f"self.{name} is not None" for name in there)
            lines = [f"if {asked}:", *(f"    {line}" for line in lines)]
        yield from lines


def _asked(program: Program, tie: Tie) -> tuple[str, ...]:
    """The members of a tie that need not be there."""
    return tuple(name for name in tie.members if name in program.members and program.members[name].when is not None)


def _tensor(program: Program, path: ex.Expression, beside: ex.Expression | None = None) -> str:
    """The source of a tensor of a member; beside one that has a type, it has its own.

    A type checker takes what a list has for any module, of whose members it knows nothing; one may assign to it.
    """
    typed = _is_deep(path) or (beside is not None and (_is_deep(beside) or not _is_listed(beside)))
    names = attribute_names(program) | {name: f"self.{name}" for name in program.members}
    return SourcePrinter(names, listed=listed(program) if typed else {}).show(path)


def _is_deep(path: ex.Expression) -> bool:
    """Whether a tensor is one of a member of a member."""
    return "." in parted(path, ex.show)[1]


def _is_listed(path: ex.Expression) -> bool:
    """Whether a tensor is one of a member in a list."""
    return isinstance(parted(path, ex.show)[0], ex.Subscript)
