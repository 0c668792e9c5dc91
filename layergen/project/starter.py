"""The spec that ``layergen new`` writes: small, complete, and with a word on each part."""

import keyword
import re
from pathlib import Path, PurePath

from layergen.diagnostics import LayergenError
from layergen.project.config import Config
from layergen.project.discovery import file_stem, unfit_module

STARTER = """\
layer: {layer}                 # the class; this file has its name in snake_case
summary: Scale each feature and add an offset.    # one sentence, as an order

arguments:                     # of the constructor, in order
  dim: {{type: int, min: 1, doc: Size of the last dimension.}}
  bias: {{type: bool, default: true, doc: Whether the layer adds a learned offset.}}

parameters:
  weight:
    shape: [dim]
    init: ones                 # any function of torch.nn.init, without its underscore
    doc: Learned scale of each feature.
  bias:
    when: bias                 # otherwise the attribute is None
    shape: [dim]
    init: zeros
    doc: Learned offset of each feature.

inputs:
  x: [..., dim]                # `...` stands for any number of leading dimensions

outputs:
  y: [..., dim]                # shown to hold for every size

forward: |                     # `layergen ops` lists the functions that may be called
  y = x * weight
  if bias is not None:
      y = y + bias
"""


def write_starter(config: Config, layer: str, category: str) -> Path:
    """Write a starter spec and return its path.

    Raises:
        LayergenError: If a name is not fit, or the file is there already.
    """
    if not re.fullmatch("[A-Z][A-Za-z0-9]*", layer) or keyword.iskeyword(layer):
        raise LayergenError(f"`{layer}` cannot name a layer; write it as a class name: `GatedUnit`")
    from layergen.resolve.reserved import class_problem

    if problem := class_problem(layer):
        raise LayergenError(f"`{layer}` cannot name a layer: {problem}")
    module = (*PurePath(category).parts, file_stem(layer))
    reason = unfit_module(module)
    if reason:
        raise LayergenError(f"no place for `{layer}` in `{category}`: {reason}")
    path = config.root.joinpath(config.specs, *module).with_suffix(".yaml")
    _require_new(config, layer, path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "x", encoding="utf-8", newline="\n") as file:
            file.write(STARTER.format(layer=layer))
    except FileExistsError:
        raise LayergenError(f"`{path}` is there already; it stays as it is") from None
    except OSError as error:
        raise LayergenError(f"cannot write `{path}`: {error.strerror}") from None
    return path


def _require_new(config: Config, layer: str, path: Path) -> None:
    """Look for another spec of a layer, by the name of its file."""
    folder, stem = config.root / config.specs, file_stem(layer)
    for other in sorted(folder.rglob(f"{stem}.y*ml")) if folder.is_dir() else ():
        if other != path:
            raise LayergenError(f"`{other.relative_to(config.root).as_posix()}` defines a layer of this name already")
