"""What is found in the output folder."""

from pathlib import Path

from layergen.project.cache import Cache
from layergen.project.config import Config
from layergen.project.present import present_files
from layergen.project.signing import signed


def found(root: Path) -> list[str]:
    return [*present_files(root, "generated", Cache(Config(root)))]


def put(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(signed("x = 1\n", "specs/a.yaml"), encoding="utf-8")


def test_finds_own_files_alone_sorted(tmp_path: Path) -> None:
    output = tmp_path / "generated"
    for name in ("b.py", "a/c.py", "notes.txt", "__pycache__/d.py"):
        put(output / name)
    (output / "mine.py").write_text("x = 1\n", encoding="utf-8")
    assert found(tmp_path) == ["a/c.py", "b.py"]


def test_links_in_the_output_folder_are_not_followed(tmp_path: Path) -> None:
    """Not even to files that layergen has written: to remove or to replace them is not for this project."""
    output, elsewhere = tmp_path / "generated", tmp_path / "elsewhere"
    put(output / "a.py")
    put(elsewhere / "b.py")
    (output / "linked").symlink_to(elsewhere)
    (output / "linked.py").symlink_to(elsewhere / "b.py")
    (output / "loop").symlink_to(output)
    assert found(tmp_path) == ["a.py"]


def test_output_folder_behind_a_link_has_no_files(tmp_path: Path) -> None:
    put(tmp_path / "elsewhere" / "a.py")
    (tmp_path / "generated").symlink_to(tmp_path / "elsewhere")
    assert found(tmp_path) == []
