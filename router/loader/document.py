"""A flow as it was written: plain data, and the place of every part of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from router.config import Secret
from router.errors import FlowError, Problem

DEPTH_LIMIT = 64
NODE_LIMIT = 100_000

Path: TypeAlias = "tuple[str | int, ...]"
"""The way from the top of a flow to a part of it: keys and positions."""
Place: TypeAlias = "tuple[int, int]"
"""Line and column, counted from 1."""

_BREAK = re.compile(r"\r\n|[\r\n\x85\u2028\u2029]")
_SHOWN = 60
NOTHING = object()


@dataclass
class Document:
    """Plain data with the places of its keys and values, where it came from a file.

    ``aliases`` says which part an alias repeats, so that what stands once has one place.
    """

    data: Any
    file: str = ""
    text: str = ""
    keys: dict[Path, Place] = field(default_factory=dict)
    values: dict[Path, Place] = field(default_factory=dict)
    aliases: dict[Path, Path] = field(default_factory=dict)
    lines: Sequence[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.lines = lines_of(self.text)

    def key_place(self, path: Path) -> Place:
        """Where a key stands, or the item of a list; of what is not there, where it should be."""
        return self._place(path, self.keys) or self._place(path, self.values) or self._above(path)

    def value_place(self, path: Path) -> Place:
        """Where a value begins; of what is not there, where it should be."""
        return self._place(path, self.values) or self._above(path)

    def offset_place(self, path: Path, source: str, column: int) -> Place:
        """Where a character of a text stands, if the text stands in the file as it is; else where it begins."""
        line, start = self.value_place(path)
        if not line:
            return 0, 0
        rest = self.lines[line - 1][start - 1 :]
        quote = 1 if rest[:1] in {"'", '"'} else 0
        if "\n" in source or not rest[quote:].startswith(source):
            return line, start
        return line, start + quote + column - 1

    def line_rest(self, path: Path) -> str:
        """The rest of the line on which a value begins."""
        line, start = self.value_place(path)
        return self.lines[line - 1][start - 1 :] if line else ""

    def _above(self, path: Path) -> Place:
        return self.key_place(path[:-1]) if path else (1, 1) if self.file else (0, 0)

    def _place(self, path: Path, places: Mapping[Path, Place]) -> Place | None:
        # An alias repeats what was read before it, so every turn leads further back.
        while path not in places:
            cut = next((cut for cut in range(len(path), 0, -1) if path[:cut] in self.aliases), None)
            if cut is None:
                return None
            path = (*self.aliases[path[:cut]], *path[cut:])
        return places[path]


class Problems:
    """What is wrong with a flow, collected until all of it has been looked at."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self._spoiled: set[Path] = set()
        self._holding: set[Path] = set()
        self.secrets: set[str] = set()
        self._found: dict[Problem, None] = {}

    def __len__(self) -> int:
        return len(self._found)

    def add(self, path: Path, text: str, *, place: Place | None = None) -> None:
        """Note a problem of the part at ``path``, at its key unless ``place`` says better."""
        line, column = place if place is not None else self.document.key_place(path)
        self._found[Problem(self._hidden(where(path) + text), self.document.file, line, column)] = None

    def note(self, text: str) -> None:
        """Note a problem of no place in particular."""
        self._found[Problem(self._hidden(text), self.document.file)] = None

    def spoil(self, path: Path, text: str, *, place: Place | None = None) -> None:
        """Note a problem that makes all others of this part meaningless."""
        if not self.is_spoiled(path):
            self.add(path, text, place=place)
        self.mark_spoiled(path)

    def mark_spoiled(self, path: Path) -> None:
        """Let a part be known to be wrong; what is wrong with it is said elsewhere."""
        self._spoiled.add(path)
        self._holding.update(path[:cut] for cut in range(len(path)))

    def is_spoiled(self, path: Path) -> bool:
        """True if this part, or one that holds it, is known to be wrong already."""
        return any(path[:cut] in self._spoiled for cut in range(len(path) + 1))

    def holds_spoiled(self, path: Path) -> bool:
        """True if this part, one that holds it, or one within it is known to be wrong already."""
        return path in self._holding or self.is_spoiled(path)

    def raise_any(self) -> None:
        """Raise all problems in the order of the file, if there is one."""
        if self._found:
            raise FlowError(sorted(self._found, key=lambda each: (each.line, each.column)))

    def _hidden(self, text: str) -> str:
        for secret in self.secrets:
            text = text.replace(secret, "***")
        return text


def lines_of(text: str) -> Sequence[str]:
    """Cut a text into lines as YAML does."""
    return _BREAK.split(text)


def where(path: Path) -> str:
    """The beginning of a sentence about a part of a flow: whose it is."""
    if len(path) > 1 and path[0] == "processors":
        return f"processor {path[1]!r}: "
    return ""


def name_of(path: Path) -> str:
    """A part of a flow as its author would name it: ``'run.batch'``; nothing for a processor itself."""
    inner = path[2:] if len(path) > 1 and path[0] == "processors" else path
    text = "".join(f"[{each}]" if isinstance(each, int) else f".{each}" for each in inner)
    return repr(text.removeprefix(".")) if text else ""


def found(value: object) -> str:
    """A value as a person would recognise it, short, and no secret."""
    if holds_secret(value):
        return "a secret"
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict | list):
        return f"a {kind_of(value)}"
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


def kind_of(value: object) -> str:
    """What a value is, in the words of a flow file."""
    kinds = {dict: "mapping", list: "list", str: "text", bool: "true or false", type(None): "nothing"}
    return kinds.get(type(value), "number" if isinstance(value, int | float) else type(value).__name__)


def holds_secret(value: object) -> bool:
    """True if a secret is part of a value."""
    if isinstance(value, dict | list):
        return any(map(holds_secret, value.values() if isinstance(value, dict) else value))
    return isinstance(value, Secret)


def step(data: Any, key: str | int) -> Any:
    """What stands at a key or position; ``NOTHING`` where there is none."""
    if isinstance(data, dict):
        return data.get(key, NOTHING)
    if isinstance(data, list) and isinstance(key, int) and 0 <= key < len(data):
        return data[key]
    return NOTHING


def at(data: Any, path: Iterable[str | int]) -> Any:
    """The part at a path; None where there is none."""
    for each in path:
        data = step(data, each)
    return None if data is NOTHING else data
