"""Names that a spec may not give, because Python, torch or the language has given them already."""

import builtins
import keyword
import re
from collections.abc import Iterator

from layergen.diagnostics import FORWARD, Finding, Place
from layergen.lang import expression as ex
from layergen.lang.model import LayerSpec
from layergen.lang.tokens import LAYER
from layergen.lang.visitor import assignments
from layergen.resolve.scope import CONSTANTS
from layergen.resolve.signature import dimensions
from layergen.rules.names import ReservedName
from layergen.words import shorten

# What `dir(torch.nn.Module())` lists, and the method that generated layers add: the names of attributes, which
# arguments, derived values, parameters and buffers become.
MODULE_ATTRIBUTES = frozenset({
    "T_destination", "add_module", "apply", "bfloat16", "buffers", "call_super_init", "children", "compile",
    "cpu", "cuda", "double", "dump_patches", "eval", "extra_repr", "float", "forward", "get_buffer",
    "get_extra_state", "get_parameter", "get_submodule", "half", "ipu", "load_state_dict", "modules", "mtia",
    "named_buffers", "named_children", "named_modules", "named_parameters", "parameters",
    "register_backward_hook", "register_buffer", "register_forward_hook", "register_forward_pre_hook",
    "register_full_backward_hook", "register_full_backward_pre_hook", "register_load_state_dict_post_hook",
    "register_load_state_dict_pre_hook", "register_module", "register_parameter", "register_state_dict_post_hook",
    "register_state_dict_pre_hook", "requires_grad_", "reset_parameters", "set_extra_state", "set_submodule",
    "share_memory", "state_dict", "to", "to_empty", "train", "training", "type", "xpu", "zero_grad",
})  # fmt: skip
# What it lists with an underscore before it, and the methods that set what members start from, what is not saved and
# what is tied.
PRIVATE_ATTRIBUTES = frozenset({
    "apply", "backward_hooks", "backward_pre_hooks", "buffers", "call_impl", "compiled_call_impl", "forward_hooks",
    "forward_hooks_always_called", "forward_hooks_with_kwargs", "forward_pre_hooks", "forward_pre_hooks_with_kwargs",
    "get_backward_hooks", "get_backward_pre_hooks", "get_name", "initialize", "is_full_backward_hook",
    "load_from_state_dict", "load_state_dict_post_hooks", "load_state_dict_pre_hooks",
    "maybe_warn_non_full_backward_hook", "modules", "named_members", "non_persistent_buffers_set", "parameters",
    "register_load_state_dict_pre_hook", "register_state_dict_hook", "replicate_for_data_parallel",
    "reset_buffers", "save_to_state_dict", "slow_forward", "state_dict_hooks", "state_dict_pre_hooks", "tie", "version",
    "wrapped_call_impl",
})  # fmt: skip
GENERATED = frozenset({"self", "torch", "nn", "math", "cast", "Tensor", "device", "dtype", "layer"})
BUILTINS = frozenset({
    "ValueError", "abs", "all", "any", "bool", "float", "int", "isinstance", "len", "list", "max", "min", "range",
    "round", "str", "sum", "super", "tuple", "zip",
})  # fmt: skip
TESTS = frozenset({
    "Case", "Defined", "Drawn", "Edge", "Empty", "Entries", "Extreme", "Input", "Law", "Layer", "Lengthened", "Limit",
    "Marking", "Narrowed", "Refusal", "Resized", "Started",
})  # fmt: skip  # what a generated test imports beside the layer
IMPORTED = frozenset({"Any", "Callable", "F", "Iterable", "Mapping", "Self", "Sequence", "Tensor"})  # into either file
CLASSES = TESTS.union(IMPORTED, {"Module", "Parameter"}, (name for name in dir(builtins) if name[0].isupper()))


def check_reserved(spec: LayerSpec) -> Iterator[Finding]:
    """Yield the names that are reserved, where they are declared or first assigned."""
    if problem := class_problem(spec.layer):
        words = "".join(word[:1].upper() + word[1:] for word in re.split(r"[\s_.-]+", spec.layer))
        help = "name a class in CapWords, as `RMSNorm` or `GRUCell`"
        help = help if class_problem(words) else f"write `{shorten(words)}`"
        yield ReservedName.at(
            ("layer",), f"`{shorten(spec.layer)}` cannot be the name of a layer: {problem}", help=help
        )
    shown = {part.name.id for part in spec.repr or () if isinstance(part.name, ex.Name)}
    for section in ("arguments", "derived", "attributes", "parameters", "buffers", "modules", "inputs", "outputs"):
        attribute = section not in ("inputs", "outputs")
        for name in spec.names_in(section):
            inner = section == "derived" and name not in shown
            hidden = section == "derived" or (section == "arguments" and spec.declared[name].as_given)
            yield from _check(name, Place((section, name), key=True), attribute and not inner, hidden)
            if attribute and name == "penalty" and (spec.penalty is not None or spec.modules):
                message = "`penalty` cannot be a name: the method for the regularization term has it"
                place = Place((section, name), key=True)
                yield ReservedName.at(place, message, help="choose another name, such as `penalty_`")
    for name, dimension in dimensions(spec).items():
        place = dimension.entries[0].place
        yield from _check(name, place)
    seen = {"_", *spec.declared, *spec.derived, *spec.tensors, *spec.modules, *spec.given, *spec.returned}
    for target in assignments(spec.forward):
        if target.id not in seen and target.id != LAYER and not target.grouped:  # which laws alone need
            yield from _check(target.id, Place(FORWARD, target.span))
        seen.add(target.id)


def _check(name: str, place: Place, attribute: bool = False, private: bool = False) -> Iterator[Finding]:
    if problem := _problem(name, attribute, private):
        help = f"choose another name, such as `{name}_`" if _is_identifier(name) else "begin with a letter"
        yield ReservedName.at(place, f"`{shorten(name)}` cannot be a name: {problem}", help=help)


def reserved_names(name: str, place: Place) -> Iterator[Finding]:
    """Yield what is wrong with the name of a local."""
    yield from _check(name, place)


def _problem(name: str, attribute: bool, private: bool) -> str | None:
    """Why a name is reserved, if it is."""
    reasons = {
        "it is not made of letters, digits and underscores": not _is_identifier(name),
        "it begins with an underscore": name.startswith("_"),
        "it has two underscores in a row": "__" in name,
        "it is a keyword of Python": keyword.iskeyword(name),
        "it is a value of YAML": name in ("true", "false", "null", "none"),
        "it is a constant of the language": name in CONSTANTS or name == "training",
        "generated code needs it": name in GENERATED or name in BUILTINS,
        "every module has an attribute of this name": attribute and name in MODULE_ATTRIBUTES,
        "every module has a private attribute of this name": private and name in PRIVATE_ATTRIBUTES,
    }
    return next((reason for reason, applies in reasons.items() if applies), None)


def class_problem(name: str) -> str | None:
    """Why a layer cannot have a name, if it cannot."""
    if not re.fullmatch(r"[A-Z][A-Za-z0-9]*", name, re.ASCII):
        return "it is not in CapWords"
    return "Python, torch or generated code has it already" if name in CLASSES else None


def _is_identifier(name: str) -> bool:
    return re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) is not None
