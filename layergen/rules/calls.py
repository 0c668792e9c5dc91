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
    """A call leaves out an argument that the op requires.

    Why: torch refuses the call. Of `softmax` and its kin it guesses the dimension from the number of dimensions, and
    takes the batch where there are three; it warns that it will not go on doing so, and a spec says which one it means.

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


class DataDependent(Rule):
    """A condition depends on the values of a tensor.

    Conditions choose between ways through the forward, which must be known before there is data: they ask about
    arguments, about `training`, and whether something is None.

        forward: |
          if sum(x) > 0:
              y = relu(x)

    Fix: choose element by element.

        forward: y = where(sum(x) > 0, relu(x), x)
    """

    code = "LG214"
