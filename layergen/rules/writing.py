"""Advice on how a forward is written: what torch has one op for, and what Python reads otherwise than it looks."""

from layergen.diagnostics import Rule


class WrittenOutAttention(Rule):
    """Attention is written out by a product, a softmax and another product.

    `scaled_dot_product_attention` does the same in one op. It never holds the matrix of all weights, which grows with
    the square of the length, and runs on the fastest kernel that the device has.

        forward: |
          scores = matmul(q, transpose(k, -2, -1)) / sqrt(head_dim)
          scores = masked_fill(scores, ~mask, -inf)
          y = matmul(softmax(scores, dim=-1), v)

    It is advice, which changes no exit code, and is given only where the build has run both and found the same shapes,
    dtypes, values and gradients. Some kernels of the op have no second derivatives, which the advice says where it is
    so.

    Fix: call the op.

        forward: y = scaled_dot_product_attention(q, k, v, attn_mask=mask)

    To keep what is written, say why: `accept: {written-out-attention: the weights are to be seen in a debugger}`.
    """

    code = "LG601"
    judges = True
    advises = True


class BiasAfterProduct(Rule):
    """A bias is added to a product with a weight.

    `linear` does both in one step, and takes a bias that is None.

        forward: |
          y = matmul(x, transpose(weight, 0, 1))
          if bias is not None:
              y = y + bias

    It is advice, which changes no exit code, and is given only where the build has run both and found the same shapes,
    dtypes, values and gradients.

    Fix: call `linear`.

        forward: y = linear(x, weight, bias)

    To keep what is written, say why: `accept: {bias-after-product: as the paper has it}`.
    """

    code = "LG602"
    judges = True
    advises = True


class WrittenOutNorm(Rule):
    """A norm is written out by a mean, squares and a root.

    `layer_norm`, `rms_norm`, `group_norm`, `instance_norm` and `batch_norm` do the same in one op, which reads its
    input once and keeps less for the backward. In half precision they compute in float32 by themselves.

        forward: |
          h = upcast(x)
          h = h * rsqrt(mean(square(h), dim=-1, keepdim=True) + eps)
          y = type_as(h * weight, x)

    It is advice, which changes no exit code, and is given only where the build has run both and found the same shapes,
    dtypes, values and gradients.

    Fix: call the op.

        forward: y = rms_norm(x, [dim], weight, eps)

    To keep what is written, say why: `accept: {written-out-norm: as the paper has it}`.
    """

    code = "LG603"
    judges = True
    advises = True


class PlainEinsum(Rule):
    """An einsum does what one function does whose name says so.

    A product of two matrices, with or without a batch, is `matmul`, with a weight of `[out, in]` it is `linear`, and a
    change of two dimensions is `transpose`. These need no equation to be read, neither by people nor at each call.

        forward: y = einsum("nld,od->nlo", x, weight)

    It is advice, which changes no exit code, and is given only where the build has run both and found the same shapes,
    dtypes, values and gradients.

    Fix: call the function.

        forward: y = linear(x, weight)

    To keep what is written, say why: `accept: {plain-einsum: in line with the others}`.
    """

    code = "LG604"
    judges = True
    advises = True


class RepeatedCall(Rule):
    """The same call is made twice, on the same values.

    The second time it gives what it gave before. To compute it once takes half the time, and half of what is kept for
    the backward.

        forward: |
          y = cat([x * cos(angle), x * sin(angle)], -1) / (1 + square(cos(angle)))

    It is advice, which changes no exit code, and is given only where the build has run both and found the same shapes,
    dtypes, values and gradients. Views, which cost next to nothing, may be taken as often as one likes.

    Fix: give it a name.

        forward: |
          c = cos(angle)
          y = cat([x * c, x * sin(angle)], -1) / (1 + square(c))

    To keep what is written, say why: `accept: {repeated-call: it reads better}`.
    """

    code = "LG605"
    judges = True
    advises = True


class BitwiseCaret(Rule):
    """A caret stands between two numbers, where Python computes an exclusive or and no power.

    `2 ^ 3` is 8 in formulas, in LaTeX and in MATLAB; in Python, and so in a spec, it is 1. Both are ints, so that
    nothing else tells. Between masks, `^` is what it is meant to be, and nothing is said.

        derived: {levels: 2 ^ bits}

    It is advice, which changes no exit code: a hash may mean it.

    Fix: write a power as Python does.

        derived: {levels: 2 ** bits}
    """

    code = "LG614"
    judges = True
    advises = True


class LooseComparison(Rule):
    """A mask and integers are combined bit by bit beside a comparison, where parentheses are missing.

    In Python, and so in a spec, `&`, `|` and `^` come before `==` and `<`: `labels == other & mask` compares `labels`
    with `other & mask`, which is the last bit of `other` where the mask is true, and 0 elsewhere. torch computes it
    without a word. It is told where a run has combined integers with truth values, as a side of a comparison.

        forward: |
          same = labels[:, None] == labels & mask

    It is advice, which changes no exit code: parentheses say that it is meant.

    Fix: put the comparison into parentheses.

        forward: |
          same = (labels[:, None] == labels) & mask
    """

    code = "LG615"
    judges = True
    advises = True
