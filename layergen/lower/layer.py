"""Assembles the view of a layer's module."""

from layergen.checked import CheckedLayer
from layergen.lang.model import Buffer, LayerSpec
from layergen.lower import docs
from layergen.lower.constructor import ConstructorWriter, helpers, signature
from layergen.lower.forward import ForwardWriter
from layergen.lower.imports import function, import_lines
from layergen.lower.initial import reset_lines
from layergen.lower.representation import extra_repr
from layergen.lower.source import DocText
from layergen.lower.views import LayerView


def layer_view(layer: CheckedLayer, origin: str) -> LayerView:
    """Lower a layer to the view of its module."""
    spec = layer.spec
    doc = DocText(prose(spec))
    reset = reset_lines(spec)
    inputs = [f"{name}: Tensor" + (" | None = None" if part.optional else "") for name, part in spec.inputs.items()]
    outputs = len(spec.outputs)
    constructor = ConstructorWriter(spec).write()
    forward = ForwardWriter(spec, layer.input_checks).write()
    arguments = tuple(signature(spec))
    code = ["nn.Module", *("\n".join(lines) for lines in helpers(spec)), *annotations(spec)]
    code += [function(arguments, constructor), function((), reset), function((), forward)]
    summary, *rest = docs.docstring(layer, doc)
    return LayerView(
        origin=origin,
        prefix=doc.prefix,
        title=doc(docs.sentence(first_line(spec.summary))),
        imports=import_lines(code),
        name=spec.layer,
        summary=summary,
        docstring=tuple(rest),
        helpers=helpers(spec),
        annotations=annotations(spec),
        signature=arguments,
        constructor=constructor,
        reset=reset,
        reset_summary=f"Reset the {' and '.join(owned(spec))} to their initial values.",
        forward_signature=tuple(inputs),
        returns="Tensor" if outputs == 1 else f"tuple[{', '.join(['Tensor'] * outputs)}]",
        forward=forward,
        extra_repr=extra_repr(spec),
    )


def prose(spec: LayerSpec) -> tuple[str, ...]:
    """All text of a spec that goes into docstrings."""
    parts = [*spec.arguments.values(), *spec.tensors.values(), *spec.inputs.values(), *spec.outputs.values()]
    texts = [spec.summary, spec.description, *(part.doc for part in parts)]
    texts += [text for reference in spec.references for text in (reference.title, reference.url)]
    texts += [str(choice) for argument in spec.arguments.values() for choice in argument.choices or ()]
    return tuple(text for text in texts if text)


def first_line(text: str) -> str:
    return " ".join(text.split())


def annotations(spec: LayerSpec) -> tuple[str, ...]:
    """The attributes that a type checker cannot tell from the constructor."""
    lines = []
    for name, tensor in spec.tensors.items():
        kind = "Tensor" if isinstance(tensor, Buffer) else "nn.Parameter"
        if isinstance(tensor, Buffer) or tensor.when is not None:
            lines.append(f"{name}: {kind}{' | None' if tensor.when is not None else ''}")
    return tuple(lines)


def owned(spec: LayerSpec) -> list[str]:
    return [kind for kind, tensors in (("parameters", spec.parameters), ("buffers", spec.buffers)) if tensors]
