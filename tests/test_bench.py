"""What layers take: at which sizes they are measured, what is measured, and what is shown of it."""

import json
import re
import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest
import torch
from projects import Project
from small import DIM, program, setting_of
from torch import Tensor, nn

from layergen.bench import chart
from layergen.bench.clock import compare
from layergen.bench.measure import Figure, Measurement, starts
from layergen.bench.memory import peak
from layergen.bench.plot import as_svg
from layergen.bench.report import Benched, as_table, summary
from layergen.bench.sizes import STEPS, elements, growing, ladder
from layergen.bench.subject import subjects
from layergen.bench.words import count, size, span

HALVE = """\
layer: Halve
summary: Halve and move.
arguments: {dim: {type: int, min: 1, doc: Size.}, scale: {type: int, min: 1, default: 2, doc: Divisor.}}
parameters: {weight: {shape: [dim], init: ones, doc: Scale.}}
inputs: {x: [N, dim]}
outputs: {y: [N, dim]}
forward: y = x * weight / scale
"""
MATCHED = """\
layer: Straighten
summary: Set negative values to zero.
inputs: {x: [...]}
outputs: {y: [...]}
forward: y = relu(x)
matches: nn.ReLU()
"""
SETTING = setting_of(program())


def grown(**parts: object) -> set[str]:
    layer = program(**parts)  # type: ignore[arg-type]
    return {*growing(layer, setting_of(layer))}


def test_dimensions_and_widths_grow_but_kernels_do_not() -> None:
    found = grown(
        forward="y = conv1d(x, weight)",
        arguments={"channels": DIM, "width": {**DIM, "min": 2}, "kernel": DIM},
        parameters={"weight": {"shape": ["width", "channels", "kernel"], "init": "xavier_uniform", "doc": "Filters."}},
        inputs={"x": ["N", "channels", "L"]},
        outputs={"y": ["N", "width", "L - kernel + 1"]},
    )
    assert found == {"N", "L", "channels", "width"}


def test_what_a_constraint_binds_grows_together() -> None:
    found = grown(
        forward="y = x + table[:L]",
        arguments={"most": DIM},
        parameters={"table": {"shape": ["most"], "init": "ones", "doc": "Offsets."}},
        inputs={"x": ["N", "L"]},
        outputs={"y": ["N", "L"]},
        constraints=["L <= most"],
    )
    assert found == {"N", "L", "most"}


def test_what_cannot_grow_stays() -> None:
    assert grown(inputs={"x": ["N", "C"]}, constraints=["C <= 12"]) == {"N"}


def test_sizes_grow_from_the_first_case_to_many_elements() -> None:
    layer = program(cases=[{"N": 2, "C": 3}, {"N": 4, "C": 5}])
    (start,) = starts(layer)
    sizes = [elements(layer, setting) for setting in ladder(layer, start)]
    assert sizes[0] == 2 * 6
    assert all(least <= found < 4 * least for least, found in zip(STEPS, sizes[1:], strict=True))
    assert [dict(start.sizes) for start in starts(layer, all_cases=True)] == [{"N": 2, "C": 3}, {"N": 4, "C": 5}]


def test_a_layer_that_cannot_grow_has_one_size() -> None:
    layer = program(inputs={"x": [3, 4]}, outputs={"y": [3, 4]})
    assert len(list(ladder(layer, setting_of(layer)))) == 1


def test_calls_take_turns() -> None:
    calls: list[str] = []
    times = compare((lambda: calls.append("a"), lambda: calls.append("b")), 1e-9)
    assert len(times) == 3 and min(times) > 0
    assert calls.count("a") == calls.count("b")
    assert len(compare((lambda: None,), 1e-9)) == 1


def test_memory_is_what_is_held_at_once() -> None:
    def held_together() -> object:
        return torch.zeros(1000) + torch.ones(1000)

    def one_after_the_other() -> object:
        torch.zeros(1000)
        return torch.ones(1000)

    assert peak(held_together) == 3 * 4000
    assert peak(one_after_the_other) == 4000


def measurement(elements: int, ratio: float | None) -> Measurement:
    match = None if ratio is None else 2e-6
    figure = Figure(2e-6 * (ratio or 1.0), match, ratio)
    return Measurement(SETTING, elements, figure, None, Figure(1234, match and 1234, ratio and 1.0))


def test_table_and_summary() -> None:
    slow = Benched("Slow", "nn.Slow", "default", (measurement(10, 1.5), measurement(2_000, 1.0)))
    alone = Benched("Alone", None, "case_1", (measurement(10, None),))
    assert as_table([slow, alone]).splitlines() == [
        "layer           elements  forward  ratio  forward + backward  ratio   memory  ratio",
        "Slow                  10     3 µs   1.50                             1.23 kB   1.00",
        "                   2,000     2 µs   1.00                             1.23 kB   1.00",
        "Alone (case_1)        10     2 µs                                    1.23 kB",
    ]
    middle = "beside what they match, at the median: forward 1.250 times, memory 1.000 times"
    assert summary([slow, alone]) == f"2 layers, 3 sizes; {middle}; over 1.02 times at some size: Slow"
    assert summary([alone]) == "1 layer, 1 size"


def test_figures_in_words() -> None:
    assert [*map(span, (2.5, 0.00999, 9.9999e-7))] == ["2.5 s", "9.99 ms", "1 µs"]
    assert [*map(size, (0, 999, 1e6))] == ["0 B", "999 B", "1 MB"]
    assert [*map(count, (10, 1e4))] == ["10", "10k"]


def test_plot_has_a_row_for_each_layer() -> None:
    layers = [
        Benched(name, match, "default", (measurement(10, 1.5 if match else None),))
        for name, match in (("A<B", "nn.A"), ("C", None))
    ]
    root = ElementTree.fromstring(as_svg(layers))
    words = ["".join(text.itertext()) for text in root.findall(".//{*}text")]
    assert [text.strip() for text in words if "A<B" in text or text.strip() == "C"] == ["A<B beside nn.A", "C"]
    assert len(list(root.findall(".//{*}polyline"))) == 4 + 2  # time and memory, of the first with its match
    assert as_svg(layers) == as_svg(layers)
    assert "polyline" not in as_svg([])


def test_axes_end_at_ticks() -> None:
    lines = (chart.Line(((0.0, 0.93), (0.4, 0.985))),)
    drawn = chart.as_svg([chart.Row(("",), (chart.Panel(chart.Axis("noise"), chart.Axis("accuracy"), lines),))])
    texts = re.findall(r'text-anchor="(?:middle|end)">([^<]*)<', drawn)
    assert texts == ["noise", "0", "0.1", "0.2", "0.3", "0.4", "0.92", "0.94", "0.96", "0.98", "1"]


def placed(root: Path, package: str, **specs: str) -> Project:
    """A project whose package has a name that no other has."""
    (root / "pyproject.toml").write_text(f'[tool.layergen]\noutput = "{package}"\n', encoding="utf-8")
    return Project(root, {f"{name}.yaml": text for name, text in specs.items()})


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project of two layers, which is built."""
    made = placed(tmp_path_factory.mktemp("bench"), "benched", halve=HALVE, straighten=MATCHED)
    assert made.run("build")[0] == 0
    return made


def bench(project: Project, *arguments: str) -> tuple[int, str, str]:
    return project.run("bench", "--seconds", "0.0001", *arguments)


def test_a_layer_is_measured_beside_its_match(project: Project) -> None:
    code, output, errors = bench(project, "Straighten", "Halve", "--output-format", "json")
    assert (code, errors.split(";")[0]) == (0, "2 layers, 6 sizes")
    first, *_, last = json.loads(output)
    assert (first["layer"], first["match"], first["sizes"]) == ("Straighten", "nn.ReLU", {"...": [3, 2]})
    assert first["forward"].keys() == {"seconds", "match_seconds", "ratio"}
    assert first["forward_and_backward"]["ratio"] > 0
    assert first["memory"] == {"bytes": 48, "match_bytes": 48, "ratio": 1.0}
    assert (last["layer"], last["match"], last["forward"]["ratio"]) == ("Halve", None, None)
    assert last["arguments"]["dim"] == last["sizes"].get("dim", last["arguments"]["dim"]) > 4


def test_all_layers_are_measured_and_drawn(project: Project) -> None:
    code, output, _ = bench(project, "--plot", "figures.svg")
    assert code == 0
    assert [line.split()[0] for line in output.splitlines() if not line.startswith(" ")] == [
        "layer",
        "Halve",
        "Straighten",
    ]
    ElementTree.parse(project.root / "figures.svg")


def test_unknown_layers_and_options_are_wrong_usage(project: Project) -> None:
    code, _, errors = bench(project, "Halv")
    assert (code, errors) == (2, "layergen: there is no layer `Halv`; did you mean `halve`?\n")
    assert bench(project, "Halve", "--seconds", "0")[0] == 2
    code, output, errors = bench(project, "Halve", "--plot", "nowhere/figures.svg")
    assert code == 2 and "cannot write `nowhere/figures.svg`" in errors and output.startswith("layer")


def test_a_layer_must_be_generated_and_sound(tmp_path: Path) -> None:
    project = Project(tmp_path, {"halve.yaml": HALVE})
    assert bench(project)[::2] == (2, "layergen: there is no `generated/halve.py` yet: run `layergen build`\n")
    (tmp_path / "generated").mkdir()
    (tmp_path / "generated" / "halve.py").write_text("", encoding="utf-8")
    project.write("halve.yaml", HALVE.replace("y = x * weight", "y = x * wight"))
    code, output, _ = bench(project)
    assert code == 1 and "LG201 undefined-name" in output


def test_a_changed_layer_that_fails_is_told_of(project: Project, tmp_path: Path) -> None:
    shutil.copytree(project.root / "specs", tmp_path / "specs")
    shutil.copytree(project.root / "benched", tmp_path / "slipped")
    project = placed(tmp_path, "slipped")
    module = tmp_path / "slipped" / "halve.py"
    changed = module.read_text(encoding="utf-8").replace("return ", "raise RuntimeError('slipped')\n        return ")
    module.write_text(changed, encoding="utf-8")
    code, output, errors = bench(project)
    assert code == 1
    assert errors.startswith("layergen: `Halve` cannot be measured: slipped\n")
    assert "Straighten" in output and "Halve" not in output


class Given(nn.Module):
    """Keeps what its constructor is given."""

    def __init__(self, **given: object) -> None:
        super().__init__()
        self.given = given


def test_an_argument_may_have_the_name_of_an_input() -> None:
    parts = {
        "arguments": {"x": {"type": "float", "default": 2.0, "doc": "A factor."}},
        "derived": {"factor": "x"},
    }
    layer = program("y = x * factor", **parts)
    (subject,) = subjects(layer, Given, setting_of(layer))
    assert subject.module.given == {}
    assert isinstance(subject.arguments[0], Tensor)
