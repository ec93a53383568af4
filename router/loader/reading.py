"""Take the text of a flow file from the disk, within bounds."""

from __future__ import annotations

import codecs
import os
from pathlib import Path

from router.errors import FlowError, Problem

SIZE_LIMIT = 4 << 20


def read_text(path: Path) -> str:
    """Read a flow file.

    Raises:
        FlowError: it is not there, is no file, is too large, or is no text in UTF-8.
    """
    file = os.fspath(path)
    try:
        with path.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            content = stream.read(SIZE_LIMIT + 1) if size <= SIZE_LIMIT else b""
    except IsADirectoryError:
        raise FlowError([Problem("this is a folder; name the flow file in it", file)]) from None
    except FileNotFoundError:
        raise FlowError([Problem("no such file", file)]) from None
    except (OSError, ValueError) as error:
        said = error.strerror.lower() if isinstance(error, OSError) and error.strerror else str(error)
        raise FlowError([Problem(f"the file cannot be read: {said}", file)]) from error
    if max(size, len(content)) > SIZE_LIMIT:
        said = f"{max(size, len(content)):,} bytes; a flow file has at most {SIZE_LIMIT:,}"
        raise FlowError([Problem(said, file)])
    return _decoded(content.removeprefix(codecs.BOM_UTF8), file)


def _decoded(content: bytes, file: str) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        before = content[: error.start]
        line = before.count(b"\n") + 1
        column = len(before[before.rfind(b"\n") + 1 :].decode()) + 1
        said = f"the byte 0x{content[error.start]:02x} is not UTF-8; a flow file is text in UTF-8"
        raise FlowError([Problem(said, file, line, column)]) from None
