"""Where a database is: its URL, read once and shown without its password."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias, get_args
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from pydantic import BeforeValidator, TypeAdapter, ValidationInfo, WithJsonSchema

from router import FilePath, FromWorkingDirectory, nearest

Kind: TypeAlias = Literal["sqlite", "postgresql", "mysql"]

_KINDS: tuple[Kind, ...] = get_args(Kind)
_LIKELY = {"mariadb": "mysql", "postgres": "postgresql", "psql": "postgresql", "sqlite3": "sqlite"}
# What MySQL takes; libpq has some forty, and names those it does not know.
_MYSQL_OPTIONS = ("unix_socket", "sslmode", "sslrootcert", "sslcert", "sslkey")
_PATH = TypeAdapter[Path](FilePath)


@dataclass(frozen=True, slots=True)
class Url:
    """The parts of a database's URL; as a text it has no password and no options."""

    kind: Kind
    database: str
    """Its name; with SQLite the path of its file."""
    host: str | None = None
    port: int | None = None
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    options: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __str__(self) -> str:
        user = f"{self.user}@" if self.user else ""
        host = f"[{self.host}]" if self.host and ":" in self.host else self.host or ""
        port = f":{self.port}" if self.port else ""
        return f"{self.kind}://{user}{host}{port}/{self.database}"

    @property
    def source(self) -> str:
        """What is shown of the setting: the text of it."""
        return str(self)


def _read(value: object, info: ValidationInfo) -> object:
    if isinstance(value, Url):
        return value
    if not isinstance(value, str):
        raise ValueError("a URL is a text, such as postgresql://user@host/database")  # noqa: TRY004 - a setting's
    scheme, found, rest = value.partition("://")
    if not found:
        raise ValueError("a URL begins with sqlite://, postgresql:// or mysql://")
    kind = next((each for each in _KINDS if each == scheme), None)
    if kind is None:
        raise ValueError(f"no kind of database {scheme!r}{_hint(scheme)}")
    if kind == "sqlite":
        return Url(kind, str(_file(rest, info, typed=isinstance(value, FromWorkingDirectory))))
    return _server(kind, value)


def _hint(scheme: str) -> str:
    likely = _LIKELY.get(scheme)
    return f" (did you mean {likely!r}?)" if likely else nearest(scheme, _KINDS)


def _file(rest: str, info: ValidationInfo, *, typed: bool) -> Path:
    if not rest.startswith("/") or rest == "/":
        raise ValueError("a SQLite file is written sqlite:///beside/the/flow.db, or sqlite:////from/the/root.db")
    path = FromWorkingDirectory(rest[1:]) if typed else rest[1:]
    return _PATH.validate_python(path, context=info.context)


def _server(kind: Kind, text: str) -> Url:
    """Read the URL of a server. What is said of a slip names no part of it that may belong to the password."""
    try:
        parts = urlsplit(text)
        port = parts.port
        options = dict(parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query)))
    except ValueError:
        text = "cannot be read as scheme://user:password@host:port/database; a password with signs in it stands in"
        raise ValueError(f"{text} 'password', or is percent-encoded") from None
    database = unquote(parts.path.removeprefix("/"))
    if not database or "/" in database or parts.fragment:
        raise ValueError(f"names no database; write {kind}://user@host/database")
    if kind == "mysql" and (unknown := next((each for each in options if each not in _MYSQL_OPTIONS), None)):
        known = ", ".join(_MYSQL_OPTIONS)
        raise ValueError(f"no option {unknown!r}{nearest(unknown, _MYSQL_OPTIONS)}; known are {known}")
    return Url(kind, database, parts.hostname, port, *_credentials(parts), options)


def _credentials(parts: SplitResult) -> tuple[str | None, str | None]:
    user, password = (None if each is None else unquote(each) for each in (parts.username, parts.password))
    return user or None, password


def with_password(url: Url, password: str | None) -> dict[str, Any]:
    """The parts a driver connects with, those that are there, by the names that both drivers have for them."""
    parts = {"host": url.host, "port": url.port, "user": url.user, "password": password or url.password}
    return {name: value for name, value in parts.items() if value is not None}


DatabaseUrl = Annotated[
    Url,
    BeforeValidator(_read),
    WithJsonSchema({"type": "string", "pattern": "^(sqlite|postgresql|mysql)://"}),
]
"""A setting that names a database; a relative SQLite file starts at the flow's folder."""
