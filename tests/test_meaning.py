"""Which entries of a layer depend on which: what is held, and what is refused."""

import pytest
import yaml
from meant import SOUND, WRONG
from small import checked, fault_of, program

from layergen.resolve.program import Program


def read(text: str) -> Program:
    """A small layer; `[...]` and the like are text to YAML in `layergen` alone."""
    return program(**yaml.safe_load(text))


@pytest.mark.parametrize("name", SOUND)
def test_sound_layers_pass(name: str) -> None:
    assert not checked(read(SOUND[name])).judgement.accepted


@pytest.mark.parametrize("name", WRONG)
def test_wrong_layers_are_refused(name: str) -> None:
    code, words, text = WRONG[name]
    finding = fault_of(read(text))
    assert (finding.rule.code, words in f"{finding.message} {finding.help}") == (code, True), finding
