"""Lowers a spec's forward to the body of ``forward``."""

import re
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import replace

from layergen.lang import expression as ex
from layergen.lang.tuples import whole_name, wholes
from layergen.lang.visitor import Visitor, assigned, calls, mentioned
from layergen.lower import autocast
from layergen.lower.alike import unless_alike
from layergen.lower.annotations import Annotations
from layergen.lower.apart import apart
from layergen.lower.arguments import bounds_check, normalized
from layergen.lower.buffers import copied
from layergen.lower.carried import carried
from layergen.lower.dtypes import unnamed
from layergen.lower.families import reader
from layergen.lower.input_checks import InputCheckWriter, mentioned_dimensions, rounds
from layergen.lower.loops import arranged
from layergen.lower.members import listed, untyped
from layergen.lower.named_casts import named_casts
from layergen.lower.narrowing import Narrowing, asked_and_read
from layergen.lower.origin import origin, told_dtype
from layergen.lower.read_once import read_once
from layergen.lower.returned import Answers, conditions, named_output, result, returned
from layergen.lower.scopes import attribute_names, functional, given_names
from layergen.lower.sizes import measured, mentioned_sizes, size_checks
from layergen.lower.source import WIDTH, SourcePrinter
from layergen.lower.statistics import in_place, numbered
from layergen.lower.tidy import tidied
from layergen.lower.unbatched import UnbatchedWriter, takes_both, unpacked
from layergen.lower.unions import as_types
from layergen.lower.updates import parted, update
from layergen.lower.whole import seldom_read
from layergen.lower.wide import asks_dtype_of_input, converted
from layergen.prove.demands import InputCheck, lists_of
from layergen.resolve.conditions import NOTHING, Facts, about, exclude, facts, situated
from layergen.resolve.program import Program
from layergen.resolve.signature import Entry, Sizes, leading_source
from layergen.resolve.written import is_write

INDENT = "    "


class ForwardWriter(Visitor):
    """Writes the lines of one forward."""

    def __init__(
        self, program: Program, checks: Sequence[InputCheck] = (), conditions: Sequence[ex.Expression] = ()
    ) -> None:
        self.program = program = apart(numbered(carried(arranged(program).program)))
        self.checks, self.conditions = checks, conditions
        self.names = attribute_names(program) | {name: f"self.{name}" for name in program.tensors}
        self.names |= {name: f"self.{name}" for name in program.members}
        self.names = {name: text for name, text in self.names.items() if name not in program.taken}
        self.names |= {name: f"self.{name}" for name in program.kept} | {"training": "self.training"}
        self.narrowing = Narrowing(program)
        self.types = Annotations(program)
        self.known: Facts = NOTHING  # what is known of the inputs where the writer is
        self.bound = frozenset(name for name, found in program.dimensions.items() if found.always)
        self.whole: Sequence[ex.Statement] = ()  # the statements as they are written
        self.computed: ex.Assign | None = None  # the one whose value is returned without a name
        self.device_type = ""  # the name of what autocast is turned off for
        self.kept = False  # whether it is turned off where the writer is
        self.lines: list[str] = []
        self.depth = 0
        self.rebound = program.forward.assigned
        self.origin = origin(program, self.names)
        once, listing = self.free("value"), listed(program)
        self.printer = SourcePrinter(self.names, self.origin, once, functional(program), listed=listing)
        self.printer.given, self.printer.untyped = given_names(program), untyped(program)
        self.rank = measured(program, conditions, self.free("rank"))
        self.runs = self.named_runs()
        named = program.run if program.run in self.runs else None
        self.printer.leading, self.printer.read = named or self.leading(), reader(program)
        put = None if takes_both(program, checks) else program.left_out
        self.unbatched = (put and UnbatchedWriter(program, put, self.printer, self.free("unbatched"))) or None

    def write(self) -> tuple[str, ...]:
        for name, argument in self.program.values.items():
            for line in normalized(name, argument):
                self.emit(line)
            self.lines += [line for check in bounds_check(name, argument) for line in check.lines()]
        if self.unbatched is not None:
            self.lines += self.unbatched.put_in()
        self.inputs()
        for check in size_checks(self.program, self.conditions, self.rank):
            self.lines += check.lines()
        written = tidied(in_place(read_once(copied(self.program), self.program)), wholes(self.program.outputs))
        shielded = autocast.left_to_autocast(unnamed(written, self.program), self.program)
        self.whole = named_casts(shielded, self.program, self.printer.once)
        if autocast.asks_for_autocast(self.whole):
            self.device_type = self.free("device_type")
            self.emit(f"{self.device_type} = {autocast.device_type(self.origin.device)}")
        always = not conditions(self.program)
        self.computed = self.result_of(self.whole, wholes(self.program.outputs)) if always else None
        body, last = self.split_condition(self.whole)
        follows = (*last.body, *last.orelse) if last is not None else ()
        body, given = self.split_names(body, follows) if self.computed is None else (body, {})
        self.block(body)
        if last is not None:
            self.emit(f"if {self.printer.show(self.narrowed(last.test, last))}:")
            there, inner = self.split_names(last.body)
            self.inner(there, facts(last.test, True), lambda: self.give_back((), {last.test: True}, {**given, **inner}))
            alone = tuple(name for name, _ in returned(self.program, {last.test: False}))
            self.computed = self.result_of(last.orelse, alone)
            others, inner = self.split_names(last.orelse) if self.computed is None else (last.orelse, {})
            self.known |= facts(last.test, False)
            self.bind_here(others)
            self.block(others)
            if self.computed is None:
                self.give_back((), {last.test: False}, {**given, **inner})
        elif self.computed is None:
            self.give_back(conditions(self.program), {}, given)
        return tuple(self.lines)

    def split_condition(self, body: Sequence[ex.Statement]) -> tuple[Sequence[ex.Statement], ex.If | None]:
        """The statements before the last one, where that computes what is returned on the same condition alone."""
        match body:
            case (*before, ex.If(test=test) as last) if conditions(self.program) == (test,):
                return before, last
        return body, None

    def split_names(
        self, body: Sequence[ex.Statement], follows: Sequence[ex.Statement] = ()
    ) -> tuple[Sequence[ex.Statement], Mapping[str, str]]:
        """The statements before those that only name the outputs, and what each of these is called until then.

        Nothing of what may follow on a condition reads such an output, or changes what it is.
        """
        found: dict[str, ex.Expression] = {}
        before = [*body]
        while before and self.unbatched is None and (given := named_output(self.program, before[-1])) is not None:
            name, value = given
            read = mentioned(follows).union(*map(ex.names, found.values()))
            if name in read or name in found or not assigned(follows).isdisjoint({name, *ex.names(value)}):
                break
            found[name] = value
            before.pop()
        return before, {name: self.printer.show(value) for name, value in found.items()}

    def give_back(self, open: Sequence[ex.Expression], answers: Answers, given: Mapping[str, str]) -> None:
        """Return the outputs, on each condition those that there are, by the names that they have if not their own."""
        if not open:
            names = tuple(returned(self.program, answers))
            for line in self.unbatched.take_out([name for name, there in names if there]) if self.unbatched else ():
                self.emit(line)
            self.emit(f"return {result(names, given)}")
            return
        test, *rest = open
        known = NOTHING.union(*(facts(other, holds) for other, holds in answers.items()))
        if exclude(facts(test, True), known):
            self.give_back(rest, {**answers, test: False}, given)
            return
        self.emit(f"if {self.printer.show(test)}:")
        self.depth += 1
        self.give_back(rest, {**answers, test: True}, given)
        self.depth -= 1
        self.give_back(rest, {**answers, test: False}, given)

    def emit(self, line: str) -> None:
        self.lines.append(INDENT * self.depth + line)

    def free(self, name: str) -> str:
        """A name for a value that has none in the spec."""
        while name in self.program.names or name in self.program.forward.assigned:
            name += "_"
        return name

    def leading(self) -> str:
        """Where the leading dimensions can be read: ``x.shape[:-1]``, or a name for it if the input is rebound."""
        source = leading_source(self.program.inputs)
        if source is None:
            return "..."
        name, text = source.input, source.run(self.printer.show)
        if not self.program.forward.splices or whole_name(name) not in self.rebound:
            return text
        own = self.free("leading")
        self.emit(f"{own} = {text}")
        return own

    def named_runs(self) -> Set[str]:
        """The runs of dimensions that the code reads by their names."""
        lists = [part for check in self.checks for part in lists_of(check.demand)]
        read = self.program.forward.reads.union(*map(ex.names, (*self.conditions, *lists)))
        return read & {*self.program.runs} - ({self.program.run} if self.rank else set())

    def inputs(self) -> None:
        """Check the inputs and bind the dimensions that the forward mentions, before any input is rebound.

        What is always there comes first: its sizes are what the others are compared with.
        """
        used = set(self.program.forward.reads) | mentioned_sizes(self.program, self.conditions)
        own = {name: [check for check in self.checks if check.input == name] for name in self.program.inputs}
        unnamed = seldom_read(self.program, own, used)
        used |= {name for check in self.checks for name in mentioned_dimensions(self.program, check)} - unnamed
        single = self.program.left_out is not None and self.unbatched is None
        writer = InputCheckWriter(self.program, self.printer, unnamed, single, self.unbatched)
        bound = set[str]()
        for name, checks in rounds(self.program, self.checks):
            self.read_once([name] if checks and name in self.program.kept else [])
            for line in writer.lines(name, checks):
                self.emit(line)
            if name not in bound:
                self.bind(name, used)
                self.bind_run(name)
            bound.add(name)
        if self.origin.dtype == "dtype" and any(map(asks_dtype_of_input, self.program.forward.calls)):
            self.emit(f"dtype = {told_dtype(self.program)}")

    def read_once(self, names: Iterable[str]) -> None:
        """Give tensors of the layer names here, for a module looks them up each time. Buffers are written in place."""
        for name in names:
            if self.names[name] != name and (name in self.program.buffers or name not in self.rebound):
                self.emit(f"{name} = {self.names[name]}")
                self.names[name] = name

    def bind_run(self, name: str) -> None:
        """Give runs of dimensions their names where an input has them that is always there."""
        for run, source in self.program.sources.items():
            if run in self.runs and source.input == name:
                self.emit(f"{run} = {source.run(self.printer.show)}")
        if self.rank is not None and self.rank.input == name and self.rank.text.isidentifier():
            self.emit(f"{self.rank.text} = {name}.dim()")

    def bind(self, name: str, used: set[str]) -> None:
        """Give the dimensions of an input their names, those that stand alone in one line where none may lead."""
        found = {
            dimension.source.position: dimension
            for dimension in self.program.dimensions.values()
            if dimension.always and dimension.source.input == name and dimension.name in used
        }
        alone = {index: part.name for index, part in found.items() if not part.source.solves and not part.ways}
        sizes = self.program.shapes[name][0] if found else Sizes(())
        if len(alone) > 1 and not sizes.opens:
            self.emit(f"{unpacked(alone, len(sizes.entries), self.program.single)} = {name}.shape")
            found = {index: part for index, part in found.items() if index not in alone}
        for dimension in found.values():
            self.emit(f"{dimension.name} = {self.printer.show(dimension.gives)}")

    def result_of(self, statements: Sequence[ex.Statement], outputs: tuple[str, ...]) -> ex.Assign | None:
        """The last of some statements, where it computes the one output that they are to return and no more."""
        last = statements[-1] if statements else None
        if not isinstance(last, ex.Assign) or not tuple(target.id for target in last.targets) == outputs == outputs[:1]:
            return None
        own = self.unbatched is not None or outputs[0] in self.program.buffers
        often = sum(target.id == outputs[0] for target in self.program.forward.targets) > 1
        again = often and outputs[0] not in self.program.results
        return None if own or (self.types.untyped(last.value) and not again) else last

    def block(self, block: Sequence[ex.Statement]) -> None:
        for silent, part in parted(block, self.whole, self.program.buffers, wholes(self.program.outputs)):
            if silent:
                self.emit("with torch.no_grad():")
            self.depth += silent
            for kept, steps in ((False, part),) if self.kept else autocast.shielded(part):
                if kept:
                    self.emit(f"with torch.autocast({self.device_type}, enabled=False):")
                self.kept, before = self.kept or kept, self.kept
                self.depth += kept
                for statement in steps:
                    self.visit(statement)
                self.depth -= kept
                self.kept = before
            self.depth -= silent

    def comment(self, statement: ex.Comment) -> None:
        room = WIDTH - 8 - len(INDENT) * self.depth
        for line in textwrap.wrap(f"# {statement.text}", room, subsequent_indent="# ", break_on_hyphens=False):
            self.emit(line)

    def assign(self, statement: ex.Assign) -> None:
        if statement.parts_group:  # which the statement before has taken apart
            self.store(self.updated(statement))
            return
        target = statement.targets[0]
        if len(statement.targets) == 1 and target.id in self.program.buffers:
            self.emit(update(self.printer, target.id, self.narrowed(statement.value, statement)))
            return
        if autocast.comes_back(statement):
            named = self.device_type or self.free("device_type")
            for line in autocast.way_back(statement, self.printer, self.origin.device, named, bool(self.device_type)):
                self.emit(line)
            self.lines += [f"return {target.id}"] if statement is self.computed else []
            return
        value = self.printer.show(self.narrowed(statement.value, statement))
        if statement is self.computed:
            if self.types.untyped(statement.value):  # mypy is told by another name, for this one has its type already
                named, value = value, self.free("result")
                self.emit(f"{value}: Tensor = {named}")
            self.emit(f"return {value}")
            return
        names = [re.sub(r"\w+", lambda found: self.assigned(found[0]), target.id) for target in statement.targets]
        annotation = self.types.annotation(statement)
        for name in self.types.declared(statement):
            self.emit(f"{name}: Tensor")
        self.types.tell(names)
        self.emit(value if is_write(statement, self.program) else f"{', '.join(names)}{annotation} = {value}")
        self.store(self.updated(statement))

    def assigned(self, name: str) -> str:
        """The name that gets a value among others: a buffer is then written from it."""
        return self.free(f"new_{name}") if name in self.program.buffers else name

    def store(self, buffers: Sequence[str]) -> None:
        """Write buffers whose values have names."""
        if buffers:
            self.emit("with torch.no_grad():")
        for name in buffers:
            self.emit(f"{INDENT}self.{name}.copy_({self.assigned(name)})")

    def loop(self, statement: ex.For) -> None:
        block, results = self.program.forward.statements, wholes(self.program.outputs)
        read = mentioned(block).union((call.function for call in calls(block)), results)
        names = [target.id if target.id in read else "_" for target in statement.targets]
        iterable = self.narrowed(statement.iterable, statement)
        if isinstance(iterable, ex.Sequence):  # it does not change
            iterable = replace(iterable, bracket="(")
        self.emit(f"for {', '.join(names)} in {self.printer.show(iterable)}:")
        known, self.known = self.known, about(self.known, assigned(statement.body))
        self.inner(statement.body, NOTHING)
        self.known = known

    def append(self, statement: ex.Append) -> None:
        value = self.printer.show(self.narrowed(statement.value, statement))
        self.emit(f"{self.printer.name(statement.list)}.append({value})")

    def updated(self, statement: ex.Statement) -> list[str]:
        """The buffers that a statement assigns."""
        targets = statement.targets if isinstance(statement, ex.Assign) else ()
        return [target.id for target in targets if target.id in self.program.buffers]

    def branch(self, statement: ex.If) -> None:
        if self.depth == 0:
            self.read_once(asked_and_read(self.narrowed(statement.test, statement), statement, self.program))
        self.chain(statement, "if")

    def chain(self, statement: ex.If, word: str) -> None:
        """Write a branch, and those that follow it as ``elif``."""
        self.emit(f"{word} {self.printer.show(self.narrowed(statement.test, statement))}:")
        self.inner(statement.body, facts(statement.test, True))
        known = self.known
        self.known |= facts(statement.test, False)
        if (
            len(statement.orelse) == 1
            and isinstance(statement.orelse[0], ex.If)
            and not self.sizes_in(statement.orelse)
        ):
            self.chain(statement.orelse[0], "elif")
        elif statement.orelse:
            self.emit("else:")
            self.inner(statement.orelse, NOTHING)
        self.known = known

    def inner(self, block: Sequence[ex.Statement], known: Facts, end: Callable[[], None] | None = None) -> None:
        """Write a block in which something more is known, first the dimensions that have a size there alone."""
        before = self.known, self.bound
        self.depth += 1
        self.known |= known
        self.bind_here(block)
        if all(isinstance(statement, ex.Comment) for statement in block) and end is None:
            self.emit("pass")
        self.block(block)
        if end is not None:
            end()
        self.depth -= 1
        self.known, self.bound = before

    def bind_here(self, block: Sequence[ex.Statement]) -> None:
        """Give the dimensions their names that have a size from here on alone."""
        for name, entry in self.sizes_in(block).items():
            self.emit(f"{name} = {self.printer.show(entry.gives)}")
            self.bound |= {name}

    def sizes_in(self, block: Sequence[ex.Statement]) -> dict[str, Entry]:
        """The dimensions that a block mentions and that get their size where it begins."""
        found = {name: self.program.dimensions[name].at(self.known) for name in self.unbound(mentioned(block))}
        return {name: entry for name, entry in found.items() if entry is not None}

    def unbound(self, names: set[str]) -> list[str]:
        """The dimensions among some names that have no name in the code yet."""
        return [name for name in self.program.dimensions if name in names and name not in self.bound]

    def sized(self, name: ex.Name, known: Facts) -> ex.Expression:
        """A name; for a dimension that has a size within a condition alone, where to read it."""
        entry = self.program.dimensions[name.id].at(known) if self.unbound({name.id}) else None
        return entry.gives if entry else name

    def narrowed(self, node: ex.Expression, user: ex.Statement) -> ex.Expression:
        """An expression of a statement, with dimensions where they can be read and conditions as `Narrowing` says."""
        node = situated(node, self.known, self.sized)
        is_condition = isinstance(user, ex.If) or any(isinstance(part, ex.Conditional) for part in ex.walk(node))
        used = mentioned([user]) | {call.function for call in calls([user])}
        node = self.narrowing(node, used, self.known) if is_condition else node
        node = as_types(node, self.known, self.program.decided, self.names)
        node = unless_alike(node, self.program)
        return autocast.unless_autocast(converted(node, self.program, self.names), self.device_type)
