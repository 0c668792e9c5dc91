"""Patterns of `rearrange`, `reduce` and `repeat`: einops itself says what they give, and which of them mean nothing."""

from collections.abc import Callable
from typing import Any

import einops
import pytest
import torch
from small import fault_of, program, spec
from torch import Tensor

from layergen.faults import SpecError
from layergen.lang import expression as ex
from layergen.lang.facts import Role
from layergen.lang.parser import parse_expression
from layergen.lower.source import SourcePrinter
from layergen.resolve import resolve
from layergen.resolve.annotation import Environment, Functions, Meaning, annotated
from layergen.resolve.inference import TENSOR
from layergen.run.environment import TensorCalls
from layergen.run.explain import Explainer
from layergen.run.forward import ForwardInterpreter
from layergen.settings.choice import Setting

FORWARD = Environment({"x": Meaning(Role.INPUT, TENSOR)}, functions=Functions.TENSORS)
EINOPS: dict[str, Callable[..., Tensor]] = {
    "rearrange": einops.rearrange,
    "reduce": einops.reduce,
    "repeat": einops.repeat,
}

Case = tuple[str, str, tuple[int, ...], dict[str, Any]]
CASES: list[Case] = [
    ("rearrange", "n l (h d) -> n h l d", (2, 3, 8), {"h": 2}),
    ("rearrange", "n h l d -> n l (h d)", (2, 3, 4, 5), {}),
    ("rearrange", "... (h d) -> ... h d", (2, 3, 8), {"d": 4}),
    ("rearrange", "b ... c -> b c ...", (2, 3, 4, 5), {}),
    ("rearrange", "b ... c -> c b ...", (2, 3, 4, 5), {}),
    ("rearrange", "b ... c -> b c ...", (2, 5), {}),
    ("rearrange", "... c -> (...) c", (2, 3, 5), {}),
    ("rearrange", "... c -> (...) c", (5,), {}),
    ("rearrange", "... c -> (... c)", (5,), {}),
    ("rearrange", "... c -> c (...) 1", (2, 3, 5), {}),
    ("rearrange", "a ... c -> c (a ...)", (3, 5, 6), {}),
    ("rearrange", "a ... c -> c (a ...)", (3, 5), {}),
    ("rearrange", "a ... c -> c (... a)", (3, 5, 4, 3), {}),
    ("rearrange", "a ... c -> (a ...) c", (3, 2, 4, 5), {}),
    ("rearrange", "a ... c -> (a ...) c", (3, 5), {}),
    ("rearrange", "n 1 d -> n d", (2, 1, 3), {}),
    ("rearrange", "n d -> n 1 d 1", (2, 3), {}),
    ("rearrange", "n 1 d -> d n ()", (2, 1, 3), {}),
    ("rearrange", "n () d 1 -> d n 1", (2, 1, 3, 1), {}),
    ("rearrange", "1 n 1 1 -> n", (1, 4, 1, 1), {}),
    ("rearrange", " a   b->b a", (2, 3), {}),
    ("rearrange", "a b c -> (c b) a", (2, 3, 4), {}),
    ("rearrange", "a b c -> (a b c)", (2, 3, 4), {}),
    ("rearrange", "b c (h p1) (w p2) -> b (h w) (p1 p2 c)", (2, 3, 4, 6), {"p1": 2, "p2": 3}),
    ("rearrange", "b (c r1 r2) h w -> b c (h r1) (w r2)", (2, 12, 3, 4), {"r1": 2, "r2": 2}),
    ("rearrange", "b (h w) (c 1) -> b c h w 1", (2, 12, 3), {"h": 3}),
    ("rearrange", "b -> b 1 1 1", (2,), {}),
    ("rearrange", "(a b) -> a b", (6,), {"a": 2, "b": 3}),
    ("rearrange", "(a b c) -> c (b a)", (24,), {"a": 2, "b": 3}),
    ("rearrange", "... a b -> ... b a", (2, 3, 4, 5), {}),
    ("rearrange", "... a b -> a ... b", (2, 3, 4, 5), {}),
    ("rearrange", "... a b -> b a ...", (2, 3, 4, 5), {}),
    ("rearrange", "a ... -> ... a", (2, 3, 4, 5), {}),
    ("reduce", "b c h w -> b c", (2, 3, 4, 5), {"reduction": "mean"}),
    ("reduce", "b c (h s) (w s2) -> b c h w", (2, 3, 4, 6), {"reduction": "mean", "s": 2, "s2": 3}),
    ("reduce", "b c h w -> b c 1 1", (2, 3, 4, 5), {"reduction": "max"}),
    ("reduce", "b c h w -> b c () ()", (2, 3, 4, 5), {"reduction": "min"}),
    ("reduce", "b c h w -> c b", (2, 3, 4, 5), {"reduction": "sum"}),
    ("reduce", "b c (h 2) (w 2) -> b c h w", (2, 3, 4, 6), {"reduction": "max"}),
    ("reduce", "b 3 h -> h", (2, 3, 4), {"reduction": "prod"}),
    ("reduce", "... c -> c", (2, 3, 4), {"reduction": "mean"}),
    ("reduce", "... c -> c", (4,), {"reduction": "mean"}),
    ("reduce", "a ... c -> a c", (4, 2, 3, 5), {"reduction": "sum"}),
    ("reduce", "a ... c -> c a 1", (4, 2, 3, 5), {"reduction": "sum"}),
    ("reduce", "... a b -> ... a", (4, 2, 3, 5), {"reduction": "sum"}),
    ("reduce", "... a b -> ... 1 a", (4, 2, 3, 5), {"reduction": "prod"}),
    ("reduce", "a b -> ", (4, 5), {"reduction": "sum"}),
    ("reduce", "a b -> ()", (4, 5), {"reduction": "sum"}),
    ("reduce", "a b -> 1 b", (4, 5), {"reduction": "prod"}),
    ("reduce", "a 1 b -> a 1", (4, 1, 5), {"reduction": "sum"}),
    ("reduce", "a 1 b -> 1 a", (4, 1, 5), {"reduction": "sum"}),
    ("repeat", "n d -> n l d", (2, 3), {"l": 4}),
    ("repeat", "h w -> h (w r)", (2, 3), {"r": 4}),
    ("repeat", "h w -> h (r w)", (2, 3), {"r": 4}),
    ("repeat", "h w -> (h 2) (w 3)", (2, 3), {}),
    ("repeat", "... c -> ... l c", (2, 3), {"l": 4}),
    ("repeat", "... c -> l ... (c 2)", (2, 3), {"l": 4}),
    ("repeat", "... -> ... 3", (2, 3), {}),
    ("repeat", "... -> 2 ...", (), {}),
    ("repeat", " -> 2 3", (), {}),
    ("repeat", "n 1 d -> n l d", (2, 1, 3), {"l": 4}),
    ("repeat", "a (b c) -> c l (a b) 2", (2, 6), {"l": 4, "b": 2}),
]


def written(function: str, pattern: str, keywords: dict[str, Any]) -> ex.Call:
    """The call as it stands in a spec."""
    words = "".join(f", {name}={value!r}" for name, value in keywords.items())
    call = parse_expression(f"{function}(x, {pattern!r}{words})")
    assert isinstance(call, ex.Call)
    return call


def computed(node: ex.Expression, x: Tensor) -> Tensor:
    """What a call gives."""
    layer = program()
    calls = TensorCalls(torch.device("cpu"), torch.float32)
    explainer = Explainer(layer, Setting("", {}, {}))
    result = ForwardInterpreter({"x": x}, calls, {}, explainer).evaluate(node)
    assert isinstance(result, Tensor)
    return result


@pytest.mark.parametrize(("function", "pattern", "shape", "keywords"), CASES)
def test_gives_what_einops_gives(function: str, pattern: str, shape: tuple[int, ...], keywords: dict[str, Any]) -> None:
    x = torch.randn(shape, dtype=torch.float64)
    found = computed(annotated(written(function, pattern, keywords), FORWARD), x)
    torch.testing.assert_close(found, EINOPS[function](x, pattern, **keywords))


@pytest.mark.parametrize("reduction", ["any", "all"])
def test_reduces_booleans(reduction: str) -> None:
    forward = f"y = reduce(x, 'n a b -> n', '{reduction}')"
    inputs = {"x": {"shape": ["N", "A", "B"], "dtype": "bool"}}
    resolve(spec(forward, inputs=inputs, outputs={"y": {"shape": ["N"], "dtype": "bool"}}))
    x = torch.rand(5, 3, 2) > 0.3
    found = computed(annotated(written("reduce", "n a b -> n", {"reduction": reduction}), FORWARD), x)
    torch.testing.assert_close(found, einops.reduce(x, "n a b -> n", reduction))


WRONG = [
    ("rearrange", "n c"),
    ("rearrange", "n -> c -> n"),
    ("rearrange", "n c -> n"),
    ("rearrange", "n -> n c"),
    ("rearrange", "n n -> n"),
    ("rearrange", "n ((c)) -> n c"),
    ("rearrange", "n (c -> n c"),
    ("rearrange", "n c) -> n c"),
    ("rearrange", "n -> n ..."),
    ("rearrange", "(n ...) -> ... n"),
    ("rearrange", "n .. -> .. n"),
    ("rearrange", "n-c -> c-n"),
    ("rearrange", "_n c -> c _n"),
    ("rearrange", "n (c 2) -> 2 n c"),
    ("rearrange", "n c -> n c 2"),
    ("rearrange", "n 0 -> 0 n"),
    ("reduce", "n c -> n d"),
    ("reduce", "n c -> n 2"),
    ("repeat", "n c -> n c d"),
    ("repeat", "n c -> n 2"),
]


@pytest.mark.parametrize(("function", "pattern"), WRONG)
def test_what_einops_refuses_is_refused(function: str, pattern: str) -> None:
    words = {"reduction": "sum"} if function == "reduce" else {}
    with pytest.raises((einops.EinopsError, ValueError)):
        EINOPS[function](torch.zeros(4, 4), pattern, **words)
    with pytest.raises(SpecError) as refusal:
        resolve(spec(f"y = {ex.show(written(function, pattern, words))}"))
    (finding,) = refusal.value.findings
    assert finding.rule.name == "invalid-pattern"


MEANT = {
    "y = rearrange(x, 'n ch -> chs n')": ("`chs` stands on the right alone", "write `ch`"),
    "y = rearrange(x, 'n (a b) -> n b a', c=2)": ("the pattern has no axis `c`", "there is `a`, `b` and `n`"),
    "y = rearrange(x, 'n (a b c) -> n b c a')": ("nothing says how large `a`, `b` and `c` are", "give all but one"),
    "y = rearrange(x, 'n c -> n c')": ("the pattern changes nothing", "write `x`"),
    "y = rearrange(x, 'n c -> c n', n=3)": ("`n` is a dimension of its own", "leave `n=` out"),
    "y = rearrange(x)": ("`rearrange` is called without its pattern", "write it as `rearrange(x, '… -> …')`"),
    "y = reduce(x, 'n c -> n')": ("`reduce` is called without its reduction", "'mean'"),
    "y = reduce(x, 'n c -> n', 'means')": ("`means` is no reduction", "write `'mean'`"),
    "y = rearrange(x, 'n c -> c n', 3)": ("`rearrange` takes no further value", "`h=heads`"),
    "y = rearrange(x, C)": ("a pattern is a text in quotes, got `C`", "'… -> …'"),
    "y = rearrange(N, 'n c -> c n') + x": ("`rearrange` takes a tensor, but `N` is an int", "None"),
    "y = rearrange(x, 'n (a c) -> n c a', a=0.5)": ("`rearrange` takes an int as `a`, but `0.5` is a float", "None"),
}


@pytest.mark.parametrize("forward", MEANT)
def test_faults_say_what_to_write(forward: str) -> None:
    with pytest.raises(SpecError) as refusal:
        resolve(spec(forward))
    (finding,) = refusal.value.findings
    message, help = MEANT[forward]
    assert message in finding.message
    assert help in str(finding.help)


def test_fault_stands_in_the_text_of_the_pattern() -> None:
    forward = "y = rearrange(x, 'n ch -> chs n')"
    with pytest.raises(SpecError) as refusal:
        resolve(spec(forward))
    span = refusal.value.findings[0].place.span
    assert span is not None
    assert forward[span[0] : span[1]] == "chs"


@pytest.mark.parametrize(
    ("pattern", "words"), [("n a c -> c a n", "of 3 dimensions"), ("n 1 -> n", "dimension 1 is 1")]
)
def test_tensor_is_what_the_pattern_says(pattern: str, words: str) -> None:
    finding = fault_of(program(f"y = rearrange(x, '{pattern}')"))
    assert words in finding.message
    assert finding.message.startswith("`rearrange` fails")


CODE = {
    "rearrange(x, 'n l (h d) -> n h l d', h=2)": "torch.unflatten(x, -1, [2, -1]).transpose(1, 2)",
    "rearrange([x, x], 'k n -> n k')": "torch.stack([x, x]).transpose(0, 1)",
    "reduce(x, 'n c h w -> n c', 'mean')": "x.mean(dim=(2, 3))",
    "reduce(x, 'n c h w -> n c 1 1', 'mean')": "x.mean(dim=(2, 3), keepdim=True)",
    "repeat(x, 'n d -> n l d', l=3)": "x.unsqueeze(1).expand(-1, 3, -1)",
    "repeat(x, 2, 3)": "x.repeat(2, 3)",
}


@pytest.mark.parametrize("text", CODE)
def test_code_reads_as_one_writes_it(text: str) -> None:
    node = annotated(parse_expression(text), FORWARD)
    assert SourcePrinter({}).show(node) == CODE[text]
    assert ex.show(node) == text
