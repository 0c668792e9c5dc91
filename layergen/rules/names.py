"""The faults of names: who declares them, who uses them, and what they may be."""

from layergen.diagnostics import Rule


class UndefinedName(Rule):
    """A name that nothing declares, or that is not known where it is used.

    The constructor knows arguments and derived names alone, each after those that stand before it. Shapes know
    dimensions too, as far as some input has them as an entry of their own. The forward knows all names. An `init` may
    mention earlier parameters in `fan_in(…)` and `fan_out(…)`.

        inputs:
          x: [N, C, H]
        forward: |
          y = x / sqrt(c)
                       ^ write `C`

    Fix: correct the spelling, or declare the name. A size that the constructor needs is an argument, not a dimension.
    """

    code = "LG201"


class UnusedName(Rule):
    """A name that is declared or assigned and has no effect.

    An argument that only its own bounds, a constraint or `matches` mention does nothing for the layer. A parameter
    that the forward never reads is never learned. Outputs and buffers count as read at the end of the forward.

        parameters:
          weight: {shape: [dim], init: ones}
          bias: {shape: [dim], init: zeros}
          ^^^^ the forward never reads it
        forward: |
          y = x * weight

    Fix: use the name or delete it. Where a call gives more values than are needed, assign the others to `_`.
    """

    code = "LG202"


class ShadowedName(Rule):
    """A name that stands for two things.

    Each name has one meaning in all sections, and what the constructor or the caller has set, the forward does not
    set anew: arguments, derived names, parameters and dimensions are not assigned to. Only a `bool` argument may share
    its name with the parameter or buffer that it switches on, as `bias` does in torch: `when` is then that name, or
    that name `and` something more. A derived name may be that of the argument that it is computed from, and whose
    place it takes. And an output may have the name of the input of which it is the new value.

        forward: |
          weight = weight / norm(weight)
          ^^^^^^ a parameter
          y = linear(x, weight)

    Fix: choose another name for one of the two.
    """

    code = "LG203"


class ReservedName(Rule):
    """A name that means something else already.

    A name of a spec becomes a name of Python. It cannot be a keyword (`lambda`), nor what generated code needs itself:
    `self`, `torch`, `device`, `dtype`, functions such as `int` and `max`. What becomes an attribute (arguments, derived
    values, parameters, buffers) cannot be called as an attribute that every module has (`train`, `type`, `forward`).
    Constants (`pi`, `float32`) keep their meaning, and names that begin with an underscore are left to torch. The
    layer's own name is a class's, `RMSNorm`, and none that its files import, as `Sequence`.

        arguments:
          type: {type: str, choices: [max, mean], doc: How to pool.}
          ^^^^ an attribute of every module

    Fix: choose another name, such as `mode` or `type_`.
    """

    code = "LG204"


class Unassigned(Rule):
    """A name that may have no value when it is read.

    A forward must assign a name on every path that leads to where it is read, and its outputs on every path to its
    end. An `if` without `else` has a path around it. Conditions are not compared: a name that is assigned under a
    condition is not taken for assigned under the same condition further down. Nor is there a value for a dimension
    that only an optional input has.

        if training:
            h = dropout(x, p)
        y = relu(h)
                 ^ not assigned unless `training`

    Fix: assign the name before the `if` too, or in its `else`.
    """

    code = "LG210"


class RequiredAfterOptional(Rule):
    """A required argument or input stands after one that may be left out.

    They become the parameters of a function of Python, in their order; there, those without a default come first.

        arguments:
          eps: {type: float, default: 1e-6, doc: …}
          dim: {type: int, min: 1, doc: …}
          ^^^ required, but after `eps`

    What is given by its name alone, `keyword: true`, may be in any order, and comes last.

    Fix: move it before the first argument with a `default`, or the first input that is `optional`.
    """

    code = "LG213"
