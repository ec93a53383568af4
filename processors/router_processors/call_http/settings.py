"""The settings of ``call_http`` that are more than a word: who calls, whom to trust, when to rest."""

from __future__ import annotations

import re
import ssl
from base64 import b64encode
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, TypeAlias

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema

from router import Choice, Config, Expression, Field, FilePath, ProcessorError, Secret, Template

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_ITS_OWN = {"connection", "content-length", "host", "transfer-encoding", "upgrade"}
_SOURCE = re.compile(r"status|seconds|headers\.[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_TARGET = re.compile(r"(?:meta\.)?[A-Za-z_][A-Za-z0-9_]*")
_ENGINES = {"attempts", "error", "fragment", "index", "input", "rounds"}


def has_control(text: str) -> bool:
    """True if a text cannot be the value of a header."""
    return _CONTROL.search(text) is not None


def _header(name: str) -> str:
    if not _TOKEN.fullmatch(name):
        raise ValueError(f"a header's name is letters, digits and '-', such as 'X-Request-Id'; got {name!r}")
    if name.lower() in _ITS_OWN:
        raise ValueError(f"the header {name!r} follows from the request itself; leave it out")
    return name


def _header_value(value: Template) -> Template:
    if value.literal and has_control(value.prefix):
        raise ValueError("a header has no line end and no other control character in it")
    return value


def _source(text: str) -> str:
    if not _SOURCE.fullmatch(text):
        raise ValueError(f"of an answer there are 'status', 'seconds' and 'headers.NAME'; got {text!r}")
    return text


def _target(text: str) -> str:
    if not _TARGET.fullmatch(text):
        raise ValueError(f"a field's name, or 'meta.' and a column's; got {text!r}")
    if text.removeprefix("meta.") in _ENGINES and text.startswith("meta."):
        raise ValueError(f"the column {text!r} belongs to the engine")
    return text


def _key(value: object) -> object:
    return value if isinstance(value, bool | Expression) else Expression(value)  # type: ignore[arg-type]


HeaderName: TypeAlias = Annotated[str, AfterValidator(_header)]
HeaderValue: TypeAlias = Annotated[Template, AfterValidator(_header_value)]
OutputTarget: TypeAlias = Annotated[str, AfterValidator(_target)]
OutputSource: TypeAlias = Annotated[str, AfterValidator(_source)]
IdempotencyKey: TypeAlias = Annotated[
    bool | Expression,
    BeforeValidator(_key),
    WithJsonSchema({"type": ["string", "number", "boolean"], "format": "expression"}),
]


class CircuitConfig(Config):
    """When to leave a service alone that does not answer."""

    failures: int = Field(10, gt=0, description="How many requests in a row may meet an outage before it rests.")
    rest: timedelta = Field(
        timedelta(seconds=1),
        gt=timedelta(0),
        description="How long it rests before it tries one request; doubled while that fails, up to five minutes.",
    )


class TlsConfig(Config):
    """Whom to trust, and how to prove who calls."""

    ca: FilePath | None = Field(
        None, description="A PEM file of the authorities to trust; left out: those of the system."
    )
    certificate: FilePath | None = Field(None, description="A PEM file: the certificate to show.")
    private_key: FilePath | None = Field(
        None, description="A PEM file, without a password; left out: it stands with the certificate."
    )
    verify: bool = Field(True, description="Whether to look at the server's certificate at all.")

    def context(self) -> ssl.SSLContext:
        """Read the files.

        Raises:
            ProcessorError: one of them cannot be read, or does not hold what it should.
        """
        if self.ca is not None:
            _prove(self.ca)
        try:
            context = ssl.create_default_context(cafile=self.ca)
        except ssl.SSLError as error:
            raise ProcessorError(f"{str(self.ca)!r} holds no certificates of authorities: {error}") from error
        if not self.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        if self.certificate is not None:
            self._show(context, self.certificate, self.private_key or self.certificate)
        return context

    def _show(self, context: ssl.SSLContext, certificate: Path, private_key: Path) -> None:
        _prove(certificate)
        _prove(private_key)
        try:
            # A password would be asked for at the terminal.
            context.load_cert_chain(certificate, private_key, password=lambda: "")
        except (ssl.SSLError, ValueError) as error:
            found = f"{str(certificate)!r} and {str(private_key)!r}"
            raise ProcessorError(f"{found} are no certificate and its private key: {error}") from error


def _prove(path: Path) -> None:
    try:
        path.read_bytes()
    except OSError as error:
        raise ProcessorError(f"file {str(path)!r} cannot be read: {error.strerror}") from error


class Auth(Choice):
    """How to prove who calls."""

    noun = "way to prove who one is"

    @classmethod
    def known(cls, registry: Any) -> Mapping[str, type[Choice]]:
        """The ways there are."""
        return {each.type_name: each for each in (Basic, Bearer)}

    def header(self) -> str:
        """The value of the header ``Authorization``."""
        raise NotImplementedError


class BearerConfig(Config):
    """Settings of ``auth: {type: bearer}``."""

    token: str = Field(min_length=1, description="The token.", examples=["${secret:API_TOKEN}"])


class Bearer(Auth):
    """Show a token: ``Authorization: Bearer TOKEN``."""

    type_name = "bearer"
    config: BearerConfig

    def __init__(self, config: BearerConfig) -> None:
        if not config.token.isascii() or has_control(config.token):
            raise ValueError("a token is ASCII, without line ends")
        # Shown to nobody, also where the flow has it in plain sight.
        super().__init__(config.model_copy(update={"token": Secret(config.token)}))

    def header(self) -> str:
        """The value of the header ``Authorization``."""
        return f"Bearer {self.config.token!s}"


class BasicConfig(Config):
    """Settings of ``auth: {type: basic}``."""

    user: str = Field(min_length=1, description="The name.")
    password: str = Field(description="The password.", examples=["${secret:API_PASSWORD}"])


class Basic(Auth):
    """Show a name and a password: ``Authorization: Basic ...``."""

    type_name = "basic"
    config: BasicConfig

    def __init__(self, config: BasicConfig) -> None:
        if ":" in config.user or has_control(config.user + config.password):
            raise ValueError("a user has no ':', and neither of the two a control character")
        super().__init__(config.model_copy(update={"password": Secret(config.password)}))

    def header(self) -> str:
        """The value of the header ``Authorization``."""
        return "Basic " + b64encode(f"{self.config.user}:{self.config.password!s}".encode()).decode()
