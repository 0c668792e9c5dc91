"""The faults of a spec's keys and values, one by one: LG111 to LG115."""

from layergen.diagnostics import Rule


class UnknownKey(Rule):
    """A key that the language does not have.

    A misspelled key would otherwise be ignored without a word, and with it what it says.

        arguments:
          dim: {typ: int, doc: Size of the last dimension.}
                ^^^ write `type`

    Fix: use the key that the message names, or delete the line.
    """

    code = "LG111"


class MissingKey(Rule):
    """A key that must be there is not.

    Every layer has `layer`, `summary`, `inputs`, `outputs` and `forward`; every argument a `type` and a `doc`; every
    parameter and buffer a `shape` and an `init`.

    Fix: add the key.
    """

    code = "LG112"


class InvalidValue(Rule):
    """A value of the wrong type, or one that its key does not allow.

    For example `min: one`, a default that is out of bounds, or `exclusive` without a bound to exclude.

    Fix: write a value as the message asks. Mind YAML: `no` is a string here, `false` is a boolean.
    """

    code = "LG113"


class InvalidSyntax(Rule):
    """An expression or a forward that cannot be read.

    Expressions are written as in Python, with the constructs that `layergen` knows:

        shape: [out_channels, in_channels //]
                                          ^^ an expression is missing here

    Fix: complete or correct the expression at the mark.
    """

    code = "LG114"


class ForbiddenConstruct(Rule):
    """A construct that the language leaves out on purpose.

    Expressions have no attributes, lambdas, comprehensions, imports or formatting: a spec cannot execute code, and
    shapes are plain names of dimensions.

        y = x.flatten(1)
            ^^^^^^^^^ write `flatten(x, 1)`

    Fix: call the op by its name; name the dimension in `inputs` instead of asking for a shape.
    """

    code = "LG115"
