"""The list of all rules. A rule stands in the module that reports it, so all modules are read to find them."""

import importlib
import pkgutil

import layergen
from layergen.diagnostics import Rule


def all_rules() -> list[type[Rule]]:
    """All rules, sorted by their codes."""
    for module in pkgutil.walk_packages(layergen.__path__, "layergen."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    return [Rule.registry[code] for code in sorted(Rule.registry)]
