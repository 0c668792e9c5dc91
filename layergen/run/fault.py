"""What goes wrong with a member, as the layer that calls it sees it."""

from layergen.diagnostics import Label, Path, Rule
from layergen.lang import expression as ex
from layergen.lang.interpreter import EvaluationFault
from layergen.rules.members import WrongMember


class MemberFault(EvaluationFault):
    """A member refuses what it is given.

    Attributes:
        labels: Places in its own spec.
        help: How to mend it.
        rule: What kind of fault it is.
        key: Whether the part at fault stands in the key of an entry, not in its value.
        at: Where it stands, if that is not where the member is made.
    """

    def __init__(
        self,
        node: ex.Node,
        message: str,
        labels: tuple[Label, ...] = (),
        help: str | None = None,
        rule: type[Rule] = WrongMember,
        key: bool = False,
        operands: tuple[object, ...] = (),
        at: Path | None = None,
    ) -> None:
        super().__init__(node, message, operands)
        self.labels = labels
        self.help = help
        self.rule = rule
        self.key = key
        self.at = at
