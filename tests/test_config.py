"""The configuration in pyproject.toml."""

from pathlib import Path

import pytest

from layergen.diagnostics import LayergenError
from layergen.project.config import Config, load_config


def configure(folder: Path, text: str) -> Config:
    (folder / "pyproject.toml").write_text(text, encoding="utf-8")
    return load_config(folder)


def test_folder_without_pyproject_is_a_project_of_its_own(tmp_path: Path) -> None:
    assert load_config(tmp_path) == Config(tmp_path, "specs", "generated", "generated")


def test_project_is_found_upwards(tmp_path: Path) -> None:
    config = configure(tmp_path, '[tool.layergen]\nspecs = "layers"\n')
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    assert load_config(inner) == config
    assert (config.root, config.specs) == (tmp_path, "layers")


def test_pyproject_without_our_table_gives_the_defaults(tmp_path: Path) -> None:
    assert configure(tmp_path, '[project]\nname = "x"\n') == Config(tmp_path)


def test_package_follows_the_output_folder(tmp_path: Path) -> None:
    assert configure(tmp_path, '[tool.layergen]\noutput = "nets/layers/"\n').package == "nets.layers"


def test_package_of_a_source_layout_can_be_named(tmp_path: Path) -> None:
    config = configure(tmp_path, '[tool.layergen]\noutput = "src/nets/layers"\npackage = "nets.layers"\n')
    assert (config.output, config.package) == ("src/nets/layers", "nets.layers")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[tool.layergen]\nouput = "x"', "has no key `ouput`; did you mean `output`?"),
        ('[tool.layergen]\ncolour = "x"', "has no key `colour`; it knows `specs`, `output`, `package`"),
        ("[tool.layergen]\nspecs = 3", "tool.layergen.specs must be a string, got 3"),
        ("[tool]\nlayergen = 3", "`layergen` must be a table, got 3"),
        ('[tool.layergen]\noutput = "../x"', "tool.layergen.output must be a folder inside of the project, got '../x'"),
        ('[tool.layergen]\noutput = "."', "must be a folder inside of the project, got '.'"),
        ('[tool.layergen]\noutput = "/etc"', "must be a folder inside of the project, got '/etc'"),
        ('[tool.layergen]\nspecs = "a\\nb"', "tool.layergen.specs must be a folder inside of the project"),
        ('[tool.layergen]\noutput = "my-layers"', "tool.layergen.output must name a Python package, got 'my-layers'"),
        ('[tool.layergen]\npackage = "a.class"', "tool.layergen.package must name a Python package, got 'a.class'"),
        ('[tool.layergen]\noutput = "specs"', "tool.layergen.output must not hold the specs, got 'specs'"),
        ("[tool.layergen", "is not valid TOML"),
    ],
)
def test_wrong_configuration_names_file_key_and_value(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(LayergenError) as caught:
        configure(tmp_path, text)
    assert str(caught.value).startswith(f"{tmp_path / 'pyproject.toml'}: ")
    assert message in str(caught.value)


def test_configuration_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_bytes(b"\xff")
    with pytest.raises(LayergenError, match="is not UTF-8 text"):
        load_config(tmp_path)
