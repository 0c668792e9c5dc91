"""From a checked layer to the views of its module and its tests."""

from layergen.checked import CheckedLayer
from layergen.lower.layer import layer_view
from layergen.lower.testing import test_view
from layergen.lower.views import BehavioursView, ConftestView, ExportView, LayerView, PackageView, TestView


def lower(layer: CheckedLayer, package: str, below: tuple[str, ...], behaviours: str) -> tuple[LayerView, TestView]:
    """Lower a layer.

    Args:
        layer: The layer and what was found by trying it.
        package: Dotted name of the package of all layers.
        below: Where in it the module is generated.
        behaviours: Dotted name of the module of what every layer is held to.
    """
    module = ".".join((package, *below))
    return layer_view(layer, below), test_view(layer, module, behaviours)


def lower_package(package: str, layers: tuple[tuple[str, str], ...]) -> PackageView:
    """Lower a package, which hands on the classes of some modules, each given as its relative name and the class's."""
    exports = tuple(ExportView(module, name) for module, name in sorted(layers))
    names = sorted((export.name for export in exports), key=lambda name: (not name.isupper(), name))
    return PackageView(f"Layers of {package}." if exports else f"{package}: tests of layers.", exports, tuple(names))


def lower_behaviours(behaviours: str) -> tuple[BehavioursView, ConftestView]:
    """Lower what the tests of all layers share, the module of behaviours given by its dotted name."""
    return BehavioursView(), ConftestView(behaviours)
