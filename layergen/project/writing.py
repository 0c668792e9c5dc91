"""Generated files on the disk: planned together, then written one by one, each whole or not at all."""

import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from layergen.diagnostics import Diagnostic, Location
from layergen.project.manifest import Output, Stat, stat_of
from layergen.project.signing import digest, is_intact, origin
from layergen.rules.building import HandEditedFile, UnsafePath, Unwritable

TEMPORARY = r"\..+\.(?P<process>\d+)\.layergen-tmp"

Texts = Callable[[str], str]  # the texts to write, by their digests


class GeneratedFile(NamedTuple):
    """A file of the output folder, by the digest of its text: the texts of a thousand layers need not be in memory."""

    path: str  # relative to the output folder, with forward slashes
    digest: str  # of the text, signed and with "\n" line endings
    origin: str  # the spec that the file is made from, as its header says
    exports: tuple[str, ...] = ()  # the classes that it gives to its package

    @property
    def is_shared(self) -> bool:
        """Whether the file belongs to all layers of a folder, rather than being the module or the test of one."""
        return self.origin.endswith("/")


class State(StrEnum):
    """How a file on the disk compares with what a build would put there."""

    UNCHANGED = "unchanged"
    NEW = "missing"
    CHANGED = "changed"
    ORPHANED = "orphaned"
    REFUSED = "refused"  # a diagnostic of the plan says why


class FileChange(NamedTuple):
    """What a build does about one file."""

    path: str
    state: State
    new: GeneratedFile | None  # what is to be there; ``None`` for no file


class Plan(NamedTuple):
    """What a build does about all files of the output folder."""

    root: Path
    output: str  # the output folder, relative to the root, with forward slashes
    changes: tuple[FileChange, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()

    def joined(self, other: "Plan") -> "Plan":
        """The plan for the files of both."""
        changes = sorted((*self.changes, *other.changes), key=lambda change: change.path)
        return Plan(self.root, self.output, tuple(changes), self.diagnostics + other.diagnostics)

    def pending(self) -> tuple[FileChange, ...]:
        """The changes that would change the disk."""
        return tuple(change for change in self.changes if change.state in (State.NEW, State.CHANGED, State.ORPHANED))

    def refused(self) -> tuple[FileChange, ...]:
        """The changes that are not taken; the diagnostics say why."""
        return tuple(change for change in self.changes if change.state is State.REFUSED)


def plan(
    root: Path,
    output: str,
    files: Iterable[GeneratedFile],
    orphans: Iterable[GeneratedFile] = (),
    present: Mapping[str, Output] = MappingProxyType({}),
    *,
    force: bool = False,
) -> Plan:
    """Compare what is to be written with what is there.

    A layer and its test are written both or neither: where one is refused, the other stays as it is, too.

    Args:
        root: The project's folder.
        output: The output folder, relative to the root.
        files: What to write.
        orphans: Files to remove, if nobody has edited them.
        present: What is known to be there. Other files are read.
        force: Overwrite also files that somebody has edited or written.
    """
    wanted = {file.path: file for file in files}
    states: dict[str, State] = {}
    diagnostics = []
    known = {**{file.path: file for file in orphans}, **wanted}
    for path in sorted(known):
        there, new = present.get(path), wanted.get(path)
        if there and new and there.digest == new.digest:
            states[path] = State.UNCHANGED
            continue
        states[path], refusal = _compare(root, f"{output}/{path}", new, force)
        diagnostics += [refusal] if refusal else []
    held = {
        known[path].origin for path, state in states.items() if state is State.REFUSED and not known[path].is_shared
    }
    for path, state in states.items():
        if known[path].origin in held and state is not State.UNCHANGED:
            states[path] = State.REFUSED
    changes = tuple(FileChange(path, state, wanted.get(path)) for path, state in states.items())
    return Plan(root, output, changes, tuple(diagnostics))


def _compare(root: Path, shown: str, new: GeneratedFile | None, force: bool) -> tuple[State, Diagnostic | None]:
    """The state of one file, and why it must stay as it is."""
    path = root / shown
    link = link_above(root, path)
    if link:
        message = f"`{link.relative_to(root).as_posix()}` is a link, and layergen does not write through links"
        return State.REFUSED, Diagnostic(UnsafePath, message, Location(shown))
    try:
        old = read(path)
    except OSError as error:
        return State.REFUSED, _unwritable(shown, error)
    if old is None:
        return (State.NEW if new else State.UNCHANGED), None
    if new is None:
        refusal = None if is_intact(old) else _edited_orphan(shown)
        return (State.REFUSED if refusal else State.ORPHANED), refusal
    if digest(old) == new.digest:
        return State.UNCHANGED, None
    refusal = None if force or is_intact(old) else _edited(shown, old)
    return (State.REFUSED if refusal else State.CHANGED), refusal


def link_above(root: Path, path: Path) -> Path | None:
    """The link by which a path leads out of where it seems to be: itself, or a folder on the way from the root."""
    return next((part for part in (path, *path.parents) if root in part.parents and part.is_symlink()), None)


def _edited(shown: str, old: str) -> Diagnostic:
    spec = origin(old)
    fault = "was edited by hand since it was generated" if spec else "was not generated by layergen"
    rescue = f"make the change in {spec}" if spec else "move the file away"
    help = f"{rescue}, or overwrite the file: layergen build --force"
    return Diagnostic(HandEditedFile, f"`{shown}` {fault}", Location(shown), help=help)


def _edited_orphan(shown: str) -> Diagnostic:
    message = f"`{shown}` was edited by hand, and its spec is gone"
    return Diagnostic(HandEditedFile, message, Location(shown), help="delete the file, or its header to keep it")


def apply(plan: Plan, texts: Texts) -> tuple[dict[str, Output], tuple[Diagnostic, ...]]:
    """Carry a plan out: the files that were written, and what the system refused. All else is still done.

    Packages come after their modules and removals last, so that a build that is killed leaves no import of a module
    that is not there.
    """
    folder = plan.root / plan.output
    if plan.pending():
        _remove_leftovers(folder)
    written: dict[str, Output] = {}
    diagnostics = []
    for changes in _together(plan.pending()):
        path = changes[0].path
        try:
            if changes[0].new:
                written |= _write(folder, [change.new for change in changes if change.new], texts)
                continue
            for path in [change.path for change in changes]:
                (folder / path).unlink(missing_ok=True)
                _remove_empty_folders((folder / path).parent, folder)
        except OSError as error:
            diagnostics.append(_unwritable(f"{plan.output}/{path}", error))
    return written, tuple(diagnostics)


def _together(changes: Iterable[FileChange]) -> list[list[FileChange]]:
    """The changes in the order in which they are made, those of a layer and its test at once."""
    groups: dict[tuple[bool, bool, str], list[FileChange]] = defaultdict(list)
    for change in changes:
        apart = change.new is None or change.new.is_shared
        name = change.path if apart or change.new is None else change.new.origin
        groups[change.new is None, apart, name].append(change)
    return [groups[key] for key in sorted(groups)]


def _unwritable(shown: str, error: OSError) -> Diagnostic:
    return Diagnostic(Unwritable, f"cannot write `{shown}`: {error.strerror or error}", Location(shown))


def read(path: Path | str) -> str | None:
    """A file's text, with "\n" line endings however it was checked out; ``None`` if there is no file."""
    try:
        with open(path, "rb") as file:
            return file.read().decode(errors="replace").replace("\r\n", "\n")
    except (FileNotFoundError, NotADirectoryError):
        return None


def _write(folder: Path, files: Sequence[GeneratedFile], texts: Texts) -> dict[str, Output]:
    """Write some files so that at each moment a path holds the old or the new text, never a part.

    None of them takes its place before all of them are whole beside it.
    """
    staged: list[tuple[GeneratedFile, Path, Stat]] = []
    try:
        for file in files:
            path = folder / file.path
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = path.with_name(f".{path.name}.{os.getpid()}.layergen-tmp")
            text = texts(file.digest)
            with open(temporary, "x", encoding="utf-8", newline="\n") as stream:
                staged.append((file, temporary, (0, 0, 0, 0)))
                stream.write(text)
                stream.flush()
                staged[-1] = file, temporary, stat_of(os.fstat(stream.fileno()))
        for file, temporary, _ in staged:
            os.replace(temporary, folder / file.path)
    except BaseException:
        for _, temporary, _ in staged:
            temporary.unlink(missing_ok=True)
        raise
    return {file.path: output for file, _, stat in staged if (output := _settled(folder, file, stat))}


def _settled(folder: Path, file: GeneratedFile, written: Stat) -> Output | None:
    """What is known of a file that was written, if it is still the same and not that of another build."""
    with suppress(OSError):
        stat = mtime, _, *others = stat_of(os.lstat(folder / file.path))
        if (mtime, *others) == (written[0], *written[2:]):  # another ctime comes of its new name
            return Output(stat, file.digest, file.origin, file.exports)
    return None


def _files(folder: Path) -> Iterator[Path]:
    for parent, _, names in os.walk(folder):
        yield from (Path(parent, name) for name in names)


def _remove_leftovers(folder: Path) -> None:
    """Remove the temporary files of builds that were killed, but not those of a build that is running."""
    for path in _files(folder):
        match = re.fullmatch(TEMPORARY, path.name)
        if match and not _is_running(int(match["process"])):
            path.unlink(missing_ok=True)


def _is_running(process: int) -> bool:
    if os.name != "posix":
        return False  # there, the system itself refuses to remove a file that is open
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return process != os.getpid()


def _remove_empty_folders(folder: Path, top: Path) -> None:
    """Remove a folder, and then those above it, while nothing but Python's own bytecode cache is left in them."""
    while folder != top:
        cache = folder / "__pycache__"
        if any(path != cache for path in folder.iterdir()):
            return
        for path in cache.glob("*.pyc"):
            path.unlink()
        if cache.is_dir():
            cache.rmdir()
        folder.rmdir()
        folder = folder.parent
