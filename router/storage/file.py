"""Open a SQLite file of ours: known by its mark, brought up to the tables of today, never one of another program."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from router.errors import DataFolderError

__all__ = ["PATIENCE", "open_file", "unusable"]

PATIENCE = 5.0  # seconds: how long a lock of another process is waited for
_POLL = 0.01  # seconds
_APPLICATION = 0x726F7574  # "rout": marks the file as ours
_PAGE = 16384  # a batch of 250 KB in few pages: half again as fast as 4096, small ones hardly slower


def open_file(
    path: Path, schema: Sequence[str], *, synchronous: Literal["FULL", "NORMAL"] = "FULL"
) -> sqlite3.Connection:
    """Open a database, making it where there is none; its tables are those of the newest version.

    Args:
        schema: One script a version; what a file lacks of them is run, all in one transaction.
        synchronous: ``FULL``: on disk at each commit. ``NORMAL``: a power cut may take the newest commits.

    Raises:
        DataFolderError: it is of another program or of a newer router; not a byte of it was changed.
        sqlite3.Error: it is damaged, or cannot be read now.
    """
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=PATIENCE)
    try:
        version = _known_version(connection, path, len(schema))
        if version == 0:  # these are settled before the first table
            connection.execute(f"PRAGMA page_size={_PAGE}")
            connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
        connection.execute("PRAGMA temp_store=MEMORY")  # else a large group writes more beside the file than into it
        _use_log(connection)
        connection.execute(f"PRAGMA synchronous={synchronous}")
        connection.execute(f"PRAGMA journal_size_limit={64 << 20}")
        # Some builds overwrite with zeros what is deleted; that is three times the cost of a queue.
        connection.execute("PRAGMA secure_delete=OFF")
        if version < len(schema):
            _bring_up(connection, path, schema)
    except BaseException:
        connection.close()
        raise
    return connection


def unusable(path: Path, error: sqlite3.Error) -> DataFolderError:
    """Why a file cannot be opened, and what to do."""
    return DataFolderError(
        f"{str(path)!r} cannot be opened: {error}; it is left as it is: mend it, or move it away and begin anew"
    )


def _use_log(connection: sqlite3.Connection) -> None:
    """Write ahead; SQLite itself does not wait where another process makes the file at this moment."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(_POLL)
        else:
            return


def _known_version(connection: sqlite3.Connection, path: Path, newest: int) -> int:
    # One statement sees one state of the file: another process may be making it.
    version, application, has_tables = connection.execute(
        "SELECT user_version, application_id, EXISTS (SELECT 1 FROM sqlite_master)"
        " FROM pragma_user_version, pragma_application_id"
    ).fetchone()
    if application != _APPLICATION and (version or application or has_tables):
        raise DataFolderError(f"{str(path)!r} is a database of another program; move it away")
    if version > newest:
        raise DataFolderError(
            f"{str(path)!r} was written by a newer router (version {version} of its tables, "
            f"{newest} is known here); use that one, or another data folder"
        )
    return int(version)


def _bring_up(connection: sqlite3.Connection, path: Path, schema: Sequence[str]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    version = _known_version(connection, path, len(schema))  # another process may have done it meanwhile
    for script in schema[version:]:
        for statement in filter(str.strip, script.split(";")):
            connection.execute(statement)
    connection.execute(f"PRAGMA application_id={_APPLICATION}")
    connection.execute(f"PRAGMA user_version={len(schema)}")
    connection.execute("COMMIT")
