"""The faults of the tensors that a layer owns: their initial values, and what is written to buffers."""

from layergen.diagnostics import Rule


class BufferMismatch(Rule):
    """A buffer is assigned a value that it cannot hold.

    Assigning to a buffer's name writes the buffer in place, so the value must have the buffer's shape, and a dtype that
    goes into the buffer's without loss of kind: no floating numbers into a buffer of ints.

        buffers:
          running_mean: {shape: [dim], init: zeros}
        forward: running_mean = mean(x)                 # a single number

    Fix: compute a value of the buffer's shape and dtype.
    """

    code = "LG306"


class InitMismatch(Rule):
    """An initial value does not fit its parameter.

    An initializer refuses the parameter's shape or the numbers that it is given, or an expression gives a tensor of
    another shape: in a case, or at other arguments near it that bounds and constraints allow, as at an odd one.

        parameters:
          bias: {shape: [dim], init: xavier_uniform}    # has no fan: only one dimension

    Fix: choose an initializer for this shape, or correct the expression.
    """

    code = "LG307"


class WrongFan(Rule):
    """The fan of a weight is taken along the wrong dimension.

    The fan-in is what each output sums over; `torch.nn.init` and `fan_in` take it to be the second dimension, as
    `linear` and the convolutions have it. A weight that is used the other way round starts at the wrong scale, and the
    layer trains badly without an error.

        parameters:
          weight: {shape: [in_features, out_features], init: kaiming_uniform}
        forward: y = x @ weight                # sums over the first dimension

    All further dimensions count as a window that is summed over too. Those of a stack of matrices, one for each expert
    or head, are none: their fan is that of one matrix.

    The transposed convolutions of `torch.nn` do so themselves: a layer that `matches` one may start as that one does.

    Fix: store the weight as `[out_features, in_features]` and call `linear`, or take the fan of the other side.

        init: kaiming_uniform(mode='fan_out')
    """

    code = "LG312"
    judges = True


class LostState(Rule):
    """A buffer holds what no constructor can compute again, and is not in the state dict.

    `persistent: false` is for tables that the constructor computes from the arguments. What training has made of a
    buffer, and what was drawn at random when the layer was made, are gone once a state dict is loaded into another
    layer: it gives other outputs, and no error. What is computed from what was drawn does not follow what is loaded.
    Nothing is told of buffers that each call writes before it reads them, of those that outputs do not depend on, nor
    of the state of a stream, which evaluation updates too.

        buffers:
          center: {shape: [dim], init: zeros, persistent: false}
        forward: |
          if training:
              center = lerp(center, mean(x, dim=0), 0.1)
          y = x - center

    Fix: leave out `persistent: false`. Where another batch brings all of it back, say so:
    `accept: {lost-state: is warmed up before each use}`.

        buffers:
          center: {shape: [dim], init: zeros}
    """

    code = "LG365"
    judges = True
