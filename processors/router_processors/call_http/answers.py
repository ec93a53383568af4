"""Says what an answer means: values for its records, an outage, or that a record is at fault."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from email.utils import parsedate_to_datetime
from typing import Any

from router import JSON, RecordError, RetryableError
from router_processors.call_http.call import Answer, AnswerError, Call
from router_processors.call_http.config import CallHttpConfig

__all__ = ["Reader"]

_OUTAGES = {401, 403, 407, 408, 425, 429}  # beside all from 500 on: who asks is not to blame the record
_LONGEST = 3600.0  # seconds: a service that says a year is asked again all the same
_SHOWN = 300
_CHARSET = re.compile(r";\s*charset=\"?([A-Za-z0-9._-]+)", re.IGNORECASE)
_KINDS = {list: "an array", str: "a text", bool: "true or false", int: "a number", float: "a number"}


class Reader:
    """Reads answers of one service."""

    def __init__(self, config: CallHttpConfig) -> None:
        self._server = config.url.server
        self._body = config.asked
        self._accept = frozenset(config.accept)
        self._is_read = config.answered != "ignore"
        self._needs_object = config.format == "json" and config.into is None
        self._max_response = config.max_response
        self._decode: Callable[[Answer], Any] = {"json": _json, "text": _text, "raw": _raw}[config.format]

    def values(self, call: Call, answer: Answer, now: float) -> Sequence[Any]:
        """What an answer says of each record of its request.

        Raises:
            RetryableError: the service does not answer as it should, whatever it is asked.
            AnswerError: it does not like what it was asked, or its answer is no use.
        """
        status = answer.status
        if not (200 <= status < 300 or status in self._accept):
            self._refuse(answer, now)
        if not self._is_read:
            return [None] * len(call.records)
        if answer.is_cut:
            raise self._error(answer, f"with more than {self._max_response:,} bytes")
        try:
            values = self._parted(answer, len(call.records))
        except RecordError as error:
            raise self._error(answer, f"with {error}: {_beginning(answer.body)}") from error
        if self._needs_object:
            for value in values:
                if type(value) is not dict:
                    raise self._error(answer, f"with {_kind(value)} where an object belongs; use 'into'")
        return values

    def _refuse(self, answer: Answer, now: float) -> None:
        said = f"{answer.status} {answer.reason}".strip()
        if answer.status >= 500 or answer.status in _OUTAGES:
            raise RetryableError(f"{self._server} answered {said}", after=_after(answer, now))
        if 300 <= answer.status < 400 and (location := answer.headers.get("Location")):
            said = f"{said}, that it is to be found at {location.partition('?')[0]!r:.200}; see 'redirects'"
            raise AnswerError(f"{self._server} answered {said}", answer.status)
        raise AnswerError(f"{self._server} answered {said}: {_beginning(answer.body)}", answer.status)

    def _error(self, answer: Answer, said: str) -> AnswerError:
        return AnswerError(f"{self._server} answered {answer.status} {said}", answer.status)

    def _parted(self, answer: Answer, count: int) -> Sequence[Any]:
        """The values of all records; one request for many is answered in the same order."""
        if self._body not in {"array", "lines"}:
            return [self._decode(answer)]
        if self._body == "array":
            values = self._decode(answer)
            if type(values) is not list:
                raise RecordError(f"{_kind(values)} where an array belongs")
        else:
            values = [_decoded(line) for line in answer.body.splitlines() if line.strip()]
        if len(values) != count:
            raise RecordError(f"{len(values):,} values for {count:,} records")
        return values


def _json(answer: Answer) -> Any:
    return _decoded(answer.body) if answer.body.strip() else None


def _decoded(body: bytes) -> Any:
    try:
        return JSON.decode(body)
    except (ValueError, RecursionError) as error:
        raise RecordError("what is no JSON") from error


def _text(answer: Answer) -> str:
    found = _CHARSET.search(answer.headers.get("Content-Type", ""))
    charset = found[1] if found else "utf-8"
    try:
        return answer.body.decode(charset)
    except (LookupError, ValueError) as error:
        raise RecordError(f"what is no text in {charset}") from error


def _raw(answer: Answer) -> bytes:
    return answer.body


def _after(answer: Answer, now: float) -> float | None:
    """How long the service wants to be left alone: in seconds, or to a date by its own clock."""
    text = answer.headers.get("Retry-After", "").strip()
    if not text:
        return None
    if text.isascii() and text.isdigit():
        seconds = float(text[:9])
    else:
        date, own = _time(text), _time(answer.headers.get("Date", ""))
        if date is None:
            return None
        seconds = date - (now if own is None else own)
    return min(seconds, _LONGEST) if seconds >= 1 else None  # less than a second is what it does by itself


def _time(text: str) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def _kind(value: object) -> str:
    return "nothing" if value is None else _KINDS.get(type(value), "an object")


def _beginning(body: bytes) -> str:
    text = body[: _SHOWN * 4].decode("utf-8", "replace")
    return repr(text[:_SHOWN]) + ("..." if len(body) > _SHOWN * 4 or len(text) > _SHOWN else "")
