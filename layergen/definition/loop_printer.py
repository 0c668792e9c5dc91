"""Prints the expressions of a definition as plain Python."""

import re

from layergen.definition.calling import inputs_at, output_of
from layergen.definition.draws import DRAWN, SPELLED
from layergen.definition.entries import Entry, entry_of, passed
from layergen.definition.functions import NUMBER, SOURCES
from layergen.definition.grammar import INDEX_OF, RUN, Equation, is_run, letter, reduction, run_name
from layergen.definition.layout import layouts
from layergen.definition.ranges import cases_of, ranges_of
from layergen.definition.scene import Definition, written_index
from layergen.lang import expression as ex
from layergen.lang.scalars import NUMBERS

DEFINITION = "_definition"  # how the functions of members end
TAKEN = (
    "math", "itertools", "cache", "fmean", "given", "leading", "trailing", "shape", "index", "at", "sum", "max", "min",
    "range", "map", "abs", "int", "float", "len", "round", "definition", "Mapping", "Callable", "Any", "torch",
    "Tensor", "nn", "Entries", "member_of", "members_of", "logsumexp", "functions", "draws",
)  # fmt: skip
SIZES = {"leading": "leading_sizes", "trailing": "trailing_sizes", "index": "shape"}  # of `...` without a name
_REDUCERS = {"sum": "sum", "prod": "math.prod", "mean": "fmean", "max": "max", "min": "min", "logsumexp": "logsumexp"}


def renamed(name: str) -> str:
    """A name that hides nothing which the code needs itself; of a tensor of a tuple, ``state_0`` for ``state[0]``."""
    name = name.replace("[", "_").rstrip("]")
    return f"{name}_" if name in TAKEN or name.endswith(DEFINITION) else name


def run_word(definition: Definition) -> str:
    """What the indices at ``...`` are called: by where they stand in the shapes of inputs and outputs."""
    spec = definition.spec
    found = [layout for part in (*spec.inputs.values(), *spec.outputs.values()) for layout in layouts(part.shape)]
    ends = [(layout.items[0], layout.items[-1]) for layout in found if RUN in layout.items]
    if all(first == last for first, last in ends):
        return "index"
    return "leading" if any(first == RUN and last != RUN for first, last in ends) else "trailing"


def function_of(layer: str) -> str:
    """The name of the function that has the definition of a class."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", layer.replace(".", "_"))
    return words.lower() + DEFINITION


class LoopPrinter(ex.Printer):
    """Prints the expressions of a definition as Python over entries that are numbers."""

    def __init__(self, definition: Definition) -> None:
        self.definition = definition
        self.ranges = ranges_of(definition)
        self.given: set[str] = set()  # the tensors and numbers that were printed
        self.members: set[str] = set()  # and the members
        self.chosen: set[str] = set()  # and the functions among the arguments
        self.draws = False  # whether random numbers were
        self.run = run_word(definition)  # what the indices at `...` are called

    def name(self, node: ex.Name) -> str:
        name = node.id
        if name == NUMBER:
            return "x"
        if name in self.definition.scene.tensors:
            self.given.add(name)
        elif name in self.definition.named:
            return f"{self.own(name)}()"
        elif name in self.definition.scene.members:
            self.members.add(name)
        elif name in self.definition.scene.numbers:
            self.given.add(name)
        elif name in NUMBERS:
            return f"math.{name}"
        elif node == self.definition.runs.sizes:  # of `...` without a name
            self.given.add(name)
            return SIZES[self.run]
        return renamed(name)

    def splice(self, node: ex.Splice) -> str:
        return f"*{self.show(node.value, ex.PRECEDENCE['primary'])}"

    def index_name(self, name: str) -> str:
        """What an index, or a run of them, is called."""
        return self.run if name == "..." else renamed(letter(name))

    def index(self, node: ex.Expression) -> str:
        """One of the indices of an entry."""
        run = run_name(node)
        return self.show(node) if run is None else f"*{self.index_name(run)}"

    def show(self, node: ex.Expression, tightness: int = 0) -> str:
        text = super().show(node, tightness)
        fraction = isinstance(node, ex.Call) and node.function == "sigmoid"
        return f"({text})" if fraction and tightness >= ex.PRECEDENCE["/"] else text

    def call(self, node: ex.Call) -> str:
        if node.function == "sigmoid":
            return f"1 / (1 + math.exp(-{self.show(node.arguments[0], ex.PRECEDENCE['unary'])}))"
        if node.function in self.definition.callables:
            self.given.add(node.function)
            self.chosen.add(node.function)
            return f"functions[{renamed(node.function)}]({self.arguments(node)})"
        if node.function in DRAWN:
            self.draws = True
            return f"draws.{SPELLED.get(node.function, node.function)}({self.arguments(node)})"
        return f"{SOURCES[node.function]}({self.arguments(node)})"

    def apply(self, node: ex.Apply) -> str:
        found = reduction(node)
        assert found is not None
        word, indices, body = found
        places: list[tuple[str, str]] = []
        for index in indices:
            written = written_index(index)
            assert written is not None
            name, size = written
            stop = self.show(size if size is not None else self.ranges.read(name, (body,))[0].size)
            turns = f"itertools.product(*map(range, {stop}))" if is_run(name) else f"range({stop})"
            places.append((self.index_name(name), turns))
        if word in INDEX_OF:
            name, turns = places[0]
            return f"{word.removeprefix('arg')}({turns}, key=lambda {name}: {self.show(body)})"
        loops = (f"for {name} in {turns}" for name, turns in places)
        return f"{_REDUCERS[word]}({self.show(body)} {' '.join(loops)})"

    def bare(self, node: ex.Expression) -> str:
        if isinstance(node, ex.Binary) and node.operator == "or":  # with parentheses that show which goes together
            left, right = (
                f"({self.show(part)})"
                if isinstance(part, ex.Binary) and part.operator == "and"
                else self.show(part, own)
                for part, own in ((node.left, ex.PRECEDENCE["or"]), (node.right, ex.PRECEDENCE["or"] + 1))
            )
            return f"{left} or {right}"
        if not isinstance(node, ex.Subscript):
            return super().bare(node)
        found = entry_of(node)
        assert found is not None
        name = found.name
        text = ", ".join(map(self.index, found.indices))
        if found.call is not None:
            return f"{self.called(found)}({text})"
        if found.path:
            self.members.add(name.id)
            which = f"[{self.show(found.which)}]" if found.which is not None else ""
            return f"{renamed(name.id)}{which}.given[{self.owned(found)}]"
        if name.id in self.definition.scene.tensors:
            self.given.add(name.id)
            own = renamed(name.id) + (f"[{self.show(found.which)}]" if found.which is not None else "")
            return f"{own}.padded({text})" if found.padded else f"{own}[{text}]"
        if name.id in self.definition.named:
            if found.padded:
                return f"{self.entries(name.id, ())}.padded({text})"
            return f"{self.own(name.id)}({text})"
        return super().bare(node)  # an item of a list of numbers

    def owned(self, entry: Entry) -> str:
        """The key and the indices of a tensor of a member, one of a family by its number."""
        members = self.definition.scene.members[entry.name.id]
        family = any(entry.owned in child.scene.families for child in members.known.values())
        indices, key = entry.indices, f'"{entry.owned}"'
        if family:
            first, indices = indices[0], indices[1:]
            key = (
                f'"{entry.owned}.{first.value}"'
                if isinstance(first, ex.Literal)
                else f'f"{entry.owned}.{{{self.show(first)}}}"'
            )
        return f"{key}][{', '.join(map(self.index, indices)) or '()'}"

    def own(self, name: str) -> str:
        """The function of a name that has equations, which is not the input of its name."""
        return f"{renamed(name)}_" if name in self.definition.scene.tensors else renamed(name)

    def called(self, entry: Entry) -> str:
        """The function that gives the entries of what a member gives."""
        name = entry.name.id
        self.members.add(name)
        members = self.definition.scene.members[name]
        child = next(iter(members.known.values()))
        which = f"[{self.show(entry.which)}]" if entry.which is not None else ""
        given = inputs_at(self.definition, entry)
        inputs = ", ".join(f"{word}={self.handed(node)}" for word, node in given.items() if word.isidentifier())
        parts = [f'"{word}": {self.handed(node)}' for word, node in given.items() if not word.isidentifier()]
        inputs += f", **{{{', '.join(parts)}}}" if parts else ""  # those of tuples
        return f'{renamed(name)}{which}({inputs})["{output_of(child, entry)}"]'

    def handed(self, node: ex.Expression) -> str:
        """What a member is given."""
        handed = passed(node)
        name = handed.name.id if handed is not None else ""
        if handed is None or name not in {*self.definition.scene.tensors, *self.definition.named}:
            return self.show(node)
        first = tuple(self.show(index) for index in handed.first)
        if name in self.definition.scene.tensors:
            if self.definition.scene.tensors[name] in ((), ex.Sequence(())):
                return f'given["{name}"]'
            self.given.add(name)
            return f"{renamed(name)}.at({', '.join(first)})" if first else renamed(name)
        return self.entries(name, first)

    def entries(self, name: str, first: tuple[str, ...]) -> str:
        """The entries of a name that has equations, all of them or those with some first indices."""
        shape = ""
        for test, equations in reversed(cases_of(self.definition, name)):
            own = next((told for equation in reversed(equations) if (told := self.shape(equation, len(first)))), shape)
            shape = own if shape in ("", own) else f"{own} if {self.show(test, ex.PRECEDENCE['or'])} else {shape}"
        fixed = f", ({', '.join(first)},)" if first else ""
        return f"Entries({shape or '()'}, {self.own(name)}{fixed})"

    def shape(self, equation: Equation, first: int) -> str:
        """The sizes that the indices of an equation run over, but for some first ones; none where one is fixed."""
        told = [self.ranges.left(equation, place) for place in range(len(equation.indices))]
        if not all(told) or not all(self.definition.free(equation)):
            return ""
        left = list(zip(equation.indices, told, strict=True))[first:]
        sizes = [self.extent(index, sizes[0].size) for index, sizes in left]
        return f"({', '.join(sizes)}{',' if len(sizes) == 1 else ''})"

    def extent(self, index: ex.Expression, size: ex.Expression) -> str:
        """The size in a shape for an index, or those for a run of them."""
        if not is_run(self.definition.index_name(index)):
            return self.show(size)
        return ", ".join(map(self.show, size.items)) if isinstance(size, ex.Sequence) else f"*{self.show(size)}"
