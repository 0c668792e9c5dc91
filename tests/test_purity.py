"""What a forward may not write to, and what to write instead."""

import pytest
from small import spec

from layergen.check import check
from layergen.faults import SpecError

BUFFER = {"total": {"shape": ["C"], "init": "zeros"}}


@pytest.mark.parametrize(
    ("forward", "parts", "help"),
    [
        ("y = relu_(x)", {}, "write `relu(x)`"),
        ("y = relu(x, inplace=True)", {}, "write `relu(x)`"),
        ("y = zero_(x)", {}, None),
        ("y = x + add_(total, 1.0)", {"arguments": {"C": {"type": "int", "min": 1, "doc": "Size."}}, "buffers": BUFFER},
         "assign to it: `total = add(total, 1.0)`"),
    ],
)  # fmt: skip
def test_write_is_refused_with_what_to_write_instead(forward: str, parts: dict[str, object], help: str | None) -> None:
    with pytest.raises(SpecError) as fault:
        check(spec(forward, **parts))
    (finding,) = fault.value.findings
    assert (finding.rule.code, finding.help) == ("LG308", help)
