"""Say an answer as the bytes of an HTTP/1.1 response."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from router import JSON, Ack, Outcome, Reply
from router_processors.serve_http.head import is_name
from router_processors.serve_http.refused import Refused

JSON_TYPE = ("Content-Type", "application/json")
_REASONS = {each.value: each.phrase for each in HTTPStatus}
_OWN = {"connection", "content-length", "date", "transfer-encoding"}
_BODILESS = {204, 304}

_OUTCOMES = {
    Outcome.DELIVERED: (200, ""),
    Outcome.DROPPED: (200, ""),
    Outcome.DEAD_LETTERED: (422, "the flow could not process it, and has set it aside"),
    Outcome.REJECTED: (503, "the flow could not finish it; send it again"),
}
_STORED = 202
_MIXED = 207


class Answer:
    """A status, headers and a body."""

    __slots__ = ("_start", "body", "headers", "status")

    def __init__(self, status: int, body: bytes = b"", headers: Iterable[tuple[str, str]] = ()) -> None:
        self.status = status
        self.body = b"" if status in _BODILESS else body
        self.headers = tuple(headers)
        lines = "".join([f"{name}: {value}\r\n" for name, value in self.headers])
        if status not in _BODILESS:
            lines += f"Content-Length: {len(body)}\r\n"
        self._start = f"HTTP/1.1 {status} {_REASONS.get(status, '')}\r\n{lines}".encode("latin-1")

    def said(self, date: bytes, connection: bytes, *, with_body: bool = True) -> bytes:
        """The bytes to be sent; ``date`` and ``connection`` are lines of the head."""
        return b"".join((self._start, date, connection, b"\r\n", self.body if with_body else b""))


OK = Answer(200)


def refusal(refused: Refused) -> Answer:
    """What a client is told whose request was not taken."""
    return _error(refused.status, refused.text, refused.headers)


def answer_of(ack: Ack, count: int, retry: tuple[str, str], *, is_batch: bool) -> Answer:
    """What became of a request of ``count`` records: its replies, or the status of its outcome."""
    outcome = ack.outcome
    if ack.replies is None or outcome is Outcome.REJECTED:
        status, text = _said(ack)
        if not text:
            return OK if status == OK.status else Answer(status)
        return _error(status, text, (retry,) if outcome is Outcome.REJECTED else ())
    try:
        return _batch(ack, ack.replies, count) if is_batch else _single(ack.replies.get(0), ack)
    except Exception as error:  # noqa: BLE001 - a record may hold what JSON cannot say, a plugin's header what HTTP cannot
        return _error(500, f"the answer cannot be said: {error}")


def _single(reply: Reply | None, ack: Ack) -> Answer:
    if reply is None:
        status, text = _said(ack)
        return _error(status, text) if text else Answer(status)
    headers = _headers(reply)
    if reply.record is None or reply.status in _BODILESS:
        return Answer(reply.status, b"", headers)
    return Answer(reply.status, JSON.encode(reply.record), _typed(headers))


def _batch(ack: Ack, replies: Mapping[int, Reply], count: int) -> Answer:
    status, text = _said(ack)
    rest = Reply(status)
    listed = [replies.get(index, rest) for index in range(count)]
    statuses = {each.status for each in listed}
    if len(statuses) > 1:
        parts = [_part(each, text if each is rest else "") for each in listed]
        return Answer(_MIXED, b"[" + b",".join(parts) + b"]", (JSON_TYPE,))
    headers = _headers(listed[0]) if all(each.headers == listed[0].headers for each in listed) else []
    if (status := listed[0].status) in _BODILESS:
        return Answer(status, b"", headers)
    records = [b"null" if each.record is None else JSON.encode(each.record) for each in listed]
    return Answer(status, b"[" + b",".join(records) + b"]", _typed(headers))


def _part(reply: Reply, text: str) -> bytes:
    """One element of an answer whose statuses differ."""
    said: dict[str, Any] = {"status": reply.status}
    if reply.record is not None:
        said["record"] = reply.record
    elif text:
        said["error"] = text
    return JSON.encode(said)


def _said(ack: Ack) -> tuple[int, str]:
    status, text = _OUTCOMES[ack.outcome]
    return (_STORED if ack.is_stored and not text else status), text


def _error(status: int, text: str, headers: Iterable[tuple[str, str]] = ()) -> Answer:
    return Answer(status, JSON.encode({"error": text}), (JSON_TYPE, *headers))


def _headers(reply: Reply) -> list[tuple[str, str]]:
    if not 200 <= reply.status <= 599:
        raise ValueError(f"a status is 200 to 599; got {reply.status}")
    given = reply.headers or {}
    for name, value in given.items():
        if not is_name(name) or not (value.isascii() and value.isprintable()):
            raise ValueError(f"the header {name!r} is none that HTTP can carry")
    return [(name, value) for name, value in given.items() if name.lower() not in _OWN]


def _typed(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    if any(name.lower() == "content-type" for name, _ in headers):
        return headers
    return [JSON_TYPE, *headers]
