"""A stream of requests, damaged and cut anywhere: what is taken and what is said hangs on its bytes alone."""

from __future__ import annotations

import re
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st

from router import build_flow
from router_processors.serve_http import ServeHttp
from router_processors.serve_http.answers import OK
from router_processors.serve_http.client import Client
from tests.processors.serve_http.serving import post

FLOW = build_flow({"flow": "x", "processors": {"in": {"type": "serve_http", "listen": "127.0.0.1:0", "to": "drop"}}})
CHUNKED = (
    b'POST /in HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{"n\r\n4;a\r\n":1}\r\n0\r\nT: 1\r\n\r\n'
)
REQUESTS = st.lists(
    st.sampled_from(
        [
            post({"n": 1}),
            post({"n": 2}, "Connection: keep-alive", version="1.0"),
            post([{"n": 3}, {"n": 4}], "Content-Type: application/json"),
            post({}, path="/else"),
            post(b"{broken"),
            b"GET /in HTTP/1.1\r\nHost: h\r\n\r\n",
            CHUNKED,
        ]
    ),
    min_size=1,
    max_size=4,
)
BYTES = st.sampled_from([b"", b"\r", b"\n", b"\r\n", b" ", b"\t", b"\0", b":", b"0", b"9", b"\xff", b"a", b"\r\n\r\n"])


class Transport:
    """Keeps what is written."""

    def __init__(self) -> None:
        self.written = b""
        self.is_closed = False

    def get_extra_info(self, name: str) -> Any:
        return ("127.0.0.1", 1) if name == "peername" else None

    def write(self, data: bytes) -> None:
        assert not self.is_closed
        self.written += data

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.is_closed = True

    close = abort = write_eof


def answered(pieces: list[bytes]) -> tuple[list[list[bytes]], list[str], bool]:
    """The records that were taken, the statuses said, and whether the client was hung up on."""
    server = cast("ServeHttp", FLOW.processors["in"].make())._server
    server.time = lambda: 0.0
    client, transport = Client(server), Transport()
    client.connection_made(cast("Any", transport))
    taken, waiting = [], server.intake._waiting
    for piece in pieces:
        if not transport.is_closed:
            client.data_received(piece)
        while waiting:
            batch, request = waiting.popleft()
            taken.append(batch.content)
            request.answer(OK)
    return (
        taken,
        re.findall(r"HTTP/1\.1 (\d{3}) [A-Z]", transport.written.decode("latin-1")),
        transport.is_closed,
    )


@given(REQUESTS, st.integers(0, 10_000), st.integers(0, 2), BYTES, st.lists(st.integers(0, 10_000), max_size=12))
def test_a_damaged_stream_is_read_the_same_wherever_it_is_cut(
    requests: list[bytes], place: int, gone: int, put: bytes, cuts: list[int]
) -> None:
    whole = b"".join(requests)
    place %= len(whole) + 1
    damaged = whole[:place] + put + whole[place + gone :]
    ends = sorted({cut % (len(damaged) + 1) for cut in cuts})
    pieces = [damaged[start:end] for start, end in zip([0, *ends], [*ends, len(damaged)], strict=True)]
    assert answered(pieces) == answered([damaged])


@given(REQUESTS)
def test_a_whole_stream_is_answered_to_its_end(requests: list[bytes]) -> None:
    taken, statuses, is_closed = answered([b"".join(requests)])
    assert (len(statuses), is_closed) == (len(requests), False)
    assert len(taken) == statuses.count("200")
