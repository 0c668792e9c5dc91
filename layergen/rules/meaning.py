"""The faults of what inputs mean: which entries depend on which, and what an author has said of it."""

from layergen.diagnostics import Rule


class DependentSamples(Rule):
    """What one sample gives depends on the other samples of its batch.

    The batch is the first dimension of the first input, `...` included. The layer is run on random data with other
    samples beside the first one, with the samples in another order, and with one sample alone. An output that has the
    dimension must be the same for a sample each time. A count over the whole batch, positions counted along it and
    attention across it go unnoticed in shapes.

        inputs:
          x: [N, L, D]
          mask: {shape: [N, L], dtype: bool}
        forward: |
          count = sum(mask)                             # of all samples
          y = sum(x * mask[:, :, None], dim=1) / count

    Fix: reduce within each sample, `sum(mask, dim=1, keepdim=True)`. Where samples are meant to see each other, say so:
    `mixes: [N]`, or `mixes: {N: training}` for batch statistics. A graph layer whose first dimension is its nodes says
    `mixes: [V]`. A layer that `matches` a module mixes what that one does.
    """

    code = "LG327"


class NeedlessMixes(Rule):
    """A `mixes` that nothing needs.

    It lets samples depend on each other, and so switches a check off. Here no sample was seen to depend on another one,
    or no output has the dimension.

        mixes: [N]
        forward: y = x * weight

    Fix: delete it, or name the dimension along which samples see each other.
    """

    code = "LG328"


class FutureSeen(Rule):
    """An output depends on later entries along the dimension that `causal` names, or along several, row by row.

    The layer is run on random data, ordinary and small, and again with other values behind some position. Outputs up to
    this position must stay as they were; with `causal: {dim: L, when: causal}`, at the settings at which that holds.
    With `causal: [H, W]`, pixels come row by row: what is later is to the right in the same row, or in a row below.

    Inputs of some 300 and 1000 are tried, too, where the layer gives numbers: scores are then so large that they outdo
    a number such as -10000 that is put in the place of later ones. Fill those with `-inf`.

    With `causal: {dim: L, strict: true}`, or a condition in the place of `true`, an output does not see what an input
    has at its own place either, as where it is to predict that.

        causal: L
        forward: y = conv1d(pad(x, [kernel_size // 2, kernel_size // 2]), weight)

    Fix: look back alone.

        forward: y = conv1d(pad(x, [kernel_size - 1, 0]), weight)
    """

    code = "LG329"


class UnmarkedCounts(Rule):
    """Positions that a mask does not mark have an effect.

    A mask that says `marks: x` is true at the positions of `x` that count. Other content of the other positions, or
    more of them, must change nothing at those that are marked, and nothing at all in outputs that do not have the
    positions. That is tried at inputs of some 300 and 1000 too, where the layer gives numbers: scores are then so large
    that they outdo a number such as -10000 that is added to those that are not marked. At inputs of some -12 and -30,
    what is set to zero outdoes them instead. And where nothing of a sample is marked, what the layer gives, if it is a
    number, is not made of the content of padding, as the mean is that a softmax of equal scores gives.

        inputs:
          x: [N, L, D]
          mask: {shape: [N, L], dtype: bool, marks: x, dim: 1}
        forward: y = sum(x * mask[:, :, None], dim=1) / L

    Fix: leave the other positions out of sums, counts and softmaxes, of these by `masked_fill(scores, ~mask, -inf)`; if
    the mask is meant the other way round, use `~mask`.

        forward: y = sum(x * mask[:, :, None], dim=1) / clamp(sum(mask, dim=1, keepdim=True), min=1)
    """

    code = "LG330"


class IgnoredEntries(Rule):
    """Some entries of an input have no effect on any output.

    Entries are followed by gradients, and replaced by other values where no gradient comes back, at several settings,
    sizes and draws. What rounding leaves of an effect that cancels out is none. A part that never matters is often a
    wrong slice: at an end of a dimension, or, of slices that take every second index along several dimensions, one that
    stands there twice in the place of another, as `x[1::2, ::2]` in that of `x[::2, 1::2]`.

        inputs:
          x: [N, D]
        outputs:
          y: [N]
        forward: y = sum(x[:, :D // 2], dim=1)

    Fix: use all of it. Where a part matters at other numbers than those that were tried, give them under `cases`. Where
    it is left out on purpose, as by a layer that takes the first token alone, say `partial: true` of the input.
    """

    code = "LG331"


class ConstantOutput(Rule):
    """Nothing changes an output.

    The layer is run on other inputs, zeros, large ones and such as are no numbers among them, with other random numbers
    and other values of what it owns. An output that is the same in each run at a setting, though it is computed of
    inputs or parameters, tells nothing: what they bring to it is taken away again. Nor does one that is a single number
    at all settings, sizes and modes. What is made of sizes, as a table of positions or a mask, is no fault, nor is
    what depends on parameters alone, as a bias by distance. One that changes at larger sizes alone than those that are
    tried, as a loss that needs three samples, would have tests that show nothing of it: it wants a case.

        forward: |
          p = softmax(linear(x, gate), dim=-1)
          balance = mean(sum(p, dim=-1))          # 1, whatever the gate is

    Fix: compute it from what it is to tell, or delete it. Where it is there for the interface, say so:
    `accept: {constant-output: as the loss of layers that have one}`.

          balance = mean(sum(square(p), dim=-1))
    """

    code = "LG353"
    judges = True


class UnusedEntries(Rule):
    """Some entries of a parameter are never read.

    A parameter is followed along each of its dimensions. Slices without a gradient get other numbers, NaN among them,
    and where no bit of an output changes, in both modes, at several draws and at larger sizes and arguments, nothing
    reads them. They take memory and are never learned, and most often an index is wrong, or a part of a result has been
    dropped. What is read and multiplied by zero is read. Of ops that look up entries by the values of inputs, and of
    masks over parameters, nothing is said; where numbers, sizes or a buffer alone tell which rows of a table are read,
    as by `table[arange(L)]` or `positions(arange(L))` of an `nn.Embedding`, rows that no size meets are told too, such
    as the last one of a table of `2 * window` rows for the distances in a window.

        parameters:
          weight: {shape: [2 * dim, dim], init: xavier_uniform}
        forward: |
          h, gate = chunk(linear(x, weight), 2, dim=-1)
          y = relu(h)

    Fix: use all of it, or make it as small as what is used. Where a part is left out on purpose, say so:
    `accept: {unused-entries: as in the checkpoints that are published}`.

        forward: |
          h, gate = chunk(linear(x, weight), 2, dim=-1)
          y = relu(h) * sigmoid(gate)
    """

    code = "LG347"
    judges = True


class MixedAxes(Rule):
    """A reshape puts entries of two axes into each other.

    A reshape leaves all entries in their order. It may split an axis, and join axes that stand side by side; where it
    takes other axes for one, each row gets entries of several. That is seen in the sizes of a run, and told where one
    exchange of two axes, or one move of an axis past others, mends it. So is an axis that is split in another order
    than the one in which its parts became one: windows in rows, into columns of windows, or what `unfold` gives, in
    which each channel has its window, into windows of channels; and so are values that meet entry by entry along an
    axis that was made of rows and columns here, and of columns and rows there. Nothing is told of a layer with a
    `definition` or `matches`, which tell what each value is; of parameters, which are learned in any arrangement; and
    of the shift of rows by their numbers, which a reshape from `[L, L + 1]` to `[L + 1, L]` does, or one from
    `[L, K + 1]` to `[K + 1, L]` and, once a row is cut off, another to `[L, K]`.

        inputs:
          x: [N, L, dim]
        forward: |
          h = reshape(linear(x, weight), [N, num_heads, L, head_dim])       # positions and features, mixed

    Fix: let the axes change places before what becomes one axis, or behind what has been split. Where it is meant, say
    so: `accept: {mixed-axes: rows are shuffled}`.

        forward: |
          h = transpose(reshape(linear(x, weight), [N, L, num_heads, head_dim]), 1, 2)
    """

    code = "LG350"
    judges = True


class SquashedTwice(Rule):
    """A loss is given probabilities or their logarithms where it takes something else.

    Some losses take scores and apply a sigmoid or a softmax themselves, others take the logarithms of probabilities.
    Where it is given something else, shapes fit and the loss goes down, but it is bounded, or negative, and its
    gradients are those of another function. What `sigmoid`, `softmax`, `logsigmoid`, `log_softmax` and modules of
    these names give is followed through views, casts, bounds, `log` and `exp`; where a condition chooses, each choice
    has to be wrong. Nothing is told of a layer with a `definition` or `matches`, which tell what each value is.

        forward: |
          p = softmax(head(x), dim=1)
          loss = cross_entropy(p, labels)                # applies a softmax itself

        forward: |
          p = softmax(student, dim=1)
          loss = kl_div(p, softmax(teacher, dim=1))      # takes logarithms

    Fix: hand over what the loss takes. Where it is meant, say so: `accept: {squashed-twice: bounds the loss}`.

        forward: |
          loss = cross_entropy(head(x), labels)
    """

    code = "LG366"
    judges = True


class CornersApart(Rule):
    """A grid is made for one meaning of its ends, and read by another.

    With `align_corners=True`, -1 and 1 are the centres of the first and the last pixel; without, they are the outer
    edges of these. A grid that `affine_grid` makes of an identity is none for a `grid_sample` that reads it the other
    way: the image is magnified a little, and blurred.

        forward: |
          grid = affine_grid(theta, [N, C, H, W], align_corners=True)
          y = grid_sample(x, grid, align_corners=False)

    Fix: give both the same. Where it is meant, say so: `accept: {corners-apart: as in the published model}`.

        forward: |
          grid = affine_grid(theta, [N, C, H, W], align_corners=False)
          y = grid_sample(x, grid, align_corners=False)
    """

    code = "LG367"
    judges = True


class IgnoredCounts(Rule):
    """A loss follows rows whose label says that they do not count.

    `also` lists labels beside the classes. Where the argument that tells one is named for that (`ignore_index`), or its
    `doc` says that it does not count, rows with such a label are to have no share in the loss. Every other label is
    made one, and the gradient of the outputs that are single numbers is looked at beside these. Nothing is told where
    other rows have other gradients once these change, as in a loss that compares rows with each other.

        inputs:
          logits: [N, C]
          labels: {shape: [N], dtype: int64, range: [0, C], also: [ignore_index]}
        forward: |
          there = labels != ignore_index
          p = log_softmax(logits, dim=1)
          nll = where(there, -p[arange(N), where(there, labels, 0)], 0)
          loss = mean(nll - smoothing * mean(p, dim=1))          # of all rows

    Fix: leave all of such a row out. Where it is meant, say so: `accept: {ignored-counts: rows stay near uniform}`.

        forward: |
          …
          loss = mean(nll - smoothing * where(there, mean(p, dim=1), 0))
    """

    code = "LG369"
    judges = True


class NeedlessAccept(Rule):
    """An `accept` that nothing needs.

    It overrules a judgement of the checks, with a reason. Here the checks do not judge so, or not any more.

        accept: {wrong-fan: as nn.ConvTranspose2d starts}
        parameters:
          weight: {shape: [dim, dim], init: xavier_uniform}

    Fix: delete it.
    """

    code = "LG332"


class NothingMarked(Rule):
    """An output is NaN or infinite where a mask marks no position, or all of them.

    Batches have samples of which nothing is left. The mean of nothing is zero divided by zero, and so is a softmax
    over nothing.

        inputs:
          x: [N, L, D]
          mask: {shape: [N, L], dtype: bool, marks: x, dim: 1}
        forward: y = sum(x * mask[:, :, None], dim=1) / sum(mask, dim=1, keepdim=True)

    Fix: bound the count, `clamp(sum(mask, dim=1, keepdim=True), min=1)`, or fill what comes of nothing,
    `nan_to_num(softmax(h, dim=-1))`.
    """

    code = "LG333"


class WrongPenalty(Rule):
    """A regularization term is one finite number that some parameter has an influence on.

    It is added to the loss in training. What has several entries, or no gradient, would fail there or do nothing.

        penalty: weight_decay * square(weight)      # as many numbers as the weight has

    Fix: sum it.

        penalty: weight_decay * sum(square(weight))
    """

    code = "LG345"


class NeedlessExemption(Rule):
    """What takes a part of the layer out of a check, though the check would pass it.

    `gradient: false` or `surrogate` of an input, `gradient: false` of a parameter or member, `random: always` and
    `partial: true` say that something is meant which is a fault elsewhere. Where nothing of the kind happens, they hide
    what may come to happen. The layer is tried without them: gradients are measured on every way through the forward,
    calls that draw random numbers are looked for in evaluation, and each entry of an input is followed to the outputs.
    What could not be measured in full is not told. Of an input of `gradient: false` to which the derivative flows back
    all the same, a `detach` may be forgotten: what a teacher says is not to be learned through the layer, and autograd
    does not know. Where a `detach` lies on the way from the input to the outputs, the gradient is taken to be meant.

        random: always
        forward: y = dropout(x, p, training=training)    # draws in training alone

        inputs:
          x: {shape: [N, dim], gradient: surrogate}
        forward: y = linear(x, weight)

    Fix: delete it.
    """

    code = "LG349"
