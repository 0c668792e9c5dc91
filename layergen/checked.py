"""What the checks hand on: the program, and the facts that were found by trying it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import reduce

from layergen.compare.defined import Compared
from layergen.contracts.judgement import Judgement
from layergen.diagnostics import Finding
from layergen.lang import expression as ex
from layergen.lang.parser import parse_expression
from layergen.measure.measured import Measured
from layergen.measure.recorded import Recorded
from layergen.probe.initial import Bounds
from layergen.prove.cost import Costs
from layergen.prove.demands import InputCheck
from layergen.prove.kept_by_torch import KeptByTorch
from layergen.prove.proven import Proof, Tried
from layergen.resolve.program import Program
from layergen.run.trial import TensorFacts
from layergen.settings.choice import Setting
from layergen.settings.rejections import Acceptance, Rejection
from layergen.words import listed

Broken = tuple[Setting, Mapping[str, TensorFacts | None]]  # a setting that breaks a condition, and its inputs


@dataclass(frozen=True)
class CheckedCase:
    """A setting at which the layer works, with the tensors that come and go."""

    setting: Setting
    inputs: Mapping[str, TensorFacts | None]  # None: left out
    ranges: Mapping[str, tuple[float, float]]  # of the inputs that have one
    outputs: Mapping[str, TensorFacts]
    state: Mapping[str, TensorFacts]  # parameters and buffers that exist, those not in the state dict too
    bounds: Mapping[str, Bounds]  # between which initial values lie, where that is known, and how far they spread
    learned: Mapping[str, bool]  # of the parameters that exist and may be frozen, whether they are not
    dtypes: Mapping[str, str]  # of parameters and buffers that have one of their own
    unmeasured: tuple[str, ...]  # the parameters whose gradient is not the derivative
    trained: tuple[str, ...] = ()  # those that are not frozen, and whose gradient is
    labels: Mapping[str, int | None] = field(default_factory=dict)  # a number that integer inputs should have once
    written: Mapping[str, bool] = field(default_factory=dict)  # whether inputs that may be written to are
    called: Mapping[str, int] = field(default_factory=dict)  # how many modules of each member are called in training
    recorded: Recorded = field(default_factory=Recorded)  # what comes out on values that need no random numbers


@dataclass(frozen=True)
class PreconditionCase:
    """A condition that torch demands of sizes, with inputs that only just keep it and that only just break it."""

    text: str
    kept: CheckedCase
    broken: Broken
    where: tuple[str, ...] | None = ()  # the flags at which it is demanded, unless that is everywhere; None: some
    evaluation: tuple[str, ...] | None = ()  # and where of these in evaluation too; None: nowhere, as far as is known
    let_through: Broken | None = None  # one that torch takes though it breaks it, as it stretches what has size 1

    def ways(self, shown: Callable[[str], str] = str) -> str:
        """On which ways the condition is demanded, as the end of a sentence; nothing where it is on all."""
        mode = "" if self.evaluation == () else " in training"
        if self.where is None:
            return f"{mode} on some ways through the forward"
        where = f" where {listed(map(shown, self.where))}" if self.where else ""
        further = f", and in evaluation where {listed(map(shown, self.evaluation))}" if self.evaluation else ""
        return mode + where + further

    @property
    def tests(self) -> tuple[str, ...] | None:
        """On which flags it is demanded, as expressions; None where they cannot be told."""
        if self.where is None or any("=" not in flag for flag in self.where):
            return None
        return tuple(f"{name} {'is' if value == 'None' else '=='} {value}" for name, value in map(_flag, self.where))

    @property
    def check(self) -> ex.Expression | None:
        """What the layer checks itself, as torch does not everywhere."""
        if self.let_through is None or self.tests is None:
            return None
        free = (ex.Unary("not", parse_expression(test)) for test in self.tests)
        return reduce(lambda held, test: ex.Binary("or", test, held), free, parse_expression(self.text))


def _flag(text: str) -> tuple[str, str]:
    """A flag's name and its value as an expression."""
    name, _, value = text.partition("=")
    return name, value


@dataclass(frozen=True)
class SizeLimitCase:
    """A constraint on sizes, with inputs that only just keep it and that break it."""

    constraint: ex.Expression
    kept: CheckedCase
    broken: Broken


@dataclass(frozen=True)
class CheckedLayer:
    """A spec without a fault, and its cases."""

    program: Program
    cases: tuple[CheckedCase, ...]
    beside: tuple[CheckedCase, ...]  # further ones, for the tests alone
    rejections: tuple[Rejection, ...]
    proofs: tuple[Proof | Tried, ...]
    preconditions: tuple[PreconditionCase, ...]
    input_checks: tuple[InputCheck, ...]
    size_limits: tuple[SizeLimitCase, ...]
    kept_by_torch: tuple[KeptByTorch, ...]  # constraints on sizes that need no check
    costs: Costs  # on the way through the forward that the first case takes
    judgement: Judgement
    for_data: bool  # whether torch runs it, or a member of it, with data alone
    defined: Compared  # the settings at which its values are those of its definition
    measured: Measured  # what was found out about it for its tests
    bounds: tuple[CheckedCase, ...] = ()  # at the limits of what it takes, where it works and its values are compared
    acceptances: tuple[Acceptance, ...] = ()
    advice: tuple[Finding, ...] = ()  # on how it may be written; no fault

    @property
    def tested(self) -> tuple[CheckedCase, ...]:
        """The cases of its tests."""
        return (*self.cases, *self.beside)

    @property
    def checked_constraints(self) -> tuple[ex.Expression, ...]:
        """The constraints on sizes that the layer checks, as torch does not."""
        kept = {found.constraint for found in self.kept_by_torch}
        return tuple(node for node in self.program.size_constraints if node not in kept)

    @property
    def checked_conditions(self) -> tuple[tuple[ex.Expression, PreconditionCase], ...]:
        """What torch demands of sizes, but not everywhere: the layer checks it."""
        return tuple((check, case) for case in self.preconditions if (check := case.check) is not None)

    @property
    def told(self) -> bool:
        """Whether something beside the forward tells its values: a definition, a match or a law."""
        program = self.program
        return bool(program.laws) or any((program.definition, program.matches, program.formula))

    @property
    def proven(self) -> bool:
        """Whether the shapes are proven for all sizes on every way through the forward."""
        return all(isinstance(proof, Proof) and proof.whole for proof in self.proofs)
