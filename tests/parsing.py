"""Texts that the parser refuses, for the tests of it."""

import pytest

from layergen.lang.parser import SyntaxFault, parse_block, parse_expression


def fault_of(text: str) -> SyntaxFault:
    with pytest.raises(SyntaxFault) as caught:
        parse_expression(text)
    return caught.value


def block_fault_of(text: str) -> SyntaxFault:
    with pytest.raises(SyntaxFault) as caught:
        parse_block(text)
    return caught.value


def marked(text: str, fault: SyntaxFault) -> str:
    """The characters that a fault points at."""
    return text[slice(*fault.span)]
