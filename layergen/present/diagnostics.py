"""Diagnostics as text: for people, for editors and for services that read them."""

import json
from collections.abc import Callable, Iterable

from layergen.diagnostics import Diagnostic, Location
from layergen.present.excerpt import Painter, excerpt, printable


def format_diagnostics(diagnostics: Iterable[Diagnostic], style: str, color: bool = False) -> str:
    """Diagnostics in one of the styles of `STYLES`, in their order, without a line break at the end.

    Args:
        diagnostics: What to show.
        style: A key of `STYLES`.
        color: Whether to colour the text for a terminal, where the style has colours.
    """
    return STYLES[style](tuple(diagnostics), Painter(color))


def full(diagnostics: tuple[Diagnostic, ...], paint: Painter) -> str:
    """Each diagnostic with the lines of its file, marked, and its notes and help."""
    return "\n\n".join("\n".join([_header(item, paint), *excerpt(item, paint)]) for item in diagnostics)


def concise(diagnostics: tuple[Diagnostic, ...], paint: Painter) -> str:
    """A line for each diagnostic."""
    return "\n".join(_header(item, paint) for item in diagnostics)


def as_json(diagnostics: tuple[Diagnostic, ...], _: Painter) -> str:
    """A JSON array in ruff's shape. Rows and columns count from 1; the end of a location is excluded."""
    return json.dumps([_object(item) for item in diagnostics], indent=2)


def github(diagnostics: tuple[Diagnostic, ...], _: Painter) -> str:
    """Workflow commands, which GitHub Actions shows beside the lines of a change."""
    return "\n".join(_command(item) for item in diagnostics)


STYLES: dict[str, Callable[[tuple[Diagnostic, ...], Painter], str]] = {
    "full": full,
    "concise": concise,
    "json": as_json,
    "github": github,
}


def _header(item: Diagnostic, paint: Painter) -> str:
    at, name = item.location, paint(printable(item.location.file), "path")
    place = f"{name}:{at.line}:{at.column}"
    code = paint(item.rule.code, "mark" if item.rule.advises else "fault")
    return f"{place}: {code} {item.rule.name}: {printable(item.message)}"


def _object(item: Diagnostic) -> dict[str, object]:
    at = item.location
    edit = {"content": item.fix, **_range(at)}
    return {
        "code": item.rule.code,
        "name": item.rule.name,
        "severity": "advice" if item.rule.advises else "error",
        "message": item.message,
        "filename": at.file,
        **_range(at),
        "pointer": item.pointer,
        "label": item.label,
        "labels": [
            {"filename": mark.location.file, **_range(mark.location), "message": mark.text} for mark in item.marks
        ],
        "notes": list(item.notes),
        "help": item.help,
        # What a name was meant to be is a guess, however near: nobody is to take it without a look.
        "fix": None if item.fix is None else {"applicability": "unsafe", "message": item.help, "edits": [edit]},
        "url": None,
    }


def _range(at: Location) -> dict[str, object]:
    return {
        "location": {"row": at.line, "column": at.column},
        "end_location": {"row": at.end_line, "column": at.end_column},
    }


def _command(item: Diagnostic) -> str:
    at = item.location
    properties = {
        "file": at.file,
        "line": at.line,
        "col": at.column,
        "endLine": at.end_line,
        "endColumn": at.end_column,
        "title": f"{item.rule.code} {item.rule.name}",
    }
    listed = ",".join(f"{key}={_escape(str(value), ',:')}" for key, value in properties.items())
    return f"::{'notice' if item.rule.advises else 'error'} {listed}::{_escape(item.message)}"


def _escape(text: str, reserved: str = "") -> str:
    """Text for a workflow command, as GitHub's own toolkit escapes it."""
    for character in "%\r\n" + reserved:  # the percent sign first
        text = text.replace(character, f"%{ord(character):02X}")
    return printable(text)
