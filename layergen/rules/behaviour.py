"""The faults of what a layer does: its numbers, dtypes, gradients and randomness."""

from layergen.diagnostics import Rule


class DtypeMismatch(Rule):
    """An output has another dtype than the spec declares, or the layer fails in some precision.

    Unless it says otherwise, an output has the dtype of the first floating input. The forward is tried with inputs and
    parameters in float16, bfloat16, float32 and float64, and under autocast on the CPU, where an output may also have
    autocast's own dtype. A forward that calls `upcast` is tried with half-precision inputs and float32 parameters too.
    In each precision the forward runs on small data as well, where torch refuses to multiply tensors of two dtypes, and
    numbers that the precision cannot hold. An op that the CPU has not in half precision is no fault of the layer.
    Inputs of two dtypes are left to torch, but for an output of the first one that is brought to the dtype of another.

        forward: y = mean(upcast(x), dim=-1)            # float32 for a float16 input

    Fix: bring the result back with `type_as(y, x)`, or declare the output's dtype.
    """

    code = "LG304"


class TensorWritten(Rule):
    """The forward writes to a tensor that is not its own.

    An op whose name ends in an underscore writes to its argument. If that is an input, the caller's data changes behind
    its back, and other uses of it, or the backward pass, see the wrong values. Buffers are written by assigning to
    their names.

        inputs:
          x: [N, C]
        forward: y = relu_(x)

    Fix: call the op without the underscore.

        forward: y = relu(x)

    `batch_norm` and `instance_norm` write to the statistics that they are handed, and no underscore says so: the
    buffers are compared before and after a run on data. What is written stands beside the result,
    `y, mean, variance = batch_norm(x, mean, variance, training=training)`.
    """

    code = "LG308"


class NoGradient(Rule):
    """A parameter or an input gets no gradient.

    The backward graph is followed from the outputs. A parameter that it does not reach, or reaches only through an op
    that is flat everywhere, such as `round` or `sign`, never learns. Nor does one whose gradient is computed, and is
    zero on each way, for inputs and parameters drawn again and again, and at larger sizes, though outputs change with
    it: `w - w % 1`. On data, the way back is gone as well: torch may find only then that what a gradient needs was
    written to in place, by the forward or inside of an op.

        forward: y = linear(x, round(weight))

    Fix: let the outputs depend on it: for a straight-through estimate, `weight + detach(round(weight) - weight)`. Where
    no gradient is wanted, say `gradient: false` of an input, and make a parameter a buffer. An input that says
    `gradient: surrogate` promises that a gradient flows which is not the derivative, in training and in evaluation,
    unless evaluation has a branch of its own.
    """

    code = "LG309"
    judges = True


class RandomInEvaluation(Rule):
    """The layer draws random numbers in evaluation.

    Dropout and noise belong to training; in evaluation the same input must give the same output. `dropout` is active
    unless it is told otherwise.

        forward: y = dropout(x, p)

    Fix: tie it to the mode, or say `random: always` of a layer that is meant to be random at all times.

        forward: y = dropout(x, p, training=training)
    """

    code = "LG310"


class VanishingConstant(Rule):
    """A small constant becomes zero in float16, or is lost in the rounding of a bound.

    The smallest float16 is about 6e-8. An `eps` of 1e-8 that is added to a float16 tensor, or bounds one, is zero, and
    the division that it should guard gives infinity or NaN. That is measured: the layer is run in float16 and float64
    on the same numbers, on zeros too, and is at fault only where float16 is off, or its gradients are not finite. Where
    the layer draws random numbers, fixed ones stand in their place. Masks are all false and all true, too, and integers
    all the least that they may be. The `eps` that an op of torch has by default is not held against it.

        forward: y = x / (norm(x, dim=-1, keepdim=True) + 1e-8)

    A bound that keeps values away from 1 is 1 itself where it is rounded to it: `1 - 1e-8` in float32, `1 - 1e-6` in
    float16. It is at fault where the layer gives numbers at the bound as it is written, and none at what it is rounded
    to, of outputs or gradients.

        forward: y = log(1 - clamp(p, max=1 - 1e-8))

    Fix: compute in float32 or wider, and come back; keep further away than rounding reaches.

        forward: |
          h = upcast(x)
          y = type_as(h / (norm(h, dim=-1, keepdim=True) + 1e-8), x)
    """

    code = "LG311"
    judges = True


class NotANumber(Rule):
    """An output is NaN for ordinary inputs.

    The forward is run with inputs drawn from the normal distribution, or from their `range`. Logarithms and roots of
    negative numbers, and zero divided by zero, give NaN, which spreads to the loss and from there to every parameter.

        inputs:
          x: [N, C]
        forward: y = log(x)

    Fix: say which values the input has, `{shape: [N, C], range: [0.1, 10]}`, or keep away from the others by `clamp`.
    """

    code = "LG313"


class NonFiniteValue(Rule):
    """An output is NaN or infinite for inputs or settings that the spec allows.

    What each step can be is followed through the forward by intervals: from the bounds of arguments, the ranges of
    inputs, and what ops guarantee. Where an op may be given something at the edge of its domain, such as the logarithm
    of 0, a division by 0, or a softmax over nothing but minus infinity, inputs that take it there are looked for:
    zeros, equal rows, the ends of ranges, masks that mark everything or nothing, labels that are all the one which the
    forward compares them with or ignores, sizes of 1, large numbers; arguments and entries of lists at their bounds,
    and at 0 and 1 and what is written beside them where no bound leaves these out; all whole numbers at their least at
    once, where a single value has no unbiased spread; constraints where they only just hold, also where they say of
    whole numbers which is the larger; and exponents between 0 and 1. Only what was run and failed is reported, with the
    inputs at which it did.

        inputs:
          scores: [N, L]
          mask: {shape: [N, L], dtype: bool, doc: Which entries count.}
        forward: y = softmax(masked_fill(scores, ~mask, -inf), dim=-1)    # NaN where a row of the mask is all false

    Fix: keep away from the edge before the op, not after: `clamp(min=…)`, a small number inside the root, a fill that
    is finite. Leave out a bound that does not work by `exclusive: min`, and equality by `a < b`. A layer may fail where
    the module fails that it `matches`. Where NaN is meant, as the mean of no labels, say so:
    `accept: {non-finite-value: the mean over no label is NaN, as in nn.CrossEntropyLoss}`.

        forward: y = nan_to_num(softmax(masked_fill(scores, ~mask, -inf), dim=-1))
    """

    code = "LG314"
    judges = True


class BiasedDropout(Rule):
    """What training drops at random, it does not make good for: evaluation is not its mean.

    A layer that drops some of a value in training, and scales the rest by a factor, is to give on average what it
    gives in evaluation: the factor is one divided by the share that is kept. Many draws are compared, of the outputs
    and of what is assigned on the way to them: of each entry, training makes one of two values. A layer that leaves the
    rest as it is, as one that hides parts of its input, is let pass, and so is one that scales by other factors each
    time. Whether `p` is the share that is kept or dropped is `turned-probability`'s to tell: a layer that is scaled
    rightly for it is sound here.

        forward: y = where(rand_like(x) < p, x / (1 - p), 0) if training else x      # keeps a share of p

    Fix: drop what is to be dropped, and divide by the share that is kept; or call the op that does.

        forward: y = dropout(x, p, training)
    """

    code = "LG355"
    judges = True


class UnboundedDraw(Rule):
    """An output or an initial value is NaN or infinite where a random number between 0 and 1 is 0.

    `rand` draws from 0, which is among what it gives, to 1, which is not. The logarithm of a 0 is minus infinity: rare
    in float32, where one entry in 16 million is 0, and at once in bfloat16, where it is one in 256. The forward is run
    with one entry of each draw set to 0, and the others as they are drawn. Initial values are computed so too, in each
    precision, and with the largest number that is drawn, which others may round to 1.

        forward: y = x - log(-log(rand_like(x))) if training else x

        rate: {shape: [dim], init: "log(rand(dim))"}

    Fix: draw in float32, and keep away from 0 before the op that fails there.

        forward: |
          y = x
          if training:
              u = clamp(rand_like(x, dtype=float32), min=1e-6, max=1 - 1e-6)
              y = x - type_as(log(-log(u)), x)

        rate: {shape: [dim], init: "log(clamp(rand(dim, dtype=float32), 1e-6, 1 - 1e-6))"}
    """

    code = "LG356"
    judges = True


class NonFiniteGradient(Rule):
    """A gradient is NaN or infinite for inputs or settings that the spec allows, though the outputs are finite.

    The root of 0 is 0, but its derivative there is infinite. One such entry is enough: its gradient is added to those
    of all others. `where` and masks do not help behind the op, as 0 times infinity is NaN. The inputs are found as for
    `non-finite-value`, and only what was run and failed is reported.

        forward: y = sqrt(sum(square(x[:, None] - x[None]), dim=-1))    # the distance of a row from itself is 0

    Fix: keep away from the edge before the op: `sqrt(clamp(…, min=1e-12))`, or use an op whose gradient is 0 there.

        forward: y = linalg.vector_norm(x[:, None] - x[None], dim=-1)
    """

    code = "LG315"


class IndexOutOfRange(Rule):
    """An index lies outside of its table for inputs or settings that the spec allows.

    The bounds of each index are followed through the forward, in the names of sizes. Where they are not shown to lie
    inside, the ends of the ranges of inputs are run, sizes whose entries differ, and dimensions that are long.

        inputs:
          labels: {shape: [N], dtype: int64, range: [-1, num_classes]}    # -1: no label
        forward: y = one_hot(labels, num_classes)

    Fix: bring what is no index into the table first, and mask what comes of it.

        forward: y = one_hot(clamp(labels, min=0), num_classes) * (labels >= 0)[:, None]
    """

    code = "LG316"
