"""The settings of ``call_http``, what follows from them, and what contradicts."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Annotated, Literal, TypeAlias

from router import Config, Expression, Field, Size, UrlTemplate
from router_processors.call_http.settings import (
    Auth,
    CircuitConfig,
    HeaderName,
    HeaderValue,
    IdempotencyKey,
    OutputSource,
    OutputTarget,
    TlsConfig,
)

__all__ = ["CallHttpConfig", "contradictions"]

Body: TypeAlias = Literal["record", "array", "lines", "none"]
Response: TypeAlias = Literal["replace", "merge", "ignore"]

_BODILESS = {"GET", "HEAD", "DELETE"}
_TYPES = {"json": "application/json", "text": "text/plain; charset=utf-8", "raw": "application/octet-stream"}


class CallHttpConfig(Config):
    """Settings of ``call_http``."""

    url: UrlTemplate = Field(
        description="Where the service is. What a record adds is written in percent signs.",
        examples=["https://api.example.com/users/{{ id }}"],
    )
    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] = Field("POST", description="What to do there.")
    headers: dict[HeaderName, HeaderValue] = Field(
        default_factory=dict, description="Headers of the request.", examples=[{"X-Language": "{{ lang }}"}]
    )
    body: Body | None = Field(
        None,
        description="What a request holds: a `record`, an `array` or `lines` of all records of a call, or `none`; left "
        "out: `none` with GET, HEAD and DELETE, else `record`.",
    )
    inputs: dict[str, Expression] | None = Field(
        None,
        min_length=1,
        description="Field of the body: expression; left out: the body is the record.",
        examples=[{"text": "text", "language": 'default(lang, "en")'}],
    )
    format: Literal["json", "text", "raw"] = Field(
        "json",
        description="What bodies are, asked and answered: `text` is the field `text`, `raw` the field `content`.",
    )
    response: Response | None = Field(
        None,
        description="What becomes of the answer: it takes the record's place, is put into it, or is not looked at; "
        "left out: `merge` with `into`, else `replace`.",
    )
    into: str | None = Field(
        None, min_length=1, description="The field that takes the answer; left out: `merge` puts in each of its fields."
    )
    outputs: dict[OutputTarget, OutputSource] = Field(
        default_factory=dict,
        description="Field, or column as `meta.NAME`: what of the answer, `status`, `seconds` or `headers.NAME`.",
        examples=[{"meta.status": "status", "version": "headers.ETag"}],
    )
    accept: list[Annotated[int, Field(ge=300, le=599)]] = Field(
        default_factory=list, description="Statuses beside 2xx that are answers too.", examples=[[404]]
    )
    timeout: timedelta = Field(timedelta(seconds=30), gt=timedelta(0), description="How long one request may take.")
    in_flight: int | None = Field(
        None, ge=1, le=1024, description="How many requests may be open; left out: 64, with `array` and `lines` 4."
    )
    max_response: Size = Field(16 << 20, gt=0, description="A larger answer, decompressed, is the record's failure.")
    redirects: int = Field(0, ge=0, le=20, description="How many redirects are followed, on the same server only.")
    idempotency_key: IdempotencyKey = Field(
        False,
        description="The header `Idempotency-Key`: an expression, or true for a random one that a record keeps while "
        "it is tried again.",
        examples=["order_id"],
    )
    auth: Auth | None = Field(
        None, description="How to prove who asks: `bearer` with `token`, or `basic` with `user` and `password`."
    )
    tls: TlsConfig | None = Field(None, description="Authorities to trust, a certificate to show.")
    circuit: CircuitConfig | None = Field(
        CircuitConfig(), description="When to leave a service alone that does not answer; null: never."
    )

    @property
    def asked(self) -> Body:
        """What a request holds."""
        return self.body or ("none" if self.method in _BODILESS else "record")

    @property
    def is_together(self) -> bool:
        """True if one request holds all records of a call."""
        return self.asked in {"array", "lines"}

    @property
    def answered(self) -> Response:
        """What becomes of the answer."""
        return self.response or ("merge" if self.into is not None else "replace")

    @property
    def open_requests(self) -> int:
        """How many requests may be open."""
        return self.in_flight or (4 if self.is_together else 64)

    @property
    def content_type(self) -> str | None:
        """What a body is said to be."""
        if self.asked == "none":
            return None
        return "application/x-ndjson" if self.asked == "lines" else _TYPES[self.format]


def contradictions(config: CallHttpConfig) -> Iterable[str]:
    """Settings, each fine alone, that cannot be together."""
    yield from _of_bodies(config)
    yield from _of_headers(config)
    if config.tls is not None:
        yield from _of_tls(config.tls, config.url)


def _of_bodies(config: CallHttpConfig) -> Iterable[str]:
    if config.into is not None and config.answered != "merge":
        yield f"'into' is for 'response: merge'; with {config.answered!r} leave it out"
    if config.into is not None and config.into in config.outputs:
        yield f"'outputs' and 'into' both set the field {config.into!r}"
    if config.format != "json" and config.is_together:
        yield f"'body' {config.asked!r} is JSON; with 'format: {config.format}' leave it out"
    if config.format != "json" and config.inputs is not None:
        yield f"'inputs' are written as JSON; with 'format: {config.format}' leave them out"
    if config.inputs is not None and config.asked == "none":
        yield f"'inputs' are for a body, and {config.method} has none; say 'body: record'"
    if config.method == "HEAD" and config.answered != "ignore":
        yield "'method' HEAD is answered by a status and headers alone; say 'response: ignore'"


def _of_headers(config: CallHttpConfig) -> Iterable[str]:
    names = {each.lower() for each in config.headers}
    if len(names) < len(config.headers):
        yield "'headers' name one twice; capitals make no difference"
    if config.auth is not None and "authorization" in names:
        yield "'auth' sets the header 'Authorization' too; give one of the two"
    if config.idempotency_key is not False and "idempotency-key" in names:
        yield "'idempotency_key' sets the header 'Idempotency-Key' too; give one of the two"


def _of_tls(tls: TlsConfig, url: UrlTemplate) -> Iterable[str]:
    if not url.server.lower().startswith("https:"):
        yield "'tls' is for a 'url' that begins with https://"
    if tls.private_key is not None and tls.certificate is None:
        yield "'tls': a 'private_key' needs its 'certificate'"
    if tls.ca is not None and not tls.verify:
        yield "'tls': 'verify: false' trusts everybody; leave 'ca' out"
