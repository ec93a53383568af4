"""Paths made from records, which cannot leave the place the flow's author gave them."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any, Self

from router.batch import Batch
from router.config import FromWorkingDirectory
from router.expression.errors import TemplateError
from router.expression.template import Template, need_template

_PART_OF_NAME = re.compile(r"[^/\\\x00-\x1f\x7f]+")
_LONGEST_NAME = 255
_LONGEST_PATH = 4095


class PathTemplate(Template):
    r"""A path with ``{{ expression }}`` in it: ``"out/{{ lang }}.avro"``.

    It begins with a literal text, and what a record adds is one name or part of one: a value that is
    empty, holds ``/``, ``\`` or a control character, makes a name ``.`` or ``..``, or makes a name or the
    path too long, gives None; so do lists and objects. So no record reaches outside the literal folder
    (symbolic links in there are the author's).

    As a setting, a relative path starts at the flow's folder, or where a person typed it: ``folder``.

    Raises:
        TemplateError: as for a template; or it begins with an expression, or climbs with ``..`` behind one.

    Example:
        >>> PathTemplate("out/{{ lang }}.avro").over(Batch.of([{"lang": "en"}, {"lang": "../x"}]))
        ['out/en.avro', None]
    """

    __slots__ = ("_folder",)

    def __init__(self, source: str, folder: str | os.PathLike[str] = "") -> None:
        super().__init__(source)
        self._folder = os.fspath(folder)
        self._check()

    def _check(self) -> None:
        if not self._source:
            raise TemplateError("a path is missing", self._source)
        for text in self._texts:
            for found in ("\0", "{", "}"):
                if found in text:
                    column = self._source.find(found) + 1
                    raise TemplateError(f"a path has no {found!r} in it", self._source, column)
        if self.literal:
            return
        if not self._texts[0]:
            right = f"./{self._source}"
            raise TemplateError(f"a path begins with a folder or text of its own; write {right!r}", self._source)
        for text in self._texts[1:]:
            # The first piece, and the last before another expression, are only parts of a name.
            names = text.split("/")[1 : None if text is self._texts[-1] else -1]
            if {".", ".."} & set(names):
                found = ".." if ".." in names else "."
                column = self._source.rfind("/" + found) + 2
                raise TemplateError(f"{found!r} behind an expression leads elsewhere", self._source, column)

    @property
    def folder(self) -> str:
        """Where a relative path starts; empty for the working directory."""
        return self._folder

    @property
    def prefix(self) -> str:
        """The text before the first expression, in its folder."""
        return self._placed(self._texts[0])

    def over(self, batch: Batch) -> list[str | None]:
        """Make the path of every record, in order; None where it is missing or would not be safe."""
        if self.literal:
            return [self.prefix] * len(batch)
        return super().over(batch)

    @staticmethod
    def _part(value: Any) -> str | None:
        return Template._part(value) if isinstance(value, str | int | float) else None

    def _join(self, parts: tuple[str, ...]) -> str | None:
        if not all(map(_PART_OF_NAME.fullmatch, parts)):
            return None
        inner = super()._join(parts)
        if inner is None:
            return None
        names = inner.split("/")
        # The names the author wrote may be dots; one that a record had a part in may not.
        written = self._texts[0].split("/")[:-1]
        if any(name in {".", ".."} for name in names[len(written) :]):
            return None
        path = self._placed(inner)
        try:
            size = len(os.fsencode(path))
            longest = max(len(os.fsencode(name)) for name in names)
            path.encode()
        except UnicodeEncodeError:
            return None
        return path if size <= _LONGEST_PATH and longest <= _LONGEST_NAME else None

    def _placed(self, path: str) -> str:
        return os.path.join(self._folder, path) if self._folder else path  # noqa: PTH118 - "./x" and "x/" stay as written

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PathTemplate):
            return NotImplemented
        return (self._source, self._folder) == (other._source, other._folder)

    def __hash__(self) -> int:
        return hash((self._source, self._folder))

    def __reduce__(self) -> tuple[Any, ...]:
        return PathTemplate, (self._source, self._folder)

    @classmethod
    def _validated(cls, value: object, context: Mapping[str, Any]) -> Self:
        folder = os.getcwd() if isinstance(value, FromWorkingDirectory) else context.get("folder") or ""  # noqa: PTH109
        return cls(need_template(value), folder)
