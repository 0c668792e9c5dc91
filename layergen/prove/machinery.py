"""Is the machinery of symbolic sizes there? It is torch's own and private: another version may have another one.

What `abstract_run` and `cost` use is listed here, and looked at once, before they are imported: a wrong version is to
be said in a sentence, not to show as a fault of somebody's spec.
"""

import importlib
import inspect
from collections.abc import Iterator
from functools import cache

import torch

from layergen.diagnostics import LayergenError

TRIED = ("2.13",)  # versions of torch with which all tests have been run

# For each module the names that are used of it, with the parameters that are given by name.
USED: dict[str, dict[str, tuple[str, ...]]] = {
    "torch._dispatch.python": {"enable_python_dispatcher": ()},
    "torch._guards": {"GuardSource": (), "Source": ()},
    "torch._subclasses.fake_tensor": {"FakeTensorMode": ("shape_env",)},
    "torch.fx.experimental.symbolic_shapes": {
        "DimDynamic": (),
        "ShapeEnv": (),
        "ShapeEnv.create_symbol": (
            *("source", "dynamic_dim", "constraint_dim", "positive", "do_not_specialize_zero_one"),
        ),
        "ShapeEnv.create_symintnode": ("hint", "source"),
        "constrain_range": ("min",),
    },
    "torch.utils._sympy.functions": {
        **dict.fromkeys(("FloorDiv", "CleanDiv", "CeilDiv", "IntTrueDiv", "FloatTrueDiv", "Mod", "PythonMod"), ()),
        **dict.fromkeys(("Max", "Min", "FloatPow", "PowByNatural", "ToFloat", "TruncToFloat", "TruncToInt"), ()),
        **dict.fromkeys(("FloorToInt", "CeilToInt"), ()),
    },
    "torch.utils.flop_counter": {"FlopCounterMode": ("display", "custom_mapping"), "sdpa_flop_count": ()},
    "torch.autograd.graph": {"saved_tensors_hooks": ()},
    "torch": {"SymInt": (), "SymFloat": (), "SymBool": (), "sym_max": (), "sym_min": ()},
}


@cache
def require() -> None:
    """Go on only where torch has what is needed.

    Raises:
        LayergenError: It lacks something; the error says what, and which versions have it.
    """
    lacking = next(missing(), None)
    if lacking:
        known = " and ".join(f"{version}.*" for version in TRIED)
        message = f"torch {torch.__version__} has no `{lacking}`, by which shapes are proven"
        raise LayergenError(f"{message}; layergen was tried with torch {known} alone: install that one")


def missing() -> Iterator[str]:
    """What of the machinery this torch does not have, or has with other parameters."""
    for module, names in USED.items():
        try:
            holder = importlib.import_module(module)
        except ImportError:
            yield module
            continue
        for path, parameters in names.items():
            found: object = holder
            for part in path.split("."):
                found = getattr(found, part, None)
            if found is None:
                yield f"{module}.{path}"
            else:
                yield from (f"{module}.{path}({name}=…)" for name in parameters if not _takes(found, name))


def _takes(function: object, parameter: str) -> bool:
    """Whether a function or class takes a parameter by name, as far as it can be told."""
    if not callable(function):
        return False
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):  # of a built-in
        return True
    return parameter in parameters or any(part.kind is part.VAR_KEYWORD for part in parameters.values())
