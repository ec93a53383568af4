"""Files of SQLite are opened by many at once: those who come while it is made wait, none is refused."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from router.storage.file import open_file

SCHEMA = ["CREATE TABLE kept (n INTEGER PRIMARY KEY)"]


def test_those_who_open_a_file_at_the_moment_it_is_made_wait(tmp_path: Path) -> None:
    together = threading.Barrier(4)

    def tables(path: Path) -> int:
        together.wait()
        connection = open_file(path, SCHEMA)
        try:
            return int(connection.execute("SELECT count(*) FROM kept").fetchone()[0])
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        for number in range(25):
            path = tmp_path / f"{number}.db"
            assert list(pool.map(tables, [path] * 4)) == [0] * 4
