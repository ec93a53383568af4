"""Make a Flow of a document: every part is looked at, so that all problems are told at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path as FilesystemPath
from typing import Any

from router.errors import nearest
from router.flow import Flow, FlowRun, RunOptions
from router.loader import graph
from router.loader.document import Path, Problems, found, kind_of
from router.loader.drafts import DraftReader
from router.loader.later import later
from router.loader.settings import check
from router.loader.substitute import Substitution
from router.loader.targets import NAME
from router.loader.wiring import wire
from router.plugins import Registry, load_registry

_TOP = ("flow", "version", "description", "include", "plugins", "parameters", "services", "processors", "run")


def build(
    problems: Problems,
    *,
    parameters: Mapping[str, object],
    plugins: Sequence[FilesystemPath],
    environment: Mapping[str, str],
    secrets: FilesystemPath | None,
    registry: Registry | None,
    file: FilesystemPath | None,
) -> Flow:
    """Make the flow of a document.

    Raises:
        FlowError: there are problems, of the document or found here.
    """
    data = problems.document.data
    if not isinstance(data, dict):
        said = "it is empty" if data is None else f"it is a {kind_of(data)}"
        problems.spoil((), f"a flow is a mapping with 'flow' and 'processors'; {said}")
        problems.raise_any()
    builder = _Builder(problems, file)
    builder.check_top(data)
    builder.fill_in(data, parameters, environment, secrets)
    builder.load_plugins(data, plugins, registry)
    return builder.flow(data)


class _Builder:
    """The steps, in the order in which one needs what another found."""

    def __init__(self, problems: Problems, file: FilesystemPath | None) -> None:
        self._problems = problems
        self._file = file
        self._folder = file.parent if file is not None else None

    def check_top(self, data: dict[str, Any]) -> None:
        for key in data:
            if said := later(key, (key,)):
                self._problems.spoil((key,), said)
            elif key not in _TOP:
                self._problems.spoil((key,), f"no key {key!r} at the top of a flow{nearest(key, _TOP)}")
        name = data.get("flow")
        if "flow" not in data:
            self._problems.spoil(("flow",), "'flow' is missing: the name of the flow")
        elif not isinstance(name, str) or not NAME.fullmatch(name):
            self._problems.spoil(("flow",), f"a flow's name is lower_snake, such as 'tweets', got {found(name)}")
        for key in ("version", "description"):
            if not isinstance(data.get(key, ""), str):
                self._problems.spoil((key,), f"{key!r} must be a text, got {found(data[key])}; put it in quotes")
        self._mapping(data, "parameters")
        self._mapping(data, "run")
        if "processors" not in data:
            self._problems.spoil(("processors",), "'processors' is missing: the steps of the flow")
        elif not self._mapping(data, "processors"):
            self._problems.spoil(("processors",), "'processors' is empty; a flow needs a source, such as 'generate'")

    def fill_in(
        self,
        data: dict[str, Any],
        parameters: Mapping[str, object],
        environment: Mapping[str, str],
        secrets: FilesystemPath | None,
    ) -> None:
        declared = self._mapping(data, "parameters")
        self._substitution = Substitution(declared, parameters, environment, secrets, self._problems)

    def load_plugins(self, data: dict[str, Any], plugins: Sequence[FilesystemPath], registry: Registry | None) -> None:
        for each in plugins:
            if not FilesystemPath(each).is_file():
                self._problems.note(f"no plugin file {str(each)!r}")
        folder = self._folder / "plugins" if self._folder is not None else None
        files = _once([*self._plugin_files(data), *map(FilesystemPath, plugins)], folder)
        if registry is None:
            registry = load_registry(files, folder)
        else:
            for each in files:
                registry.load_file(each)
        self._registry = registry
        # A flow in the working directory and a mapping that says the same are equal.
        folder = self._folder if self._folder != FilesystemPath() else None
        self._context = {"folder": folder, "registry": registry}

    def flow(self, data: dict[str, Any]) -> Flow:
        run, defaults = self._run(data)
        reader = DraftReader(self._problems, self._context, self._substitution, defaults)
        drafts = {name: reader.read(name, each) for name, each in self._mapping(data, "processors").items()}
        graph.check_outside(drafts, self._problems)
        specs = wire(drafts, self._problems)
        if all(draft.is_whole(self._problems) for draft in drafts.values()):
            graph.check(drafts, specs, self._problems)
        self._problems.raise_any()
        return Flow(
            name=data["flow"],
            processors=specs,
            run=run,
            version=data.get("version", ""),
            description=data.get("description", ""),
            file=self._file,
            registry=self._registry,
            secrets=frozenset(self._problems.secrets),
        )

    # -- parts ----------------------------------------------------------------------------------

    def _mapping(self, data: dict[str, Any], key: str) -> dict[str, Any]:
        value = data.get(key)
        if isinstance(value, dict):
            return value
        if key in data and not self._problems.is_spoiled((key,)):
            self._problems.spoil((key,), f"{key!r} must be a mapping, got {found(value)}")
        return {}

    def _plugin_files(self, data: dict[str, Any]) -> list[FilesystemPath]:
        named = self._substitution.fill(data.get("plugins", []), ("plugins",))
        if not isinstance(named, list):
            self._problems.spoil(("plugins",), f"'plugins' is a list of files, such as [./mine.py], got {found(named)}")
            return []
        files: list[FilesystemPath] = []
        for index, each in enumerate(named):
            path: Path = ("plugins", index)
            if not isinstance(each, str) or not each or "\0" in each:
                self._problems.spoil(path, f"a plugin is a file, such as ./mine.py, got {found(each)}")
                continue
            file = self._folder / each if self._folder is not None else FilesystemPath(each)
            if not file.is_file():
                self._problems.spoil(path, f"no plugin file {str(file)!r}")
            else:
                files.append(file)
        return files

    def _run(self, data: dict[str, Any]) -> tuple[FlowRun, dict[str, Any]]:
        """The flow's own run settings, and those that every processor starts from."""
        given = self._substitution.fill(self._mapping(data, "run"), ("run",))
        run = check(FlowRun, given, ("run",), self._problems, self._context)
        defaults = given.get("defaults", {})
        path: Path = ("run", "defaults")
        if not isinstance(defaults, dict) or check(RunOptions, defaults, path, self._problems, self._context) is None:
            defaults = {}
        return run if run is not None else FlowRun(), defaults


def _once(files: Sequence[FilesystemPath], folder: FilesystemPath | None) -> list[FilesystemPath]:
    """Each file once, and none that the folder brings anyway."""
    inside = folder.resolve() if folder is not None else None
    distinct = {each.resolve(): each for each in reversed(files) if each.resolve().parent != inside}
    return list(reversed(distinct.values()))
