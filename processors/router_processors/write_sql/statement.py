"""SQL of the flow's author: its named parameters, found where they are no part of a text or a comment."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from router_processors.write_sql.url import Kind

_STANDARD_TEXT = r"'(?:[^']|'')*'"
_ESCAPED_TEXT = r"'(?:[^'\\]|''|\\.)*'"
_COMMON = [r'"(?:[^"]|"")*"', r"--[^\n]*", r"/\*.*?\*/"]
# What a colon may stand in without meaning a parameter, by database.
_ELSEWHERE: dict[Kind, list[str]] = {
    "sqlite": [_STANDARD_TEXT, r"`[^`]*`", *_COMMON],
    "postgresql": [rf"\b[eE]{_ESCAPED_TEXT}", _STANDARD_TEXT, *_COMMON, r"\$(\w*)\$.*?\$\1\$", "::"],
    "mysql": [_ESCAPED_TEXT, r"`[^`]*`", r'"(?:[^"\\]|""|\\.)*"', *_COMMON[1:], r"#[^\n]*"],
}
_PARAMETER = r"(?<![\w:]):(?P<name>[A-Za-z_]\w*)"
_LEXERS = {kind: re.compile(f"{'|'.join(parts)}|{_PARAMETER}", re.DOTALL) for kind, parts in _ELSEWHERE.items()}
_WORD = re.compile(r"\s*(?:--[^\n]*\n\s*|/\*.*?\*/\s*)*([A-Za-z]+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement with parameters ``:name``."""

    text: str
    kind: Kind

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of its parameters, each once, in order."""
        found = (each["name"] for each in _LEXERS[self.kind].finditer(self.text))
        return tuple(dict.fromkeys(name for name in found if name is not None))

    @property
    def verb(self) -> str:
        """Its first word, in lower case."""
        found = _WORD.match(self.text)
        return found[1].lower() if found else ""

    def written(self, place: Callable[[str], str], plain: Callable[[str], str] = str) -> str:
        """Write it with something else in place of each parameter; ``plain`` makes the rest of it."""
        made, at = [], 0
        for found in _LEXERS[self.kind].finditer(self.text):
            if found["name"] is not None:
                made += [plain(self.text[at : found.start()]), place(found["name"])]
                at = found.end()
        return "".join([*made, plain(self.text[at:])])


def percent_style(statement: Statement) -> str:
    """Write it as psycopg and PyMySQL take it: ``%(name)s``."""
    return statement.written(lambda name: f"%({name})s", lambda text: text.replace("%", "%%"))
