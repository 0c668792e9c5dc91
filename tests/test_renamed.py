"""Messages of torch under symbols speak in the names of the spec, whatever torch calls them or has set them to."""

from small import DIM, faults_of, program

from layergen.prove.abstract_run import AbstractRun

HINTS = {"N": 211, "P": 223, "dim": 5}


def test_a_matrix_is_told_by_the_names_of_its_sizes() -> None:
    run = AbstractRun(HINTS)
    rows, columns = run.own["N"], run.own["dim"]
    assert run.renamed(f"got input ({rows}x{columns}), vec ({rows})") == "got input (N x dim), vec (N)"
    assert run.renamed(f"3x{rows} and conv2d and 2x3") == "3 x N and conv2d and 2x3"


def test_numbers_that_torch_has_put_for_sizes_are_told_by_name() -> None:
    run = AbstractRun(HINTS)
    assert run.spoken("[47053, 422, 5, 211.5]") == "[47053, 422, 5, 211.5]"
    assert bool(run.sizes["N"] == 211) and bool(run.sizes["P"] == 223) and bool(run.sizes["dim"] == 5)
    assert run.spoken("[47053*k, 422, 5, 211.5, x211]") == "[N*P*k, 2*N, 5, 211.5, x211]"


def test_a_member_that_fails_tells_what_it_is_given() -> None:
    layer = program("y = up(cat([x, x], dim=1))", modules={"up": "nn.Linear(C, C)"}, arguments={"C": DIM})
    (finding,) = faults_of(layer)
    assert finding.notes[0] == "shapes: cat([x, x], dim=1) [N, 2 * C]"
