"""The settings of ``serve_http`` that are more than a word: where it listens, its certificate, who may come in."""

from __future__ import annotations

import hmac
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from router import Choice, Config, Field, FilePath, ProcessorError, Secret

_LISTEN = re.compile(r"(?:\[([0-9A-Fa-f:.]+(?:%\w+)?)\]|([0-9A-Za-z_.-]+)):([0-9]{1,5})")
_PATH = re.compile(r"/[^\s?#]*")


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen."""

    host: str
    port: int

    def __str__(self) -> str:
        return written(self.host, self.port)


def written(host: str, port: int) -> str:
    """An address as one writes it."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _address(value: object) -> Address:
    if isinstance(value, Address):
        return value
    found = _LISTEN.fullmatch(value) if isinstance(value, str) else None
    if found is None or int(found[3]) > 65535:
        raise ValueError(
            "an address is 'host:port', such as '127.0.0.1:8080', '[::1]:8080', or '0.0.0.0:8080' for everybody; "
            f"got {value!r}"
        )
    return Address(found[1] or found[2], int(found[3]))


def _checked_paths(value: object) -> object:
    for each in value if isinstance(value, list) and value else [value]:
        if not isinstance(each, str) or not _PATH.fullmatch(each):
            raise ValueError(f"the path of a URL begins with '/' and has no space, '?' or '#'; got {each!r}")
    return value


AddressSetting = Annotated[Address, BeforeValidator(_address), WithJsonSchema({"type": "string"})]
PathsSetting = Annotated[str | list[str], BeforeValidator(_checked_paths)]


class Tls(Config):
    """Serve https."""

    certificate: FilePath = Field(description="A PEM file: the server's certificate, then those that lead to its root.")
    private_key: FilePath = Field(description="A PEM file, without a password.")

    def context(self) -> ssl.SSLContext:
        """Read the files.

        Raises:
            ProcessorError: one of them cannot be read, or they do not belong together.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        for path in (self.certificate, self.private_key):
            try:
                path.read_bytes()
            except OSError as error:
                raise ProcessorError(f"file {str(path)!r} cannot be read: {error.strerror}") from error
        try:
            # A password would be asked for at the terminal.
            context.load_cert_chain(self.certificate, self.private_key, password=lambda: "")
        except (ssl.SSLError, ValueError) as error:
            found = f"{str(self.certificate)!r} and {str(self.private_key)!r}"
            raise ProcessorError(f"{found} are no certificate and its private key: {error}") from error
        return context


class Auth(Choice):
    """Who may send requests."""

    noun = "way to prove who one is"

    @classmethod
    def known(cls, registry: Any) -> Mapping[str, type[Choice]]:
        """The ways there are."""
        return {Bearer.type_name: Bearer}

    def admits(self, authorization: str) -> bool:
        """True if a request with this header ``authorization`` may come in."""
        raise NotImplementedError


class BearerConfig(Config):
    """Settings of ``auth: {type: bearer}``."""

    tokens: list[str] = Field(min_length=1, description="The tokens, any of which opens.")


class Bearer(Auth):
    """A request shows one of the tokens: ``Authorization: Bearer TOKEN``."""

    type_name = "bearer"
    config: BearerConfig

    def __init__(self, config: BearerConfig) -> None:
        if not all(config.tokens):
            raise ValueError("a token is not empty")
        # Shown to nobody, also where the flow has them in plain sight.
        super().__init__(config.model_copy(update={"tokens": [Secret(each) for each in config.tokens]}))
        self._digests = [sha256(each.encode()).digest() for each in config.tokens]

    def admits(self, authorization: str) -> bool:
        """Compare with every token, each in the time that any other takes."""
        scheme, _, token = authorization.partition(" ")
        given = sha256(token.strip().encode("latin-1", "replace")).digest()
        matches = [hmac.compare_digest(given, each) for each in self._digests]
        return scheme.lower() == "bearer" and any(matches)
