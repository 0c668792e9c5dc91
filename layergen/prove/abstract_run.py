"""Symbolic sizes and fake devices: the one place that touches torch's private fake-tensor interfaces.

Tried on torch 2.13. A run happens under `FakeTensorMode` with a `ShapeEnv`: every size and integer argument is a
symbol, so what comes out is a formula, and the conditions under which torch would have gone another way are recorded
as guards.
"""

import importlib.util
import logging
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import sympy
import torch
from torch._dispatch.python import enable_python_dispatcher
from torch._guards import GuardSource, Source
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx.experimental.symbolic_shapes import DimDynamic, ShapeEnv, constrain_range
from torch.utils._sympy import functions as sympy_functions
from torch.utils.flop_counter import FlopCounterMode, sdpa_flop_count

from layergen.prove.formula import canonical, shown, symbol
from layergen.prove.turns import Turn, holds_at_every_turn

# What these log of a failed trial, a finding says better.
LOGGERS = ("torch.fx.experimental.symbolic_shapes", "torch._subclasses.fake_tensor", "torch._dynamo")

Size = int | torch.SymInt
Shape = Sequence[Size]
# A build of torch without CUDA cannot so much as index a fake tensor on `cuda`; `lazy` has what it takes everywhere.
ACCELERATOR = torch.device("lazy:0")

# What torch calls its functions of integers, in plain sympy.
PLAIN = {
    sympy_functions.FloorDiv: lambda a, b: sympy.floor(a / b),
    sympy_functions.CleanDiv: lambda a, b: sympy.floor(a / b),
    sympy_functions.CeilDiv: lambda a, b: sympy.ceiling(a / b),
    sympy_functions.Mod: sympy.Mod,
    sympy_functions.PythonMod: sympy.Mod,
    sympy_functions.Max: sympy.Max,
    sympy_functions.Min: sympy.Min,
    sympy_functions.IntTrueDiv: lambda a, b: a / b,
    sympy_functions.FloatTrueDiv: lambda a, b: a / b,
    sympy_functions.FloatPow: sympy.Pow,
    sympy_functions.PowByNatural: sympy.Pow,
    sympy_functions.ToFloat: lambda a: a,
    sympy_functions.TruncToFloat: sympy.floor,  # of what is not negative, as sizes are
    sympy_functions.TruncToInt: sympy.floor,
    sympy_functions.FloorToInt: sympy.floor,
    sympy_functions.CeilToInt: sympy.ceiling,
}


class NameSource(Source):
    """Where a symbol comes from, as torch wants to know it: a name of the program."""

    def __init__(self, name: str) -> None:
        self._own_name = name

    @property
    def name(self) -> str:
        return self._own_name

    @property
    def guard_source(self) -> GuardSource:
        return GuardSource.CONSTANT

    def __hash__(self) -> int:
        return hash(self._own_name)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, NameSource) and other._own_name == self._own_name


SMALL = 100  # numbers below this stand in a message for themselves as well as for a size


class AbstractRun:
    """Symbols for the names of a program, and what torch asks about them.

    Args:
        hints: A value for each name; torch decides by it which way to go where it has to.
    """

    def __init__(self, hints: Mapping[str, int]) -> None:
        # What depends on values is refused: such a size or number would be proven of no setting.
        self.environment = ShapeEnv(allow_scalar_outputs=False, allow_dynamic_output_shape_ops=False)
        self.names: dict[sympy.Symbol, sympy.Symbol] = {}
        self.own: dict[str, sympy.Symbol] = {}
        self.sizes: dict[str, torch.SymInt] = {}
        self.formulas: dict[sympy.Basic, Any] = {}  # those that were asked for, by torch's own
        self.parts: dict[sympy.Basic, Any] = {}  # what they are made of, in the names of the program
        self.turns: dict[sympy.Symbol, Turn] = {}  # the indices of loops, by torch's own
        for name, hint in hints.items():
            source = NameSource(name)
            made = self.environment.create_symbol(
                hint, source=source, dynamic_dim=DimDynamic.DYNAMIC, constraint_dim=None
            )
            self.own[name], self.names[made] = made, symbol(name)
            node = self.environment.create_symintnode(made, hint=hint, source=source)
            assert isinstance(node, torch.SymInt)  # a hint of 0 or 1 would make a number of it
            self.sizes[name] = node

    @contextmanager
    def __call__(self) -> Iterator[None]:
        """Run what is inside on fake tensors."""
        with ExitStack() as stack:
            stack.enter_context(settled())
            mode = FakeTensorMode(shape_env=self.environment)
            mode.cache_enabled = False  # no call comes twice at the same symbols; to remember them takes half the time
            stack.enter_context(mode)
            stack.enter_context(enable_python_dispatcher())
            yield

    def index(self, name: str, count: Size) -> torch.SymInt:
        """A symbol for the index of a loop that takes so many turns: any number from 0 to below the count."""
        named = sympy.Symbol(name, integer=True, nonnegative=True)
        while any(turn.symbol == named for turn in self.turns.values()):
            named = sympy.Symbol(f"{named.name}'", integer=True, nonnegative=True)
        source, value = NameSource(named.name), max(0, min(3, hint(count) - 1))
        made = self.environment.create_symbol(
            value, source=source, dynamic_dim=DimDynamic.DYNAMIC, constraint_dim=None,
            positive=None, do_not_specialize_zero_one=True,
        )  # fmt: skip
        node = self.environment.create_symintnode(made, hint=value, source=source)
        assert isinstance(node, torch.SymInt)
        constrain_range(node, min=0)
        self.names[made], self.turns[made] = named, Turn(named, self.formula(count))
        return node

    def follows_turn(self, number: object) -> bool:
        """Whether a number is another one at each turn of a loop."""
        formulas = isinstance(number, torch.SymInt | torch.SymFloat | torch.SymBool)
        return formulas and not self.turns.keys().isdisjoint(number.node.expr.free_symbols)  # type: ignore[attr-defined]

    def turns_apart(self) -> str | None:
        """What torch has asked, or assumed, that not every turn of a loop answers alike; None if there is nothing."""
        for made, turn in self.turns.items():
            if made in self.environment.replacements:
                return f"torch takes the index `{turn.symbol.name}` as a number"
        for guard in self._guards() if self.turns else ():
            if self._by_turn(guard) and not holds_at_every_turn(guard, tuple(self.turns.values())):
                return f"torch asks whether `{shown(guard)}`, which not every turn of the loop answers alike"
        return None

    def _by_turn(self, guard: Any) -> bool:
        return not guard.free_symbols.isdisjoint({turn.symbol for turn in self.turns.values()})

    def formula(self, size: Size | torch.SymFloat | torch.SymBool | sympy.Basic) -> Any:
        """A size in the names of the program."""
        if isinstance(size, torch.SymInt | torch.SymFloat | torch.SymBool):
            expression = size.node.expr
        else:
            expression = sympy.sympify(size)
        if self.environment.replacements:
            expression = expression.xreplace(self.environment.replacements)
        if expression not in self.formulas:
            self.formulas[expression] = canonical(self.named(expression))
        return self.formulas[expression]

    def named(self, expression: sympy.Basic) -> Any:
        """A formula in the names of the spec, with plain sympy in the place of torch's functions."""
        if not expression.args:
            return self.names.get(expression, expression)
        if expression not in self.parts:
            parts = [self.named(part) for part in expression.args]
            self.parts[expression] = PLAIN.get(expression.func, expression.func)(*parts)
        return self.parts[expression]

    def renamed(self, text: str) -> str:
        """A message of torch with the names of the spec for its own names of symbols."""
        own = {str(made): name.name for made, name in self.names.items()}

        def named(match: re.Match[str]) -> str:
            parts = match[0].split("x")  # a matrix is `s47xs89`
            names = [own.get(part, part) for part in parts]
            return match[0] if names == parts else " x ".join(names)

        return self.spoken(re.sub(r"\b(?:[a-wyz]*\d+x)*[a-z]+\d+(?:x[a-wyz]*\d+)*\b", named, text))

    def spoken(self, text: str) -> str:
        """A text with the names of sizes that torch has set to a number for those numbers, and for products of them."""
        lost = {int(number): name for name, number in self.lost().items() if number.is_number and number > SMALL}

        def named(match: re.Match[str]) -> str:
            rest = int(match[0])
            names: list[str] = []
            for number, name in sorted(lost.items()):
                while rest and rest % number == 0:
                    rest, names = rest // number, [*names, name]
            return "*".join(names if rest == 1 else (str(rest), *names)) if names else match[0]

        return re.sub(r"(?<![\w.])\d+(?![\w.])", named, text)

    def lost(self) -> dict[str, Any]:
        """The names that are symbols no more: torch has set them to a number, or to another name."""
        return {name: self.formula(made) for name, made in self.own.items() if made in self.environment.replacements}

    def guards(self) -> list[Any]:
        """The conditions on sizes under which the run would come out the same; those on the turns of loops aside."""
        return [guard for guard in self._guards() if not self._by_turn(guard)]

    def _guards(self) -> list[Any]:
        found = (self.formula(guard.expr) for guard in self.environment.guards)
        return list(dict.fromkeys(guard for guard in found if guard not in (sympy.true, True)))


def warm_up() -> None:
    """Have torch import now what it imports for the first symbols: as much again as `import torch`.

    Nothing is differentiated: where there are accelerators, torch then starts threads, after which it takes no fork.
    """
    AbstractRun({"N": 5})


@contextmanager
def settled() -> Iterator[None]:
    """Keep torch from logging, and from looking for numpy, as long as what is inside takes; it may be nested."""
    with _without_searching("numpy"), _quiet():
        yield


@contextmanager
def _without_searching(module: str) -> Iterator[None]:
    """Say once that a module is not there: torch looks for numpy whenever two sizes meet, and Python on every path."""
    if module in sys.modules or importlib.util.find_spec(module):
        yield
        return
    sys.modules[module] = None  # type: ignore[assignment]  # what Python takes for a module that cannot be imported
    try:
        yield
    finally:
        del sys.modules[module]


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep torch from logging what is inside."""
    loggers = [logging.getLogger(name) for name in LOGGERS]
    loud = [(logger, logger.level) for logger in loggers if logger.level != logging.CRITICAL]
    for logger, _ in loud:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in loud:
            logger.setLevel(level)


@contextmanager
def fake_tensors() -> Iterator[None]:
    """Run what is inside on tensors without data that know their device."""
    with settled(), FakeTensorMode(shape_env=ShapeEnv()):
        yield


@contextmanager
def fake_accelerator() -> Iterator[torch.device]:
    """Run what is inside on fake tensors; gives the device of an accelerator that need not be there."""
    with fake_tensors(), torch.no_grad():  # with gradients, a fake accelerator aborts the process
        yield ACCELERATOR


def hint(number: Any) -> Any:
    """The value that stands in for a symbol, taken without a guard; other numbers as they are."""
    return number.node.hint if isinstance(number, torch.SymInt | torch.SymFloat) else number


def storage(tensor: torch.Tensor) -> tuple[int, Size]:
    """What tells the memory of a tensor from that of others, and its size in bytes; views share theirs."""
    memory = tensor.untyped_storage()
    return memory._cdata, memory.nbytes()


def flop_counter() -> FlopCounterMode:
    """A mode that counts floating-point operations, in symbols where sizes are."""
    ours = {torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _attention_flops}
    return FlopCounterMode(display=False, custom_mapping=ours)


def _attention_flops(query: Shape, key: Shape, value: Shape, *_: object, **__: object) -> Size:
    """The operations of attention, which torch counts on accelerators, but not on the CPU."""
    return sdpa_flop_count(query, key, value)  # type: ignore[no-any-return,no-untyped-call]
