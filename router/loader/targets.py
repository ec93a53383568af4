"""Read ``to``: targets, lists of targets, or targets by relationship."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from router.errors import nearest
from router.flow import Ending, QueueOptions
from router.loader.document import Path, Problems, found, kind_of
from router.loader.later import later_queue
from router.loader.settings import check
from router.relationship import SUCCESS

OTHERS = "*"
"""In ``to``: every other relationship that would be an error unconnected."""
NAME = re.compile(r"[a-z][a-z0-9_]*")

_TARGET_KEYS = ("processor", "queue", "name")
_ENDINGS = frozenset(each.value for each in Ending)


@dataclass(frozen=True)
class Target:
    """One place records are sent to: a processor, one of its named inputs, or an ending."""

    path: Path
    processor: str
    input: str | None = None
    queue: QueueOptions = QueueOptions()  # noqa: RUF009 - settings are frozen
    name: str | None = None

    @property
    def ending(self) -> Ending | None:
        """Where records end, if this is no processor."""
        return Ending(self.processor) if self.input is None and self.processor in _ENDINGS else None


def read_targets(data: Any, path: Path, problems: Problems, context: Mapping[str, Any]) -> dict[str, list[Target]]:
    """Read a whole ``to``; what cannot be read is noted, and its relationship keeps what could."""
    reader = _Reader(problems, context)
    if not isinstance(data, dict) or set(_TARGET_KEYS) & data.keys():
        return {SUCCESS.name: list(reader.targets(data, path))}
    if not data:
        problems.spoil(path, "'to' is empty; name a target, or leave it out")
    return {relationship: list(reader.targets(each, (*path, relationship))) for relationship, each in data.items()}


class _Reader:
    def __init__(self, problems: Problems, context: Mapping[str, Any]) -> None:
        self._problems = problems
        self._context = context

    def targets(self, data: Any, path: Path) -> Iterator[Target]:
        if not isinstance(data, list):
            data, paths = [data], [path]
        else:
            paths = [(*path, index) for index in range(len(data))]
            if not data:
                self._problems.spoil(path, "an empty list of targets; name one, or 'drop'")
        for each, where in zip(data, paths, strict=True):
            target = self._mapping(each, where) if isinstance(each, dict) else self._text(each, where)
            if target is not None:
                yield target

    def _text(self, text: Any, path: Path) -> Target | None:
        """Read ``name`` or ``name.input``."""
        if self._problems.is_spoiled(path):
            return None
        if not isinstance(text, str):
            said = f"a target is a processor's name, got {found(text) if text is None else kind_of(text)}"
            self._problems.spoil(path, said, place=self._place(path))
            return None
        name, dot, input_ = text.partition(".")
        if not NAME.fullmatch(name) or (dot and not NAME.fullmatch(input_)):
            self._problems.spoil(path, _odd_target(text), place=self._place(path))
            return None
        return Target(path, name, input_ if dot else None)

    def _mapping(self, data: dict[str, Any], path: Path) -> Target | None:
        """Read ``{processor, queue, name}``."""
        for key in data:
            if key not in _TARGET_KEYS:
                said = f"a target has 'processor', 'queue' and 'name', got {key!r}{nearest(key, _TARGET_KEYS)}"
                self._problems.spoil((*path, key), said)
        if "processor" not in data:
            self._problems.spoil(path, "a target needs 'processor': where its records go")
            return None
        target = self._text(data["processor"], (*path, "processor"))
        if target is None:
            return None
        name = data.get("name")
        if "name" in data and (not isinstance(name, str) or not NAME.fullmatch(name)):
            said = f"a connection's name is lower_snake, such as 'scored', got {found(name)}"
            self._problems.spoil((*path, "name"), said)
            name = None
        if target.ending is not None and data.keys() & {"queue", "name"}:
            said = f"{target.processor!r} is no processor: nothing waits on the way to it"
            self._problems.spoil(path, f"{said}; leave 'queue' and 'name' out")
        queue = self._queue(data["queue"], (*path, "queue")) if "queue" in data else QueueOptions()
        return Target(target.path, target.processor, target.input, queue, name)

    def _queue(self, data: Any, path: Path) -> QueueOptions:
        if isinstance(data, str):
            data = {"type": data}
        if not isinstance(data, dict):
            self._problems.spoil(
                path, f"'queue' is a type such as 'memory', or a mapping of settings, got {found(data)}"
            )
            return QueueOptions()
        kind = data.get("type")
        if isinstance(kind, str) and (said := later_queue(kind)):
            self._problems.spoil(path, said)
            return QueueOptions()
        return check(QueueOptions, data, path, self._problems, self._context) or QueueOptions()

    def _place(self, path: Path) -> tuple[int, int]:
        return self._problems.document.value_place(path)


def _odd_target(text: str) -> str:
    if "${" in text:
        return f"{text!r} is not filled in here; targets are written out"
    if "/" in text:
        return f"{text!r} names a part of a group; groups come later"
    if "," in text:
        names = ", ".join(each.strip() for each in text.split(","))
        return f"several targets are a list: [{names}]"
    return f"a target is a processor's name, such as 'score' or 'join.left', got {text!r}"
