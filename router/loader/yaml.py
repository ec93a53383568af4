"""Read YAML 1.2 into plain data that knows its places, within bounds, and with every trap of the syntax named."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import yaml
from yaml import events

from router.errors import FlowError, Problem
from router.loader import traps
from router.loader.document import (
    DEPTH_LIMIT,
    NODE_LIMIT,
    Document,
    Path,
    Place,
    Problems,
    found,
    kind_of,
    lines_of,
    name_of,
)
from router.loader.scalars import resolve

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times the speed, where PyYAML was built with it

_ODD = re.compile("[^\\t\\n\\r\\x20-\\x7e\\x85\\xa0-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")
_AGAIN = -1  # in a path: the value of a key that stands twice, which nobody asks for


def parse(text: str, file: str = "") -> tuple[Document, Problems]:
    """Read the one document of a text.

    What is wrong but leaves the rest readable (a key twice, a tag) is in the problems.

    Raises:
        FlowError: the text is no YAML, or beyond the bounds.
    """
    document = Document(None, file, text)
    problems = Problems(document)
    if (odd := _ODD.search(text)) is not None:
        lines = lines_of(text[: odd.start()])
        said = f"the character {odd[0]!r} does not belong into a text; a flow file is text in UTF-8"
        raise FlowError([Problem(said, file, len(lines), len(lines[-1]) + 1)])
    loader = _Loader(text)
    try:
        document.data = _Composer(loader.get_event, document, problems).compose()
    except yaml.MarkedYAMLError as error:
        problem = traps.explain(error, document)
        raise FlowError([problem]) from None
    finally:
        loader.dispose()
    return document, problems


class _Anchored:
    """A part that may be repeated: what it is, and how large and deep."""

    def __init__(self, data: Any, path: Path, nodes: int, depth: int) -> None:
        self.data = data
        self.path = path
        self.nodes = nodes
        self.depth = depth


class _Composer:
    """Builds the data from the parser's events, one method a kind of node."""

    def __init__(self, next_event: Callable[[], Any], document: Document, problems: Problems) -> None:
        self._next = next_event
        self._document = document
        self._problems = problems
        self._anchors: dict[str, _Anchored | None] = {}
        self._nodes = 0
        self._deepest = 0

    def compose(self) -> Any:
        self._next()  # the stream starts
        if isinstance(self._next(), events.StreamEndEvent):
            return None
        data = self._node(self._next(), ())
        self._next()  # the document ends
        after = self._next()
        if not isinstance(after, events.StreamEndEvent):
            self._problems.add((), "a second document begins here; a flow file holds one", place=_place(after))
        return data

    def _node(self, event: Any, path: Path) -> Any:
        place = _place(event)
        if isinstance(event, events.AliasEvent):
            return self._alias(event, path)
        self._count(1, len(path), place)
        self._document.values[path] = place
        self._check_tag(event, path)
        if event.anchor is None:
            return self._content(event, path)
        # While it is being read an anchor stands for nothing: it cannot hold itself.
        self._anchors[event.anchor] = None
        nodes, deepest, self._deepest = self._nodes, self._deepest, len(path)
        data = self._content(event, path)
        self._anchors[event.anchor] = _Anchored(data, path, self._nodes - nodes + 1, self._deepest - len(path))
        self._deepest = max(deepest, self._deepest)
        return data

    def _content(self, event: Any, path: Path) -> Any:
        if isinstance(event, events.MappingStartEvent):
            return self._mapping(event, path)
        if isinstance(event, events.SequenceStartEvent):
            return self._sequence(event, path)
        return self._scalar(event, path)

    def _count(self, nodes: int, depth: int, place: Place) -> None:
        self._nodes += nodes
        self._deepest = max(self._deepest, depth)
        if depth > DEPTH_LIMIT:
            self._refuse(f"nested deeper than {DEPTH_LIMIT} levels", place)
        if self._nodes > NODE_LIMIT:
            self._refuse(f"more than {NODE_LIMIT:,} values, aliases counted as what they repeat", place)

    def _refuse(self, text: str, place: Place) -> None:
        raise FlowError([Problem(text, self._document.file, *place)])

    def _alias(self, event: Any, path: Path) -> Any:
        name = event.anchor
        if name not in self._anchors:
            self._problems.spoil(path, traps.unknown_alias(name, self._anchors), place=_place(event))
            return None
        anchored = self._anchors[name]
        if anchored is None:
            self._problems.spoil(path, f"the alias '*{name}' stands within what it repeats", place=_place(event))
            return None
        self._count(anchored.nodes, len(path) + anchored.depth, _place(event))
        self._document.aliases[path] = anchored.path
        return anchored.data

    def _check_tag(self, event: Any, path: Path) -> None:
        known = {None, "!", "tag:yaml.org,2002:str"}
        if event.tag not in known:
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            self._problems.spoil(path, traps.unknown_tag(tag), place=_place(event))

    def _scalar(self, event: Any, path: Path) -> Any:
        if event.tag or event.style:
            return event.value
        try:
            return resolve(event.value)
        except ValueError as error:
            self._problems.spoil(path, f"{name_of(path)}: {error}", place=_place(event))
            return None

    def _sequence(self, event: Any, path: Path) -> list[Any]:
        data: list[Any] = []
        seen = traps.Torn(self._document.text) if event.flow_style else None
        while not isinstance(item := self._next(), events.SequenceEndEvent):
            if seen is not None and isinstance(item, events.ScalarEvent):
                seen.item(item)
            data.append(self._node(item, (*path, len(data))))
        self._report(seen, path)
        return data

    def _mapping(self, event: Any, path: Path) -> dict[str, Any]:
        data: dict[str, Any] = {}
        seen = traps.Torn(self._document.text) if event.flow_style else None
        while not isinstance(key_event := self._next(), events.MappingEndEvent):
            key = self._key(key_event, path, event)
            value = self._next()
            if key is None:
                self._node(value, (*path, _AGAIN))
                continue
            if seen is not None:
                seen.pair(key_event, value)
            inner = (*path, key)
            if key in data:
                line = self._document.keys[inner][0]
                text = f"{name_of(inner) or 'it'} stands here again, first in line {line}; keep one of them"
                self._problems.add(inner, text, place=_place(key_event))
                self._node(value, (*inner, _AGAIN))
                continue
            self._document.keys[inner] = _place(key_event)
            data[key] = self._node(value, inner)
        self._report(seen, path)
        return data

    def _key(self, event: Any, path: Path, mapping: Any) -> str | None:
        self._count(1, len(path), _place(event))
        if not isinstance(event, events.ScalarEvent):
            self._odd_key(event, mapping, path)
            return None
        if event.value == "<<" and not event.style:
            self._problems.spoil(path, traps.MERGE, place=_place(event))
            return None
        self._check_tag(event, path)
        return event.value if event.tag or event.style else self._plain_key(event, path)

    def _plain_key(self, event: Any, path: Path) -> str:
        try:
            key = resolve(event.value)
        except ValueError:
            key = event.value
        if not isinstance(key, str):
            right = f'"{event.value}"' if event.value else '""'
            text = f"a key is a text, got {_described(key)}; put it in quotes: {right}"
            self._problems.spoil((*path, event.value), text, place=_place(event))
        return str(event.value)

    def _odd_key(self, event: Any, mapping: Any, path: Path) -> None:
        if isinstance(event, events.AliasEvent):
            said = f"an alias, '*{event.anchor}', cannot be a key; write the key itself"
            self._problems.spoil(path, said, place=_place(event))
        else:
            self._skip(event, path)
            self._problems.spoil(path, traps.mapping_as_key(self._document, mapping), place=_place(mapping))

    def _skip(self, event: Any, path: Path) -> None:
        depth = 1
        while depth:
            event = self._next()
            self._count(1, len(path) + depth, _place(event))
            depth += isinstance(event, events.CollectionStartEvent) - isinstance(event, events.CollectionEndEvent)

    def _report(self, seen: traps.Torn | None, path: Path) -> None:
        if seen is not None and (torn := seen.found()) is not None:
            text, event = torn
            self._problems.spoil(path, text, place=_place(event))


def _place(event: Any) -> Place:
    return event.start_mark.line + 1, event.start_mark.column + 1


def _described(key: object) -> str:
    return (
        found(key) if key is None else f"the {kind_of(key)} {found(key)}" if not isinstance(key, bool) else found(key)
    )
