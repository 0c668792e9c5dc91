"""Lowers the settings of a layer's tests: the first as it is, the others by what differs from it."""

from collections.abc import Mapping, Sequence

from layergen.checked import CheckedCase
from layergen.lang.interpreter import Interpreter
from layergen.lang.tuples import whole_name
from layergen.lower.representation import expected_repr
from layergen.lower.returned import returned_at
from layergen.lower.scopes import attribute as attribute_of
from layergen.lower.source import broken, python
from layergen.lower.unseen import axes_at
from layergen.resolve.families import at_values
from layergen.resolve.program import Program
from layergen.resolve.saved import is_saved
from layergen.run.trial import TensorFacts
from layergen.settings.choice import Setting

PARTS = ("first", "last", "sum")  # what is recorded of a tensor with several numbers
DEFAULT = "DEFAULT"  # the name of the first case in a test module
OWNED = (
    "state",
    "initial",
    "frozen",
    "dtypes",
)  # the fields that may lose entries; each other one has the same in all cases

Fields = Mapping[str, Mapping[str, object] | str]  # of ``Case`` in the behaviours


def case_fields(program: Program, case: CheckedCase, named: Sequence[str]) -> Fields:
    """All that is expected of a layer at a setting, and where some dimensions stand there, by their names."""
    own = at_values(program, case.setting.values)
    return {
        **sizes_of(program, case.setting, case.inputs, case.ranges),
        "outputs": result_shapes(program, case.setting, case.outputs),
        "axes": axes_at(program, case, named),
        "state": {name: shape for name, shape in state_shapes(program, own, case).items() if is_saved(own, name)},
        "initial": {name: tuple(rounded(end) for end in ends) for name, ends in case.bounds.items()},
        "frozen": {name: not learned for name, learned in case.learned.items()},
        "dtypes": case.dtypes,
        "attributes": known(program, case),
        "labels": case.labels,
        "written": case.written,
        "called": case.called,
        "recorded": recorded(case),
        "draws": case.recorded.draws,
        "text": expected_repr(program, case.setting, case.state),
    }


def recorded(case: CheckedCase) -> dict[str, dict[str, object]]:
    """What comes out, by modes: of each tensor its ends and a sum, by name, or its only number."""
    return of_modes(case.recorded.values)


def of_modes(values: Mapping[str, Mapping[str, object]]) -> dict[str, dict[str, object]]:
    """What was recorded in each mode."""
    return {mode: {name: _named(value) for name, value in of.items()} for mode, of in values.items()}


def _named(value: object) -> object:
    """The ends and the sum of a tensor by name; the sum alone, where it is empty."""
    return dict(zip(PARTS[-len(value) :], value, strict=True)) if isinstance(value, tuple) else value


def known(program: Program, case: CheckedCase) -> dict[str, object]:
    """What a layer has of values that are computed of its arguments, but for functions."""
    values = case.setting.values
    found = {attribute_of(program, name).removeprefix("self."): values[name] for name in program.derived}
    found |= {name: Interpreter(values).evaluate(value) for name, value in program.attributes.items()}
    return {name: value for name, value in found.items() if not name.startswith("_") and _plain(value)}


def _plain(value: object) -> bool:
    """Whether a value is a number, a text or None, or consists of such."""
    if isinstance(value, list | tuple):
        return all(map(_plain, value))
    return value is None or isinstance(value, bool | int | float | str)


def in_order(program: Program, state: Mapping[str, TensorFacts]) -> dict[str, TensorFacts]:
    """The tensors as a state dict has them: own ones, those of lists, which are modules, and of members."""
    listed = {name for name, family in program.declared.items() if name.startswith(f"{family}.")}
    own = [name for name in state if name in program.tensors and name not in listed]
    lists = [name for name in state if name in listed]
    return {name: state[name] for name in (*own, *lists, *(name for name in state if name not in program.tensors))}


def state_shapes(program: Program, own: Program, case: CheckedCase) -> dict[str, object]:
    """The shapes of what the layer keeps, in the order of its state dict; ``own`` has each tensor of a family."""
    kept: dict[str, object] = {name: facts.shape for name in program.kept if (facts := case.inputs[name]) is not None}
    state: dict[str, object] = {name: facts.shape for name, facts in in_order(own, case.state).items()}
    parameters = {name: shape for name, shape in state.items() if name in program.parameters}
    return parameters | kept | state if kept else state


def result_shapes(program: Program, setting: Setting, outputs: Mapping[str, TensorFacts]) -> dict[str, object]:
    """The shapes of the outputs that stand in the result, None for those that are not there."""
    found: dict[str, object] = {}
    for name, there in returned_at(program, setting):
        found[name if there else whole_name(name)] = outputs[name].shape if there else None
    return found


def sizes_of(
    program: Program,
    setting: Setting,
    inputs: Mapping[str, TensorFacts | None],
    ranges: Mapping[str, tuple[float, float]],
) -> dict[str, Mapping[str, object]]:
    """What a layer and its inputs are made from."""
    given = {name: value for name, value in setting.given.items() if name in program.arguments}
    values = {name: setting.values[name] for name in program.values}
    return {
        "arguments": given,
        "inputs": shapes(inputs),
        "values": values,
        "ranges": dict(ranges),
        "given": dict(setting.dtypes),
    }


def shapes(tensors: Mapping[str, TensorFacts | None]) -> dict[str, object]:
    return {name: facts.shape if facts else None for name, facts in tensors.items()}


def rounded(number: float) -> float:
    """A number with the digits that a test can tell."""
    return number if isinstance(number, int) else float(f"{number:.6g}")


def whole_case(fields: Fields) -> str:
    """A case with all its fields, as an expression."""
    return f"Case({', '.join(f'{name}={literal(value)}' for name, value in fields.items() if value)})"


def changed_case(fields: Fields, base: Fields) -> str:
    """A case by what differs from the first one, as an expression; by all its fields, where that cannot be told."""
    parts = []
    for name, value in fields.items():
        if isinstance(value, str):
            if value != base[name]:
                parts.append(f"{name}={broken(value)}")
            continue
        gone = missing(name, fields, base)
        if (gone and name not in OWNED) or (name == "state" and reordered(fields, base)):
            return whole_case(fields)
        known = entries(name, base)
        changed = {key: item for key, item in value.items() if key not in known or python(item) != python(known[key])}
        changed |= dict.fromkeys(gone)
        if changed:
            parts.append(python(changed) if name == "arguments" else f"{name}={python(changed)}")
    return f"{DEFAULT}.but({', '.join(parts)})" if parts else DEFAULT


def entries(name: str, fields: Fields) -> Mapping[str, object]:
    value = fields[name]
    assert not isinstance(value, str)
    return value


def missing(name: str, fields: Fields, base: Fields) -> list[str]:
    """The entries of the first case that another one has not. What has left the state has no initial value either."""
    gone = [key for key in entries(name, base) if key not in entries(name, fields)]
    if name in ("initial", "frozen", "dtypes"):
        left = set(missing("state", fields, base))
        gone = [key for key in gone if key not in left]
    return gone


def reordered(fields: Fields, base: Fields) -> bool:
    """Whether a state is not what the changed state of the first case would be: the order counts."""
    known, state = entries("state", base), entries("state", fields)
    return list(state) != [*(key for key in known if key in state), *(key for key in state if key not in known)]


def literal(value: Mapping[str, object] | str) -> str:
    return broken(value) if isinstance(value, str) else python(dict(value))
