"""Advice, LG6xx: what a layer loses, leaves open or meets at values that few try. It is no fault, and stops nothing."""

from layergen.diagnostics import Rule


class LostStatistics(Rule):
    """A buffer is NaN for good once a training batch had no sample, or a single one.

    The mean over no sample is NaN, and so is a running mean that has once taken part of it. Nothing fails at that
    batch, as where nothing was found in an image; what the layer gives in evaluation is NaN from then on.
    A buffer that the next batch replaces as a whole is none of these. The unbiased variance of a single sample is NaN
    in the same way, and so is a mean over any other dimension of size 0: each is tried, and told with its constraint.

        forward: |
          if training:
              center = lerp(center, mean(x, dim=0), 0.1)
          y = x - center

    It is advice, which changes no exit code, and is given only where the build has run the layer on such a batch in
    training and seen that. Nothing is said where the module that it `matches` does no better.

    Fix: refuse such a batch, so that its caller learns of it; `N >= 2` refuses a single sample, too.

        constraints: [N >= 1]

    To take such batches all the same, say why: `accept: {lost-statistics: the sampler gives no empty batch}`.
    """

    code = "LG606"
    judges = True
    advises = True


class UndeclaredMarks(Rule):
    """A mask keeps positions of another input out, and does not say that this is what it is for.

    A bool input of the shape `[N, L]` that says which of L positions count is held to it once it says so: what stands
    at other positions has no effect, more of them have none, and nothing is NaN where it marks none. Without the words
    it is a bool input as any other, and neither the build nor the tests notice when padding begins to count.

        inputs:
          x: [N, L, dim]
          mask: {shape: [N, L], dtype: bool}
        forward: |
          scores = masked_fill(linear(x, weight), ~mask, -inf)

    It is advice, which changes no exit code, and is given only where the build has seen that other content counts where
    the mask is true, and nowhere where it is false. If the layer would not keep the promise, the advice says how.

    Fix: say it.

        inputs:
          mask: {shape: [N, L], dtype: bool, marks: x, dim: L}

    Where it means something else, say what: `accept: {undeclared-marks: it says which of them were observed}`.
    """

    code = "LG607"
    judges = True
    advises = True


class UntoldDraws(Rule):
    """Training draws random numbers, and the definition says nothing of them.

    What a layer makes of random numbers is held to no source then: a share that is dropped where it should be kept, a
    draw for each row where there should be one for each entry, or a forgotten factor shows nowhere.

        forward: y = h + dropout(linear(x, weight), p, training)
        definition: y[n, o] = h[n, o] + sum[i](weight[o, i] * x[n, i])

    It is advice, which changes no exit code. Layers that match a module of torch are held to that.

    Fix: draw them. Each entry of a name is drawn once, and over many draws the forward has to be spread as the
    definition is.

        definition: |
          keep[n < N, o < out_features] = bernoulli(1 - p)
          z[n, o] = sum[i](weight[o, i] * x[n, i])
          y[n, o] = h[n, o] + (z[n, o] * keep[n, o] / (1 - p) if training else z[n, o])

    What no formula can say is accepted with the reason: `accept: {untold-draws: …}`.
    """

    code = "LG608"
    judges = True
    advises = True


class UncomparedDraws(Rule):
    """A definition draws random numbers, and no generated test compares what training draws with it.

    No draw of the forward is one of the definition, so that hundreds of each are compared. Where one of them takes
    thousands of terms, as what attention drops among many positions does, nothing is compared.

        definition: |
          kept[n < N, l < L, s < S] = bernoulli(1 - p) / (1 - p)

    It is advice, which changes no exit code. Layers that match a module of torch are held to that.

    Fix: give a case of small sizes at which something is drawn.

        cases:
          - {p: 0.5, N: 1, L: 2, S: 3}
    """

    code = "LG616"
    judges = True
    advises = True


class OtherStart(Rule):
    """A tensor starts with other values than in the module of torch that the layer matches.

    The two compute the same from one state dict, which is what the tests compare; a network that is trained from the
    start with one of them in the place of the other is another network. Hundreds of starts of both are compared, by the
    moments of what is drawn.

        arguments:
          dim: {type: int, min: 1, doc: Number of features.}
        parameters:
          weight: {shape: [dim], init: zeros, doc: Scale.}
        inputs: {x: [N, dim]}
        outputs: {y: [N, dim]}
        matches: nn.RMSNorm(dim, eps=1e-5)
        forward: y = rms_norm(x, [dim], weight, 1e-5)

    It is advice, which changes no exit code.

    Fix: start the tensor as torch does, `init: ones`, or say that another start is meant, `accept: [other-start]`.
    """

    code = "LG617"
    judges = True
    advises = True


class UnboundedPower(Rule):
    """A power of an argument without a `max` is too large for a float where the argument is.

    Python raises an OverflowError then, in the constructor or in the forward, of which nobody who hands in the argument
    can know. The build has computed the power at the argument that is named, which the spec allows.

        arguments:
          k: {type: int, min: 0, doc: Exponent.}
        forward: y = x * 2.0 ** k

    It is advice, which changes no exit code. Powers of tensors become infinite instead, and are not told.

    Fix: say how large the argument may be: `max: 1023`, or what makes sense in the layer.
    """

    code = "LG609"
    judges = True
    advises = True


class SteepPower(Rule):
    """A power of what may be 0 has no finite gradient there for exponents between 0 and 1, which an argument may be.

    The slope of `u ** p` at 0 is infinite for these, and 0 times it is NaN. Inputs at which the layer works otherwise,
    as where one class has all of the probability, give gradients then from which no training recovers. The build has
    run the layer at such an exponent, with the inputs that are named.

        arguments:
          gamma: {type: float, min: 0, default: 2.0, doc: Exponent.}
        forward: |
          ce = cross_entropy(x, target, reduction="none")
          loss = mean((1 - exp(-ce)) ** gamma * ce)

    It is advice, which changes no exit code: inputs that take the base to 0 may never be met.

    Fix: keep the base away from 0, `clamp(1 - exp(-ce), min=1e-6) ** gamma`, or let the argument be 1 at least.
    """

    code = "LG610"
    judges = True
    advises = True


class WarnedOf(Rule):
    """torch warns of an op at each call of it.

    Some ops do not refuse what they are not meant for, but warn, and do what they think is meant: `dropout2d` takes 3
    dimensions for `[N, C, L]`, and drops whole positions where the second one is that of a sequence. A build runs the
    layer on small data at all settings; what torch says there at each call of an op is passed on.

        inputs:
          x: [N, L, C]
        forward: y = dropout2d(x, p, training)

    It is advice, which changes no exit code: warnings come and go with versions of torch.

    Fix: write what torch asks for.

        forward: y = transpose(dropout1d(transpose(x, 1, 2), p, training), 1, 2)
    """

    code = "LG611"
    judges = True
    advises = True


class HalfOverflow(Rule):
    """In float16, a value on the way is more than float16 holds, though the output is not.

    A float16 ends at 65504, so that the square of 256 is infinite there, and what is divided by the root of its mean
    is 0. The forward is run in float16 and in float64 on the same inputs of 300 and -300, or 100 and -100, and the op
    is told that is the first to give infinity or NaN in float16 alone, where an output is off for it by more than a
    tenth that is 1024 at most. It has to be an op of one tensor, such as a square, or one whose result a number makes
    small enough afterwards, as the scale of scores.

        forward: y = x * rsqrt(mean(square(x), dim=-1, keepdim=True) + eps)

    It is advice, which changes no exit code: who knows how large activations are may need no more.

    Fix: compute in float32 or wider what float16 does not hold, and come back; or scale before the product.

        forward: |
          h = upcast(x)
          y = type_as(h * rsqrt(mean(square(h), dim=-1, keepdim=True) + eps), x)
    """

    code = "LG612"
    judges = True
    advises = True


class PaddingNotZero(Rule):
    """What an embedding gives for its padding index starts as something else than zero, and is never learned.

    `padding_idx` cuts the gradient of a row off, so that the row stays as it starts. `nn.Embedding` starts it at zero;
    an initial value of one's own writes over that, and `embedding` does nothing about the table that it is given. Each
    padded position then brings in the same random vector, for good. The new layer is run with that vector and with
    zero; nothing is told where outputs are the same, as behind a mask.

        modules:
          table: {module: "nn.Embedding(tokens, dim, padding_idx=0)", init: {weight: "normal(0, 0.02)"}}
        forward: y = table(x)

    It is advice, which changes no exit code: who puts a mask on positions later may not care.

    Fix: start the row at zero.

        modules:
          table:
            module: nn.Embedding(tokens, dim, padding_idx=0)
            init: {weight: "0.02 * randn(tokens, dim) * (arange(tokens) != 0)[:, None]"}
    """

    code = "LG613"
    judges = True
    advises = True
