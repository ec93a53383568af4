"""What tests of write_sql share: the databases, and a table in each."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processors.write_sql.databases import Database, SqliteFile
from tests.services.mariadb import Mariadb
from tests.services.postgres import Postgres
from tests.services.server import provide, running


def pytest_collection_finish() -> None:
    """Install the servers now, where no test's deadline runs."""
    provide(Postgres, Mariadb)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """The server all tests use."""
    with running(Postgres()) as server:
        yield server


@pytest.fixture(scope="session")
def mariadb() -> Iterator[Mariadb]:
    """The server all tests use."""
    with running(Mariadb()) as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql", "mysql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    """One of the three, empty."""
    if request.param == "sqlite":
        sqlite3.connect(tmp_path / "x.db").close()
        return SqliteFile(tmp_path / "x.db")
    server: Postgres | Mariadb = request.getfixturevalue("postgres" if request.param == "postgresql" else "mariadb")
    server.empty()
    return server
