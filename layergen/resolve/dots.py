"""Where `...`, which stands for dimensions in a list of sizes, is an argument of its own."""

from collections.abc import Iterator
from dataclasses import replace

from layergen import ops
from layergen.diagnostics import Finding, Path, Place
from layergen.lang import expression as ex
from layergen.lang.kinds import Kind
from layergen.rules.calls import WrongArgumentKind

DOTS = ex.Literal(...)


def check_dots(call: ex.Call, op: ops.Op, path: Path) -> Iterator[Finding]:
    """Yield the first `...` among the arguments of a call."""
    dots = next((part for part in call.arguments if part == DOTS), None)
    if dots is None:
        return
    message = f"`...` is given to `{call.function}` as an argument of its own, and stands in a list alone"
    found = [listed for signature in op.signatures if (listed := _listed(call, signature))]
    help = f"write `{ex.show(found[-1])}`" if found else None
    yield WrongArgumentKind.at(Place(path, dots.span), message, help=help)


def _listed(call: ex.Call, signature: ops.Signature) -> ex.Call | None:
    """The call with its sizes in a list, where a signature takes one."""
    given = {keyword.name for keyword in call.keywords}
    formals = [part for part in signature.parameters if not part.keyword_only and part.name not in given]
    at = next((at for at, part in enumerate(formals) if part.accepts == {Kind.INTS}), None)
    if at is None or not all(part.required for part in formals):
        return None
    end = len(call.arguments) - (len(formals) - at - 1)
    sizes = call.arguments[at:end]
    if DOTS not in sizes:
        return None
    return replace(call, arguments=(*call.arguments[:at], ex.Sequence(sizes), *call.arguments[end:]))
