"""Makes what specs need to have made: from the cache where nothing has changed, by some stages where something has."""

import re
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

from layergen.diagnostics import Diagnostic, LayergenError
from layergen.faults import SourceError
from layergen.project.advised import packed, unpacked
from layergen.project.cache import Cache, CacheLostError
from layergen.project.config import Config
from layergen.project.discovery import SpecFile
from layergen.project.library import Library, PlainContract, contract_digest, dependencies
from layergen.project.manifest import Made, Output, Package
from layergen.project.packages import PackageFile, package_text
from layergen.project.schedule import run, without_cycles
from layergen.project.workers import Failure, InProcess, Runner, Task
from layergen.project.writing import GeneratedFile

LAYER = re.compile(rb"^layer: *([A-Za-z]\w*)", re.MULTILINE)
Progress = Callable[[int, int, str], None]  # how many specs are done, of how many, and the name of the last one


class Order(NamedTuple):
    """All that a spec's stages get to see."""

    spec: SpecFile
    config: Config
    contracts: Mapping[str, PlainContract]  # of the layers that it is made of, and of theirs, by class
    faulty: frozenset[str] = frozenset()  # the layers that it is made of whose specs have faults
    cycles: tuple[tuple[str, ...], ...] = ()  # those that are made of it, each with the way back to itself
    classes: tuple[str, ...] = ()  # those that there are, if it is made of one that there is not


class Generated(NamedTuple):
    """What the stages give: the texts of a module and its test, or what is wrong with the spec."""

    layer: str = ""  # the name of the class
    texts: tuple[str, ...] = ()  # signed
    contract: PlainContract | None = None
    proven: bool = False  # whether the shapes are proven for all sizes
    told: bool = False  # whether something beside the forward tells its values
    diagnostics: tuple[Diagnostic, ...] = ()
    advice: tuple[Diagnostic, ...] = ()  # on a spec without a fault


class Outcome(NamedTuple):
    """What came of one spec."""

    spec: SpecFile
    made: Made | None = None
    diagnostics: tuple[Diagnostic, ...] = ()
    failure: Failure | None = None

    @property
    def advice(self) -> tuple[Diagnostic, ...]:
        """What is advised on it, in this build or in the one that made it."""
        try:
            return unpacked(self.made.advice) if self.made else ()
        except ValueError:  # somebody has written in the cache
            return ()

    @property
    def files(self) -> tuple[GeneratedFile, ...]:
        """Its module and its test."""
        if self.made is None:
            return ()
        (module, test), (module_text, test_text) = self.spec.outputs, self.made.texts
        name = self.spec.name
        return GeneratedFile(module, module_text, name, (self.made.layer,)), GeneratedFile(test, test_text, name)


class Maker:
    """Makes specs and packages.

    Args:
        specs: What to make.
        config: The project.
        cache: What earlier builds made.
        generate: The stages that take an order to what is generated.
        present: What is in the output folder, so that its texts need not be kept elsewhere. Without it, no texts are
            wanted at all.
        others: Further specs, which are made only if some of the others are made of them.
    """

    def __init__(
        self,
        specs: Sequence[SpecFile],
        config: Config,
        cache: Cache,
        generate: Callable[[Order], Generated],
        present: Mapping[str, Output] | None = None,
        others: Sequence[SpecFile] = (),
    ) -> None:
        self._all = (*others, *specs)
        self._asked = tuple(spec.name for spec in specs)
        self._specs = {spec.name: spec for spec in specs}
        self._config, self._cache, self._generate, self._present = config, cache, generate, present
        self._digests: dict[str, str] = {}
        self._keys: dict[str, str] = {}  # by which the specs were made by an earlier build, or are now
        self._library = Library(self._contract)
        self._outcomes: dict[str, Outcome] = {}
        self.changed: set[str] = set()  # the specs that have changed since the last build
        self._members: dict[str, tuple[str, ...]] = {}
        self._names = {_class(spec): spec.name for spec in (*others, *specs)}  # of specs, by classes in lower case
        self._cycles: tuple[tuple[str, ...], ...] = ()
        self._find({spec.name: spec for spec in others})

    def _find(self, others: Mapping[str, SpecFile]) -> None:
        """Find out what each spec is made of, and take those in that are needed."""
        waiting = deque(self._specs.values())
        while waiting:
            spec = waiting.popleft()
            self._digests[spec.name] = self._cache.digest(spec.name, spec.file)
            self._members[spec.name] = self._members_of(spec)
            for layer in self._members[spec.name]:
                name = self._names.get(layer.lower(), "")
                if name in others and name not in self._specs:
                    self._specs[name] = others[name]
                    waiting.append(others[name])

    def make(self, runner: Runner, progress: Progress | None = None) -> list[Outcome]:
        """Make all specs, each after those that it is made of."""
        graph = self._graph()

        def begin(name: str) -> Task | None:
            task = self._begin(self._specs[name])
            if task is None:
                finished(name)
            return task

        def end(name: str, generated: Generated | Failure) -> None:
            self._end(self._specs[name], generated)
            finished(name)

        def finished(name: str) -> None:
            if progress:
                progress(len(self._outcomes), len(self._specs), name)

        for name in [name for name, others in graph.items() if not others and name not in self.changed]:
            if begin(name) is None:
                del graph[name]  # which needs no schedule
        straight, self._cycles = without_cycles(graph)
        run(straight, runner, begin, end, lambda name: _length(self._specs[name]))
        return [self._outcomes[name] for name in self._asked]

    def order(self, spec: SpecFile) -> Order:
        """What the stages of one spec get to see, when all that it is made of is made."""
        graph, self._cycles = without_cycles(self._graph())
        del graph[spec.name]

        def end(name: str, generated: Generated | Failure) -> None:
            self._end(self._specs[name], generated)

        run(graph, InProcess(), lambda name: self._begin(self._specs[name]), end)
        return self._order(spec)

    def _graph(self) -> dict[str, list[str]]:
        """Of each spec those that it is made of."""
        return {
            name: [self._names[layer.lower()] for layer in members if layer.lower() in self._names]
            for name, members in self._members.items()
        }

    def packages(self, files: Sequence[PackageFile], runner: Runner) -> tuple[list[GeneratedFile], dict[str, Failure]]:
        """Make packages; beside them, by their paths, what went wrong."""
        now, keys = self._cache.now.packages, {file.path: self._cache.key(*file.parts) for file in files}
        for file in files:
            known = self._cache.before.packages.get(file.path)
            if known and known.key == keys[file.path] and self._is_there((file.path,), (known.text,)):
                now[file.path] = known
            else:
                runner.submit(file.path, (package_text, (file,)))
        failures = {}
        while outcomes := runner.wait():
            for path, text in outcomes:
                if isinstance(text, Failure):
                    failures[path] = text
                else:
                    now[path] = Package(keys[path], self._cache.keep(text))
        made = [GeneratedFile(file.path, now[file.path].text, file.origin) for file in files if file.path in now]
        return made, failures

    def _members_of(self, spec: SpecFile) -> tuple[str, ...]:
        """The layers that a spec is made of, by class; it is parsed only if it has changed."""
        known = self._cache.before.specs.get(spec.name)
        if known and known.key == self._key(spec, known.uses):
            self._keys[spec.name] = known.key
            return tuple(sorted(known.uses))
        self.changed.add(spec.name)
        with suppress(OSError, ValueError, SourceError):
            contents = spec.path.read_bytes() if self._digests[spec.name] else b""
            if b"modules" in contents or b"\\" in contents:  # by which a key may be written otherwise
                from layergen.lang.source import load

                return dependencies(load(spec.path, spec.name).data())
        return ()

    def _key(self, spec: SpecFile, uses: Mapping[str, str]) -> str:
        """The key of all that a spec's outcome depends on; empty if it cannot be read."""
        digest = self._digests[spec.name]
        pairs = (part for name in sorted(uses) for part in (name, uses[name]))
        return self._cache.key(spec.name, *spec.outputs, digest, *pairs) if digest else ""

    def _begin(self, spec: SpecFile) -> Task | None:
        """What is to be done about a spec when all is done about those that it is made of."""
        members = self._members[spec.name]
        made, uses = self._cache.before.specs.get(spec.name), self._library.uses(members)
        if made is None or spec.name not in self._keys or made.uses != uses:
            key = self._keys[spec.name] = self._key(spec, uses)
            stored = self._cache.load(key) if key else None
            made = stored[0] if stored else None
        if made is None or not self._is_there(spec.outputs, made.texts):
            return self._generate, (self._order(spec),)
        self._record(spec, made)
        return None

    def _order(self, spec: SpecFile) -> Order:
        """All that a spec's stages get to see."""
        members = self._members[spec.name]
        contracts = self._library.contracts(members)
        missing = [layer for layer in members if layer not in contracts]
        cycles = [cycle for layer in missing if (cycle := self._cycle(spec.name, layer))]
        faulty = {layer for layer in missing if self._is_written(layer)} - {cycle[0] for cycle in cycles}
        unknown = len(faulty) + len(cycles) < len(missing)
        return Order(
            spec, self._config, contracts, frozenset(faulty), tuple(cycles), self._classes() if unknown else ()
        )

    def _is_written(self, layer: str) -> bool:
        """Whether a spec has this layer: the one that is named for it, unless it says that its class is another."""
        name = self._names.get(layer.lower())
        return name is not None and _said(next(spec for spec in self._all if spec.name == name)) in (layer, None)

    def _classes(self) -> tuple[str, ...]:
        """The classes of all specs, as their texts say at a glance."""
        return tuple(sorted({*self._library.classes(), *filter(None, map(_said, self._all))}))

    def _cycle(self, name: str, layer: str) -> tuple[str, ...]:
        """The way from a member back to itself, if it is made of the layer of a spec; else nothing."""
        member = self._names.get(layer.lower())
        for cycle in self._cycles:
            if name in cycle and member == cycle[(cycle.index(name) + 1) % len(cycle)]:
                at = cycle.index(member)
                around = [*cycle[at:], *cycle[:at]]
                steps = zip(around, [*around[1:], member], strict=True)
                return (layer, *(self._called(one, other) for one, other in steps))
        return ()

    def _called(self, name: str, member: str) -> str:
        """What a spec calls the layer of another that it is made of."""
        return next(layer for layer in self._members[name] if self._names.get(layer.lower()) == member)

    def _end(self, spec: SpecFile, generated: Generated | Failure) -> None:
        if isinstance(generated, Failure) and generated.usage:
            raise LayergenError(generated.summary)
        if isinstance(generated, Failure):
            self._outcomes[spec.name] = Outcome(spec, failure=generated)
        elif generated.diagnostics:
            self._outcomes[spec.name] = Outcome(spec, diagnostics=generated.diagnostics)
        else:
            key, texts = self._keys[spec.name], tuple(map(self._cache.keep, generated.texts))
            uses, contract = self._library.uses(self._members[spec.name]), generated.contract or {}
            digest, advice = contract_digest(contract), packed(generated.advice)
            made = Made(key, generated.layer, generated.proven, generated.told, texts, digest, uses, advice)
            self._record(spec, made, contract)

    def _record(self, spec: SpecFile, made: Made, contract: PlainContract | None = None) -> None:
        """Take in what was made, now (then with its contract) or by an earlier build."""
        self._outcomes[spec.name] = Outcome(spec, made)
        if contract is not None:
            if not made.key or self._cache.digest(spec.name, spec.file) != self._digests[spec.name]:
                self._library.add(made, contract)
                return  # the spec has changed while it was read
            self._cache.store(made, contract)
        self._library.add(made)  # whose contract need not be in memory
        self._cache.now.specs[spec.name] = made

    def _is_there(self, paths: Iterable[str], texts: Iterable[str]) -> bool:
        """Whether some texts are at hand, if they are wanted: in their places, or in the cache."""
        if self._present is None:
            return True
        there = zip(map(self._present.get, paths), texts, strict=True)
        missing = [text for file, text in there if file is None or file.digest != text]
        return not missing or self._cache.has(missing)

    def _contract(self, key: str) -> PlainContract:
        stored = self._cache.load(key)
        if stored is None:
            raise CacheLostError(key)
        return stored[1]


def _length(spec: SpecFile) -> int:
    """The bytes of a spec: long ones take long."""
    with suppress(OSError):
        return spec.path.stat().st_size
    return 0


def _said(spec: SpecFile) -> str | None:
    """The class of a spec, if its text says one at a glance."""
    with suppress(OSError, ValueError):
        if name := LAYER.search(spec.path.read_bytes()):
            return name[1].decode()
    return None


def _class(spec: SpecFile) -> str:
    """The class that a spec's file is named after, in lower case."""
    return spec.module[-1].replace("_", "")
