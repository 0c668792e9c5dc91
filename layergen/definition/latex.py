r"""A definition as LaTeX: ``y_{n, o} = \sum_{i} \mathrm{weight}_{o, i} x_{n, i}``."""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from layergen.definition.draws import DRAWN
from layergen.definition.entries import Entry, entry_of, passed
from layergen.definition.grammar import Equation, is_run, letter, reduction, run_name
from layergen.definition.scene import TRAINING, Definition, bare_index, parts, written_index
from layergen.definition.tuples import told_name, tuples_read
from layergen.lang import expression as ex
from layergen.lang.meetings import without_full_sizes
from layergen.lang.tuples import whole_name

_GREEK = (
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lambda", "mu", "nu", "xi",
    "pi", "rho", "sigma", "tau", "phi", "chi", "psi", "omega",
)  # fmt: skip
_SIGNS = {
    "<": "<", ">": ">", "<=": r"\le", ">=": r"\ge", "==": "=", "!=": r"\ne", "in": r"\in", "not in": r"\notin",
    "and": r"\wedge", "or": r"\vee",
}  # fmt: skip
_REDUCERS = {"sum": r"\sum", "prod": r"\prod", "max": r"\max", "min": r"\min", "mean": r"\operatorname*{mean}",
    "argmax": r"\operatorname*{argmax}", "argmin": r"\operatorname*{argmin}",
}  # fmt: skip
_FUNCTIONS = ("exp", "log", "sin", "cos", "tan", "tanh", "sinh", "cosh", "max", "min")
_SUM = ex.PRECEDENCE["+"]
# The rounding error of float64, in which a definition is computed: to a reader it is that of the input's dtype.
ROUNDING = tuple((ex.Literal(base), ex.Unary("-", ex.Literal(52))) for base in (2, 2.0))
_PRODUCT = ex.PRECEDENCE["*"]
_TIGHT = ex.PRECEDENCE["**"]


def latex(definition: Definition, names: Collection[str] | None = None) -> Iterator[str]:
    """The equations, one text for each; of some names alone if they are given."""
    printer = _Latex(definition)
    for equation in definition.equations:
        if names is None or equation.name.id in names:
            yield printer.equation(equation)


def names_shown(definition: Definition) -> frozenset[str]:
    """The names that a reader of the equations sees: a range that none of them shows is not among these."""
    printer = _Latex(definition)
    for equation in definition.equations:
        printer.equation(equation)
    return frozenset(printer.shown)


def _word(name: str) -> str:
    """A name: a letter as it is, a Greek one by its name, a word upright."""
    if name == "eps":
        return r"\epsilon"
    if name in _GREEK:
        return f"\\{name}"
    return name if len(name) == 1 else rf"\mathrm{{{name.replace('_', chr(92) + '_')}}}"


def _is_otherwise(condition: ex.Expression) -> bool:
    """Whether a condition is that of an ``else``, which says that none above it holds."""
    return isinstance(condition, ex.Unary) and condition.operator == "not"


def _closed(index: ex.Expression) -> ex.Expression:
    """The range of an index as one would write it: ``u <= t`` for ``u < t + 1``."""
    match index:
        case ex.Compare(operators=("<",), comparators=(ex.Binary(operator="+", left=end, right=ex.Literal(value=1)),)):
            return replace(index, operators=("<=",), comparators=(end,))
    return index


def bold_runs(definition: Definition) -> Iterator[tuple[str, str | None]]:
    """The names of the runs of indices that have one, each with its sizes where they are written."""
    nodes = (node for equation in definition.equations for part in parts(equation) for node in ex.walk(part))
    runs = dict.fromkeys(run for node in nodes if (run := run_name(node)) is not None and run != "...")
    for run in runs:
        sizes = definition.runs.written.get(run)
        met = [name for name in definition.spec.runs if name in definition.scene.met]
        yield letter(run), ex.show(without_full_sizes(sizes, met)) if sizes is not None else None


def left_out(definition: Definition) -> tuple[str, ...]:
    """The tensors whose term or factor is left out where they are None, which the formula does not show."""
    nodes = (node for equation in definition.equations for node in ex.walk(equation.value))
    return tuple(dict.fromkeys(name for node in nodes if (name := _neutral(node)) is not None))


def _neutral(node: ex.Node) -> str | None:
    """The tensor of ``bias[o] if bias is not None else 0``, or of a factor with 1."""
    match node:
        case ex.Conditional(
            test=ex.Compare(left=ex.Name(id=name), operators=("is not",), comparators=(ex.Literal(value=None),)),
            then=ex.Subscript(value=ex.Name(id=own)),
            orelse=ex.Literal(value=0 | 1),
        ):
            return whole_name(name) if whole_name(own) == whole_name(name) else None
    return None


def _chosen(equations: Sequence[Equation]) -> dict[ex.Expression, str]:
    """The numbers with a name that are one of two cases, by which another equation can tell what is just that."""
    return {
        equation.value: equation.name.id
        for equation in equations
        if isinstance(equation.value, ex.Conditional) and not equation.indices and not equation.conditions
    }


class _Latex:
    def __init__(self, definition: Definition) -> None:
        self.definition = definition
        self.tuples = tuples_read(definition.spec)
        self.tensors = definition.scene.tensors
        bound = (written_index(index) for index in definition.bound)
        self.runs = {letter(written[0]) for written in bound if written is not None and is_run(written[0])}
        self.chosen = _chosen(definition.equations)
        self.shown: set[str] = set()  # the names that were shown
        self.whole: ex.Expression | None = None  # of the equation that is shown, the right side

    def word(self, name: str) -> str:
        """A name, in bold if it stands for a run of indices."""
        self.shown.add(name)
        if name == TRAINING:
            return r"\text{training}"
        return rf"\mathbf{{{name}}}" if name in self.runs else _word(told_name(name, self.tuples))

    def equation(self, equation: Equation) -> str:
        name = told_name(equation.name.id, self.definition.spec.given_tuples)
        left = self.entry(_word(name), tuple(map(bare_index, equation.indices)))
        self.whole = equation.value
        drawn = isinstance(equation.value, ex.Call) and equation.value.function in DRAWN
        sign = r"\leftarrow" if equation.name.id in self.definition.updates else r"\sim" if drawn else "="
        text = f"{left} {sign} {self.show(equation.value)}"
        if equation.conditions:
            held = [self.show(part) for part in equation.conditions if not _is_otherwise(part)]
            together = r" \text{ and } ".join(held)
            text += rf" \quad \text{{if }} {together}" if held else r" \quad \text{otherwise}"
        return text

    def entry(self, name: str, indices: tuple[ex.Expression, ...]) -> str:
        if not indices:
            return name
        text = ", ".join(self.show(index, _SUM) for index in indices)
        return f"{name}_{text}" if len(text) == 1 else f"{name}_{{{text}}}"

    def show(self, node: ex.Expression, tightness: int = 0) -> str:
        """The text of an expression, in parentheses if it binds less tightly than ``tightness``."""
        text, own = self.bare(node)
        return rf"\left({text}\right)" if own < tightness else text

    def bare(self, node: ex.Expression) -> tuple[str, int]:
        """A text, and how tightly it binds."""
        primary = ex.PRECEDENCE["primary"]
        match node:
            case ex.Literal(value=value) if value is ...:
                return r"\dots", primary
            case ex.Splice(value=value):
                return self.bare(value)
            case ex.Slice(start=start, stop=stop):
                return ":".join(self.show(end, _SUM) if end is not None else "" for end in (start, stop)), primary
            case ex.Literal(value=value):
                return self.literal(value), ex.precedence(node)
            case ex.Name(id=name):
                return (r"\infty" if name == "inf" else self.word(name)), primary
            case ex.Unary(operator="not", operand=operand):
                return rf"\text{{not }} {self.show(operand, ex.PRECEDENCE['not'])}", ex.PRECEDENCE["not"]
            case ex.Unary(operator=sign, operand=operand):
                return f"{sign}{self.show(operand, _PRODUCT)}", _PRODUCT
            case ex.Binary():
                return self.binary(node)
            case ex.Compare():
                return self.compare(node), ex.PRECEDENCE["compare"]
            case ex.Conditional(then=then) if _neutral(node) is not None:
                return self.bare(then)
            case ex.Conditional() if node in self.chosen and node is not self.whole:
                return self.word(self.chosen[node]), primary
            case ex.Conditional():
                cases = r" \cr ".join(self.cases(node))
                return rf"\begin{{cases}} {cases} \end{{cases}}", primary
            case ex.Call(function=function, arguments=arguments):
                return self.call(function, arguments)
            case ex.Sequence(items=items):
                return rf"\{{{', '.join(map(self.show, items))}\}}", primary
            case ex.Subscript():
                return self.subscript(node), primary
            case ex.Apply():
                return self.reduce(node)
        raise TypeError(f"no LaTeX for {type(node).__name__}")

    def literal(self, value: object) -> str:
        if isinstance(value, str):
            plain = re.sub(r"[^\w .,:/-]", "", value).replace("_", r"\_")
            return rf"\text{{{plain}}}"
        if value is None or isinstance(value, bool):
            return rf"\text{{{str(value).lower()}}}"
        text = f"{value}"
        if "e" in text:
            digits, exponent = text.split("e")
            power = f"10^{{{int(exponent)}}}"
            return power if digits == "1" else rf"{digits} \cdot {power}"
        return text

    def binary(self, node: ex.Binary) -> tuple[str, int]:
        left, right = node.left, node.right
        match node.operator:
            case "/":
                return rf"\frac{{{self.show(left)}}}{{{self.show(right)}}}", _TIGHT
            case "//":
                return rf"\lfloor {self.show(left, _PRODUCT)} / {self.show(right, _TIGHT)} \rfloor", _TIGHT
            case "**" if (left, right) in ROUNDING:
                return r"\varepsilon_{\text{dtype}}", ex.PRECEDENCE["primary"]
            case "**":
                return f"{self.show(left, ex.PRECEDENCE['primary'])}^{{{self.show(right)}}}", _TIGHT
            case "%":
                return rf"{self.show(left, _PRODUCT)} \bmod {self.show(right, _TIGHT)}", _PRODUCT
            case "*":
                return self.product(node), _PRODUCT
            case "and" | "or" as word:
                own = ex.PRECEDENCE[word]
                return f"{self.show(left, own)} {_SIGNS[word]} {self.show(right, own + 1)}", own
        own = ex.PRECEDENCE[node.operator]
        return f"{self.show(left, own)} {node.operator} {self.show(right, own + 1)}", own

    def product(self, node: ex.Binary) -> str:
        left, right = self.show(node.left, _PRODUCT), self.show(node.right, _PRODUCT + 1)
        if isinstance(node.left, ex.Apply):
            left = self.show(node.left, _PRODUCT + 1)
        sign = r" \cdot " if right[0].isdigit() else r" \, "
        return f"{left}{sign}{right}"

    def compare(self, node: ex.Compare) -> str:
        parts = [self.show(node.left, _SUM)]
        for sign, other in zip(node.operators, node.comparators, strict=True):
            if other == ex.Literal(None):
                asked = node.left.id if isinstance(node.left, ex.Name) else ""
                parts[0] = _word(whole_name(asked)) if asked in self.tensors else parts[0]
                parts.append(r"\text{ is given}" if sign in ("is not", "!=") else r"\text{ is not given}")
            else:
                parts.append(f" {_SIGNS.get(sign, sign)} {self.show(other, _SUM)}")
        return "".join(parts)

    def cases(self, node: ex.Conditional) -> Iterator[str]:
        yield rf"{self.show(node.then)} & \text{{if }} {self.show(node.test)}"
        if isinstance(node.orelse, ex.Conditional):
            yield from self.cases(node.orelse)
        else:
            yield rf"{self.show(node.orelse)} & \text{{otherwise}}"

    def call(self, function: str, arguments: tuple[ex.Expression, ...]) -> tuple[str, int]:
        primary = ex.PRECEDENCE["primary"]
        inner = ", ".join(map(self.show, arguments))
        if function == "sqrt":
            return rf"\sqrt{{{inner}}}", primary
        if function == "abs":
            return rf"\left|{inner}\right|", primary
        if function in ("floor", "ceil"):
            return rf"\l{function} {inner} \r{function}", primary
        if function == "exp":
            return f"e^{{{inner}}}", _TIGHT
        if function in DRAWN:
            return self.law(function, arguments), primary
        if function == "sigmoid":
            return rf"\sigma\left({inner}\right)", primary
        escaped = function.replace("_", r"\_")
        name = f"\\{function}" if function in _FUNCTIONS else rf"\operatorname{{{escaped}}}"
        return rf"{name}\left({inner}\right)", primary

    def law(self, function: str, arguments: tuple[ex.Expression, ...]) -> str:
        """The law of a random number."""
        if function == "normal":
            mean, spread = arguments
            variance = self.show(ex.Binary("**", spread, ex.Literal(2))) if spread != ex.Literal(1) else "1"
            return rf"\mathcal{{N}}\left({self.show(mean)}, {variance}\right)"
        name = r"\mathcal{U}" if function == "uniform" else r"\operatorname{Bernoulli}"
        return rf"{name}\left({', '.join(map(self.show, arguments))}\right)"

    def subscript(self, node: ex.Subscript) -> str:
        found = entry_of(node)
        assert found is not None
        if found.inner:
            return self.inner(found)
        text = self.word(found.name.id)
        text = rf"\bar{{{text}}}" if found.padded else text
        if found.which is not None:
            text = rf"{text}^{{({self.show(found.which)})}}"
        return self.entry(text, found.indices)

    def inner(self, entry: Entry) -> str:
        """What a member gives, or a tensor that it owns."""
        word = ".".join((entry.name.id, *entry.path))
        text = rf"\mathrm{{{word.replace('_', chr(92) + '_')}}}" if len(word) > 1 else word
        places = (*((entry.which,) if entry.which is not None else ()), *entry.indices[: entry.kin])
        if places:
            text = rf"{text}^{{({', '.join(map(self.show, places))})}}"
        if entry.call is not None:
            given = (*entry.call.arguments, *(word.value for word in entry.call.keywords))
            text = rf"{text}\left({', '.join(map(self.handed, given))}\right)"
        if entry.output is not None:
            text = rf"{text}^{{\mathrm{{{entry.output}}}}}"
        return self.entry(text, entry.indices[entry.kin :])

    def handed(self, node: ex.Expression) -> str:
        """What a member is given."""
        handed = passed(node)
        return self.show(node) if handed is None else self.entry(_word(handed.name.id), handed.first)

    def reduce(self, node: ex.Apply) -> tuple[str, int]:
        found = reduction(node)
        assert found is not None
        word, indices, body = found
        under = ", ".join(self.show(_closed(index)) for index in indices)
        under = under if len(under) == 1 else f"{{{under}}}"
        if word == "logsumexp":
            return rf"\log \sum_{under} {self.show(ex.Call('exp', (body,)))}", _PRODUCT
        return rf"{_REDUCERS[word]}_{under} {self.show(body, _PRODUCT)}", _PRODUCT
