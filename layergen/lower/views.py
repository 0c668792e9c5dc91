"""What templates see: frozen views that hold final strings, ready to print."""

from dataclasses import dataclass

Lines = tuple[str, ...]  # lines of code, indented relative to where the template puts them


@dataclass(frozen=True)
class LayerView:
    """A module that holds one layer."""

    origin: str  # the program, for the header
    prefix: str  # of the docstrings: ``r`` where they hold backslashes
    title: str  # the module's docstring
    imports: Lines
    name: str
    summary: str  # first line of the class's docstring
    docstring: Lines  # its other lines
    helpers: tuple[Lines, ...]  # functions of the module
    annotations: Lines  # of the class
    signature: Lines  # parameters of the constructor after ``self``
    constructor: Lines
    reset: Lines  # empty if there is nothing to reset
    reset_summary: str
    forward_signature: Lines
    returns: str
    forward: Lines
    extra_repr: Lines

    @property
    def methods(self) -> tuple[str, ...]:
        """The class's methods in order."""
        optional = {"reset_parameters": self.reset, "forward": self.forward, "extra_repr": self.extra_repr}
        return ("__init__", *(name for name, lines in optional.items() if lines))


@dataclass(frozen=True)
class CaseView:
    """A setting of the layer, as keyword arguments of the test module's ``Case``."""

    name: str
    fields: Lines


@dataclass(frozen=True)
class RejectionView:
    """Arguments that the constructor refuses, and its message; both are Python literals."""

    name: str
    arguments: str
    message: str


@dataclass(frozen=True)
class LimitView:
    """A precondition on sizes, with a case on either side of it."""

    name: str
    case: CaseView
    broken: str  # the fields in which a case that breaks it differs, as a dict


@dataclass(frozen=True)
class SizeLimitView:
    """A constraint on sizes, with a case on either side of it, and what is said where it does not hold."""

    name: str
    case: CaseView
    broken: str  # the fields in which a case that breaks it differs, as a dict
    message: str  # a literal


@dataclass(frozen=True)
class OutputView:
    """An output of the layer, as the tests check it; all three are expressions."""

    value: str
    shape: str
    dtype: str


@dataclass(frozen=True)
class ReferenceView:
    """The existing module that the layer must agree with."""

    signature: Lines
    body: Lines
    inputs: str  # what the module is called with


@dataclass(frozen=True)
class GradientView:
    """How the gradients of the layer are compared with measured slopes."""

    requests: Lines  # statements that ask for the inputs' gradients
    parameters: str  # a dict of the parameters whose gradients are compared, as an expression; empty if none are
    compute: Lines  # the body of a function from inputs and parameters to the result
    leaves: str  # what it is called with, as an expression


@dataclass(frozen=True)
class TestView:
    """A module that tests one layer."""

    __test__ = False  # the class is no test, whatever its name looks like

    origin: str
    module: str  # dotted name of the module under test
    package: str
    stem: str  # its last part
    name: str
    standard_imports: Lines
    case_fields: Lines  # annotated fields of ``Case``
    cases: tuple[CaseView, ...]
    construct: str  # the call that makes a layer of a case, in a dtype where that can be chosen
    takes_dtype: bool  # whether it can
    construct_plain: str  # the same without a dtype
    construct_meta: str  # the same on the meta device; empty if the layer owns no tensors
    randomizes: bool  # whether the layer owns floating tensors to move from their initial values
    inputs: str  # an expression that makes a tuple of them
    input_types: str
    input_targets: str  # what ``make_inputs`` is unpacked to
    input_names: str
    striding: Lines  # statements that give the inputs other strides
    outputs: tuple[OutputView, ...]
    modes: bool  # whether the layer behaves differently in training
    random: bool  # whether the forward draws random numbers
    settles: bool  # whether it does so in training alone
    reference: ReferenceView | None
    gradients: GradientView | None
    arguments: bool  # whether the constructor has any
    rejections: tuple[RejectionView, ...]
    wrong_shapes: tuple[RejectionView, ...]  # fields of the first case, and the message
    limits: tuple[LimitView, ...]
    size_limits: tuple[SizeLimitView, ...]


@dataclass(frozen=True)
class ExportView:
    """A layer that a package hands on."""

    module: str  # relative: ``.conv.custom_conv2d``
    name: str


@dataclass(frozen=True)
class PackageView:
    """An ``__init__.py``."""

    title: str
    exports: tuple[ExportView, ...]
    names: tuple[str, ...]  # of the classes, sorted as linters want them
