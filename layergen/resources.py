"""The files that come with layergen beside its code."""

from pathlib import Path

PACKAGE = Path(__file__).parent


def templates_folder() -> Path:
    """The folder of templates: inside the package when installed from a wheel, beside it in a checkout."""
    inside = PACKAGE / "templates"
    return inside if inside.is_dir() else PACKAGE.parent / "templates"
