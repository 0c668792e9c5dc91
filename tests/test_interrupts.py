"""Interrupts: what is said of them, and what is kept."""

from pathlib import Path

import pytest

from layergen import cli, pipeline
from layergen.cli import main
from layergen.commands.progress import ProgressBar
from layergen.project.making import Generated, Order

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project to work in."""
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "FORCE_COLOR", "LAYERGEN_TRACEBACK"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_interrupt_exits_with_130(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "build", interrupted)
    assert main(["build"]) == 130
    assert capsys.readouterr().err == "layergen: interrupted\n"


def test_interrupt_says_what_is_done(capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, progress: ProgressBar, **__: object) -> None:
        progress(2, 5, "specs/scale.yaml")
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "check", interrupted)
    assert main(["check"]) == 130
    told = "layergen: 2 of 5 specs done; what has no fault is kept for the next run\nlayergen: interrupted\n"
    assert capsys.readouterr().err == told


def test_what_is_made_before_an_interrupt_is_not_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []

    def generate(order: Order) -> Generated:
        if order.spec.name in made or len(made) == 2:
            raise KeyboardInterrupt
        made.append(order.spec.name)
        return pipeline_generate(order)

    def again(order: Order) -> Generated:
        made.append(order.spec.name)
        return pipeline_generate(order)

    pipeline_generate = pipeline.generate
    for name in ("ScaleA", "ScaleB", "ScaleC"):
        main(["new", name])
    with monkeypatch.context() as patched:
        patched.setattr(pipeline, "generate", generate)
        assert main(["build", "-j", "1"]) == 130
    assert len(made) == 2
    with monkeypatch.context() as patched:
        patched.setattr(pipeline, "generate", again)
        assert main(["build", "-j", "1"]) == 0
    assert sorted(made) == [f"specs/custom/scale_{letter}.yaml" for letter in "abc"]
