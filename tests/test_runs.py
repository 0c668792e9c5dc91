"""Contracts share runs: each is made once, when somebody asks for it, with all who watch it in place."""

import gc
import weakref
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import torch
from small import DIM, FLAG, program

from layergen.contracts import CONTRACTS, WATCHES, Promise, Ways, check_contracts
from layergen.diagnostics import Finding
from layergen.faults import SpecError
from layergen.probe.sites import BEHIND_ANOTHER, IN_FLOAT16, IN_MIXED_PRECISION, UNDER_AUTOCAST, WITH_DATA
from layergen.resolve.program import Program
from layergen.rules.behaviour import NotANumber
from layergen.run import watching
from layergen.run.forward import Run, TrialFault
from layergen.run.instance import Instance, Placement
from layergen.run.room import LARGEST
from layergen.run.trial import SHAPES, try_runs
from layergen.run.watching import BOTH, EVALUATION, TRAINING, WITHOUT_DATA, Bystander, Runs, Seen, Watch, Watcher
from layergen.settings.choice import Setting, settings

DRAWING = "y = dropout(x, 0.5, training)"  # asks whether it is in training


class CallWatch(Watcher[tuple[str, ...]]):
    """Notes which functions are called."""

    def __init__(self, instance: Instance) -> None:
        super().__init__(instance)
        self.functions: list[str] = []

    def called(self, node, arguments, keywords) -> None:  # type: ignore[no-untyped-def]
        self.functions.append(node.function)

    def evidence(self, run: Run | None) -> tuple[str, ...]:
        return tuple(self.functions)


class CombinationWatch(Watcher[int]):
    """Counts how often two values are combined."""

    def __init__(self, instance: Instance) -> None:
        super().__init__(instance)
        self.count = 0

    def combined(self, node, left, right) -> None:  # type: ignore[no-untyped-def]
        self.count += 1

    def evidence(self, run: Run | None) -> int:
        return self.count


MadeRun = tuple[Setting, Placement, bool]


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[MadeRun]:
    """The runs that are made, as they are made: at which setting, where, and whether in training."""
    runs: list[MadeRun] = []
    ran = watching._ran

    def noted(instance: Instance, training: bool, watches: Sequence[Watch[Any]]) -> watching.Ran:
        runs.append((instance.setting, instance.placement, training))
        return ran(instance, training, watches)

    monkeypatch.setattr(watching, "_ran", noted)
    return runs


def runs_of(layer: Program, *watches: Watch[Any]) -> Runs:
    return Runs(layer, settings(layer)[0], watches)


def test_a_contract_that_watches_nothing_costs_no_run(made: list[MadeRun]) -> None:
    layer = program("y = relu(x) + 1")
    judged: list[Program] = []

    def judge(ways: Ways) -> Iterator[Finding]:
        judged.append(ways.program)
        yield from ()

    contract = Promise(judge)
    assert list(contract.judge(Ways(layer, (runs_of(layer, *contract.watches),)))) == []
    assert judged == [layer] and made == []


def test_a_run_that_nobody_asks_for_is_not_made(made: list[MadeRun]) -> None:
    layer = program("y = relu(x) + 1")
    runs_of(layer, Watch(WITHOUT_DATA, BOTH, CallWatch), Watch(IN_FLOAT16, TRAINING, Bystander))
    assert made == []


def test_contracts_that_watch_the_same_run_share_it(made: list[MadeRun]) -> None:
    layer = program("y = relu(x) + 1")
    calls, combinations = Watch(WITHOUT_DATA, TRAINING, CallWatch), Watch(WITHOUT_DATA, TRAINING, CombinationWatch)
    runs = runs_of(layer, calls, combinations)
    (first,), (second,) = runs.seen(calls), runs.seen(combinations)
    assert (first.evidence, second.evidence) == (("relu",), 1)
    assert first.run is second.run
    assert made == [(runs.setting, WITHOUT_DATA.placement, True)]


def test_each_site_has_runs_of_its_own(made: list[MadeRun]) -> None:
    layer = program("y = relu(x) + 1")
    plain, half = Watch(WITHOUT_DATA, TRAINING, Bystander), Watch(IN_FLOAT16, TRAINING, Bystander)
    runs = runs_of(layer, plain, half)
    dtypes = [seen.run.outputs["y"].dtype for watch in (plain, half) for seen in runs.seen(watch)]
    assert dtypes == [torch.float32, torch.float16] and len(made) == 2


@pytest.mark.parametrize(
    ("forward", "modes", "expected"),
    [
        (DRAWING, BOTH, [True, False]),
        (DRAWING, EVALUATION, [False]),
        ("y = relu(x)", BOTH, [True]),  # the modes are one
        ("y = relu(x)", EVALUATION, [True]),
    ],
)
def test_modes_are_run_apart_where_the_forward_asks(
    forward: str, modes: tuple[bool, ...], expected: list[bool]
) -> None:
    watch = Watch(WITHOUT_DATA, modes, Bystander)
    assert [seen.training for seen in runs_of(program(forward), watch).seen(watch)] == expected


def test_a_run_that_fails_is_seen_with_its_fault() -> None:
    watch = Watch(WITHOUT_DATA, TRAINING, CallWatch)
    (seen,) = runs_of(program("y = matmul(relu(x), x)"), watch).seen(watch)
    assert seen.fault is not None and seen.fault.message.startswith("`matmul` fails")
    assert seen.evidence == ("relu", "matmul")
    with pytest.raises(TrialFault):
        _ = seen.run


def test_a_large_layer_is_not_run_on_data(made: list[MadeRun]) -> None:
    layer = program(f"y = x + mean(ones({LARGEST}))")
    watch = Watch(WITH_DATA, BOTH, Bystander)
    assert list(runs_of(layer, watch).seen(watch)) == []
    assert [placement.device.type for _, placement, _ in made] == ["meta"]  # where its size was told


def test_real_data_is_drawn_alike_each_time_and_disturbs_nobody() -> None:
    layer, watch = program(DRAWING), Watch(WITH_DATA, BOTH, Bystander)
    state = torch.get_rng_state()
    first, second = (tuple(runs_of(layer, watch).seen(watch)) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        assert torch.equal(one.run.outputs["y"], other.run.outputs["y"])
    assert torch.equal(state, torch.get_rng_state())


def test_no_watch_is_asked_for_that_was_not_there() -> None:
    with pytest.raises(AssertionError):
        next(runs_of(program("y = relu(x)"), SHAPES).seen(Watch(WITHOUT_DATA, TRAINING, CallWatch)))


def ways_of(layer: Program) -> Ways:
    return Ways(layer, tuple(Runs(layer, setting, (SHAPES, *WATCHES)) for setting in settings(layer)))


def in_double(site: watching.Site) -> bool:
    """Whether gradients are taken there in float64."""
    return site.placement.gradients and site.placement.dtype is torch.float64


def test_all_contracts_together_make_each_run_once(made: list[MadeRun]) -> None:
    layer = program(f"if flag:\n  y = relu(x) * 2\nelse:\n  {DRAWING}\n", arguments={"flag": FLAG})
    ways = ways_of(layer)
    check_contracts(ways)
    assert len(ways.runs) == 2
    watched = {(id(watch.site.placement), training) for watch in WATCHES for training in watch.modes}
    # What only layers need that use `upcast` or `detach`, or that give what is no number.
    rare = [IN_MIXED_PRECISION.placement, *(watch.site.placement for watch in WATCHES if in_double(watch.site))]
    others = {(id(placement), training) for placement in rare for training in BOTH}
    for runs in ways.runs:
        places = [(id(placement), training) for setting, placement, training in made if setting is runs.setting]
        assert len(places) == len(set(places))
        assert {*places} == watched - others
        others |= {(id(site.placement), True) for site in (UNDER_AUTOCAST, BEHIND_ANOTHER)}  # one way is enough


def test_what_the_first_group_finds_is_reported_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def finding(name: str) -> Promise:
        def judge(ways: Ways) -> Iterator[Finding]:
            asked.append(name)
            yield NotANumber.at(("forward",), name)

        return Promise(judge)

    monkeypatch.setitem(CONTRACTS, "execution", (finding("first"), finding("beside it")))
    monkeypatch.setitem(CONTRACTS, "coupling", (finding("below"),))
    with pytest.raises(SpecError) as fault:
        check_contracts(ways_of(program("y = relu(x)")))
    assert [found.message for found in fault.value.findings] == asked == ["first", "beside it"]


def test_evidence_is_frozen() -> None:
    watch = Watch(WITHOUT_DATA, TRAINING, CallWatch)
    seen: Seen[tuple[str, ...]]
    (seen,) = runs_of(program("y = relu(x)"), watch).seen(watch)
    with pytest.raises(AttributeError):
        seen.evidence = ()  # type: ignore[misc]


def test_a_trial_tells_how_many_modules_of_each_member_are_called() -> None:
    layer = program(
        "h = first(x)\nif deep:\n  for each in rest:\n    h = each(h)\ny = linear(h, read.weight)",
        arguments={"dim": DIM, "deep": FLAG},
        modules={
            "first": "nn.Linear(dim, dim)",
            "rest": "[nn.Linear(dim, dim) for _ in range(3)]",
            "read": "nn.Linear(dim, dim)",
        },
        inputs={"x": ["N", "dim"]},
        outputs={"y": ["N", "dim"]},
    )
    found = {setting.values["deep"]: try_runs(Runs(layer, setting, (SHAPES,))).called for setting in settings(layer)}
    assert found == {True: {"first": 1, "rest": 3, "read": 0}, False: {"first": 1, "rest": 0, "read": 0}}


def test_what_a_run_has_computed_goes_with_it() -> None:
    layer = program(DRAWING, arguments={"dim": DIM}, inputs={"x": ["N", "dim"]}, outputs={"y": ["N", "dim"]})
    gc.disable()  # which would find it in a circle, but only when many more are made
    try:
        instance = Instance(layer, next(iter(settings(layer))))
        left = weakref.ref(instance), weakref.ref(instance.run(True).outputs["y"])
        del instance
        assert [one() for one in left] == [None, None]
    finally:
        gc.enable()
