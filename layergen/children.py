"""What a layer hands on to those that are made of it, and what they read from it.

It is one value of plain JSON: the contract, and the spec itself without its prose, for runs at numbers run what a
member's forward says.
"""

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from layergen.contract import Contract, contract_of
from layergen.lang import expression as ex
from layergen.lang.model import LayerSpec
from layergen.lang.parser import SyntaxFault, parse_expression
from layergen.project.library import FILE, MEMBERS, contract_digest
from layergen.resolve import understood
from layergen.resolve.library import Library
from layergen.resolve.program import Child

if TYPE_CHECKING:
    from layergen.checked import CheckedLayer
    from layergen.lang.nodes import Data

PROSE = ("description", "references", "matches", "accept", "cases", "survivors")  # what no other layer asks for
WORD = "."  # stands for prose that has to be there
LEADING = "prod(...)"  # how a formula says the product of the leading dimensions


def handed_on(
    checked: "CheckedLayer",
    data: "Mapping[str, Data]",
    file: str,
    module: tuple[str, ...],
    contracts: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    """What other layers see of one.

    Args:
        checked: The layer.
        data: Its spec as plain data.
        file: The name of the spec.
        module: Where its class is generated.
        contracts: What was handed on by the layers that it is made of.
    """
    uses = {name: contract_digest(dict(contracts[name])) for name in sorted(checked.program.children)}
    spec = {key: _without_prose(value) for key, value in data.items() if key not in PROSE}
    return {
        "contract": contract_of(checked).plain(),
        "spec": json.dumps({**spec, "summary": WORD}),  # as text, in which the order of names is kept
        "module": list(module),
        MEMBERS: uses,
        FILE: file,
    }


def _without_prose(value: "Data") -> Any:
    if isinstance(value, dict):
        return {key: WORD if key == "doc" else _without_prose(part) for key, part in value.items()}
    return value


def library(
    contracts: Mapping[str, Mapping[str, Any]],
    faulty: frozenset[str] = frozenset(),
    cycles: Iterable[tuple[str, ...]] = (),
    classes: tuple[str, ...] = (),
) -> Library:
    """The layers that have been handed on, with those that they are made of."""
    layers: dict[str, Child] = {}

    def read(name: str) -> Child:
        if name not in layers:
            handed = contracts[name]
            inner = Library({other: read(other) for other in handed[MEMBERS]})
            layers[name] = _child(handed, inner)
        return layers[name]

    for name in contracts:
        read(name)
    return Library(layers, faulty, {cycle[0]: cycle for cycle in cycles}, classes)


def _child(handed: Mapping[str, Any], inner: Library) -> Child:
    """A layer as it was handed on: its spec has been checked, so that it need only be understood."""
    contract = Contract.of_plain(handed["contract"])
    program = understood(LayerSpec.model_validate(json.loads(handed["spec"])), inner)
    opened = [*(item for path in contract.paths for item in path.open), *contract.limited]
    conditions = map(parse_expression, contract.preconditions)
    return Child(
        program,
        tuple(handed["module"]),
        handed[FILE],
        tuple(conditions),
        tuple(dict.fromkeys(opened)),
        _costs(contract),
    )


def _costs(contract: Contract) -> dict[str, ex.Expression]:
    """The formulas that can be computed from the sizes of a call."""
    formulas = {}
    for name, text in contract.costs.model_dump().items():
        with suppress(SyntaxFault):
            if text is not None:
                formulas[name] = parse_expression(text.replace(LEADING, "prod_leading"))
    return formulas
