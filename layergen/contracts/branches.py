"""Branches: each is taken, each conditional value is, and each loop is entered, by a run of some setting."""

from collections.abc import Iterable, Iterator

from layergen.contracts.settled import answer, settled
from layergen.diagnostics import FORWARD, Finding, Place
from layergen.lang import expression as ex
from layergen.resolve.program import Program
from layergen.rules.cases import UntakenBranch
from layergen.run.forward import Run
from layergen.run.instance import Instance
from layergen.run.watching import BOTH, WITHOUT_DATA, Runs, Watch, Watcher
from layergen.settings.branches import Branching, Decision, branchings, loops, outside, turned
from layergen.settings.choice import Setting
from layergen.settings.reaching import Reached, reach, untaken
from layergen.settings.written import as_case


class DecisionWatch(Watcher[frozenset[Decision]]):
    """Notes what the conditions of a forward come to, and which of its loops take a turn."""

    def __init__(self, instance: Instance) -> None:
        super().__init__(instance)
        self.decisions: set[Decision] = set()

    def decided(self, test: ex.Expression, outcome: bool) -> None:
        self.decisions.add(((FORWARD, test.span), outcome))

    def turned(self, over: ex.Expression, turns: int) -> None:
        self.decisions |= {((FORWARD, over.span), False), ((FORWARD, over.span), turns > 0)}

    def evidence(self, run: Run | None) -> frozenset[Decision]:
        return frozenset(self.decisions)


DECISIONS = Watch(WITHOUT_DATA, BOTH, DecisionWatch)


def check_choices_asked(program: Program) -> Iterator[Finding]:
    """Yield the branches and values that no argument takes, as their conditions ask for a text that is no choice.

    What else is found wrong with a layer may come of that: values have the shapes of another branch.
    """
    for branching in branchings(program):
        for node in ex.walk(branching.test):
            if not isinstance(node, ex.Compare) or (always := answer(program, node)) is None:
                continue
            if node is branching.test:
                yield _finding(program, branching, not always, None)
            else:
                message = f"`{ex.show(node)}` {'always' if always else 'never'} holds"
                yield UntakenBranch.at(Place(branching.path, node.span), message, help=settled(program, node))


def check_branches(program: Program, runs: Iterable[Runs]) -> Iterator[Finding]:
    """Yield the branches and values that no run takes and the loops that none enters, with the case that would."""
    found, repeated = list(branchings(program)), list(loops(program))
    if not found and not repeated:
        return
    made = list(runs)
    taken = set[Decision]()
    for each in made:
        taken |= outside(program, each.setting).union(*(seen.evidence for seen in each.seen(DECISIONS)))
    never = set[str]()  # tensors of which it is said already
    for branching, outcome in untaken(found, taken):
        if branching.tensor is None and ex.names(branching.test) & never:
            continue
        never |= {branching.tensor} if branching.tensor else set()
        if (branching.key, not outcome) in taken and not _is_idle(program, branching, outcome):
            reached = reach(program, made[0].setting, branching, outcome)
            yield _finding(program, branching, outcome, reached)
    for loop in repeated:
        if (loop.key, False) in taken and (loop.key, True) not in taken:
            yield _unentered(program, made[0].setting, loop)


def _unentered(program: Program, base: Setting, loop: Branching) -> Finding:
    text = ex.show(loop.test)
    help = _case_of(reach(program, base, loop, True, turned))
    help = help or f"give a case under `cases` at which `{text}` has a turn, or delete the loop"
    return UntakenBranch.at(loop.place, f"no setting enters this loop: `{text}` is always empty", help=help)


def _is_idle(program: Program, branching: Branching, outcome: bool) -> bool:
    """Whether nothing hangs on an outcome: an `if` without `else` whose condition is on flags and choices alone.

    All of these are tried, so the branch is taken whenever the condition is asked.
    """
    named = [program.decided.get(name) for name in ex.names(branching.test)]
    finite = all(part is not None and part.finite for part in named)
    return branching.branch and not outcome and not branching.otherwise and finite


def _finding(program: Program, branching: Branching, outcome: bool, reached: Reached | None) -> Finding:
    text, never = ex.show(branching.test), "never" if outcome else "always"
    what = "takes this branch" if branching.branch and outcome else "takes the `else`" if branching.branch else ""
    if branching.tensor is not None:
        message = f"no setting has `{branching.tensor}`" if outcome else f"every setting has `{branching.tensor}`"
    elif branching.learned is not None:
        message = f"no setting {'learns' if outcome else 'freezes'} `{branching.learned}`: `{text}` {never} holds"
    elif what and not outcome and not branching.otherwise:
        message = f"no setting leaves this branch out: `{text}` {never} holds"
    elif what:
        message = f"no setting {what}: `{text}` {never} holds"
    else:
        message = f"no setting takes the value {'before `if`' if outcome else 'behind `else`'}: `{text}` {never} holds"
    condition = text if outcome else f"not ({text})"
    help = (
        _case_of(reached)
        or settled(program, branching.test)
        or f"give a case under `cases` at which `{condition}` holds, or delete what nothing takes"
    )
    return UntakenBranch.at(branching.place, message, help=help)


def _case_of(reached: Reached | None) -> str | None:
    """The case that takes what none takes, where one was found."""
    if reached is None or not reached.changes:
        return None
    return f"a case would: add `- {as_case(reached.changes)}` to `cases`"
