"""From a checked layer to the views of its module and its tests."""

from layergen.checked import CheckedLayer
from layergen.lower.layer import layer_view
from layergen.lower.testing import test_view
from layergen.lower.views import ExportView, LayerView, PackageView, TestView


def lower(layer: CheckedLayer, origin: str, module: str) -> tuple[LayerView, TestView]:
    """Lower a layer.

    Args:
        layer: The layer and what was found by trying it.
        origin: The spec's name, for the headers.
        module: Dotted name of the module to generate.
    """
    return layer_view(layer, origin), test_view(layer, origin, module)


def lower_package(package: str, layers: tuple[tuple[str, str], ...]) -> PackageView:
    """Lower a package, which hands on the classes of some modules, each given as its relative name and the class's."""
    exports = tuple(ExportView(module, name) for module, name in sorted(layers))
    names = sorted((export.name for export in exports), key=lambda name: (not name.isupper(), name))
    return PackageView(f"Layers of {package}." if exports else f"{package}: tests of layers.", exports, tuple(names))
