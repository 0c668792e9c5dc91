"""Is everything that a layer is made of known?"""

from collections.abc import Iterator

from layergen.diagnostics import Finding, Label, Path, Place
from layergen.lang import expression as ex
from layergen.lang.constructors import constructor_calls
from layergen.lang.model import LayerSpec
from layergen.lang.refusals import is_module, not_a_module
from layergen.lang.tokens import quoted
from layergen.ops.modules import module_names
from layergen.resolve.library import Library, constructible
from layergen.resolve.program import Program
from layergen.resolve.torch_module import TorchModule
from layergen.rules.members import CyclicMembers, FaultyMember, UnknownLayer, UnsupportedModule
from layergen.suggest import nearest
from layergen.words import listed

# Modules that are handed modules or functions, that make other modules, or whose tensors nothing resets.
NAMED = "give each member a name of its own under `modules`, and call one after the other"
UNSUPPORTED = {
    **dict.fromkeys(("Sequential", "ModuleDict"), NAMED),
    "ModuleList": 'write the list itself: `"[Block(…) for i in range(…)]"`',
    **dict.fromkeys(("ParameterList", "ParameterDict"), "declare tensors under `parameters`, by `each: {k: count}`"),
    **dict.fromkeys(
        (
            "Transformer",
            "TransformerEncoder",
            "TransformerDecoder",
            "TransformerEncoderLayer",
            "TransformerDecoderLayer",
            "MultiheadAttention",
            "AdaptiveLogSoftmaxWithLoss",
            "Module",
            "DataParallel",
            "SyncBatchNorm",
        ),
        "make it of layers with specs of their own",
    ),
}


def check_members(spec: LayerSpec, library: Library) -> Iterator[Finding]:
    """Yield the members of which it is not known what they are."""
    for name, part in spec.modules.items():
        path: Path = ("modules", name, "module")
        for call in constructor_calls(part.module):
            if not is_module(call):
                fault = not_a_module(call, quoted(ex.show(call)))
                yield UnknownLayer.at(Place(path, call.function_span), fault.message, help=fault.help)
            else:
                yield from _check(spec.layer, call, path, library)


def _check(layer: str, call: ex.Call, path: Path, library: Library) -> Iterator[Finding]:
    name, place = call.function, Place(path, call.function_span)
    found = constructible(name, library.layers)
    bare = name.removeprefix("nn.")
    if isinstance(found, TorchModule) and (bare in UNSUPPORTED or bare.startswith("Lazy")):
        help = UNSUPPORTED.get(bare, f"write `nn.{bare.removeprefix('Lazy')}`, which is told its sizes")
        yield UnsupportedModule.at(place, f"`{name}` cannot be a member", help=help)
    elif found is not None:
        return
    elif name in library.cycles:
        way = " -> ".join((layer, *library.cycles[name][:-1]))
        help = "break the circle: a layer that repeats another has a list of members"
        yield CyclicMembers.at(place, f"the layer is made of itself: {way}", help=help)
    elif name in library.faulty:
        message = f"`{name}` has faults of its own, so that nothing can be told of this layer"
        yield FaultyMember.at(place, message, help="mend it first")
    elif name.startswith("nn."):
        yield UnknownLayer.at(place, f"`{name}` is not a module of torch.nn", help=_nearest(name, module_names()))
    else:
        yield UnknownLayer.at(place, f"no spec has the layer `{name}`", help=_meant(name, library))


def made_here(call: ex.Node, program: Program) -> tuple[Label, ...]:
    """The places of the constructors of the members that a call may be of: one, or each that a loop runs over."""
    callee = call.callee if isinstance(call, ex.Call | ex.Apply) else None
    members = [program.members[name] for name in callee.members] if callee is not None else []
    return tuple(Label(Place(("modules", part.name, "module"), part.constructor.span), "made here") for part in members)


def _meant(name: str, library: Library) -> str | None:
    if f"nn.{name}" in module_names():
        return f"write `nn.{name}`"
    return _nearest(name, library.names)


def _nearest(name: str, known: tuple[str, ...]) -> str | None:
    ranks = [f"`{name}{rank}d`" for rank in (1, 2, 3) if f"{name}{rank}d" in known]
    if ranks:
        return f"write {listed(ranks, 'or')}"
    near = nearest(name, known)
    return f"write `{near}`" if near else None
