"""Values in half precision: near those that float64 gives for the same numbers, at a long dimension too."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from layergen.contracts.codes import other_codes
from layergen.contracts.promise import Promise
from layergen.contracts.results import first_infinite, results_in
from layergen.diagnostics import FORWARD, Finding, Place
from layergen.lang import expression as ex
from layergen.lang.visitor import parts, statements
from layergen.ops.dtypes import dtype_name
from layergen.probe.attempts import TOLERANCE, Attempt, comparable, off, worst
from layergen.probe.lengths import counted, counts_positions, long_attempts, tables_of_positions
from layergen.probe.open_inputs import first_floating
from layergen.probe.sites import IN_COMMON
from layergen.probe.values import MARKED, ORDINARY, UNMARKED, ZERO
from layergen.probe.ways import Ways
from layergen.resolve.program import Program
from layergen.rules.values import LossOfPrecision
from layergen.run.forward import Run, Step
from layergen.run.watching import BOTH, Bystander, Runs, Watch

HALVES = {dtype: Watch(IN_COMMON[dtype], BOTH, Bystander) for dtype in (torch.bfloat16, torch.float16)}
EXACT = Watch(IN_COMMON[torch.float64], BOTH, Bystander)


def check_halves(ways: Ways) -> Iterator[Finding]:
    """Yield what half precision makes something else on the first way, at the usual sizes or at a long dimension."""
    for runs in ways.runs:
        for check in (_at_setting, _at_zero, _in_tables, _at_length):
            if found := list(check(runs)):
                yield from found
                return


HALF = Promise(check_halves, (EXACT, *HALVES.values()))


def _at_setting(runs: Runs) -> Iterator[Finding]:
    for dtype, watch in HALVES.items():
        for exact, half in zip(runs.seen(EXACT), runs.seen(watch), strict=True):
            if comparable(runs.program, half.training) and exact.fault is None and half.fault is None:
                attempt = Attempt(runs.program, runs.setting, dtype, half.training)
                if attempt.fails(worst(half.run, exact.run, dtype)):
                    yield from _findings(attempt, half.run, exact.run)
                    return
                if codes := list(other_codes(attempt, half.run, exact.run)):
                    yield from codes
                    return


def _at_zero(runs: Runs) -> Iterator[Finding]:
    """The same for inputs that are zero, and masks that are all alike, where there are any.

    An epsilon that float16 rounds to nothing keeps nothing from zero, nor a count of nothing.
    """
    masks = any(part.dtype == "bool" for part in runs.program.inputs.values())
    for seen in runs.seen(HALVES[torch.float16]):
        if seen.fault is not None or not comparable(runs.program, seen.training):
            continue
        for point in (ZERO, *((UNMARKED, MARKED) if masks else ())):
            attempt = Attempt(runs.program, runs.setting, torch.float16, seen.training, point)
            exact, half = attempt.run(torch.float64, 0), attempt.run(attempt.dtype, 0)
            if exact and half and worst(half, exact, attempt.dtype) == float("inf") and not attempt.excused():
                yield from _findings(attempt, half, exact)
                return


def _at_length(runs: Runs) -> Iterator[Finding]:
    """The same at a long dimension, along which positions are counted: bfloat16 is the first to lose count."""
    if not runs.admits(EXACT.site):
        return
    for name in counted(runs.program):
        for attempt in long_attempts(runs, name):
            if not comparable(runs.program, attempt.training):
                continue
            exact, half = attempt.run(torch.float64, 0), attempt.run(attempt.dtype, 0)
            if exact and half and attempt.fails(worst(half, exact, attempt.dtype)):
                infinite = _infinite(attempt, name)
                yield from _findings(attempt, half, exact, name) if infinite is None else (infinite,)
                return


def _in_tables(runs: Runs) -> Iterator[Finding]:
    """The same where a buffer holds what half precision makes of positions: by rounding, or where it is computed."""
    if not runs.admits(EXACT.site):
        return
    usual = [Attempt(runs.program, runs.setting, torch.bfloat16, training) for training in runs.program.modes]
    tables = tuple(tables_of_positions(runs.program))
    long = (
        [(name, attempt) for name in counted(runs.program) for attempt in long_attempts(runs, name)] if tables else []
    )
    for table in tables:
        for length, attempt in (*((None, attempt) for attempt in usual), *long):
            tried = [replace(attempt, table=table, exactly=exactly) for exactly in (True, False)]
            failing = (
                [one for one in tried if one.fails(one.error(0))] if comparable(runs.program, attempt.training) else []
            )
            if failing:
                yield _finding_of_table(failing[0], table, length)
                break


def _infinite(attempt: Attempt, length: str) -> Finding | None:
    """What is said of an op that gives no finite number at a long dimension in float32 either."""
    usual, exact = results_in(attempt, torch.float32), results_in(attempt, torch.float64)
    if usual is None or exact is None or worst(usual[0], exact[0], torch.float32) != float("inf"):
        return None
    right = first_infinite(usual[1], exact[1])
    if right is None:
        return None
    node = right.node
    op = node.function if isinstance(node, ex.Call) else node.operator
    message = f"in float32, `{op}` overflows where {length} == {attempt.setting.sizes[length]}"
    help = f"compute such that no value on the way grows with `{length}`, as step by step, or of logarithms"
    notes = attempt.started(torch.float64).explainer.notes()
    return LossOfPrecision.at(Place(FORWARD, node.span), message, notes=notes, help=help)


def _findings(attempt: Attempt, half: Run, exact: Run, length: str | None = None) -> Iterator[Finding]:
    """The findings at the steps that are off, or that count wrong: each by itself, and none that follows from one."""
    run: Run | None = half
    while run is not None:
        step, finding = _finding(attempt, run, exact, length)
        yield finding
        if step is None or step.target.span in attempt.mended:
            return
        attempt = replace(attempt, mended=attempt.mended | {step.target.span})
        run = attempt.run(attempt.dtype, 0)
        if run is not None and not attempt.fails(worst(run, exact, attempt.dtype)):
            return


def _finding(attempt: Attempt, half: Run, exact: Run, length: str | None) -> tuple[Step | None, Finding]:
    """The first step that is off, or that counts wrong, and what is said of it."""
    program, setting = attempt.program, attempt.setting
    notes = attempt.started(torch.float64).explainer.notes()
    for found, right in zip(half.steps, exact.steps, strict=False):
        miscounts = length is not None and _miscounts(found.value, right.value)
        if miscounts or off(found.value, right.value, attempt.dtype) > TOLERANCE:
            values = _values(found.value, right.value)
            where = f" where {length} == {setting.sizes[length]}" if length else ""
            where = f" for inputs {attempt.point.said(attempt.program)}" if attempt.point is not ORDINARY else where
            message = f"in {dtype_name(attempt.dtype)}, `{found.name}` is {values[0]} instead of {values[1]}{where}"
            share = worst(half, exact, attempt.dtype)
            notes = notes if share == float("inf") else (f"error: {share:.0%} of the output", *notes)
            wide = _input_of(program, found) or first_floating(program) or "x"
            help = f"compute in float32 or wider: `h = upcast({wide})`, and come back with `type_as(…, {wide})`"
            if length is not None and (miscounts or counts_positions(program)):
                help = f"count in float32: `arange({length}, dtype=float32)`, and `upcast(…)` what it meets"
            place = Place(FORWARD, found.target.span)
            return found, LossOfPrecision.at(place, message, notes=notes, help=help)
    name = next(iter(exact.outputs))
    message = f"in {dtype_name(attempt.dtype)}, `{name}` is far from what float64 gives"
    return None, LossOfPrecision.at(Place(("outputs", name), key=True), message, notes=notes)


def _input_of(program: Program, step: Step) -> str | None:
    """The floating input that a statement reads."""
    stored = [part for part in map(parts, statements(program.forward.statements)) if step.target in part.targets]
    read = frozenset[str]().union(*(ex.names(value) for part in stored for value in part.expressions))
    return next((name for name, part in program.inputs.items() if part.floating and name in read), None)


def _finding_of_table(attempt: Attempt, table: str, length: str | None) -> Finding:
    """What is said of a buffer whose numbers half precision does not hold."""
    half, exact = (attempt.started(dtype) for dtype in (attempt.dtype, torch.float64))
    found, right = half.state[table], exact.state[table]
    assert found is not None and right is not None, "a buffer that is not there makes no difference"
    values = _values(found, right)
    message = f"in {dtype_name(attempt.dtype)}, the buffer `{table}` holds {values[0]} instead of {values[1]}"
    message += f", which matters where {length} == {attempt.setting.sizes[length]}" if length else ""
    help = "keep it in float32, `dtype: float32`, and bring what is computed from it to the input's by `type_as(…)`"
    if not attempt.exactly:
        help = "compute it in float32, as by `arange(…, dtype=float32)`: what comes of it may be rounded"
    notes = (f"error: {attempt.error(0):.0%} of the output", *exact.explainer.notes())
    return LossOfPrecision.at(("buffers", table, "init"), message, notes=notes, help=help)


def _miscounts(half: Any, exact: Any) -> bool:
    """Whether whole numbers have become others."""
    if not isinstance(half, Tensor) or not isinstance(exact, Tensor) or not half.is_floating_point():
        return False
    if half.shape != exact.shape or exact.is_complex() or not exact.numel():
        return False
    right = exact.double()
    return bool((right == right.round()).all()) and bool((half.double() - right).abs().max() >= 1)


def _values(half: Tensor, exact: Tensor) -> tuple[str, str]:
    """The entry that is off most, as it is and as it should be."""
    difference = (half.to(exact.dtype) - exact).abs().flatten()
    index = int(torch.where(difference.isfinite(), difference, torch.inf).argmax())
    return tuple(f"{tensor.flatten()[index].item():.5g}" for tensor in (half, exact))  # type: ignore[return-value]
