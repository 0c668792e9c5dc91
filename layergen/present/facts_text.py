"""`layergen show`: finds a layer by its name, and lays out what is known of it for a terminal or a program."""

import json
import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict

from layergen.present.excerpt import Painter, printable
from layergen.present.facts import CostLine, StepLine, Summary, TensorLine
from layergen.words import listed

WIDTH = 100  # columns, where it can be kept
CODE = 58  # of these at most for the code of a statement with its result beside it
COUNTED = (
    "FLOPs: two for each multiply-add of products, convolutions and attention in one forward in training. "
    "Activation bytes: what autograd keeps for the backward in float32. Both are counted without data, and formulas "
    "hold for sizes from 2 up; what the kernels of a device keep may differ, as by the dtype of a mask."
)
JOINT = "\N{NO-BREAK SPACE}"  # stands for a space at which lines are not broken


def as_json(summary: Summary) -> str:
    return json.dumps(asdict(summary), indent=2)


def as_text(summary: Summary, color: bool = False) -> str:
    """A summary for a terminal, without a line break at the end."""
    paint = Painter(color)
    blocks = [
        [f"{paint(summary.layer, 'path')}  {paint(printable(summary.spec), 'faint')}", *_prose(summary.summary)],
        [*_signature(summary)],
        _block(paint, "Inputs", _tensors(summary.inputs)),
        _block(paint, "Outputs", _tensors(summary.outputs)),
        _block(paint, "Parameters", _tensors(summary.parameters)),
        _block(paint, "Buffers", _tensors(summary.buffers)),
        _block(paint, "Members", _wrapped(summary.members)),
        _block(paint, "Penalty", _wrapped([summary.penalty] if summary.penalty else [])),
        _block(paint, "Forward", _steps(summary.steps), f"shapes and dtypes {summary.way}"),
        _block(paint, "Moved", _wrapped(summary.moved), "the generated code computes the same in fewer operations"),
        _block(paint, "Contracts", _contracts(summary, paint)),
        _block(paint, "Preconditions", _wrapped(summary.preconditions), "torch refuses other sizes"),
        _block(paint, "Input checks", _wrapped(summary.input_checks), "else the layer raises ValueError"),
        _block(paint, "Generated tests", _left_out(summary), f"{summary.tests} at the cases that they apply to; not"),
        _block(paint, "Advice", _wrapped(summary.advice), "`layergen check` shows where"),
        _block(paint, "Cost", _costs(summary.costs), f"at {summary.case}"),
        [paint(line, "faint") for line in _prose(COUNTED)],
    ]
    return "\n\n".join("\n".join(block) for block in blocks if block)


def _block(paint: Painter, title: str, lines: Iterable[str], note: str = "") -> list[str]:
    """Lines under a title, or nothing without any."""
    body = list(lines)
    if not body:
        return []
    head, *rest = _hanging(f"{title}  ", note) if note else [title]
    faint = [paint(line, "faint") for line in (head[len(title) :], *rest) if line]
    return [paint(title, "mark") + "".join(faint[:1]), *faint[1:], *body]


def _left_out(summary: Summary) -> Iterator[str]:
    """The tests that a layer has not, and why, several with one reason together."""
    reasons = dict.fromkeys(reason for _, reason in summary.left_out)
    for reason in reasons:
        names = listed(
            [name.removeprefix("test_").replace("_", " ") for name, why in summary.left_out if why == reason]
        )
        yield from _hanging("  ", f"{names}: {reason}")


def _prose(text: str) -> list[str]:
    return textwrap.wrap(printable(text), WIDTH)


def _hanging(lead: str, text: str, width: int = WIDTH) -> list[str]:
    """Text behind a lead, its further lines under where it begins."""
    indent = " " * len(lead)
    lines = textwrap.wrap(
        text, width, initial_indent=indent, subsequent_indent=indent,
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
    lines = [line.replace(JOINT, " ") for line in lines]
    return [lead + lines[0][len(lead) :], *lines[1:]] if lines else [lead.rstrip()]


def _signature(summary: Summary) -> list[str]:
    """The call of the constructor; broken between parameters alone."""
    lines = [f"{summary.layer}("]
    indent = " " * len(lines[0])
    for index, part in enumerate(summary.signature):
        text = printable(part) + (", " if index < len(summary.signature) - 1 else ")")
        if len(lines[-1]) + len(text.rstrip()) > WIDTH and lines[-1].strip():
            lines.append(indent)
        lines[-1] += text
    return [line.rstrip() for line in lines] if summary.signature else [f"{summary.layer}()"]


def _tensors(tensors: Sequence[TensorLine]) -> Iterator[str]:
    """Name, dtype and shape in columns."""
    names = max((len(tensor.name) for tensor in tensors), default=0)
    dtypes = max((len(tensor.dtype) for tensor in tensors), default=0)
    for tensor in tensors:
        yield from _with_shape(f"  {tensor.name:<{names}}  {tensor.dtype:<{dtypes}}  ", tensor)


def _with_shape(lead: str, tensor: TensorLine) -> list[str]:
    """A tensor's shape behind a lead, or on lines of its own where it is too long; broken between sizes alone."""
    shape = tensor.shape if isinstance(tensor.shape, str) else f"[{', '.join(map(_unbroken, tensor.shape))}]"
    text = f"{shape}  {tensor.note}" if tensor.note else shape
    if len(lead) + len(text) <= WIDTH:
        return _hanging(lead, text)
    first, *rest = _hanging("      ", text)
    return [lead.rstrip(), first, *(f" {line}" for line in rest)]


def _steps(steps: Sequence[StepLine]) -> Iterator[str]:
    """The code of each statement with its result beside it; below it where the code is long, or the results several."""
    short = [len(step.code) for step in steps if len(step.results) == 1 and len(step.code) <= CODE]
    names = [len(result.name) + 2 for step in steps for result in step.results]
    column = max(short + names, default=0)
    dtypes = max((len(result.dtype) for step in steps for result in step.results), default=0)
    for step in steps:
        texts = [step.code]
        if len(step.results) > 1 or len(step.code) > CODE:
            yield from _hanging("  ", step.code)
            texts = [f"  {result.name}" for result in step.results]
        for text, result in zip(texts, step.results, strict=True):
            yield from _with_shape(f"  {printable(text):<{column}}  {result.dtype or 'value':<{dtypes}}  ", result)


def _contracts(summary: Summary, paint: Painter) -> Iterator[str]:
    """Contract, verdict and what was shown; a contract is named once."""
    names = max(len(item.contract) for item in summary.contracts)
    verdicts = max(len(item.verdict) for item in summary.contracts)
    previous = ""
    for item in summary.contracts:
        name = "" if item.contract == previous else item.contract
        previous = item.contract
        lead = f"  {name:<{names}}  "
        first, *rest = _hanging(f"{lead}{item.verdict:<{verdicts}}  ", item.detail)
        role = "good" if item.verdict == "proven" else ""
        yield lead + paint(item.verdict, role) + first[len(lead) + len(item.verdict) :]
        yield from rest


def _unbroken(text: str) -> str:
    """Text that lines are not broken in: its spaces are such as join."""
    return text.replace(" ", JOINT)


def _split(formula: str, operators: tuple[str, ...]) -> list[str]:
    """A formula in parts that begin with one of the operators, but for the first; none is inside of brackets."""
    parts, depth = [""], 0
    for piece in re.split(r"( [+*-] |[()\[\]])", formula):
        depth += (piece in ("(", "[")) - (piece in (")", "]"))
        if depth == 0 and piece.strip() in operators:
            parts.append(piece.lstrip())
        else:
            parts[-1] += piece
    return parts


def _terms(formula: str, room: int) -> str:
    """A formula that lines are broken in between terms; in a term that is too long, between factors."""
    terms = _split(formula, ("+", "-"))
    parts = [part for term in terms for part in ([term] if len(term) <= room else _split(term, ("*",)))]
    return " ".join(map(_unbroken, parts))


def _wrapped(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        yield from _hanging("  ", text)


def _costs(costs: Sequence[CostLine]) -> Iterator[str]:
    """Name, number and formula."""
    names = max(len(cost.name) for cost in costs)
    numbers = max(len(f"{cost.number:,}") for cost in costs)
    for cost in costs:
        lead = f"  {cost.name:<{names}}  {cost.number:>{numbers},}  "
        if cost.formula in ("", str(cost.number)):
            yield from _hanging(lead, "" if cost.formula else cost.note)
            continue
        formula = _terms(cost.formula, WIDTH - len(lead) - 2)
        if max(map(len, formula.split(" "))) > WIDTH - len(lead) - 2:
            yield lead.rstrip()
            lead = "      "
        yield from _hanging(f"{lead}= ", f"{formula}  {cost.note}".rstrip())
