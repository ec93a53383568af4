"""One client on one socket: reads its requests one after the other, and says the answers."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, cast

from router_processors.serve_http.answers import Answer, refusal
from router_processors.serve_http.body import Chunked, Ignored, Inflated, Kept, Sink, Sized
from router_processors.serve_http.head import LONGEST, Head, objection, parse
from router_processors.serve_http.refused import Refused

if TYPE_CHECKING:
    from router_processors.serve_http.request import Request
    from router_processors.serve_http.server import Server

NEVER = float("inf")
_AHEAD = 64 << 10  # of what follows a request that is not answered yet; the rest waits in the socket
_SKIPPED = 64 << 10  # a body that is read to its end though nobody wants it, so that the client can stay
_LINGER = 2.0  # seconds: a client that still sends is read, or it would never see the answer
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_CLOSE = b"Connection: close\r\n"
_KEEP_ALIVE = b"Connection: keep-alive\r\n"


class Client(asyncio.Protocol):
    """Reads requests strictly one at a time: the next is looked at when the last has its answer.

    ``deadline`` is when the server calls ``expire``, by the loop's clock.
    """

    def __init__(self, server: Server) -> None:
        self.deadline = NEVER
        self.host = ""
        self._server = server
        self._transport: asyncio.Transport
        self._buffer = b""
        self._head: Head | None = None
        self._body: Sized | Chunked | None = None
        self._refused: Refused | None = None
        self._request: Request | None = None
        self._held = 0
        self._is_reading = False
        self._is_paused = False
        self._is_choked = False
        self._is_half_closed = False
        self._is_closing = False

    # -- what the loop tells --------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin: wait for a request."""
        self._transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        self.host = str(peer[0]) if peer else ""
        plain = transport.get_extra_info("socket")
        if plain is not None:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        refused = self._server.joined(self)
        if refused is None:
            self._wait()
        else:  # without lingering: there are too many of them
            self._transport.write(refusal(refused).said(self._server.date, _CLOSE))
            self.close()

    def connection_lost(self, error: Exception | None) -> None:
        """End: what was given to the flow goes on, and nobody hears of it."""
        self._is_closing = True
        self._forget_body()
        if self._request is not None:
            self._request.client = None
            self._request = None
        self._server.left(self)

    def data_received(self, data: bytes) -> None:
        """Read on; what comes before the last answer is said waits."""
        if self._is_closing:
            return
        self._buffer = self._buffer + data if self._buffer else data
        if self._request is None and not self._is_choked:
            self._read()
        elif len(self._buffer) > _AHEAD and not self._is_paused:
            self._transport.pause_reading()
            self._is_paused = True

    def eof_received(self) -> bool:
        """A client that has said all it will: it still gets its answer, where the socket allows that."""
        self._is_half_closed = True
        return self._request is not None and self._transport.can_write_eof()

    def pause_writing(self) -> None:
        """A client that does not read its answers gets no more of them."""
        self._is_choked = True
        self.deadline = self._server.now + self._server.timeout

    def resume_writing(self) -> None:
        """It reads again."""
        self._is_choked = False
        if not self._is_closing and self._request is None:
            self._wait()
            self._go_on()

    # -- what the server tells ------------------------------------------------------------------

    @property
    def is_idle(self) -> bool:
        """True if nothing has come since the last answer."""
        return self._request is None and not self._is_reading and not self._is_closing

    def answer(self, answer: Answer) -> None:
        """Say what became of its request."""
        self._request = None
        self._say(answer)
        self._go_on()

    def expire(self) -> None:
        """Its time is up: it was too slow, or idle too long."""
        if self._is_closing or self._is_choked:
            self._transport.abort()
        elif self._is_reading:
            self._forget_body()
            text = f"the request did not end within {self._server.timeout:g} seconds"
            self._say(refusal(Refused(408, text)), closes=True)
        else:
            self.close()

    def close(self) -> None:
        """Hang up, when what was said has gone out."""
        if not self._is_closing:
            self._is_closing = True
            self.deadline = self._server.now + _LINGER
        self._transport.close()

    def abort(self) -> None:
        """Hang up at once."""
        self._is_closing = True
        self._transport.abort()

    def _go_on(self) -> None:
        """Look at what has come meanwhile."""
        if self._is_closing or self._is_choked:
            return
        if self._is_paused:
            self._is_paused = False
            self._transport.resume_reading()
        self._read()

    # -- reading --------------------------------------------------------------------------------

    def _read(self) -> None:
        """Read requests until one is in the flow, or more must come."""
        while self._buffer and self._request is None and not (self._is_closing or self._is_choked):
            try:
                if not self._step():
                    break
            except Refused as refused:
                self._forget_body()
                self._say(refusal(refused), closes=refused.closes)
        if self._is_half_closed and self._request is None and not self._is_choked:
            self.close()

    def _step(self) -> bool:
        """Read one request, or what there is of it; False if more must come."""
        body = self._body
        if body is None:
            head = self._read_head()
            if head is None:
                return False
            if head.length is not None and 0 <= head.length <= len(self._buffer) and not head.is_gzip:
                self._end_at_once(head, head.length)
                return True
            body = self._body = self._body_of(head)
        rest = body.feed(self._buffer)
        if rest is None:
            self._buffer = b""
            self._note_reading()
            return False
        self._buffer = rest
        self._end(body)
        return True

    def _read_head(self) -> Head | None:
        """Read a head, and whether it may come in; None if its end has not come."""
        while self._buffer.startswith(b"\r\n"):  # some clients end a body with one line end too many
            self._buffer = self._buffer[2:]
        end = self._buffer.find(b"\r\n\r\n", 0, LONGEST)
        if end < 0:
            if (refused := objection(self._buffer)) is not None:
                raise refused
            if self._buffer:
                self._note_reading()
            return None
        self._head = head = parse(self._buffer[: end + 4])
        self._buffer = self._buffer[end + 4 :]
        try:
            self._server.check(head)
        except Refused as refused:
            if refused.closes or head.waits_for_continue or head.length is None or head.length > _SKIPPED:
                refused.closes = True
                raise
            self._refused = refused
        return head

    def _body_of(self, head: Head) -> Sized | Chunked:
        """Begin to read a body of which not all has come."""
        sink: Sink = Ignored()
        if self._refused is None:
            sink = (Inflated if head.is_gzip else Kept)(self._server.max_body, self._count)
            if head.waits_for_continue and not self._buffer:
                self._transport.write(_CONTINUE)
        return Chunked(sink) if head.length is None else Sized(max(0, head.length), sink)

    def _end_at_once(self, head: Head, length: int) -> None:
        """All of the request has come: the common case, which needs nobody to keep its parts."""
        if len(self._buffer) == length:
            content, self._buffer = self._buffer, b""
        else:
            content, self._buffer = self._buffer[:length], self._buffer[length:]
        if self._refused is None:
            self._count(length)
        self._accept(head, content)

    def _end(self, body: Sized | Chunked) -> None:
        """The last of the request has come."""
        self._body = None
        assert self._head is not None
        self._accept(self._head, body.sink.end())

    def _accept(self, head: Head, content: bytes) -> None:
        """Give the request to the flow, or say why not."""
        self._is_reading, self.deadline = False, NEVER
        refused, self._refused = self._refused, None
        if refused is not None:
            raise refused
        size, self._held = self._held, 0
        accepted = self._server.accept(self, head, content, size)
        if isinstance(accepted, Answer):
            self._say(accepted)
        else:
            self._request = accepted

    def _note_reading(self) -> None:
        """From its first byte on, a request has so much time."""
        if not self._is_reading:
            self._is_reading = True
            self.deadline = self._server.now + self._server.timeout

    def _count(self, nbytes: int) -> None:
        self._held += nbytes
        self._server.intake.count(nbytes)

    def _forget_body(self) -> None:
        self._body = self._refused = None
        held, self._held = self._held, 0
        if held:
            self._server.intake.count(-held)

    # -- answering ------------------------------------------------------------------------------

    def _say(self, answer: Answer, *, closes: bool = False) -> None:
        head = self._head
        keeps = not closes and head is not None and head.keeps_open and not self._server.intake.is_closed
        said = _CLOSE if not keeps else b"" if head is None or head.minor else _KEEP_ALIVE
        with_body = head is None or head.method != "HEAD"
        self._transport.write(answer.said(self._server.date, said, with_body=with_body))
        if keeps:
            self._wait()
        elif closes and self._transport.can_write_eof() and not self._is_half_closed:
            self._linger()
        else:
            self.close()

    def _wait(self) -> None:
        """Wait for the next request."""
        self._is_reading = False
        if not self._is_choked:
            self.deadline = self._server.time() + self._server.keep_alive

    def _linger(self) -> None:
        """Hang up on a client that may still be sending: closed at once, it would not see the answer."""
        self._is_closing = True
        self._buffer = b""
        self.deadline = self._server.now + _LINGER
        self._transport.write_eof()
