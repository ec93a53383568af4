"""Ways to a server: encrypted and proved, by a socket of the machine's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from router import ProcessorError
from tests.processors.write_sql.databases import not_started, writing, written
from tests.services.certificates import write_certificates
from tests.services.mariadb import Mariadb
from tests.services.postgres import Postgres

Server = Postgres | Mariadb


@pytest.fixture(params=["postgres", "mariadb"])
def server(request: pytest.FixtureRequest) -> Server:
    found: Server = request.getfixturevalue(request.param)
    found.empty()
    found.execute("CREATE TABLE posts (id INTEGER PRIMARY KEY, cipher VARCHAR(50))")
    return found


@pytest.mark.parametrize(
    ("options", "is_encrypted"),
    [("sslmode=disable", False), ("", True), ("sslmode=require", True), ("sslmode=verify-full&sslrootcert={ca}", True)],
)
async def test_connections_are_encrypted_as_asked(server: Server, options: str, *, is_encrypted: bool) -> None:
    url = f"{server.url}?{options.format(ca=server.folder / 'ca.pem')}".rstrip("?")
    cipher = (
        "(SELECT ssl::text FROM pg_stat_ssl WHERE pid = pg_backend_pid())"
        if isinstance(server, Postgres)
        else "(SELECT if(variable_value = '', 'false', 'true') FROM information_schema.session_status "
        "WHERE variable_name = 'ssl_cipher')"
    )
    statement = f"INSERT INTO posts SELECT :id, {cipher}"
    async with writing(server, url=url, table=None, statement=statement, set={"id": "id"}) as write:
        assert "failure" not in await written(write, {"id": 1})
    assert server.execute("SELECT cipher FROM posts") == [("true" if is_encrypted else "false",)]


@pytest.mark.parametrize("mode", ["verify-ca", "verify-full"])
async def test_a_server_that_nobody_vouches_for_gets_nothing(server: Server, mode: str, tmp_path: Path) -> None:
    write_certificates(tmp_path)  # of another authority
    write = writing(server, url=f"{server.url}?sslmode={mode}&sslrootcert={tmp_path}/ca.pem")
    said = await not_started(write)
    assert "certificate verify failed" in said
    assert "secret" not in said


async def test_a_server_of_another_name_gets_nothing(server: Server) -> None:
    url = server.url.replace("127.0.0.1", "localhost") + f"?sslrootcert={server.folder}/ca.pem&sslmode="
    assert "localhost" in await not_started(writing(server, url=f"{url}verify-full"))


async def test_a_socket_of_the_machine(server: Server) -> None:
    way = f"host={server.folder}" if isinstance(server, Postgres) else f"unix_socket={server.folder}/socket"
    place = f"127.0.0.1:{server.port}"
    url = server.url.replace(place, "" if isinstance(server, Postgres) else "localhost") + f"?{way}"
    url += f"&port={server.port}" if isinstance(server, Postgres) else ""
    async with writing(server, url=url) as write:
        assert await written(write, {"id": 1}) == {"success": [{"id": 1}]}


@pytest.mark.parametrize("options", ["sslmode=none", "sslmode=verify-full&sslrootcert=/no/ca.pem"])
async def test_options_that_cannot_be_are_told(mariadb: Mariadb, options: str) -> None:
    with pytest.raises(ProcessorError, match=r"no sslmode 'none'|its certificates cannot be read"):
        await writing(mariadb, url=f"{mariadb.url}?{options}").__aenter__()


async def test_an_option_that_libpq_does_not_know_is_told(postgres: Postgres) -> None:
    with pytest.raises(ProcessorError, match="sslmod"):
        await writing(postgres, url=f"{postgres.url}?sslmod=require").__aenter__()
