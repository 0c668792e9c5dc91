"""What a build would change, as a unified diff."""

import difflib

from layergen.project.writing import Plan, State, Texts, read


def diff(plan: Plan, texts: Texts) -> str:
    """What a plan would change, as a unified diff.

    Args:
        plan: The plan, not carried out yet.
        texts: The texts to write, by their digests.
    """
    lines: list[str] = []
    for change in plan.pending():
        shown = f"{plan.output}/{change.path}"
        old = "" if change.state is State.NEW else read(plan.root / shown) or ""
        lines += difflib.unified_diff(
            old.splitlines(keepends=True),
            (texts(change.new.digest) if change.new else "").splitlines(keepends=True),
            "/dev/null" if change.state is State.NEW else shown,
            shown if change.new else "/dev/null",
        )
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
