"""The faults that only the values of a layer show: precision, overflow, gradients, learning and buffers."""

from layergen.diagnostics import Rule


class LossOfPrecision(Rule):
    """In half precision, the layer computes something else, or in float64 what float32 holds of it.

    The forward is run in float16 and bfloat16, and in float64 on the very same inputs and parameters; where
    positions are counted along a dimension, with a long one too, and with larger arguments where these bound
    it. A buffer that is computed from positions has the layer's dtype as well, unless it declares one: what
    that makes of its values, or of what they are computed from, is held against what they are. In float16
    inputs are all zero as well, where an `eps` of 1e-12 is nothing, and `normalize(x)` divides by it. An error
    of more than a tenth of the output is no rounding: a bfloat16 has eight bits, so that it counts 257 as 256,
    and a float16 ends at 65504. Where a change of the inputs by as little as their own rounding does the same,
    the layer is not at fault. Of integers and flags, as codes and indices are, more than a tenth may not be
    others, nor several times as many as such a change makes others. In float64 it is run once more with all
    casts to less left out: what `float(x)` cuts off does not come back. What is computed of integers alone, as
    `1 / count`, is float32 to torch: one of `double(count)` has as many digits as what it meets. Positions that
    are asked for in half precision, `arange(L, dtype=bfloat16)`, are as wide in another run, in training too,
    where fixed numbers stand for random ones. Each statement is told that is off by itself.

        forward: |
          t = type_as(arange(L), x)             # in bfloat16, 2047 positions are 264 values
          y = x * cos(outer(t, frequencies))

    Fix: compute in float32 or wider what half precision cannot hold, and come back.

        forward: |
          angle = outer(arange(L, dtype=float32), upcast(frequencies))
          y = x * type_as(cos(angle), x)
    """

    code = "LG320"
    judges = True


class LossByCancellation(Rule):
    """In float32, a layer that only counts differences loses them where the inputs are far from zero.

    The forward is run on inputs about 4096 that differ by some 1, each floating one without a range in its turn, in
    float32 and in float64 on the same numbers. It is looked at where float64 shows that the distance from zero
    changes nothing, or adds the same at each step of it, as in a norm, or in a block that adds one to its input.
    There, an error of a tenth of what the layer gives about zero is no rounding, unless a change of the inputs by
    as little as their own rounding does the same. A variance as the difference of two squares takes 16777216 from
    16777217, and float32 holds one of them alone.

        forward: |
          m = mean(x, dim=-1, keepdim=True)
          v = mean(square(x), dim=-1, keepdim=True) - square(m)
          y = (x - m) * rsqrt(v + eps)

    Fix: take away the mean first, or call the op that does.

        forward: |
          v, m = var_mean(x, dim=-1, correction=0, keepdim=True)
          y = (x - m) * rsqrt(v + eps)
    """

    code = "LG354"
    judges = True


class AvoidableOverflow(Rule):
    """A value becomes infinite or NaN on the way to a result that is neither.

    The forward is run on inputs of 30 and 100 and their negatives, in float32 and in float64; where it has several
    inputs and an exponential, also with each of them large alone, at 20 and 100, and with opposite signs between them,
    so that no difference cancels out. Where float64 gives a number that float32 can hold, and float32 gives infinity or
    NaN, an intermediate value has overflowed, or become zero before a logarithm: the exponential of 89 is more than
    float32 holds, that of -104 less. An output that is itself too large is what was asked for.

        forward: y = exp(x) / sum(exp(x), dim=-1, keepdim=True)

    Fix: call the op that does it safely, `softmax`, `logsumexp`, `softplus`, `sigmoid`, or take away the maximum before
    the exponential.

        forward: y = softmax(x, dim=-1)
    """

    code = "LG321"
    judges = True


class BrokenGradient(Rule):
    """A gradient is NaN or infinite where the output is a number.

    The gradients of all inputs and parameters are computed on inputs that are random, all zero, all equal, and of 30
    and 100 and their negatives; of the large ones, those count for which a value on the way is infinite. A single NaN
    among them spreads to all parameters in the next step, though the loss looked fine. By hand, `1 / (1 + exp(-x))`
    gives 0 at -100, and a gradient of zero times infinity. Those of a penalty are computed at the initial values, and
    with a row and a column of zeros, to which it may lead: where `z` is zero, `sqrt(sum(square(z)))` has none.

        forward: y = x / (1 + exp(-x))

    Fix: call the op that knows its derivative, or keep away from the point by `clamp` before the op, not after.

        forward: y = silu(x)
    """

    code = "LG322"


class NeverLearns(Rule):
    """A parameter never moves from its initial value.

    The layer takes a few steps of gradient descent from the initial values that the spec gives, towards random targets
    and on random inputs. A parameter whose gradient is zero in all of them stays where it is: two factors that both
    start at zero hold each other there, since each is the other's gradient. A gradient that is no more than what
    rounding leaves of zero is none either: a number that is added to all of a row before a softmax, or before a norm,
    is taken away again. That is measured in float64, by gradients, and by outputs where the parameter is another one.
    The offset of the keys in attention is let pass, which a product takes on its way to the softmax.

        parameters:
          a: {shape: [rank, dim], init: zeros}
          b: {shape: [dim, rank], init: zeros}
        forward: y = x + linear(linear(x, a), b)

    Fix: let one of them start away from zero. If the parameter is not to be learned, make it a buffer; if
    nothing changes with it, delete it.

        a: {shape: [rank, dim], init: kaiming_uniform(a=sqrt(5))}
    """

    code = "LG323"
    judges = True


class BrokenByTraining(Rule):
    """Evaluation gives NaN or infinity after some training, or a buffer grows without end.

    A layer that gathers statistics is trained for a few steps, on inputs that are drawn at random, that have a mean far
    from zero, and that are all equal; then it is evaluated. Outputs, gradients and buffers that were finite before have
    to be so again, in float64. A buffer that grows by some factor at each step, on the same inputs, is followed until
    float32 cannot hold it.

        forward: |
          if training:
              variance, mean = var_mean(x, dim=0)
              running_mean, running_var = lerp(running_mean, variance, 0.1), lerp(running_var, mean, 0.1)
          else:
              mean, variance = running_mean, running_var      # negative where means are
          y = (x - mean) * rsqrt(variance + eps)

    Fix: store in each buffer what evaluation takes it for. Where a layer is not to be trained so, say why:
    `accept: {broken-by-training: …}`.

        running_mean, running_var = lerp(running_mean, mean, 0.1), lerp(running_var, variance, 0.1)
    """

    code = "LG348"
    judges = True


class EvaluationApart(Rule):
    """Evaluation gives something else than training, on inputs at which training has come to rest.

    A layer in which samples see each other in training alone, by `mixes`, and that updates buffers there, is trained on
    the same inputs, many at once and about 3, until its buffers have come to rest. What they hold is then what training
    computes of these inputs itself, so that both modes give the same, but for how a variance is counted. Where they are
    off by more than a tenth, the update comes to rest elsewhere, as one whose shares are not 1 together, or evaluation
    takes a buffer for something else. Buffers that never come to rest tell nothing.

        forward: |
          if training:
              v = var(x, dim=0)
              spread = lerp(spread, v, 0.1)
              y = x * rsqrt(v + eps)
          else:
              y = x / (spread + eps)                # it is a variance

    Fix: store what evaluation takes the buffer for, and use it as training uses its own. Where the modes are to differ,
    say why: `accept: {evaluation-apart: …}`.

              y = x * rsqrt(spread + eps)
    """

    code = "LG357"
    judges = True


class StuckBuffer(Rule):
    """A buffer that is updated in training, and that no update changes.

    The layer is trained for some steps, at each setting, from the initial values of its buffers: on ordinary inputs, on
    such with a mean far from zero, on equal, large and infinite ones, and once more where buffers that count steps have
    gone far. A buffer that is the same after all of it gathers nothing: it is given what it has, or it starts where its
    update leaves it, as a vector of zeros that is only ever multiplied and normalized.

        buffers:
          u: {shape: [out], init: zeros}
        forward: |
          v = normalize(mv(transpose(weight, 0, 1), u), dim=0)
          if training:
              u = normalize(mv(weight, v), dim=0)     # zero for ever

    Fix: write what is new into the buffer, or start it elsewhere.

          u: {shape: [out], init: "normal(0, 1)"}
    """

    code = "LG352"
    judges = True


class UpdatedInEvaluation(Rule):
    """A buffer is updated in evaluation.

    Statistics and estimates are gathered in training. A layer that goes on in evaluation gives another result each time
    it is asked, and what one sample gets depends on those before it.

        forward: |
          running = lerp(running, mean(x, dim=0), 0.1)
          y = x - running

    Fix: tie the update to the mode. Where evaluation is meant to update the buffer, as a counter or a cache does, say
    so: `accept: {updated-in-evaluation: the cache grows while text is generated}`.

        forward: |
          if training:
              running = lerp(running, mean(x, dim=0), 0.1)
          y = x - running
    """

    code = "LG324"
    judges = True


class WrappedIndex(Rule):
    """An index is below 0 at the low end of an input's range, or of a mask, and reads from the end.

    Torch counts a negative index from the end. What is meant to be the entry before, or the last one of so many, is
    then the last entry of all, and nothing says so. The forward is run with all integer inputs at the low ends of their
    ranges, and with each mask all false, and all true where it `marks` nothing, and once more with the first entry in
    the place of those that are counted from the end: what an output gets must not depend on it. So it is of subscripts,
    `take_along_dim`, `take`, `put`, `index_put` and `index_fill`; other ops refuse an index below 0. It is not told of
    inputs whose range has numbers below 0, nor of outputs at positions that a mask does not mark.

        inputs:
          t: {shape: [N], dtype: int64, range: [0, steps]}
        forward: |
          before = products[t - 1]                # the last product where t is 0

    Fix: say what there is before the first entry, or leave it out of the range.

        forward: |
          before = where(t > 0, products[clamp(t - 1, min=0)], 1.0)
    """

    code = "LG363"
    judges = True


class OverflowingIntegers(Rule):
    """Integers of few bits have no room for what is computed of them.

    Torch computes in the dtype of what it is given, and goes on with what is left of a number that has no room in it.
    The forward is run on integer inputs that have a range and are narrower than int64, at random numbers and at the
    ends of their ranges, and once more on the same numbers in int64: each output must be the same. It is not told of a
    forward that turns bits around, by `~` or shifts.

        inputs:
          a: {shape: [N, H, W], dtype: uint8, range: [0, 255]}
          b: {shape: [N, H, W], dtype: uint8, range: [0, 255]}
        forward: y = to(a + b, float32) / 2               # 200 + 200 is 144 in uint8

    Fix: widen before computing.

        forward: y = (to(a, float32) + to(b, float32)) / 2
    """

    code = "LG368"
    judges = True


class UnwrittenInput(Rule):
    """An input that is said to be written is not, or not by words that write it.

    `written: inplace` says that the forward writes to the input, as a cache that the caller keeps. It is written by ops
    that end in an underscore, which are given the input itself and whose result goes by its name again; an input that
    no run writes is none that is written. A member that writes to what it is handed does so for the layer, too.

        inputs:
          counts: {shape: [bins], written: inplace}
        forward: |
          total = counts + weight                # `counts` stays as it is

    Fix: write to it, or leave `written` out.

        forward: |
          counts = add_(counts, weight)
    """

    code = "LG364"


class FlooredFactor(Rule):
    """A factor is a quotient that is rounded down to 0, and takes what it scales with it.

    `//` rounds down: where `alpha` is less than `r`, `alpha // r` is 0, and what is multiplied by it is nothing, in
    the outputs and in the gradients. Arguments are moved to where a quotient of them is less than 1; the forward is
    run there, and once more with the quotient as it is. Told is what gets a gradient in the second run alone. The
    quotient may stand in the forward, in a derived value, in the default of a float, or in what a member is made with.

        derived:
          scale: alpha // r
        forward: |
          y = linear(x, weight) + scale * linear(linear(x, down), up)    # alpha: 4, r: 8

    Fix: divide without rounding, or leave such numbers out.

        derived:
          scale: alpha / r
    """

    code = "LG361"
    judges = True


class TurnedProbability(Rule):
    """An argument is the probability to keep something, and is taken for that to drop it, or the other way round.

    Of which of the two an argument is the probability, its name says (`keep_prob`, `drop_rate`), or else its `doc`
    ("Probability that an entry is zeroed"); where the two differ, nothing is told. Ops and modules of torch
    take the probability to drop, and layers what the names of their arguments say. Where a forward draws by itself,
    what is zero in training is counted, at two values of the argument.

        arguments:
          keep_prob: {type: float, min: 0, max: 1, default: 0.9, doc: Probability that an entry is kept.}
        forward: |
          y = dropout(x, keep_prob, training)

    Fix: hand on what is left to 1, or name the argument for what it is.

        forward: |
          y = dropout(x, 1 - keep_prob, training)
    """

    code = "LG362"
    judges = True


class CollidingIndices(Rule):
    """Entries are overwritten where indices are equal.

    `scatter`, `index_copy`, `put` and `index_put` put entries where indices say. Where two of these are equal, one
    entry stays, torch leaves open which, and the other has no effect. The forward is run on random inputs, and with
    integer inputs all equal, and once more with these ops overwriting in the opposite order: each output must be the
    same. So it is where the indices are distinct, or what collides is equal, as a one for each label is.

        inputs:
          x: [V, D]
          graph: {shape: [V], dtype: int64, range: [0, graphs]}
        forward: y = index_copy(zeros(graphs, D), 0, graph, x)

    Fix: add up what collides; or say of the input that its entries are `distinct`.

        forward: y = index_add(zeros(graphs, D), 0, graph, x)
    """

    code = "LG424"
    judges = True
