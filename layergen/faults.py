"""How a stage fails: it returns its product, or it raises what it found."""

from collections.abc import Iterable

from layergen.diagnostics import Diagnostic, Finding, LayergenError


class SourceError(LayergenError):
    """A file that cannot be read as a spec, with all that is wrong with it: places in its text, in the text's order."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(sorted(diagnostics, key=Diagnostic.sort_key))
        lines = (f"{item.location.file}:{item.location.line}: {item.message}" for item in self.diagnostics)
        super().__init__("\n".join(lines))


class SpecError(LayergenError):
    """A spec that means nothing or does not do what it says, with all that was found: places in the spec."""

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings = tuple(dict.fromkeys(findings))
        super().__init__("\n".join(finding.message for finding in self.findings))


def refuse(findings: Iterable[Finding]) -> None:
    """Go on only where nothing was found.

    Raises:
        SpecError: With all findings, if there are any.
    """
    if found := tuple(findings):
        raise SpecError(found)
