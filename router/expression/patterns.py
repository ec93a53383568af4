"""Regular expressions in linear time, by google-re2."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from router.errors import ConfigError
from router.expression.values import ITEM_LIMIT, Unfit, bounded

_LONGEST = 4096
_LARGE = 1000
_MEMORY = 2 * 1024 * 1024


class Pattern:
    """A compiled regular expression, RE2 syntax; the search for a match keeps no groups."""

    __slots__ = ("_full", "_quick", "source")

    def __init__(self, source: str) -> None:
        """Compile.

        Raises:
            ConfigError: RE2 cannot read it.
        """
        if len(source) > _LONGEST:
            raise ConfigError(f"a pattern has at most {_LONGEST:,} characters, this one has {len(source):,}")
        if "\b" in source:
            raise ConfigError(r"'\b' in a plain text is a backspace; write the pattern as r'...'")
        self.source = source
        self._quick = _compile(source, keeps_groups=False)
        self._full = _compile(source, keeps_groups=True)

    @property
    def is_large(self) -> bool:
        """Whether it is too much work for each character to come from a record."""
        return bool(self._full.programsize > _LARGE)

    def is_in(self, text: str) -> bool:
        """Whether it matches anywhere in the text."""
        return self._quick.search(text.encode()) is not None

    def replace(self, text: str, new: str) -> str:
        r"""Put ``new`` in place of each match; ``\1`` stands for the first group."""
        template = _template(new, self._full.groups)
        pieces: list[str] = []
        size = end = 0
        for match in self._full.finditer(text):
            made = "".join([match[each] or "" if isinstance(each, int) else each for each in template])
            pieces += (text[end : match.start()], made)
            size += len(made) + match.start() - end
            bounded(size, len(text) + len(new))
            end = match.end()
        return "".join([*pieces, text[end:]])

    def split(self, text: str) -> list[str]:
        """Part the text at each match that is not empty."""
        pieces: list[str] = []
        end = 0
        for match in self._full.finditer(text):
            if match.end() > match.start():
                pieces.append(text[end : match.start()])
                end = match.end()
            if len(pieces) >= ITEM_LIMIT:
                raise Unfit(f"more than {ITEM_LIMIT:,} parts")
        return [*pieces, text[end:]]

    def extract(self, text: str, group: int) -> str | None:
        """Take a group of the first match, None where nothing matches."""
        if not 0 <= group <= self._full.groups:
            raise Unfit(f"the pattern has {self._full.groups} groups, asked for {group}")
        match = self._full.search(text)
        return None if match is None else match[group]


@lru_cache(maxsize=64)
def pattern(source: str) -> Pattern:
    """Compile a pattern, or find it among the last ones."""
    return Pattern(source)


def _compile(source: str, *, keeps_groups: bool) -> Any:
    import re2  # noqa: PLC0415 - a flow without patterns does not pay for it

    options = re2.Options()
    options.log_errors = False
    options.max_mem = _MEMORY
    options.never_capture = not keeps_groups
    try:
        return re2.compile(source, options)
    except (re2.error, UnicodeEncodeError) as error:
        said = error.args[0] if error.args else error
        said = said.decode(errors="replace") if isinstance(said, bytes) else said
        hint = "; look-around and back-references are not known" if "(?" in source or "escape" in str(said) else ""
        raise ConfigError(f"{source!r} is no pattern: {said}{hint}") from error


@lru_cache(maxsize=64)
def _template(new: str, groups: int) -> tuple[str | int, ...]:
    parts: list[str | int] = []
    at = 0
    while (slash := new.find("\\", at)) >= 0:
        parts.append(new[at:slash])
        after = new[slash + 1 : slash + 2]
        if after.isdigit() and int(after) <= groups:
            parts.append(int(after))
        elif after == "\\":
            parts.append("\\")
        else:
            raise Unfit(f"{new!r} asks for {new[slash : slash + 2]!r}, the pattern has {groups} groups")
        at = slash + 2
    return (*parts, new[at:])
