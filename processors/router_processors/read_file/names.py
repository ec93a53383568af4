"""Which files a path means: itself, what a pattern matches, or the standard input."""

from __future__ import annotations

import glob
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import PlainValidator, ValidationInfo, WithJsonSchema

from router import FromWorkingDirectory

STDIN = "-"
_NUMBER = re.compile(r"([0-9]+)")


@dataclass(frozen=True, slots=True)
class FileNames:
    """A path or a pattern as it was given, and the folder where it starts."""

    text: str
    folder: str = ""

    @property
    def source(self) -> str:
        """As it was given: what is shown of the setting."""
        return self.text

    @property
    def is_stdin(self) -> bool:
        """Whether it is ``-``."""
        return self.text == STDIN

    @property
    def is_pattern(self) -> bool:
        """Whether it may mean any number of files; a file of that very name goes before."""
        return glob.has_magic(self.text) and not os.path.lexists(self.place(self.text))

    def find(self) -> list[str]:
        """The names it means now, as the pattern says them: ``a2`` before ``a10``. A plain path need not be there."""
        if self.is_stdin or not self.is_pattern:
            return [self.text]
        found = glob.iglob(self.text, root_dir=self.folder or None, recursive=True)  # noqa: PTH207 - names as given
        return sorted((name for name in found if not Path(self.place(name)).is_dir()), key=_natural)

    def place(self, name: str) -> str:
        """Where a name is found."""
        return name if self.is_stdin else os.path.join(self.folder, name)  # noqa: PTH118 - a name is shown as it was given

    def __str__(self) -> str:
        return self.text


def _natural(name: str) -> list[tuple[str, int]]:
    parts = _NUMBER.split(name)
    return [(text, int(number)) for text, number in zip(parts[::2], [*parts[1::2], "0"], strict=True)]


def _read_names(value: Any, info: ValidationInfo) -> FileNames:
    if isinstance(value, FileNames):
        return value
    if not isinstance(value, str | Path) or not str(value):
        raise ValueError(f"a path is a text; got {value!r}")
    if "\0" in str(value):
        raise ValueError("a path has no NUL in it")
    folder = Path.cwd() if isinstance(value, FromWorkingDirectory) else (info.context or {}).get("folder")
    return FileNames(str(value), "" if folder is None else str(folder))


FileNamesSetting = Annotated[
    FileNames,
    PlainValidator(_read_names),
    WithJsonSchema(
        {"type": "string", "description": "A path or a pattern; a relative one starts at the flow's folder."}
    ),
]
"""A path or a pattern; a relative one starts at the flow's folder, or where a person typed it."""
