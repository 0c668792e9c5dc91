"""The command line: arguments, printing and exit codes. Nothing else prints or exits."""

import argparse
import atexit
import gc
import io
import os
import re
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NoReturn

from layergen import __version__
from layergen.commands import summary
from layergen.commands.progress import ProgressBar
from layergen.diagnostics import Diagnostic, LayergenError
from layergen.faults import SourceError
from layergen.pipeline import BuildResult, build, check, examine
from layergen.project.config import FOLDERS, Config, load_config
from layergen.project.discovery import SUFFIXES, TESTS, discover, find_spec
from layergen.project.workers import Failure, available_cores
from layergen.project.writing import Plan
from layergen.rules import all_rules
from layergen.suggest import nearest

FINE, FAULTS, USAGE, BUG, INTERRUPTED = 0, 1, 2, 70, 130
PYTEST_STOPPED = 2  # the exit code of pytest where a file of tests cannot be imported
KEPT = "what has no fault is kept for the next run"
STYLES = ("full", "concise", "json", "github")  # of faults
# Between two searches for circles among the newest objects, which are in the caches of a processor then, and how many
# of these come before one among those that are left: most are of formulas and of values that are asked for again.
SEARCHES = (10_000, 500)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code.

    Args:
        arguments: The words after the command's name; without them, those of this process.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal without some character is no reason to fail
    warnings.filterwarnings("ignore", "Failed to initialize NumPy")  # of torch, which needs none for what we do
    gc.set_threshold(*SEARCHES)
    atexit.register(gc.freeze)  # what is left when the process ends, the system frees at once
    try:
        code = _run(arguments)
        sys.stdout.flush()
        return code
    except SystemExit as error:  # argparse has printed its help or what is wrong with the arguments
        return error.code if isinstance(error.code, int) else USAGE
    except LayergenError as error:
        print(f"layergen: {error}", file=sys.stderr)
        return USAGE
    except KeyboardInterrupt:
        print("layergen: interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output has gone, as `head` does. Python would complain when it flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAULTS
    except Exception as error:
        _report_bugs([("", Failure.of(error))])
        return BUG


class Parser(argparse.ArgumentParser):
    """Says of a command that there is none what the nearest is."""

    def error(self, message: str) -> NoReturn:
        unknown = re.match(r"argument COMMAND: invalid choice: '([^']*)'", message)
        if unknown:
            names = [name for _, name, _, _ in COMMANDS]
            near = nearest(unknown[1], names)
            hint = f"; did you mean `{near}`?" if near else f"; the commands are {', '.join(names)}"
            message = f"there is no command `{unknown[1]}`{hint}"
        super().error(message)


def _run(arguments: Sequence[str] | None) -> int:
    words = sys.argv[1:] if arguments is None else arguments
    parser = _parser(words)
    options = parser.parse_args(words)
    if not hasattr(options, "command"):
        parser.print_help()
        return FINE
    if options.directory:
        try:
            os.chdir(options.directory)
        except OSError as error:
            raise LayergenError(f"cannot work in `{options.directory}`: {error.strerror}") from None
    command: Callable[[argparse.Namespace], int] = options.command
    return command(options)


def _parser(words: Sequence[str]) -> argparse.ArgumentParser:
    """What parses the words: it knows all commands, but the arguments only of those that the words may mean."""
    parser = Parser("layergen", description="Generate PyTorch layers and their tests from specs.")
    parser.add_argument("--version", action="version", version=f"layergen {__version__}")
    parser.add_argument("-C", dest="directory", metavar="DIR", help="work in this folder")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", prog="layergen")

    for command, name, help, add_arguments in COMMANDS:
        added = commands.add_parser(name, help=help, description=f"{help[0].upper()}{help[1:]}.")
        added.set_defaults(command=command)
        if name in words:
            add_arguments(added)
    return parser


def _build_arguments(builds: argparse.ArgumentParser) -> None:
    builds.add_argument("--check", action="store_true", help="write nothing; exit 1 if a file is not up to date")
    builds.add_argument("--diff", action="store_true", help="write nothing; show what would change, exit 1 if anything")
    builds.add_argument("--force", action="store_true", help="overwrite also files that were edited by hand")
    _check_arguments(builds)


def _check_arguments(checks: argparse.ArgumentParser) -> None:
    checks.add_argument("paths", nargs="*", metavar="PATH", help="a spec, a folder of specs, or the name of a layer")
    checks.add_argument("--output-format", choices=STYLES, default="full", help="of the faults (default: full)")
    checks.add_argument("-j", "--jobs", type=_number, metavar="N", help="processes (default: one a core)")


def _show_arguments(show: argparse.ArgumentParser) -> None:
    show.add_argument("name", metavar="NAME", help="class name of the layer, or name or path of its spec")
    show.add_argument("--output-format", choices=("full", "json"), default="full")


def _test_arguments(test: argparse.ArgumentParser) -> None:
    test.add_argument("names", nargs="*", metavar="NAME", help="layers, by class or by spec (default: all)")
    test.add_argument("-k", metavar="EXPRESSION", help="of the tests only those that fit, as pytest has it")
    test.add_argument("-m", metavar="EXPRESSION", help="those whose marks fit: `slow` ones alone, or `not slow`")
    test.add_argument("-x", action="store_true", help="stop at the first failure")
    test.add_argument("-v", action="store_true", help="name each test")
    test.add_argument("--mutate", action="store_true", help="see whether they find small changes of the layers")


def _bench_arguments(bench: argparse.ArgumentParser) -> None:
    bench.add_argument("names", nargs="*", metavar="NAME", help="layers, by class or by spec (default: all)")
    bench.add_argument("--cases", action="store_true", help="begin with each case of a spec, not with the first alone")
    bench.add_argument("--seconds", type=_seconds, default=0.2, help="to time each thing for, about (default: 0.2)")
    bench.add_argument("--plot", type=Path, metavar="FILE.svg", help="draw time and memory against size")
    bench.add_argument("--output-format", choices=("full", "json"), default="full")


def _new_arguments(new: argparse.ArgumentParser) -> None:
    new.add_argument("name", metavar="NAME", help="class name of the layer")
    new.add_argument("--category", default="custom", help="folder below the specs folder (default: custom)")


def _ops_arguments(ops: argparse.ArgumentParser) -> None:
    ops.add_argument("pattern", nargs="?", default="", metavar="PATTERN", help="part of a name, or a glob: conv*")
    ops.add_argument("--output-format", choices=("full", "concise", "json"), default="full")


def _explain_arguments(explain: argparse.ArgumentParser) -> None:
    explain.add_argument("rule", nargs="?", metavar="RULE", help="code or name: LG301, hidden-coupling")


def _project() -> Config:
    """The project that this folder belongs to, which is told where the folder looks like a project itself."""
    here = Path.cwd().resolve()
    config = load_config(here)
    own, specs = here / FOLDERS["specs"], config.root / config.specs
    if config.root != here and own.is_dir() and specs not in (own, *own.parents):
        told = f"the project is `{os.path.relpath(config.root)}`, where the nearest `pyproject.toml` is"
        print(f"layergen: {told}: with one here, `specs` would be a project of its own", file=sys.stderr)
    return config


def _build(options: argparse.Namespace) -> int:
    dry, started = options.check or options.diff, time.monotonic()
    config, jobs = _project(), options.jobs or available_cores()
    with ProgressBar("spec", KEPT) as progress:
        paths = _paths(config, options.paths)
        result = build(config, paths, force=options.force, dry=dry, jobs=jobs, progress=progress)
    _print_faults(result.diagnostics, options.output_format)
    changes = _diff(result) if options.diff else _outdated(result.plan) if options.check else ""
    print(changes, end="", file=sys.stderr if options.output_format == "json" else sys.stdout)
    unmade = [f"{len(result.bugs)} not made, for a bug in layergen"] if result.bugs else []
    told = f"{summary.faults(result)}{', '.join([*unmade, *summary.counts(result, dry)])}"
    print(f"{told} ({time.monotonic() - started:.1f} s){summary.proven(result)}{summary.hint(result)}", file=sys.stderr)
    return _verdict(result, dry and bool(result.plan.pending()))


def _check(options: argparse.Namespace) -> int:
    started = time.monotonic()
    config, jobs = _project(), options.jobs or available_cores()
    with ProgressBar("spec", KEPT) as progress:
        result = check(config, _paths(config, options.paths), jobs=jobs, progress=progress)
    _print_faults(result.diagnostics or result.advice, options.output_format)  # faults come first
    told = summary.faults(result) + ("nothing written" if result.diagnostics else summary.clean(result))
    print(f"{told} ({time.monotonic() - started:.1f} s){summary.proven(result)}", file=sys.stderr)
    return _verdict(result)


def _show(options: argparse.Namespace) -> int:
    from layergen.present.facts import summarize
    from layergen.present.facts_text import as_json, as_text

    config = _project()
    spec = find_spec(config, options.name)
    try:
        layer = examine(spec, config)
    except SourceError as fault:
        _print_faults(fault.diagnostics, options.output_format)
        return FAULTS
    summary = summarize(layer, spec.name)
    print(as_json(summary) if options.output_format == "json" else as_text(summary, color=_wants_color()))
    return FINE


def _test(options: argparse.Namespace) -> int:
    config = _project()
    specs = [find_spec(config, name) for name in options.names]
    paths = [spec.outputs[1] for spec in specs] or [TESTS]
    _require(config, paths)
    if options.mutate:
        from layergen.commands.mutation import mutate

        return FAULTS if mutate(config, specs or discover(config, []).specs) else FINE
    words = [sys.executable, "-m", "pytest", "-q", *(str(config.root / config.output / path) for path in paths)]
    words += ["-k", options.k] if options.k else []
    words += ["-m", options.m] if options.m else []
    words += ["-x"] * options.x + ["-v"] * options.v
    code = subprocess.run(words, cwd=config.root, check=False).returncode
    return code if code in (FINE, FAULTS) else FAULTS if code == PYTEST_STOPPED else USAGE


def _bench(options: argparse.Namespace) -> int:
    config = _project()
    specs = [find_spec(config, name) for name in options.names] or discover(config).specs
    _require(config, [spec.outputs[0] for spec in specs])
    from layergen.commands.bench import Options, bench

    try:
        wanted = Options(options.output_format, options.plot, options.seconds, options.cases)
        return FINE if bench(config, specs, wanted) else FAULTS
    except SourceError as fault:
        _print_faults(fault.diagnostics, options.output_format)
        return FAULTS


def _require(config: Config, paths: Iterable[str]) -> None:
    """Refuse to work with generated files that are not there."""
    missing = next((path for path in paths if not (config.root / config.output / path).exists()), None)
    if missing is not None:
        raise LayergenError(f"there is no `{config.output}/{missing}` yet: run `layergen build`")


def _new(options: argparse.Namespace) -> int:
    from layergen.project.starter import write_starter

    config = _project()
    path = write_starter(config, options.name, options.category)
    print(Path(os.path.relpath(path)).as_posix())
    return FINE


def _ops(options: argparse.Namespace) -> int:
    from layergen.commands.ops import list_ops

    return FINE if list_ops(options.pattern, options.output_format) else FAULTS


def _explain(options: argparse.Namespace) -> int:
    rules = all_rules()
    if not options.rule:
        print("\n".join(f"{rule.code} {rule.name}: {rule.page().splitlines()[0]}" for rule in rules))
        return FINE
    by_word = {word: rule for rule in rules for word in (rule.code.lower(), rule.code.removeprefix("LG"), rule.name)}
    rule = by_word.get(options.rule.lower())
    if rule is None:
        near = nearest(options.rule.lower(), by_word)
        hint = f"did you mean {by_word[near].code} {by_word[near].name}?" if near else "`layergen explain` lists them"
        raise LayergenError(f"there is no rule `{options.rule}`; {hint}")
    print(f"{rule.code} {rule.name}\n\n{rule.page()}")
    return FINE


def _paths(config: Config, words: Sequence[str]) -> list[Path]:
    """What a user means by paths: those, or a layer by the name of its class or of its file, as `show` takes it."""
    paths = []
    for word in words:
        path = Path(word)
        named = not os.path.lexists(path) and path.name == word and path.suffix not in SUFFIXES
        paths.append(find_spec(config, word).path if named else path)
    return paths


def _number(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"must be a positive number, got {text!r}")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"must be a positive number, got {text!r}")
    return seconds


def _verdict(result: BuildResult, outdated: bool = False) -> int:
    """The exit code of a build or a check. Bugs of layergen are told here, after all else."""
    _report_bugs(result.bugs)
    return BUG if result.bugs else FAULTS if result.diagnostics or outdated else FINE


def _print_faults(diagnostics: Sequence[Diagnostic], style: str) -> None:
    if not diagnostics and style != "json":
        return  # without importing what prints them
    from layergen.present.diagnostics import format_diagnostics

    text = format_diagnostics(diagnostics, style, color=_wants_color())
    if text:
        print(text)


def _wants_color() -> bool:
    if os.environ.get("NO_COLOR"):
        return False
    return bool(os.environ.get("FORCE_COLOR")) or sys.stdout.isatty()


def _diff(result: BuildResult) -> str:
    from layergen.project.differences import diff

    return diff(result.plan, result.texts)


def _outdated(plan: Plan) -> str:
    """A line for each file that a build would change."""
    return "".join(f"{plan.output}/{change.path}: {change.state}\n" for change in plan.pending())


def _report_bugs(bugs: Iterable[tuple[str, Failure]]) -> None:
    """Tell of errors of layergen's own, each with what it was met in."""
    wants_traceback = bool(os.environ.get("LAYERGEN_TRACEBACK"))
    hint = ""
    for name, failure in bugs:
        where = f" (met in {name})" if name else ""
        lines = failure.traceback if wants_traceback and failure.traceback else failure.summary
        print(f"layergen: a bug in layergen, not in your files{where}:\n{lines}", file=sys.stderr)
        hint = "" if wants_traceback else "Please report it with what LAYERGEN_TRACEBACK=1 shows.\n"
    print(hint, end="", file=sys.stderr)


COMMANDS: tuple[
    tuple[Callable[[argparse.Namespace], int], str, str, Callable[[argparse.ArgumentParser], None]], ...
] = (
    (_build, "build", "check specs, and write the code that is new or changed", _build_arguments),
    (_check, "check", "report what is wrong with specs, and write nothing", _check_arguments),
    (_show, "show", "show the shapes, contracts, conditions and costs of a layer", _show_arguments),
    (_test, "test", "run the generated tests", _test_arguments),
    (_bench, "bench", "time layers, and weigh their memory, beside what they match", _bench_arguments),
    (_new, "new", "write a small spec to start from", _new_arguments),
    (_ops, "ops", "list the functions that a forward may call", _ops_arguments),
    (_explain, "explain", "show the page of a rule, or list all rules", _explain_arguments),
)
