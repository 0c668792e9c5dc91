"""What templates see: frozen views that hold final strings, ready to print."""

from dataclasses import dataclass

Lines = tuple[str, ...]  # lines of code, indented relative to where the template puts them


@dataclass(frozen=True)
class LayerView:
    """A module that holds one layer."""

    prefix: str  # of the class's docstring: ``r`` where it holds backslashes
    title: str  # the module's docstring, in quotes
    imports: Lines
    name: str
    summary: str  # first line of the class's docstring
    docstring: Lines  # its other lines
    tables: tuple[Lines, ...]  # constants of the module
    helpers: tuple[Lines, ...]  # functions of the module
    annotations: Lines  # of the class
    signature: Lines  # parameters of the constructor after ``self``
    constructor: Lines
    reset: Lines  # empty if there is nothing to reset
    reset_summary: str
    initialize: Lines  # what is the layer's own among the initial values, where it has members too
    refill: Lines  # computes the buffers that are not saved, in a method that loading a state calls too
    ties: Lines  # makes tensors one again, which a move to other memory or a loaded state has made two of
    forward_signature: Lines
    returns: str
    forward: Lines
    penalty: Lines  # the body of a method that gives a regularization term, if there is one
    extra_repr: Lines

    @property
    def methods(self) -> tuple[str, ...]:
        """The class's methods in order."""
        optional = {
            "reset_parameters": self.reset,
            "_initialize": self.initialize,
            "_reset_buffers": self.refill,
            "_load_from_state_dict": self.refill,
            "_tie": self.ties,
            "_apply": self.ties,
            "forward": self.forward,
            "penalty": self.penalty,
            "extra_repr": self.extra_repr,
        }
        return ("__init__", *(name for name, lines in optional.items() if lines))


@dataclass(frozen=True)
class ReferenceView:
    """A function that makes the existing module that the layer must agree with."""

    signature: str
    body: Lines


@dataclass(frozen=True)
class RowView:
    """A row of a table of a test module; both are expressions."""

    name: str
    value: str


@dataclass(frozen=True)
class TableView:
    """Settings that the layer refuses, or that are at a limit, by their names."""

    name: str
    rows: tuple[RowView, ...]


@dataclass(frozen=True)
class FunctionView:
    """A function that says what each entry of the outputs of a layer is."""

    name: str
    doc: str
    body: Lines


@dataclass(frozen=True)
class TestView:
    """A module that tests one layer: its cases, and the behaviours that it is held to."""

    __test__ = False  # the class is no test, whatever its name looks like

    module: str  # dotted name of the module under test
    imports: Lines  # of torch and the standard library
    own_imports: Lines  # of the layer and of the behaviours
    reference: ReferenceView | None
    definitions: tuple[FunctionView, ...]  # that say what each entry of the outputs is, the layer's own last
    layer: str  # what the behaviours need to know of the layer, as an expression
    default: str  # the first case, as an expression
    cases: tuple[RowView, ...]
    tables: tuple[TableView, ...]


@dataclass(frozen=True)
class BehavioursView:
    """The module of the tests that every layer is held to."""


@dataclass(frozen=True)
class ConftestView:
    """The ``conftest.py`` that runs the behaviours at each case."""

    behaviours: str  # dotted name of the module


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
