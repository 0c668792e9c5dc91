"""What has been shown of a layer, contract by contract, and how: never more than was."""

from collections.abc import Iterator
from dataclasses import dataclass

from layergen.checked import CheckedLayer
from layergen.compare.definition import MOST_ENTRIES
from layergen.compare.in_law import DRAWS, ENTRIES
from layergen.contracts.buffers import updates_in_evaluation
from layergen.contracts.domains import small
from layergen.contracts.dtype import PRECISIONS
from layergen.contracts.learning import STEPS
from layergen.domains.study import study
from layergen.domains.twin import op_matched
from layergen.lang import expression as ex
from layergen.lang.argument_types import ANY
from layergen.lang.model import Input, Parameter
from layergen.lang.runs import dots
from layergen.ops.dtypes import dtype_name
from layergen.present.transformed import transformed
from layergen.prove.demands import SolutionDemand
from layergen.prove.proof import paths
from layergen.prove.proven import Proof, Tried
from layergen.resolve.program import Member, Program
from layergen.resolve.surrogates import told_surrogates
from layergen.resolve.written import written
from layergen.rules import all_rules
from layergen.settings.branches import branchings, loops
from layergen.settings.choice import Setting
from layergen.settings.pairs import pairs
from layergen.words import listed, plural


@dataclass(frozen=True)
class Guarantee:
    """One thing that holds of a layer."""

    contract: str
    # "proven", "tried", "checked" by its words alone, "generated" as a check of the layer's own, or "declared" by the
    # author against a judgement of the checks
    verdict: str
    detail: str


def guarantees(layer: CheckedLayer) -> Iterator[Guarantee]:
    """What holds of a layer, in the order of the contracts."""
    program, cases = layer.program, f"at {plural(len(layer.cases), 'setting')}"
    ways = list(paths(program, [case.setting for case in layer.cases]))
    on_paths = f"on {plural(len(ways), 'way')}"
    yield from _shape(layer)
    yield from _coupling(layer, on_paths)
    further = len(list(pairs(program, layer.cases[0].setting)))
    if further:
        detail = f"flags, choices and numbers together: at {plural(further, 'further setting')}"
        yield Guarantee("settings", "tried", detail)
    taken = ["each branch and each conditional value is taken"] if any(branchings(program)) else []
    taken += ["each loop is entered"] if any(loops(program)) else []
    if taken:
        yield Guarantee("branches", "tried", f"{cases}: {', and '.join(taken)}")
    yield Guarantee("call", "checked", "every call fits a signature of its op, by name and by kind")
    yield from _dtype(program, on_paths, layer.for_data)
    yield from _on_data(layer)
    if layer.for_data:
        yield Guarantee("device", "checked", "tensors made from nothing go to the first input's device; not tried")
    else:
        yield Guarantee("device", "tried", f"{on_paths}, in training, with every tensor on a fake accelerator")
    kept = "no op writes to a tensor that it is given"
    if names := [f"`{name}`" for name in written(program)]:
        kept = f"{listed(names)} {'is' if len(names) == 1 else 'are'} written, and no other tensor that it is given"
    yield Guarantee("purity", "tried", f"{on_paths}, in training and evaluation: {kept}")
    yield from _gradient(program, on_paths)
    yield from _finite(layer, ways, on_paths)
    yield from _training(program, on_paths)
    yield Guarantee("use", "checked", "every name that is declared is used, and every name that is used is declared")
    yield Guarantee(
        "init", "tried", f"{cases}: every tensor has an initial value of its shape; fans fit the weights' use"
    )
    yield from _values(layer)
    if held := "; ".join(transformed(layer.measured.transforms, program.asks_mode)):
        yield Guarantee("transforms", "tried", f"on small data, at the smallest setting: {held}")
    yield from _meaning(layer)
    yield from _input_checks(layer)


def _values(layer: CheckedLayer) -> Iterator[Guarantee]:
    """Where the values were compared with another telling of the layer."""
    valued = [one for one in layer.defined.at if False not in one.drawn]
    if valued:
        count, of = len(valued), len(layer.tested)
        among = f"of {plural(of, 'setting')}, the others being too large"
        where = f"at {plural(of, 'setting')}" if count == of else f"at {count} {among}"
        detail = f"{_compared(layer)} what the definition says, in float64 and in evaluation"
        yield Guarantee("values", "tried", f"{where}: {detail}")
    if (trained := layer.defined.trained) and (definition := layer.program.definition) is not None:
        updated = " and of the buffers that it updates" if definition.updates else ""
        detail = f"at {plural(len(trained), 'setting')}: {_compared(layer, updated)} what the definition says"
        yield Guarantee("values in training", "tried", detail)
    if drawn := layer.defined.drawn:
        entries = max(law.entries for one in layer.defined.at for law in one.drawn.values())
        among = f"over up to {DRAWS} draws and up to {entries} entries of a tensor"
        moments = "no mean, variance, covariance, skewness or kurtosis"
        apart = f"{moments} is further from the definition's than chance explains"
        detail = f"at {plural(len(drawn), 'setting')}, {among}: {apart}"
        yield Guarantee("draws", "tried", detail)
    yield from _starts(layer)


def _starts(layer: CheckedLayer) -> Iterator[Guarantee]:
    """Whether initial values were compared with the definition."""
    starts = layer.defined.starts
    if starts:
        definition = layer.program.definition
        names = definition.start.scene.outputs if definition is not None and definition.start is not None else ()
        often = f"over {max(starts.values())} starts, those of" if max(starts.values()) > 1 else "those of"
        detail = f"at {plural(len(starts), 'setting')}, {often} {listed([f'`{name}`' for name in names])}"
        detail += f" are the definition's, in up to {ENTRIES} entries of each, but for rounding and for chance"
        yield Guarantee("start", "tried", detail)


def _compared(layer: CheckedLayer, further: str = "") -> str:
    """What was compared with the definition."""
    if layer.defined.whole:
        return f"each entry of the outputs{further} is"
    return f"the entries of the outputs{further} are, of a large one up to {MOST_ENTRIES} that are spread over it,"


def _meaning(layer: CheckedLayer) -> Iterator[Guarantee]:
    """What was shown of which entries depend on which, and what the author overrules."""
    for shown in layer.judgement.shown:
        yield Guarantee(shown.contract, "tried", shown.detail)
    overruled = [finding.rule.name for finding in layer.judgement.accepted]
    declined = [rule.name for rule in all_rules() if rule.advises and rule.name in layer.program.accept]
    for name in dict.fromkeys((*overruled, *declined)):
        yield Guarantee("accepted", "declared", f"{name}: {layer.program.accept[name]}")


def _shape(layer: CheckedLayer) -> Iterator[Guarantee]:
    """How far the shapes are proven, the paths together on which it is as far."""
    found: dict[tuple[str, str], list[Proof | Tried]] = {}
    for proof in layer.proofs:
        found.setdefault(_reach(layer, proof), []).append(proof)
    for (verdict, detail), proofs in found.items():
        taken = tuple(dict.fromkeys(proof.setting.name for proof in proofs))
        where = f"on {plural(len(taken), 'way')} through the forward: {', '.join(taken)}"
        modes = {proof.training for proof in proofs if isinstance(proof, Proof)}
        there = " and ".join(["training"] * (True in modes) + ["evaluation"] * (False in modes))
        mode = f"in {there}, " if modes and layer.program.asks_mode else ""
        yield Guarantee("shape", verdict, f"{detail}, {mode}{where}")


def _reach(layer: CheckedLayer, proof: Proof | Tried) -> tuple[str, str]:
    """The verdict on the shapes of one way, and for which sizes it holds."""
    if isinstance(proof, Tried):
        further = f" and {plural(proof.further, 'further size')}" if proof.further else ""
        return "tried", f"at {plural(len(layer.cases), 'setting')}{further}, not at symbols: {proof.reason}"
    if proof.untold is not None:
        sizes = ", ".join(f"{name}={size}" for name, size in proof.untold.items())
        return "tried", f"at {plural(len(layer.cases), 'setting')}: torch refuses {sizes}, and no condition tells why"
    if proof.sampled:
        outputs = ", ".join(f"`{name}`" for name in proof.sampled)
        sizes = ", ".join(f"{name}={size}" for name, size in proof.hints.names.items())
        return "tried", f"at {sizes} too: algebra cannot tell whether the formulas of {outputs} agree for all sizes"
    numbers: dict[str, list[str]] = {}
    for other in layer.proofs:
        if isinstance(other, Proof) and other.concrete.keys() == proof.concrete.keys() and not other.sampled:
            for name, number in other.concrete.items():
                numbers.setdefault(name, []).append(str(number))
    fixed = [f"`{name}` at {', '.join(dict.fromkeys(values))}" for name, values in numbers.items()]
    fixed += [
        f"`{name}` of {plural(count, 'entry', 'entries')}" for name, count in _lengths(layer.program, proof).items()
    ]
    if any(ex.Literal(...) in tensor.entries for tensor in layer.program.inputs.values()):
        fixed.append(f"`{dots(layer.program.run)}` of {plural(len(proof.setting.leading), 'dimension')}")
    fixed += [f"`{name}...` of {plural(len(own), 'dimension')}" for name, own in proof.setting.further.items()]
    where = f" where {listed([f'`{equation}`' for equation in proof.tied])}" if proof.tied else ""
    kept = " that keep the preconditions" if layer.preconditions else ""
    kept += ", equal or 1 where runs meet," if layer.program.met else ""
    if proof.counts:
        where += f", by induction over {listed([f'`{count}`' for count in proof.counts])}"
    detail = f"for all sizes from 2 up{kept}" + where + (f" with {listed(fixed)}" if fixed else "")
    if proof.rests:
        members = listed([f"`{child.name}`" for child in proof.rests])
        detail += f", by the contract{'s' * (len(proof.rests) > 1)} of {members}"
    if proof.inherited:
        detail += f", of which this is open: {'; '.join(proof.inherited)}"
    return "proven", detail


def _lengths(program: Program, proof: Proof) -> dict[str, int]:
    """How many entries the arguments had of which there may be any number."""
    open = [name for name, part in program.decided.items() if part.type.count == ANY]
    return {name: len(value) for name in open if isinstance(value := proof.setting.values[name], tuple)}


def _coupling(layer: CheckedLayer, on_paths: str) -> Iterator[Guarantee]:
    yield Guarantee("coupling", "tried", f"{on_paths}, with one dimension or int argument after the other at 1")
    if layer.preconditions or any(proof.guards for proof in layer.proofs if isinstance(proof, Proof)):
        found = plural(len(layer.preconditions), "precondition")
        detail = "the conditions that torch asked about, broken at small sizes where the spec allows it, and what it "
        detail += "refuses on small data"
        yield Guarantee("coupling", "tried", f"{detail}: {found}")


def _dtype(program: Program, on_paths: str, on_data: bool) -> Iterator[Guarantee]:
    """In which dtypes the layer was run; with data, in half precision only if the CPU has all of its ops."""
    if on_data:
        detail = "with data on the CPU, in float32 and float64, and in half precision as far as it has the ops"
        yield Guarantee("dtype", "tried", f"{on_paths}, {detail}")
    else:
        yield Guarantee("dtype", "tried", f"{on_paths}, in {listed(map(dtype_name, PRECISIONS))}")
    if program.forward.upcasts and program.takes_dtype:
        mixed = "with bfloat16 inputs and float32 parameters, which torch may refuse"
        yield Guarantee("dtype", "tried", f"{on_paths}, {mixed}")
    if not on_data:
        yield Guarantee("dtype", "tried", "on the first way, under autocast to bfloat16 on the CPU")


def _on_data(layer: CheckedLayer) -> Iterator[Guarantee]:
    """What runs on small data have shown, and which of them could not be made."""
    program, data = layer.program, layer.measured.data
    if not data.ways:
        yield Guarantee("data", "tried", "without data alone: the layer is too large to be computed in a build")
        return
    on_data = f"on {plural(data.ways, 'way')}, on small data"
    kernels = listed([name for name in ("float64", "float16", "bfloat16") if name not in data.lacking])
    lacking = f"; not in {listed(data.lacking)}, in which the CPU lacks an op" if data.lacking else ""
    yield Guarantee("dtype", "tried", f"{on_data} in {kernels}, in training: torch computes every op{lacking}")
    yield from _precision(layer, on_data)
    if data.points and any(part.gradient for part in program.parameters.values()):
        detail = f"each parameter with a gradient moves within {STEPS} steps from its initial value"
        yield Guarantee("learning", "tried", f"{on_data}: {detail}")
    laid_out = "inputs may be slices of larger tensors, or have their first dimension last in memory"
    yield Guarantee("strides", "tried", f"{on_data}, in training: {laid_out}")
    if program.buffers:
        apart = "" if updates_in_evaluation(program) else ", and none is assigned in evaluation"
        detail = f"none changes but where it is assigned{apart}"
        yield Guarantee("buffers", "tried", f"{on_data}: {detail}")


def _precision(layer: CheckedLayer, on_data: str) -> Iterator[Guarantee]:
    data = layer.measured.data
    halves = [name for name in ("float16", "bfloat16") if name not in data.lacking]
    if not halves:
        return
    if not data.compared:
        return  # there is nothing to round, or what is drawn at random differs from dtype to dtype
    sizes = ", ".join(f"{name}={size}" for name, size in data.long.items())
    long = f", in bfloat16 at {sizes} too" if sizes and "bfloat16" in halves else ""
    detail = f"{listed(halves)} differ from float64 on the same numbers by no more than a tenth of an output, or by no "
    zeros = ", in float16 for inputs that are all zero too" if "float16" in halves else ""
    detail += f"more than rounding the inputs explains{zeros}{long}"
    yield Guarantee("precision", "tried", f"{on_data}: {detail}")


def has_parameters(member: Member) -> bool:
    return any(made.of.takes("device") for made in member.made)


def _gradient(program: Program, on_paths: str) -> Iterator[Guarantee]:
    floating = {name: part for name, part in program.inputs.items() if part.floating}
    tensors: dict[str, Parameter | Input] = {**program.parameters, **floating}
    wanted = [f"`{name}`" for name, part in tensors.items() if part.gradient]
    told = told_surrogates(program)
    surrogates = dict.fromkeys((*told, *(name for name, part in floating.items() if part.surrogate)))
    wanted += [f"`{name}` (by {'that of the match' if name in told else 'a surrogate'})" for name in surrogates]
    wanted += ["the parameters of the members"] if any(map(has_parameters, program.members.values())) else []
    unwanted = [f"`{name}`" for name, part in tensors.items() if not part.gradient and name not in surrogates]
    if not any(output.floating for output in program.outputs.values()) or not wanted:
        yield Guarantee("gradient", "checked", "none is wanted")
        return
    without = f"; none is asked for {listed(unwanted)}" if unwanted else ""
    detail = f"{on_paths}: the backward graph of some way leads to {listed(wanted)}{without}"
    yield Guarantee("gradient", "tried", detail)


def _finite(layer: CheckedLayer, ways: list[Setting], on_paths: str) -> Iterator[Guarantee]:
    """Whether outputs and gradients are finite: as floats, and by intervals or at the edges that may be reached."""
    found, as_floats = study(layer.program, ways), _as_floats(layer)
    if found.proven:
        if as_floats:
            yield Guarantee("finite", "tried", as_floats)
        detail = "in real numbers and for sizes from 1 up, with buffers as the layer makes them"
        yield Guarantee("finite", "proven", f"{on_paths}: outputs and gradients, {detail}")
        return
    open_ones = [f"`{ex.show(suspect.node)}` ({suspect.edge})" for suspect in found.suspects]
    open_ones += [f"what {listed(found.unknown)} gives"] if found.unknown else []
    reason = f"intervals leave open {listed(open_ones)}" if open_ones else "intervals leave open what is masked"
    if found.suspects and small(layer.program, ways):
        match = layer.program.matches.module if layer.program.matches else op_matched(layer.program)
        unless = "" if match is None else f" where `{match.function}` does not"
        where = "at inputs and settings that may reach the edge of an op's domain"
        edges = f"{on_paths}, {where}: none was found that fails{unless}"
    else:
        edges = "" if as_floats else f"{on_paths}, at inputs that are drawn at random"
    yield Guarantee("finite", "tried", "; ".join(filter(None, [as_floats, edges, reason])))


def _as_floats(layer: CheckedLayer) -> str:
    """What runs on small data have shown of outputs and gradients."""
    data = layer.measured.data
    if not data.points:
        return ""
    detail = "outputs are numbers where float64 gives some that float32 holds"
    detail += ", and so are gradients, but for what rounds to zero on the way" if data.slopes else ""
    return f"on {plural(data.ways, 'way')}, on small data, for inputs {listed(data.points, 'or')}: {detail}"


def _training(program: Program, on_paths: str) -> Iterator[Guarantee]:
    if program.random == "always":
        yield Guarantee("training", "checked", "random at all times, as the spec declares")
    else:
        yield Guarantee("training", "tried", f"{on_paths}: no random number is drawn in evaluation")


def _input_checks(layer: CheckedLayer) -> Iterator[Guarantee]:
    tried = "each size that an input must have at 1, one more, half, twice and three times as much"
    tried += ", alone, with another of its input, and with all that must be equal; and one dimension less and more"
    if layer.for_data and not layer.input_checks:
        return
    if not layer.input_checks:
        yield Guarantee("input checks", "tried", f"{tried}: torch refuses them all")
        return
    count = plural(len(layer.input_checks), "check")
    if layer.for_data:
        yield Guarantee("input checks", "generated", f"{count} for the shapes that an input must have")
        return
    solved = any(isinstance(check.demand, SolutionDemand) for check in layer.input_checks)
    wrong = f"that torch lets through wrong{', or of which a size determines no dimension' if solved else ''}"
    yield Guarantee("input checks", "generated", f"{count} for shapes {wrong}; tried {tried}")
