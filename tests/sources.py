"""The text of a spec with a bit of everything, for the tests of its source."""

from layergen.lang.source import parse

SPEC = """\
# A comment.
layer: Linear   # the class
arguments:
  dim: {type: int, min: 1}
parameters:
  weight:
    shape: [out, "in // groups", 3]
    init: 'uniform(-1, 1)'
inputs:
  x: [N, dim]
forward: |
  y = x + weight

  z = y * 2
cases:
  - dim: 4
    H: 8
  - dim: 5
"""


def values(text: str) -> object:
    return parse(text, "a.yaml").data()
