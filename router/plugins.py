"""Where processors, formats, model runtimes and functions come from: built-ins, packages, files, a folder."""

from __future__ import annotations

import importlib.util
import inspect
import sys
import traceback
from collections.abc import Iterable, Mapping
from hashlib import sha256
from importlib.machinery import SourceFileLoader
from importlib.metadata import entry_points
from pathlib import Path
from types import CodeType, MappingProxyType, ModuleType
from typing import Any

import pluggy

from router import hookspecs
from router.authoring import Processor, check_class
from router.errors import PluginError
from router.expression import BUILTINS, FunctionTable
from router.formats import Format
from router.models import ModelRuntime

__all__ = ["Registry", "load_file", "load_registry"]

GROUP = "router"


class Registry:
    """What plugins brought, by name. A name is taken once: a second owner is refused and named."""

    def __init__(self) -> None:
        self._processors: dict[str, type[Processor]] = {}
        self._formats: dict[str, type[Format]] = {}
        self._model_runtimes: dict[str, type[ModelRuntime]] = {}
        self._owners: dict[tuple[str, str], str] = {}
        self._code: dict[str, str] = {}
        """What was in each plugin file when it was loaded."""
        self.functions: FunctionTable = BUILTINS.copy()
        self.problems: list[PluginError] = []
        self.hooks = pluggy.PluginManager(GROUP)
        self.hooks.add_hookspecs(hookspecs)
        self._loading = "router"

    @property
    def processors(self) -> Mapping[str, type[Processor]]:
        """Processor classes by type name."""
        return MappingProxyType(self._processors)

    @property
    def formats(self) -> Mapping[str, type[Format]]:
        """Format classes by name."""
        return MappingProxyType(self._formats)

    @property
    def model_runtimes(self) -> Mapping[str, type[ModelRuntime]]:
        """Model runtime classes by name."""
        return MappingProxyType(self._model_runtimes)

    def processor(self, kind: type[Processor]) -> type[Processor]:
        """Add a processor type, under its ``type_name``.

        Raises:
            PluginError: it breaks the contract, or the name is taken.
        """
        try:
            check_class(kind)
        except TypeError as error:
            raise PluginError(str(error)) from error
        self._claim("processor type", kind.type_name)
        self._processors[kind.type_name] = kind
        return kind

    def format(self, kind: type[Format]) -> type[Format]:
        """Add a format, under its ``type_name``."""
        self._claim("format", kind.type_name)
        self._formats[kind.type_name] = kind
        return kind

    def model_runtime(self, kind: type[ModelRuntime]) -> type[ModelRuntime]:
        """Add a model runtime, under its ``type_name``."""
        self._claim("model runtime", kind.type_name)
        self._model_runtimes[kind.type_name] = kind
        return kind

    def function(self, name: str, function: Any, doc: str, example: str = "") -> None:
        """Add a function to the expressions of every flow that loads this plugin."""
        self._claim("function", name)
        self.functions.register(name, function, doc, example)

    def owner(self, what: str, name: str) -> str:
        """Which plugin brought a thing: ``owner("processor type", "route")``."""
        return self._owners.get((what, name), "router")

    @property
    def files(self) -> Iterable[Path]:
        """The plugin files that were loaded, and those that could not be."""
        return [*map(Path, self._code)]

    def code_of(self, name: str, kind: type) -> str | None:
        """What stands for the content of the plugin file that a class is from; None: it is from no file."""
        known = (
            ("processor type", self._processors),
            ("format", self._formats),
            ("model runtime", self._model_runtimes),
        )
        owners = [self._owners[what, name] for what, kinds in known if kinds.get(name) is kind]
        return self._code.get(owners[0]) if owners else None

    def code_called(self, source: str) -> list[tuple[str, str]]:
        """The functions of plugin files that an expression may call, each with what stands for its file's content."""
        owned = [(name, self._code.get(owner)) for (what, name), owner in self._owners.items() if what == "function"]
        return sorted((name, code) for name, code in owned if code is not None and name in source)

    # -- loading --------------------------------------------------------------------------------

    def load_packages(self) -> None:
        """Load every installed package that has an entry point in the group ``router``."""
        for entry in sorted(entry_points(group=GROUP), key=lambda each: (each.name != "builtins", each.name)):
            try:
                module = entry.load()
            except BaseException as error:  # noqa: BLE001 - a plugin may raise anything while it is imported
                _reraise_interrupt(error)
                self.problems.append(PluginError(f"plugin {entry.name!r} ({entry.value}): {describe(error)}"))
            else:
                self.add(module, entry.name)

    def load_file(self, path: Path) -> None:
        """Load a plugin file: its hook, or where it has none, its processors, formats and runtimes."""
        self._code[str(path)] = _content_of(path)
        try:
            module = load_file(path)
        except PluginError as error:
            self.problems.append(error)
        else:
            self.add(module, str(path))

    def load_folder(self, folder: Path) -> None:
        """Load every ``*.py`` of a folder, by name; files that begin with ``_`` are left alone."""
        for path in sorted(folder.glob("*.py")):
            if not path.name.startswith("_"):
                self.load_file(path)

    def add(self, plugin: ModuleType | object, name: str) -> None:
        """Register an imported plugin: by its ``register`` hook, else by the classes its module defines."""
        self._loading = name
        try:
            self.hooks.register(plugin, name)
            if hasattr(plugin, "register"):
                plugin.register(registry=self)
            elif isinstance(plugin, ModuleType):
                self._scan(plugin)
        except Exception as error:  # noqa: BLE001 - a plugin may raise anything in its hook
            self.problems.append(
                error if isinstance(error, PluginError) else PluginError(f"plugin {name!r}: {describe(error)}")
            )
        finally:
            self._loading = "router"

    def _scan(self, module: ModuleType) -> None:
        for value in list(vars(module).values()):
            if not inspect.isclass(value) or value.__module__ != module.__name__ or not getattr(value, "type_name", ""):
                continue
            if issubclass(value, Processor):
                self.processor(value)
            elif issubclass(value, Format):
                self.format(value)
            elif issubclass(value, ModelRuntime):
                self.model_runtime(value)

    def _claim(self, what: str, name: str) -> None:
        taken = self._owners.get((what, name))
        if taken is not None and taken != self._loading:
            raise PluginError(f"plugin {self._loading!r}: the {what} {name!r} is taken by {taken!r}")
        self._owners[what, name] = self._loading


class _Source(SourceFileLoader):
    """Compiles what is in the file now: bytecode that is kept is known by time and size, which an edit may not change."""

    def get_code(self, fullname: str) -> CodeType:
        """Compile it."""
        path = self.get_filename(fullname)
        code: CodeType = self.source_to_code(self.get_data(path), path)
        return code


def load_file(path: Path) -> ModuleType:
    """Import a plugin file by its path, as ``router_plugins.<stem>``.

    Raises:
        PluginError: it is not there, is no Python, or raises; with the line.
    """
    if not path.is_file():
        raise PluginError(f"{path}: no such plugin file")
    name = f"router_plugins.{path.stem}"
    _package()
    loader = _Source(name, str(path.absolute())) if path.suffix == ".py" else None
    spec = importlib.util.spec_from_file_location(name, path, loader=loader)
    if spec is None or spec.loader is None:
        raise PluginError(f"{path}: a plugin file is Python and ends in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException as error:
        sys.modules.pop(name, None)
        if isinstance(error, KeyboardInterrupt):
            raise
        text = f"{_place(error, path)}: {describe(error)}; its processors are not available"
        raise PluginError(text) from error
    return module


def load_registry(files: Iterable[Path] = (), folder: Path | None = None) -> Registry:
    """Load installed plugins, then ``files``, then ``folder``; what fails is in ``problems``, the others live."""
    registry = Registry()
    registry.load_packages()
    if folder is not None and folder.is_dir():
        registry.load_folder(folder)
    for path in files:
        registry.load_file(path)
    return registry


def describe(error: BaseException) -> str:
    """An exception in one line, as Python's own last line of a traceback says it."""
    return "".join(traceback.format_exception_only(error)).strip().splitlines()[-1]


def _content_of(path: Path) -> str:
    try:
        return sha256(path.read_bytes()).hexdigest()
    except OSError:  # whoever imports it says so
        return ""


def _package() -> None:
    if "router_plugins" not in sys.modules:
        package = ModuleType("router_plugins")
        package.__path__ = []
        sys.modules["router_plugins"] = package


def _place(error: BaseException, path: Path) -> str:
    imported_as = str(path.absolute())  # a relative path is made absolute by the import
    if isinstance(error, SyntaxError) and error.filename == imported_as:
        return f"{path}:{error.lineno}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == imported_as]
    return f"{path}:{frames[-1].lineno}" if frames else str(path)


def _reraise_interrupt(error: BaseException) -> None:
    if isinstance(error, KeyboardInterrupt):
        raise error
