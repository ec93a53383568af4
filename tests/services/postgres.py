"""PostgreSQL for tests: superuser ``test``, password ``secret``, database ``test``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import psycopg

from tests.services.server import Server

# A crash of the machine is not what is tested; without fsync the rest is faster.
SETTINGS = {"fsync": "off", "max_connections": "20", "shared_buffers": "16MB"}


class Postgres(Server):
    """One cluster."""

    name = "postgresql"
    pattern = "usr/lib/postgresql/*/bin/postgres"
    packages = ("postgresql",)

    def set_up(self) -> None:
        """Make the cluster and start it."""
        password = self.folder / "password"
        password.write_text("secret")
        password.chmod(0o644)
        initdb = self.binary.removesuffix("postgres") + "initdb"
        options = [
            "-U",
            "test",
            f"--pwfile={password}",
            "-A",
            "scram-sha-256",
            "-E",
            "UTF8",
            "--no-locale",
            "--no-sync",
        ]
        self.run(initdb, "-D", str(self.data), *options)
        self.start()
        self.execute("CREATE DATABASE test", database="postgres")

    @property
    def url(self) -> str:
        """As a flow would name it."""
        return f"postgresql://test:secret@127.0.0.1:{self.port}/test"

    def command(self) -> list[str]:
        """What runs the server."""
        settings = [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
        place = ["-D", str(self.data), "-p", str(self.port), "-h", "127.0.0.1", "-k", str(self.folder)]
        tls = ["-c", "ssl=on"]
        for name in ("ca_file=ca.pem", "cert_file=server.pem", "key_file=server.key"):
            tls += ["-c", f"ssl_{name.replace('=', f'={self.folder}/')}"]
        return [self.binary, *place, *settings, *tls]

    def is_ready(self) -> bool:
        """Whether it answers."""
        return self.execute("SELECT 1", database="postgres") == [(1,)]

    def empty(self) -> None:
        """Forget every table."""
        self.execute("DROP SCHEMA public CASCADE")
        self.execute("CREATE SCHEMA public")
        self.execute("GRANT USAGE ON SCHEMA public TO PUBLIC")

    def execute(self, sql: str, values: Iterable[Any] | None = None, database: str = "test") -> list[tuple[Any, ...]]:
        """Run SQL as the superuser; the rows it gives."""
        with self.connected(database, autocommit=True) as connection:
            cursor = connection.execute(sql.encode(), list(values) if values is not None else None)
            return cursor.fetchall() if cursor.description else []

    def connected(self, database: str = "test", *, autocommit: bool = False) -> psycopg.Connection:
        """Connect as the superuser."""
        place: dict[str, Any] = {"host": "127.0.0.1", "port": self.port, "user": "test", "password": "secret"}
        return psycopg.connect(dbname=database, autocommit=autocommit, connect_timeout=2, **place)
