"""What YAML does to expressions, templates and careless lines, said with the line as it should be."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import islice
from typing import Any

import yaml

from router.errors import Problem, nearest
from router.loader.document import Document
from router.loader.quoting import is_open, mended, quoted

MERGE = "'<<' merges nothing, YAML 1.2 has no such key; write the settings out, or share them by 'run.defaults'"

_SHOWN = 100
_LINE = 1000
_TRIED = 50  # parts of one value, and values of one collection: what a person could have written
_SAID = {
    "mapping values are not allowed": "a second ': ' in one line, or a line that stands too far to the right",
    "did not find expected ',' or": "a bracket is not closed, or a ',' is missing",
    "did not find expected '-'": "an item of a list begins with '- '",
    "did not find expected key": "what stands here belongs to no key",
    "unexpected end of stream": "a quote is not closed",
    "block sequence entries are not allowed": "a list begins on a line of its own",
    "unknown escape character": "a '\\' between double quotes is written '\\\\', or use single quotes",
    "did not find expected comment or line break": "'>' and '|' begin a text on the lines below",
    "unexpected ':'": "a ':' needs a space behind it",
    "did not find expected node content": "a value is missing",
}
_NOT_CLOSED = {"found unexpected end of stream", "did not find expected ',' or '}'", "did not find expected ',' or ']'"}


def explain(error: yaml.MarkedYAMLError, document: Document) -> Problem:
    """Say what the parser could not read, with the line, and how to write it where that is known."""
    marks = [mark for mark in (error.problem_mark, error.context_mark) if mark is not None]
    lines = [(mark.line + 1, mark.column + 1) for mark in marks if mark.line < len(document.lines)] or [(1, 1)]
    for line, column in lines:
        text = document.lines[line - 1]
        if "\t" in text[: len(text) - len(text.lstrip())]:
            tab = text.index("\t") + 1
            return Problem("a tab stands where the line is indented; YAML takes spaces only", document.file, line, tab)
        if (right := mended(text)) is not None:
            said = f"YAML cannot read {_shown(text)}; put it in quotes: {right.strip()}"
            return Problem(said, document.file, line, column)
    line, column = lines[-1] if error.problem in _NOT_CLOSED else lines[0]
    said = f"YAML cannot read {_shown(document.lines[line - 1])}: {_words(error.problem or '')}"
    return Problem(said, document.file, line, column)


class Torn:
    """Watches the parts of one ``{...}`` or ``[...]`` for a value that its own comma has torn apart."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._parts: list[tuple[Any, Any, bool]] = []  # first event, last event, may be the rest of the one before

    def item(self, event: Any) -> None:
        """Note a plain item of a list."""
        self._parts.append((event, event, not event.style))

    def pair(self, key: Any, value: Any) -> None:
        """Note a pair; ``{a: f(x, y)}`` makes ``y)`` a key without value."""
        is_scalar = isinstance(value, yaml.ScalarEvent)
        if is_scalar:
            alone = not (value.style or key.style) and value.start_mark.index == value.end_mark.index
            self._parts.append((key if alone else value, key if alone else value, alone))

    def found(self) -> tuple[str, Any] | None:
        """The problem and the event it is about; None where all is whole."""
        candidates = (
            number
            for number, (first, last, _) in enumerate(self._parts)
            if not first.style and is_open(self._slice(first, last))
        )
        for number in islice(candidates, _TRIED):
            first = self._parts[number][0]
            for _, end, joined in self._parts[number + 1 : number + _TRIED]:
                if not joined:
                    break
                whole = self._slice(first, end)
                if not is_open(whole):
                    return f"YAML cuts {whole!r} at its comma; put it in quotes: {quoted(whole)}", first
        return None

    def _slice(self, first: Any, last: Any) -> str:
        return self._text[first.start_mark.index : last.end_mark.index]


def mapping_as_key(document: Document, mapping: Any) -> str:
    """Say that ``{{ x }}`` is no template to YAML."""
    line = document.lines[mapping.start_mark.line]
    right = mended(line)
    advice = f"; put it in quotes: {right.strip()}" if right else "; a key is a text"
    return f"YAML reads {_shown(line)} as a mapping in a mapping{advice}"


def unknown_alias(name: str, anchors: Iterable[str]) -> str:
    """Say that ``*name`` is an alias to YAML."""
    hint = nearest(name, anchors)
    return f"'*{name}' is an alias to YAML, and there is no anchor '&{name}'{hint}; if it is text: \"*{name}\""


def unknown_tag(tag: str) -> str:
    """Say that a word with an exclamation mark is a tag to YAML."""
    return f"the tag {tag!r} is not known here; write the value without it, or in quotes if it is text"


def comment_hint(rest: str) -> str:
    """Say that ``#`` cut a value short, if it did; ``rest`` is the line from the value on."""
    cut = re.search(r"\s#", rest[:_LINE])
    if cut is None or rest[:1] in "'\"" or not is_open(rest[: cut.start()]):
        return ""
    return f"; YAML takes {rest[cut.start() + 1 :]!r} for a comment, put all of it in quotes: {quoted(rest[:_LINE].rstrip())}"


def _shown(line: str) -> str:
    line = line.strip()
    return repr(line if len(line) <= _SHOWN else f"{line[: _SHOWN - 3]}...")


def _words(problem: str) -> str:
    return next((said for key, said in _SAID.items() if key in problem), problem.removeprefix("found "))
