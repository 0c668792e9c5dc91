"""Assembles the view of a layer's module."""

from dataclasses import replace

from layergen.checked import CheckedLayer
from layergen.lang.model import Buffer
from layergen.lower import docs, members
from layergen.lower.arguments import function_table, helpers
from layergen.lower.constructor import ConstructorWriter, signature
from layergen.lower.definition import formula_texts
from layergen.lower.families import members_read
from layergen.lower.first_read import bound_where_read
from layergen.lower.floats import floats
from layergen.lower.forward import ForwardWriter
from layergen.lower.gathered import gathered
from layergen.lower.imports import IMPORTS, function, import_lines
from layergen.lower.in_turn import in_turn
from layergen.lower.initial import initializes, own_lines, refill_lines, reset_lines
from layergen.lower.kept import computed_there, kept
from layergen.lower.late import bound_late
from layergen.lower.merged import asked_once
from layergen.lower.penalty import penalty_lines
from layergen.lower.representation import extra_repr
from layergen.lower.returned import forward_signature, return_type
from layergen.lower.scopes import functional, initializers
from layergen.lower.source import DocText, wrap
from layergen.lower.views import LayerView
from layergen.resolve.program import Program

LOADED = "def _load_from_state_dict(*args: Any) -> None: ..."  # what the template writes of these, for imports
MOVED = "fn: Callable[[Tensor], Tensor]"


def layer_view(layer: CheckedLayer, module: tuple[str, ...]) -> LayerView:
    """Lower a layer to the view of its module, which has a place below the package."""
    program = replace(layer.program, floats=floats(layer))
    doc = DocText(prose(program))
    reset = reset_lines(program)
    conditions = [*layer.checked_constraints, *(check for check, _ in layer.checked_conditions)]
    writer = ForwardWriter(program, layer.input_checks, conditions)
    asked = tuple(in_turn(tuple(asked_once(writer.write())), program.tuples, writer.free))
    forward = gathered(bound_where_read(bound_late(asked), writer.device_type))
    arguments = tuple(signature(program))
    penalty = penalty_lines(program)
    whole = (*function_table(program), *helpers(program))
    code = ["nn.Module", *("\n".join(lines) for lines in whole), *annotations(program)]
    initialize = own_lines(program) if initializes(program) else ()
    shown = extra_repr(program)
    refill, ties = refill_lines(program), tuple(members.tied(program))
    written, others = ConstructorWriter(program).write(), (refill, forward, penalty, shown)
    reset = computed_there(program, reset, (written, initialize, *others))
    initialize = computed_there(program, initialize, (written, reset, *others))
    constructor = kept(program, written, (reset, initialize, *others))
    signed, returns = tuple(forward_signature(program)), return_type(program)
    code += [function((), lines) for lines in (reset, initialize, refill, penalty)]
    code += [LOADED] if refill else []
    code += [function((MOVED,), ties, "Self")] if ties else []
    code += [function(arguments, constructor), function(signed, forward, returns)]
    summary, *rest = docs.docstring(layer, doc)
    return LayerView(
        prefix=doc.prefix,
        title=title(program),
        imports=(*import_lines(code, available_imports(program)), *relative_imports(program, module)),
        name=program.layer,
        summary=summary,
        docstring=tuple(rest),
        tables=tuple(function_table(program)),
        helpers=helpers(program),
        annotations=annotations(program),
        signature=arguments,
        constructor=constructor,
        reset=reset,
        reset_summary=reset_summary(program),
        initialize=initialize,
        refill=refill,
        ties=ties,
        forward_signature=signed,
        returns=returns,
        forward=forward,
        penalty=penalty,
        extra_repr=shown,
    )


def title(program: Program) -> str:
    """The docstring of the module, which is raw only where its own text asks for that."""
    doc = DocText((program.summary,))
    text = "\n".join(wrap(doc(docs.sentence(program.summary)), docs.TITLE))
    return f'{doc.prefix}"""{text}"""'


def available_imports(program: Program) -> dict[str, str]:
    """The imports under names that nothing in the layer has."""
    called = {functional(program), initializers(program)}
    called |= {"copy"} if any(members.untied(program)) else set()
    return {name: line for name, line in IMPORTS.items() if name not in ("F", "copy", "init") or name in called}


def prose(program: Program) -> tuple[str, ...]:
    """All text of a spec that goes into docstrings."""
    parts = [
        *program.decided.values(),
        *program.tensors.values(),
        *program.inputs.values(),
        *program.outputs.values(),
        *program.members.values(),
    ]
    texts = [program.summary, program.description, *(part.doc for part in parts)]
    texts += [text for reference in program.references for text in (reference.title, reference.url)]
    texts += [str(choice) for argument in program.decided.values() for choice in argument.choices or ()]
    return (*(text for text in texts if text), *formula_texts(program))


def annotations(program: Program) -> tuple[str, ...]:
    """The attributes that a type checker cannot tell from the constructor."""
    lines = [f"{name}: Tensor{' | None' if part.optional else ''}" for name, part in program.kept.items()]
    for name, tensor in program.tensors.items():
        if tensor.named is not None:
            continue
        kind = "Tensor" if isinstance(tensor, Buffer) else "nn.Parameter" if tensor.each is None else "nn.ParameterList"
        if isinstance(tensor, Buffer) or tensor.when is not None:
            lines.append(f"{name}: {kind}{' | None' if tensor.when is not None else ''}")
    for name, optional in members_read(program).items():
        lines.append(f"{name}: Tensor{' | None' if optional else ''}")
    return (*lines, *members.annotations(program))


def reset_summary(program: Program) -> str:
    kinds = " and ".join(docs.owned_kinds(program))
    whose = " of the layer and its members" if program.members else ""
    return f"Reset the {kinds}{whose} to their initial values."


def relative_imports(program: Program, module: tuple[str, ...]) -> tuple[str, ...]:
    """The imports of members' classes, behind an empty line."""
    lines = sorted(members.imports(program, module), key=lambda line: (-line.count("."), line))
    return ("", *lines) if lines else ()
