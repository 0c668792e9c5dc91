"""Tells which behaviours of ``generated/tests/behaviours.py`` a layer is held to, and what they need to know of it."""

import ast
from collections.abc import Collection, Iterable, Iterator
from textwrap import wrap

from layergen import ops
from layergen.checked import CheckedLayer
from layergen.lang import expression as ex
from layergen.lang.model import Input
from layergen.lower.applicable import BEHAVIOURS, functions_by_name, refuses_shapes, too_long
from layergen.lower.constructor import signature
from layergen.lower.laws import formula_function, starts
from layergen.lower.returned import forward_signature
from layergen.lower.source import SourcePrinter, python
from layergen.lower.unseen import masks, unseen
from layergen.measure.rounding import Rounding
from layergen.resolve.surrogates import told_surrogates

PART = 64  # characters of a literal on a line


def imported_names(layer: CheckedLayer, mentioned: Collection[str]) -> Iterator[str]:
    """What the layer's test module imports of the behaviours, in the order of a sorted import.

    Args:
        layer: The layer.
        mentioned: The names in the module's code.
    """
    yield "Case"
    if layer.defined.plain or layer.defined.penalties:
        yield "Defined"
    if layer.defined.drawn:
        yield "Drawn"
    if layer.measured.at_bounds or layer.measured.at_edges:
        yield "Edge"
    if layer.measured.transforms.empty:
        yield "Empty"
    if "Entries" in mentioned:
        yield "Entries"
    if layer.measured.extremes:
        yield "Extreme"
    yield "Input"
    if layer.program.laws:
        yield "Law"
    yield "Layer"
    if layer.measured.lengthened:
        yield "Lengthened"
    if layer.preconditions or layer.size_limits:
        yield "Limit"
    if any(masks(layer)):
        yield "Marking"
    if layer.measured.narrowed:
        yield "Narrowed"
    if layer.rejections or too_long(layer) or refuses_shapes(layer):
        yield "Refusal"
    if layer.measured.transforms.grown:
        yield "Resized"
    if layer.defined.starts:
        yield "Started"
    yield from (name for name in ("logsumexp", "member_of", "members_of") if name in mentioned)
    yield from (name for name, behaviour in BEHAVIOURS.items() if behaviour.applies(layer))


def layer_expression(layer: CheckedLayer) -> str:
    """The description of a layer that its behaviours go by."""
    program = layer.program
    parts = {name: "Input(value=True)" if name in program.values else "" for name in program.taken}
    parts |= {name: input_expression(program.inputs[name]) for name in program.taken if name in program.inputs}
    inputs = ", ".join(f"{python(name)}: {text}" for name, text in parts.items())
    return f"Layer({', '.join([program.layer, f'inputs={{{inputs}}}', *traits(layer)])})"


def taken(parameters: Iterable[str]) -> str | None:
    """What a method takes, as ``inspect`` shows it without annotations; None where a default is no plain value."""
    (function,) = ast.parse(f"def f(self, {', '.join(parameters)}): ...").body
    assert isinstance(function, ast.FunctionDef)
    arguments = function.args
    for part in (*arguments.args, *arguments.kwonlyargs):
        part.annotation = None
    try:
        arguments.defaults = [ast.Constant(ast.literal_eval(part)) for part in arguments.defaults]
        arguments.kw_defaults = [part and ast.Constant(ast.literal_eval(part)) for part in arguments.kw_defaults]
    except ValueError:  # as of `math.inf`
        return None
    return f"({ast.unparse(arguments)})"


def _in_parts(text: str) -> str:
    """A text as a literal, in parts for several lines where it is long."""
    return " ".join(map(python, wrap(text, PART, break_long_words=False, drop_whitespace=False)))


def input_expression(tensor: Input) -> str:
    parts = [f"torch.{tensor.dtype}"] if tensor.dtype else []
    if tensor.floating and not tensor.gradient:
        parts.append("gradient=False")
    if tensor.distinct:
        parts.append(f"distinct={len(tensor.distinct)}")
    if tensor.written:
        parts.append("written=True")
    return f"Input({', '.join(parts)})"


def traits(layer: CheckedLayer) -> Iterator[str]:
    """The arguments of a description that differ from what holds for most layers."""
    program = layer.program
    if program.kept:
        tensors = (f"{python(name)}: {input_expression(part)}" for name, part in program.kept.items())
        yield f"tensors={{{', '.join(tensors)}}}"
    dtypes = [f"{python(name)}: torch.{tensor.dtype}" for name, tensor in program.outputs.items() if tensor.dtype]
    if dtypes:
        yield f"dtypes={{{', '.join(dtypes)}}}"
    methods = {"__init__": taken(signature(program)), "forward": taken(forward_signature(program))}
    told = ", ".join(f"{python(name)}: {_in_parts(text)}" for name, text in methods.items() if text)
    yield f"signatures={{{told}}}"
    if not program.takes_dtype:
        yield "takes_dtype=False"
    flags = {
        "modes": program.asks_mode,
        "random": program.draws,
        "updates": program.updates,
        "infinite": program.infinite,
        "narrow": program.narrow,
        "loose": layer.defined.told and not layer.defined.exact,
        "rounded": layer.defined.rounded,
        "rounds_once": layer.measured.rounding in (Rounding.ONCE, Rounding.ONCE_THROUGHOUT),
        "rounds_in_training": layer.measured.rounds_in_training,
    }
    yield from (f"{name}=True" for name, holds in flags.items() if holds)
    yield from unseen(layer)
    if layer.measured.unknown:
        yield f"unknown={python(dict(layer.measured.unknown))}"
    optional = tuple(name for name, part in program.tensors.items() if part.when is not None and part.each is None)
    if optional:
        yield f"optional={python(optional)}"
    unmeasured = tuple(dict.fromkeys(name for case in layer.tested for name in case.unmeasured))
    if unmeasured:
        yield f"unmeasured={python(unmeasured)}"
    if surrogates := told_surrogates(program):
        yield f"surrogates={python(surrogates)}"
    if begun := ", ".join(f"{python(name)}: {function}" for name, function in starts(program)):
        yield f"starts={{{begun}}}"
    functions = functions_by_name(program)
    if functions:
        printer = SourcePrinter({}, functional="nn.functional")
        rows = (
            f"{python(name)}: ({python(choice)}, {printer.function(ops.get(choice))})"
            for name, choice in functions.items()
        )
        yield f"functions={{{', '.join(rows)}}}"
    if layer.defined.told:
        yield "definition=definition"
    if layer.defined.starts:
        yield "initial=initial"
    if layer.defined.penalties:
        yield "term=term"
    if program.formula is not None and not program.always_draws:
        yield f"expression={formula_function(program, program.formula)}"
    if program.matches is not None:
        yield "reference=reference"
        items = [ex.show(item) for item in program.matches.inputs or ()]
        if items and items != list(program.call):
            called = f"({', '.join(items)}{',' if len(items) == 1 else ''})"
            yield f"reference_inputs=lambda {', '.join(program.call)}: {called}"
