"""The faults of loops."""

from layergen.diagnostics import Rule


class ChangingState(Rule):
    """A value that a loop carries from turn to turn changes its kind, shape or dtype.

    A loop over a dimension is proven by induction: one turn is run, and what it leaves must be such as it began with.
    The type checker of the generated code asks the same. A tensor that starts as a number, or with fewer dimensions
    than it has after the first turn, does not keep to it.

        forward: |
          h = 0
          for x_t in unbind(x, 1):
              h = tanh(x_t + h)                         # a number, then [N, D]

    Fix: begin with what the turns keep.

        forward: |
          h = zeros(N, D)
          for x_t in unbind(x, 1):
              h = tanh(x_t + h)
    """

    code = "LG317"
