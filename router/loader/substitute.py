"""Fill in ``${NAME}``: parameters, then the environment, and ``${secret:NAME}``; in texts only, after YAML was read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path as FilesystemPath
from pathlib import PurePath
from typing import Any

from router.config import FromWorkingDirectory, Secret
from router.errors import FlowError, nearest
from router.loader.document import NODE_LIMIT, Document, Path, Problems, found, kind_of
from router.loader.mapping import plain
from router.loader.secrets import Secrets
from router.loader.yaml import parse

_HOLE = re.compile(r"\$\$\{|\$\{(?P<inside>[^{}]*)(?P<end>\}?)")
_INSIDE = re.compile(r"(?P<secret>secret:)?(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>.*))?", re.DOTALL)
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_HIDDEN = 4  # characters; a shorter secret would blot out parts of every message
_WRITTEN_OUT = frozenset({"type", "to", "description"})
_CHARACTER_LIMIT = 16 << 20
_RUNNING = object()


class Substitution:
    """Knows the values of a flow's parameters and fills them into its settings."""

    def __init__(
        self,
        declared: Mapping[str, Any],
        given: Mapping[str, object],
        environment: Mapping[str, str],
        secrets: FilesystemPath | None,
        problems: Problems,
    ) -> None:
        self._declared = declared
        self._environment = environment
        self._secrets = Secrets(environment, secrets)
        self._problems = problems
        self._values: dict[str, Any] = {}
        self._nodes = 0
        self._characters = 0
        for name in declared:
            if not _NAME.fullmatch(name):
                problems.add(("parameters", name), f"a parameter's name is letters, digits and '_', got {name!r}")
        for name, value in given.items():
            self._give(name, value)
        for name in declared:
            self._parameter(name)

    def settings(self, data: dict[str, Any], path: Path) -> dict[str, Any]:
        """Fill in the settings of a processor; ``type``, ``to`` and ``description`` stay as they are written."""
        return {key: value if key in _WRITTEN_OUT else self.fill(value, (*path, key)) for key, value in data.items()}

    def fill(self, data: Any, path: Path) -> Any:
        """Fill in all texts of a value."""
        if isinstance(data, dict):
            return {key: self.fill(value, (*path, key)) for key, value in data.items()}
        if isinstance(data, list):
            return [self.fill(value, (*path, index)) for index, value in enumerate(data)]
        return self._text(data, path) if isinstance(data, str) and "${" in data else data

    # -- parameters -----------------------------------------------------------------------------

    def _give(self, name: str, value: object) -> None:
        if name not in self._declared:
            self._problems.note(f"no parameter {name!r}{nearest(name, self._declared)}")
            return
        default = self._declared[name]
        if isinstance(value, str) and not isinstance(value, Secret):
            value = value if isinstance(default, str | None) else self._typed(name, value)
        try:
            value = plain(value, Problems(Document(None)))
        except FlowError as error:
            self._problems.note(f"parameter {name!r}: {error}")
            return
        self._values[name] = _typed_by_a_person(value)

    def _typed(self, name: str, value: str) -> Any:
        """Read the text given for a parameter whose default is no text, as the flow file would."""
        try:
            document, problems = parse(value)
            problems.raise_any()
        except FlowError as error:
            said = error.problems[0].text
            self._problems.note(f"parameter {name!r}: {found(value)} is not YAML: {said}")
            return value
        return value if document.data is None else document.data

    def _parameter(self, name: str) -> Any:
        if name not in self._values:
            self._values[name] = _RUNNING
            path = ("parameters", name)
            default = self._declared[name]
            if default is None:
                self._problems.spoil(path, f"the parameter {name!r} has no default; give it a value: --set {name}=...")
            self._values[name] = self.fill(default, path)
        return self._values[name]

    # -- bounds ---------------------------------------------------------------------------------

    def _spend(self, value: Any, path: Path) -> Any:
        """Count what was filled in: a parameter made of parameters can grow without end."""
        waiting = [value]
        while waiting:
            each = waiting.pop()
            self._nodes += 1
            if self._nodes > NODE_LIMIT or self._characters > _CHARACTER_LIMIT:
                what = f"{NODE_LIMIT:,} values" if self._nodes > NODE_LIMIT else f"{_CHARACTER_LIMIT:,} characters"
                self._problems.spoil(path, f"more than {what} are filled in by parameters")
                self._problems.raise_any()
            if isinstance(each, dict | list):
                waiting.extend(each.values() if isinstance(each, dict) else each)
        return value

    # -- texts ----------------------------------------------------------------------------------

    def _text(self, text: str, path: Path) -> Any:
        whole = _HOLE.fullmatch(text)
        if whole is not None and whole["inside"] is not None:
            return self._spend(self._hole(whole, text, path), path)
        pieces: list[str] = []
        end = 0
        secret = isinstance(text, Secret)
        for hole in _HOLE.finditer(text):
            pieces.append(text[end : hole.start()])
            value = "${" if hole["inside"] is None else self._hole(hole, text, path)
            secret = secret or isinstance(value, Secret)
            pieces.append(self._written(value, hole, path))
            self._characters += len(pieces[-1])
            self._spend(value, path)
            end = hole.end()
            if self._problems.is_spoiled(path):
                break
        filled = "".join([*pieces, text[end:]])
        return Secret(filled) if secret else filled

    def _hole(self, hole: re.Match[str], text: str, path: Path) -> Any:
        inside = _INSIDE.fullmatch(hole["inside"])
        signs = "$${ for the signs themselves"
        if not hole["end"]:
            said = f"'{hole[0]}' is not closed; write ${{name}}, or {signs}"
        elif inside is None:
            said = f"'{hole[0]}' names no parameter; write ${{name}} or ${{name:-default}}, or {signs}"
        elif inside["secret"]:
            return self._secret(inside, hole, text, path)
        else:
            return self._value(inside["name"], inside["default"], hole, text, path)
        self._spoil(path, hole, text, said)
        return hole[0]

    def _secret(self, inside: re.Match[str], hole: re.Match[str], text: str, path: Path) -> str:
        if inside["default"] is not None:
            self._spoil(path, hole, text, f"a secret has no default; write ${{secret:{inside['name']}}}")
            return hole[0]
        try:
            value = self._secrets.find(inside["name"])
        except LookupError as error:
            self._spoil(path, hole, text, str(error))
            return hole[0]
        if len(value) >= _HIDDEN:
            self._problems.secrets.add(str(value))
        return value

    def _value(self, name: str, default: str | None, hole: re.Match[str], text: str, path: Path) -> Any:
        if name in self._declared:
            value = self._parameter(name)
            if value is _RUNNING:
                self._spoil(path, hole, text, f"the parameter {name!r} is made of itself")
                return hole[0]
            if self._problems.holds_spoiled(("parameters", name)):
                self._problems.mark_spoiled(path)  # said once, where it is declared
            return value
        if name in self._environment:
            return FromWorkingDirectory(self._environment[name])
        if default is not None:
            return default
        hint = nearest(name, self._declared) or nearest(name, self._environment)
        self._spoil(path, hole, text, f"no parameter and no environment variable {name!r}{hint}")
        return hole[0]

    def _written(self, value: Any, hole: re.Match[str], path: Path) -> str:
        if isinstance(value, str):
            return value
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, int | float):
            return repr(value)
        if not self._problems.is_spoiled(path):
            said = f"'{hole[0]}' is a {kind_of(value)}; it can only be a whole setting, not part of a text"
            self._problems.spoil(path, said, place=self._problems.document.value_place(path))
        return ""

    def _spoil(self, path: Path, hole: re.Match[str], text: str, said: str) -> None:
        place = self._problems.document.offset_place(path, text, hole.start() + 1)
        self._problems.spoil(path, said, place=place)


def _typed_by_a_person(value: object) -> Any:
    """Mark texts: as a path they start where the person is."""
    if isinstance(value, dict):
        return {key: _typed_by_a_person(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_typed_by_a_person(each) for each in value]
    if isinstance(value, Secret) or not isinstance(value, str | PurePath):
        return value
    return FromWorkingDirectory(value)
