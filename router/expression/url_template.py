"""URLs made from records, which cannot leave the server and the path the flow's author gave them."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote, urlsplit

from router.batch import Batch
from router.expression.errors import TemplateError
from router.expression.template import Template

_BEGIN = re.compile(r"(https?)://[^/?#\s]+", re.IGNORECASE)
_DOTS = {".", ".."}
# What may stand in a URL as it is; all else is written in percent signs. A percent sign is the author's own.
_KEPT = "!$&'()*+,/:;=?@[]~%-._"
_LONGEST = 65_536


class UrlTemplate(Template):
    """A URL with ``{{ expression }}`` in it: ``"https://api.example.com/users/{{ id }}?q={{ text }}"``.

    It begins with a literal scheme and server, and what a record adds is written in percent signs: part
    of one step of the path, or part of a value behind the ``?``. A value that makes a step empty, ``.`` or
    ``..`` gives None; so do lists and objects. So no record reaches another place than the author meant.

    Raises:
        TemplateError: as for a template; or it does not begin with a server, holds a password, or a ``#``.

    Example:
        >>> UrlTemplate("http://x/{{ a }}?q={{ b }}").over(Batch.of([{"a": "a/b", "b": ""}, {"a": "..", "b": 1}]))
        ['http://x/a%2Fb?q=', None]
    """

    __slots__ = ("_in_path",)

    def __init__(self, source: str) -> None:
        super().__init__(source)
        self._check()
        self._texts = tuple(quote(text, safe=_KEPT) for text in self._texts)
        ends = ["?" in "".join(self._texts[: number + 1]) for number in range(len(self._expressions))]
        self._in_path = [not is_behind for is_behind in ends]

    @property
    def server(self) -> str:
        """Its scheme and server: what may be shown of it, for the rest may hold a secret."""
        found = _BEGIN.match(self._texts[0])
        assert found is not None
        return found[0]

    def _check(self) -> None:
        first = self._texts[0]
        begin = _BEGIN.match(first)
        if begin is None:
            raise TemplateError("a URL begins with its server, such as https://api.example.com/", self._source)
        if not self.literal and begin.end() == len(first):
            raise TemplateError(f"a server is written out; end it with a '/', such as {begin[0]}/", self._source)
        try:
            port = urlsplit(begin[0]).port
        except ValueError as error:
            raise TemplateError(f"{begin[0]!r} names no server: {str(error).lower()}", self._source) from error
        if "@" in begin[0]:
            raise TemplateError("a URL holds no user and password; give them as 'auth'", self._source)
        if port == 0 or not begin[0].isascii():
            what = "its port is 0" if port == 0 else "write it in ASCII, as xn--..."
            raise TemplateError(f"{begin[0]!r} names no server: {what}", self._source)
        if "#" in "".join(self._texts):
            raise TemplateError("what is behind a '#' is never sent; a '#' that is is written %23", self._source)
        path = "\0".join(self._texts).partition("?")[0].split("/")[3:]
        if _DOTS & set(path):
            raise TemplateError("a URL has no step '.' or '..'; write the path as it is", self._source)

    def over(self, batch: Batch) -> list[str | None]:
        """Make the URL of every record, in order; None where it is missing or would lead elsewhere."""
        if self.literal:
            return [self._texts[0]] * len(batch)
        return super().over(batch)

    @staticmethod
    def _part(value: Any) -> str | None:
        return Template._part(value) if isinstance(value, str | int | float) else None

    def _join(self, parts: tuple[str, ...]) -> str | None:
        if any(is_in_path and not part for part, is_in_path in zip(parts, self._in_path, strict=True)):
            return None
        try:
            url = super()._join(tuple(quote(part, safe="") for part in parts))
        except UnicodeEncodeError:
            return None
        if url is None or len(url) > _LONGEST or _DOTS & set(url.partition("?")[0].split("/")):
            return None
        return url
