"""Take a flow from a Python mapping, within the bounds of a flow file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from router.loader.document import DEPTH_LIMIT, NODE_LIMIT, Document, Path, Problems, found, kind_of


def take(mapping: object) -> tuple[Document, Problems]:
    """Copy a mapping into plain data; what no flow file could hold is in the problems."""
    document = Document(None)
    problems = Problems(document)
    document.data = plain(mapping, problems)
    return document, problems


def plain(value: object, problems: Problems) -> Any:
    """Copy a value into plain data.

    Raises:
        FlowError: it is nested without end, or too large.
    """
    return _Copy(problems).node(value, ())


class _Copy:
    def __init__(self, problems: Problems) -> None:
        self._problems = problems
        self._nodes = 0

    def node(self, value: Any, path: Path) -> Any:
        self._nodes += 1
        if len(path) > DEPTH_LIMIT or self._nodes > NODE_LIMIT:
            what = (
                f"nested deeper than {DEPTH_LIMIT} levels"
                if len(path) > DEPTH_LIMIT
                else f"more than {NODE_LIMIT:,} values"
            )
            self._problems.spoil((), what)
            self._problems.raise_any()
        if isinstance(value, Mapping):
            return {self._key(key, path): self.node(each, (*path, str(key))) for key, each in value.items()}
        if isinstance(value, list | tuple):
            return [self.node(each, (*path, index)) for index, each in enumerate(value)]
        return value

    def _key(self, key: object, path: Path) -> str:
        if isinstance(key, str):
            return key
        self._problems.spoil((*path, str(key)), f"a key is a text, got the {kind_of(key)} {found(key)}")
        return str(key)
