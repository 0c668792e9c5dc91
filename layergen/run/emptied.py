"""Tensors of members that have no elements, and the constraints that would rule them out."""

from collections.abc import Iterator

from layergen.diagnostics import Finding, Place
from layergen.faults import SpecError
from layergen.lang import expression as ex
from layergen.lang.interpreter import EvaluationFault, Interpreter
from layergen.resolve.program import Member, Program
from layergen.resolve.torch_module import TorchModule
from layergen.rules.cases import EmptyTensor
from layergen.run.instance import Instance
from layergen.settings.choice import Setting
from layergen.settings.emptiness import help_with, inlined, notes_of


def empty_members(program: Program, setting: Setting) -> Iterator[Finding]:
    """Yield the members of torch that own a tensor without elements at a setting.

    What a layer of another spec is made with is its own to refuse.
    """
    suspects = [(member, *found) for member in program.members.values() for found in _nothing(member, setting)]
    if not suspects:
        return
    try:
        state = Instance(program, setting).state
    except SpecError:
        return  # which is said where the layer is set up
    for member, path, size in suspects:
        own = (name for name, tensor in state.items() if tensor is not None and not tensor.numel())
        name = next((name for name in own if name.startswith(f"{member.name}.")), None)
        if name is not None:
            whole = inlined(size, program.derived)
            message = f"the tensor `{name}` has no elements: `{ex.show(whole)}` is 0"
            place = Place(path, size.span)
            yield EmptyTensor.at(place, message, notes=notes_of(program, setting), help=help_with(program, whole))
            return


def _nothing(member: Member, setting: Setting) -> Iterator[tuple[tuple[str, ...], ex.Expression]]:
    """What a module of torch is made with that comes to 0, and where it stands."""
    interpreter = Interpreter(setting.values)
    try:
        if member.when is not None and not interpreter.truth(member.when):
            return
        for made in member.made if not isinstance(member.constructor, ex.Comprehension) else ():
            keywords = (keyword.value for keyword in made.call.keywords)
            for given in (*made.call.arguments, *keywords) if isinstance(made.of, TorchModule) else ():
                value = interpreter.evaluate(given)
                if ex.names(given) and type(value) is int and value == 0:
                    yield ("modules", member.name, "module"), given
    except EvaluationFault:
        return
