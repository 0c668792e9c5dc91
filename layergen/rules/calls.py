"""The faults of calls: of ops, functions of numbers, initializers and modules."""

from layergen.diagnostics import Rule


class UnknownOp(Rule):
    """A call names no op.

    A forward may call the functions of `torch.nn.functional`, `torch` and `torch.special` by their bare names, those
    of `torch.fft` and `torch.linalg` as `fft.rfft` and `linalg.norm`, and tensor methods as functions of the tensor.
    The list is closed: what reads files, runs code or looks into a tensor's values is not on it.

    Why: a layer that calls what does not exist fails when it first runs.

    Example:

        forward: y = F.conv_2d(x, weight)

    Fix: write the op's name as `layergen ops` lists it.

        forward: y = conv2d(x, weight)
    """

    code = "LG205"


class UnknownKeyword(Rule):
    """A call gives a keyword that the op does not have.

    Why: torch refuses the call. Often the keyword belongs to a similar op, and the thought behind it is wrong too.

    Example:

        forward: y = adaptive_avg_pool2d(x, output_size=size, stride=1, padding=0)

    Fix: write the keyword as the op spells it, or leave it out.

        forward: y = adaptive_avg_pool2d(x, output_size=size)
    """

    code = "LG206"


class MissingArgument(Rule):
    """A call leaves out an argument that the op requires, or one that torch would guess.

    Why: torch refuses the call. Where it guesses, as it does the `dim` of `softmax`, it is seldom what was meant, and
    torch has said that it will not go on.

    Example:

        forward: y = conv2d(x)

    Fix: give the argument.

        forward: y = conv2d(x, weight)
    """

    code = "LG207"


class DoubledArgument(Rule):
    """A call gives an argument twice, by position and by keyword, or gives more arguments than the op takes.

    Why: torch refuses the call.

    Example:

        forward: y = softmax(x, -1, dim=-1)

    Fix: give each argument once.

        forward: y = softmax(x, -1)
    """

    code = "LG208"


class WrongArgumentKind(Rule):
    """A call gives an argument of a kind that the op does not take there.

    Tensors, ints, floats, bools, strings and lists of them are told apart. An int may stand for a float, and where
    torch allows it for a list of equal ints; a bool stands for nothing but a bool.

    Why: mostly an argument has slipped into the place of another. Torch refuses the call, or, worse, takes `True` for
    the number 1.

    Example:

        forward: y = conv2d(x, weight, stride, padding)

    Here `stride` stands where `conv2d` expects the bias.

    Fix: name the arguments after the first few.

        forward: y = conv2d(x, weight, stride=stride, padding=padding)
    """

    code = "LG209"


class NotScalar(Rule):
    """An op of tensors stands where only numbers are known.

    Shapes, constraints, conditions and computed defaults are computed in the constructor, from the arguments alone.

        shape: [sum(weight)]

    Fix: use the scalar functions: `sqrt`, `min`, `max`, `round`, `prod` and the like.
    """

    code = "LG211"


class NotATensor(Rule):
    """An initial value is a number where a tensor is needed.

    An `init` is the call of an initializer, or an expression that gives a tensor of the parameter's shape.

        init: 0.25

    Fix: fill the tensor with the number.

        init: constant(0.25)
    """

    code = "LG212"


class NotASize(Rule):
    """An entry of a shape, or an index, is no int.

    Each entry is one size, and a size is an int, as are indices and the ends of slices. A float argument, a quotient
    with `/`, a flag or a list of ints is none.

        arguments:
          p: {type: float, min: 0, max: 1, doc: Probability of a zero.}
        inputs:
          x: [N, p]
                 ^ an argument of type float

    Fix: choose another name for the dimension, divide with `//`, or take one entry of the list: `kernel_size[0]`.
    """

    code = "LG215"


class SizeOfValues(Rule):
    """The size of a tensor depends on the values of another.

    `h[h > 0]`, `masked_select` and `nonzero` give as many entries as there happen to be. Of such a size no shape can
    be proven, the mean over none of them is not a number, and compiled code has to stop for it.

        forward: y = mean(h[h > 0])

    Fix: keep all entries, and weight them.

        forward: |
          m = h > 0
          y = sum(h * m) / clamp(sum(m), min=1)

    A layer that spares work by it, as experts do that see their share of the rows, accepts it with the reason:
    `accept: {size-of-values: …}`. It is then tried with data alone, and nothing of it is proven.
    """

    code = "LG216"
    judges = True


class CutGradient(Rule):
    """A `detach`, or the update of a buffer, makes the gradient something else than the derivative.

    The gradient that flows back is held against slopes that are measured. Where they differ, training follows another
    function than the one that the forward computes. A straight-through estimate wants that, and says so. What a buffer
    is given has no gradient either: a forward that goes on with the value gives it a name of its own.

        forward: y = x + detach(round(x) - x)

    Fix: where it is meant, declare it: `x: {shape: [N, C], gradient: surrogate}`. Else delete the `detach`.
    """

    code = "LG217"


class CancelledGradient(Rule):
    """A sum takes away again what was to bring it a gradient.

    A straight-through estimate adds the value that has a gradient, and takes it away where no gradient sees it. Where
    `detach` is forgotten, the two cancel out: the values are right, autograd is connected to everything, and the
    gradient is zero everywhere, or that of a scale alone. Sums are followed through names and loops; what is left of
    them is run with other values of what was cancelled, and told only where it changes with these, and no gradient says
    so, or where it changes along a line by something else than its gradients there add up to.

        forward: y = x + (round(x) - x)

    Fix: detach the difference, and declare the gradient that is no derivative: `gradient: surrogate` of an input.

        forward: y = x + detach(round(x) - x)
    """

    code = "LG351"
    judges = True


class DataDependent(Rule):
    """A condition, or an `and`, `or` or `not`, depends on the values of a tensor.

    Conditions choose between ways through the forward, which must be known before there is data: they ask about
    arguments, about `training`, and whether something is None. `and`, `or`, `not`, `in` and chains as `0 < x < 1` ask
    for one answer, too; of each element, `&`, `|` and `~` ask.

        forward: |
          if sum(x) > 0:
              y = relu(x)

    Fix: choose element by element.

        forward: y = where(sum(x) > 0, relu(x), x)
    """

    code = "LG214"


class WholeFamily(Rule):
    """A family of tensors is read as a whole, or by a slice.

    Of tensors that are declared by `each`, there is one for every index. Each may have another shape, so that they are
    no tensor together.

        parameters:
          weight: {each: {k: depth}, shape: [dim, dim], init: xavier_uniform}
        forward: y = x @ weight

    Fix: read one of them.

        forward: y = x @ weight[0]
    """

    code = "LG219"


class InvalidPattern(Rule):
    """A pattern of `rearrange`, `reduce` or `repeat` means nothing, or is not what its function does.

    Patterns are those of einops: the axes of a tensor before and after, with parentheses around those that are one
    dimension. `rearrange` keeps all axes, `reduce` takes together those that are not on the right, and `repeat` makes
    those that are there alone. What no dimension tells is given by the name of the axis: `h=heads`.

    Why: an axis on one side alone is misspelled, or the function is another one. Of a dimension that is several axes,
    all but one need their sizes, or there are many ways to take it apart.

        forward: y = rearrange(x, "n l (h d) -> n h l d")

    Fix: give the size.

        forward: y = rearrange(x, "n l (h d) -> n h l d", h=heads)
    """

    code = "LG218"


class MisplacedUpdate(Rule):
    """The statistics that an op writes are given to other names than those of the buffers that it is handed.

    `batch_norm` and `instance_norm` write running statistics. A forward says so by taking these beside the result, by
    the names of the buffers that they come from. No other statement assigns such a buffer: autograd would find what it
    keeps for the way back written over. Nor does the variance start at zero where the mean starts at one: they are
    handed over in the wrong order then.

        forward: y, mean, variance = batch_norm(x, running_mean, running_var, training=training)

    Fix: give the statistics back to their buffers.

        forward: y, running_mean, running_var = batch_norm(x, running_mean, running_var, training=training)
    """

    code = "LG227"
