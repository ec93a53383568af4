"""Take records by HTTP, and answer when they are safe."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from datetime import timedelta
from typing import Literal

from router import SUCCESS, Ack, Config, ConfigError, Context, Field, Format, Produced, Size, Source
from router_processors.serve_http.gate import Gate
from router_processors.serve_http.head import is_name
from router_processors.serve_http.intake import Intake
from router_processors.serve_http.reading import Reader
from router_processors.serve_http.request import Request
from router_processors.serve_http.server import Server
from router_processors.serve_http.settings import AddressSetting, Auth, PathsSetting, Tls

ZERO = timedelta(0)


class ServeHttpConfig(Config):
    """Settings of ``serve_http``."""

    listen: AddressSetting = Field(
        description="The address, `host:port`; port 0 is any that is free, and a bulletin tells which.",
        examples=["127.0.0.1:8080", "0.0.0.0:8080"],
    )
    path: PathsSetting = Field(
        "/in", description="The path of the URL, or a list of them; every other is answered with 404."
    )
    format: Format = Field(
        "json",
        validate_default=True,
        description="How records lie in a body. With `json`, a body that says it is `application/x-ndjson` is read as lines.",
    )
    headers: list[str] = Field(
        default_factory=list,
        description="Headers of the request that its records carry, as the column `headers`, their names in lower case.",
        examples=[["X-Request-Id"]],
    )
    auth: Auth | None = Field(
        None,
        description="Who may send requests; left out: everybody.",
        examples=[{"type": "bearer", "tokens": ["${secret:TOKEN}"]}],
    )
    tls: Tls | None = Field(None, description="Serve https; left out: http.")
    answer: Literal["settled", "replied"] = Field(
        "settled",
        description="When to answer: when all records of the request have met their end, or as soon as each has a reply.",
    )
    max_body: Size = Field(16 << 20, gt=0, description="The largest body, also when it is inflated.")
    max_open: int = Field(1000, gt=0, description="How many requests may wait for their answers; one more gets 429.")
    max_wait: timedelta = Field(
        timedelta(seconds=1), gt=ZERO, description="A request that the flow does not take for so long gets 429."
    )
    max_clients: int = Field(500, gt=0, description="How many clients may be there; the one idle longest makes room.")
    timeout: timedelta = Field(
        timedelta(seconds=30), gt=ZERO, description="How long a client may take to send one request."
    )
    keep_alive: timedelta = Field(
        timedelta(seconds=75), gt=ZERO, description="How long a client may stay without a request."
    )

    @property
    def paths(self) -> list[str]:
        """The paths, also where it is one."""
        return [self.path] if isinstance(self.path, str) else self.path


class ServeHttp(Source):
    """Take records by HTTP, and answer when they are safe.

    Records come by POST or PUT: a JSON object is one record, an array a batch with one for each
    element, and so are JSON lines. A body is taken whole or not at all, and may be gzip. What is known
    of the request is beside the record: `meta.method`, `meta.path`, `meta.query`, `meta.client`,
    `meta.content_type`, `meta.index` (the place in a batch), and the `headers` asked for.

    The answer comes when every record of the request has met its end:

    - 200: all are delivered, or dropped by the flow's own words; 202: some wait in a connection on disk
    - 422: one is in the dead letters; 503: one is safe nowhere, or the flow stops: send it again
    - 429 with `Retry-After`: the flow did not take it in time, or too many requests wait
    - what `respond` said: the record, with its status and headers. For a batch an array in the order of
      the request; where statuses differ it is 207 and the elements `{"status": 200, "record": ...}`
    - 400 for what cannot be read; 401, 404, 405, 408, 411, 413, 415, 431: the body `{"error": ...}` says why

    At-least-once: a client that saw no answer sends again what may be there already. One that goes away
    takes nothing back, its records go on. Requests that come together travel as one batch and are parted
    again for their answers. At a stop, what is under way is answered first.

    Example:
        posts: {type: serve_http, listen: "127.0.0.1:8080", path: /posts, to: score}
    """

    type_name = "serve_http"
    config: ServeHttpConfig
    relationships = (SUCCESS,)

    def __init__(self, config: ServeHttpConfig) -> None:
        super().__init__(config)
        self._intake = Intake(config.max_open, config.max_wait.total_seconds())
        reader = Reader(config.format)
        waits = (config.max_wait, config.timeout, config.keep_alive)
        self._server = Server(
            Gate(config.paths, config.auth, reader, config.max_body),
            reader,
            self._intake,
            headers=config.headers,
            max_clients=config.max_clients,
            timeout=config.timeout.total_seconds(),
            keep_alive=config.keep_alive.total_seconds(),
            look_every=min(waits).total_seconds() / 4,
        )

    @classmethod
    def check(cls, config: ServeHttpConfig) -> Iterable[str]:
        """Refuse names that no header has, and formats that cannot be read."""
        try:
            config.format.reader()
        except ConfigError as error:
            yield f"'format': {error}"
        for name in config.headers:
            if not is_name(name):
                yield f"'headers': a name is letters, digits and dashes; got {name!r}"

    async def start(self, context: Context) -> None:
        """Listen; requests wait until the flow takes them."""
        tls = self.config.tls
        await self._server.start(self.config.listen, tls.context() if tls is not None else None)
        scheme = "https" if tls is not None else "http"
        urls = [f"{scheme}://{address}{path}" for address in self._server.addresses for path in self.config.paths]
        context.bulletin("listens", url=" ".join(urls))

    async def produce(self, context: Context) -> AsyncIterator[Produced]:
        """Give what came together in one go."""
        try:
            while True:
                yield [*await self._intake.take()]
        finally:
            self._intake.close()

    def settled(self, ack: Ack) -> None:
        """Answer."""
        self._intake.open -= 1
        request = ack.token
        assert isinstance(request, Request)
        request.settle(ack, self._intake.retry)

    def replied(self, ack: Ack) -> None:
        """Answer now, if that is wanted and every record has its reply."""
        request = ack.token
        assert isinstance(request, Request)
        if self.config.answer == "replied" and len(ack.replies or ()) == request.count:
            request.settle(ack, self._intake.retry)

    async def stop(self, context: Context) -> None:
        """Say the last answers, and hang up."""
        await self._server.stop()
