"""What torch says of a call that it refuses, in the words of a spec's author, with none of torch's innards."""

import re
from collections.abc import Container
from functools import lru_cache

from layergen.lang import expression as ex
from layergen.lang.interpreter import first_line
from layergen.lang.python_words import without_python

# What torch says where an op, or a size, depends on the values of tensors, which are not there.
DATA = re.compile(
    r"register_meta|fake impl|Meta kernel|meta tensor|'Meta' (backend|tensor)|for 'Meta'|[Dd]ata.?dependent"
    r"|Could not (guard|extract specialized)|DynamicOutputShape|unbacked|\bu\d+\b|_local_scalar_dense"
    r"|^(aten|prims)\.\w+\.\w+$|out of meta|Tensor\.item\(\)|not supported on meta|is not on the expected device meta",
)
# Names of torch's own: symbols, operators and the classes of its private modules.
INNARDS = re.compile(
    r"\b(\d+x)*[suz]\d+(x[suz]?\d+)*\b|\b(aten|prims|prim|c10)(::|\.)\w+|register_meta|symbolic sizes"
    r"|\bFake[A-Z]\w+|\bSym(Int|Float|Bool|Node)\b"
    r"|\b[A-Z][A-Za-z]+(Div|Mod)\(|torch\._\w+|torch\.fx|torchgen|\b[Mm]eta (tensor|device|kernel)|C\+\+|\bAT_\w+"
    r"|\.(cpp|h|py):\d+|0x[0-9a-f]{6,}|\bTORCH_\w+|__torch_\w+__|functorch|dynamo|inductor|\bIValue\b|at::\w+",
)
SIZED_BY_VALUES = frozenset(
    {"nonzero", "argwhere", "masked_select", "unique", "unique_consecutive", "bincount", "repeat_interleave", "one_hot"}
    | {"where", "count_nonzero", "histogram"}
)
HALVES = {"Half": "float16", "BFloat16": "bfloat16"}  # by what torch calls them inside
KINDS = {"SymInt": "int", "SymFloat": "float", "SymBool": "bool", "FakeTensor": "Tensor"}
PRODUCT = re.compile(r"\.\.\.\[0\]((?: ?\* ?\w+)*) ?\* ?\.\.\.\[1\]")  # of the dimensions that `...` stands for
HALF = re.compile(
    r"[Uu]nsupported dtype (BFloat16|Half)|Low precision|not implemented for '(BFloat16|Half)'"
    r"|(BFloat16|Half|bfloat16|float16)'? (is|are) not supported|not support\w* (for )?(BFloat16|Half|bfloat16|float16)"
)
INDEX = re.compile(r"[Ii]ndex\b.*\bout of (range|bounds)|out of range|out of bounds")
REFUSED = "torch takes no such arguments"
NEEDS_DATA = "torch runs it with data alone"


@lru_cache(maxsize=1024)  # the same is said at many sizes
def plain(message: str) -> str:
    """What torch says, without the parts that mean nothing to a user."""
    if needs_data(message):
        return NEEDS_DATA
    message = without_python(message)
    message = re.sub(r"\s*\(?(Triggered internally|Exception raised from).*", "", message)
    message = re.sub(r"^(torch\.)?[A-Za-z_.]*\(\): ", "", message)
    message = re.sub(r"(?:c10|at)::(Half|BFloat16)", lambda match: HALVES[match[1]], message)
    message = re.sub(r"\b(aten|prims|prim)(::|\.)(\w+?)_?(\.\w+)?\b", r"\3", message)
    message = re.sub(r"\"\w+\" not implemented for", "not implemented for", message)  # which names the code in C++
    message = re.sub(r"torch\.Size\((\[.*?\])\)", r"\1", message.rstrip("!"))
    message = re.sub(r"<class '(?:[a-z_.]*\.)?(\w+)'>", r"\1", message)
    message = re.sub("|".join(KINDS), lambda match: KINDS[match[0]], message)
    message = re.sub(r"\s*\(Could this error message[^)]*\)", "", message)
    message = re.sub(r"\btorch\.((?:u?int|b?float|complex)\d+|bool)\b", r"\1", message)
    message = message.replace("ZeroDivisionError", "division by zero")  # which is all that torch says of integers
    message = message.replace("meta device", "tried layer").replace(" in self", "").strip()
    message = message[:-1] if message.endswith(")") and message.count(")") > message.count("(") else message
    return message[:1].lower() + message[1:] if message[:2].istitle() else message


def needs_data(message: str) -> bool:
    """Whether torch asks for values of tensors that have none."""
    return message == NEEDS_DATA or DATA.search(message) is not None


def lacks_half(message: str) -> bool:
    """Whether torch has no code of an op for half precision."""
    return HALF.search(message) is not None


def beyond_a_table(message: str) -> bool:
    """Whether torch says that an index lies outside of what it points into."""
    return INDEX.search(message) is not None


def sized_by_values(node: ex.Node) -> bool:
    """Whether a part of a forward gives a tensor whose size depends on values: ``x[x > 0]``, ``nonzero(x)``."""
    match node:
        case ex.Call(function=function):
            return function in SIZED_BY_VALUES
        case ex.Subscript():
            return True
        case _:
            return False


def dotted(text: str, run: str | None = None) -> str:
    """Shapes and products with ``...`` for the dimensions that stand for it at symbols, or with their run."""
    text = PRODUCT.sub(rf"prod({run or '...'})\1", text).replace("...[0], ...[1]", f"{run or ''}...")
    return text.replace("...[", f"{run}[") if run else text


def sheltered(message: str, own: Container[str] = frozenset()) -> str:
    """A message with its final names; where torch's own are left in it, no more than that torch refuses.

    Args:
        message: What is to be said.
        own: The names of the spec, which may look like torch's.
    """
    leaks = any(match[0] not in own for match in INNARDS.finditer(message))
    return REFUSED if leaks else message


def refusal(error: Exception) -> str:
    """What an exception of torch says, in one line and the words of a spec's author."""
    return sheltered(plain(first_line(error)))
