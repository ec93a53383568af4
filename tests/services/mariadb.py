"""MariaDB for tests: user ``test`` with all rights, password ``secret``, database ``test``."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pymysql

from tests.services.server import Server

# What mariadb-install-db reads; that program itself wants packages that nothing here needs.
SYSTEM_TABLES = ("mysql_system_tables.sql", "mysql_performance_tables.sql", "mysql_system_tables_data.sql")
OWN = """
create database test;
flush privileges;
create user test@'127.0.0.1' identified by 'secret';
grant all on *.* to test@'127.0.0.1' with grant option;
create user test@localhost identified by 'secret';
grant all on *.* to test@localhost;
"""


class Mariadb(Server):
    """One server."""

    name = "mariadb"
    pattern = "usr/sbin/mariadbd"
    packages = ("mariadb-server-core",)

    def set_up(self) -> None:
        """Make the system's tables and start it."""
        self.data.mkdir()
        if self.identity:
            shutil.chown(self.data, self.identity["user"], self.identity["group"])
        tables = [Path("/usr/share/mysql", each).read_text() for each in SYSTEM_TABLES]
        self.run(
            *self.command(), "--bootstrap", given="\n".join(["create database mysql;", "use mysql;", *tables, OWN])
        )
        self.start()

    @property
    def url(self) -> str:
        """As a flow would name it."""
        return f"mysql://test:secret@127.0.0.1:{self.port}/test"

    def command(self) -> list[str]:
        """What runs the server."""
        return [
            self.binary, "--no-defaults", f"--datadir={self.data}", f"--port={self.port}", "--bind-address=127.0.0.1",
            f"--socket={self.folder}/socket", "--skip-name-resolve", "--character-set-server=utf8mb4", "--innodb-buffer-pool-size=32M",
            "--innodb-flush-log-at-trx-commit=2", "--innodb-flush-method=nosync", "--performance-schema=OFF",
            f"--ssl-ca={self.folder}/ca.pem", f"--ssl-cert={self.folder}/server.pem", f"--ssl-key={self.folder}/server.key",
            "--max-connections=20",
        ]  # fmt: skip

    def stop(self) -> None:
        """End it in good order: it does not know SIGINT."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(60)
            self.process = None

    def is_ready(self) -> bool:
        """Whether it answers."""
        return self.execute("select 1") == [(1,)]

    def empty(self) -> None:
        """Forget every table."""
        self.execute("drop database test", database="mysql")
        self.execute("create database test", database="mysql")

    def execute(self, sql: str, values: Iterable[Any] | None = None, database: str = "test") -> list[tuple[Any, ...]]:
        """Run SQL; the rows it gives."""
        with self.connected(database, autocommit=True) as connection:
            cursor = connection.cursor()
            cursor.execute(sql, values)
            return list(cursor.fetchall())

    def connected(self, database: str = "test", *, autocommit: bool = False) -> Any:
        """Connect as the user with all rights."""
        place: dict[str, Any] = {"host": "127.0.0.1", "port": self.port, "user": "test", "password": "secret"}
        return pymysql.connect(database=database, autocommit=autocommit, connect_timeout=2, **place)
