"""Makes requests of records: where to, with which headers, holding what."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import TypeAlias
from uuid import uuid4

from router import JSON, RAW, TEXT, Batch, RecordError, resumable
from router_processors.call_http.call import Call
from router_processors.call_http.config import CallHttpConfig
from router_processors.call_http.settings import has_control

__all__ = ["KEY_COLUMN", "Planner"]

Headers: TypeAlias = dict[str, str] | None

KEY_COLUMN = "idempotency_key"
_KEY_HEADER = "Idempotency-Key"
_CODECS = {"json": JSON, "text": TEXT, "raw": RAW}


class Planner:
    """Knows how records become requests; a record of which none can be made is named with its reason."""

    def __init__(self, config: CallHttpConfig) -> None:
        self._url = config.url
        self._headers = {name: each for name, each in config.headers.items() if not each.literal}
        self._body = config.asked
        self._codec = _CODECS[config.format]
        self._inputs = config.inputs
        self._key = config.idempotency_key

    def marked(self, batch: Batch) -> Batch:
        """Give each record a key of its own that stays with it while it is tried again, where that was asked for."""
        if self._key is not True:
            return batch
        known = batch.columns.get(KEY_COLUMN) or [None] * len(batch)
        return batch.with_columns(**{KEY_COLUMN: [each or uuid4().hex for each in known]})

    def plan(self, batch: Batch) -> tuple[list[Call], dict[int, BaseException]]:
        """The requests for a batch, and the records that cannot be said in one."""
        failures: dict[int, BaseException] = {}
        urls = self._url.over(batch)
        for index, url in enumerate(urls):
            if url is None:
                failures[index] = RecordError("the URL lacks a part, or a value in it would lead elsewhere")
        bodies = self._bodies(batch, failures) if self._body != "none" else []
        keys = self._keys(batch, failures)
        headers: Sequence[Headers] = self._written(batch, failures) if self._headers else [None] * len(batch)
        good = [index for index in range(len(batch)) if index not in failures]
        if self._body in {"array", "lines"}:
            return self._together(good, urls, headers, bodies, keys), failures
        calls = [Call((index,), urls[index] or "", headers[index], bodies[index] if bodies else None) for index in good]
        if keys is not None:
            for call in calls:
                call.headers = {**(call.headers or {}), _KEY_HEADER: keys[call.records[0]]}
        return calls, failures

    # -- the parts of a request -----------------------------------------------------------------

    def _bodies(self, batch: Batch, failures: dict[int, BaseException]) -> list[bytes]:
        if self._inputs is not None:
            columns = [each.over(batch) for each in self._inputs.values()]
            rows = [dict(zip(self._inputs, values, strict=True)) for values in zip(*columns, strict=True)]
            content, wrong = resumable(JSON.encode, rows)
        else:
            encoded, wrong = batch.encoded(self._codec)
            content = encoded.content
        for index, error in wrong:  # in order: what stands behind moves to its own place again
            failures.setdefault(index, error)
            content = [*content[:index], b"", *content[index:]]
        return content

    def _written(self, batch: Batch, failures: dict[int, BaseException]) -> list[dict[str, str]]:
        made: list[dict[str, str]] = [{} for _ in range(len(batch))]
        for name, template in self._headers.items():
            for index, text in enumerate(template.over(batch)):
                if text is None:
                    failures.setdefault(index, RecordError(f"the header {name!r} lacks a part"))
                elif has_control(text):
                    said = f"the header {name!r} would have a line end or another control character in it"
                    failures.setdefault(index, RecordError(said))
                else:
                    made[index][name] = text
        return made

    def _keys(self, batch: Batch, failures: dict[int, BaseException]) -> list[str] | None:
        if self._key is False:
            return None
        if self._key is True:
            return batch.columns[KEY_COLUMN]
        keys = [None if each is None else str(each) for each in self._key.over(batch)]
        for index, key in enumerate(keys):
            if not key or has_control(key):
                said = "is missing" if not key else "has a line end or another control character in it"
                failures.setdefault(index, RecordError(f"the idempotency key {said}"))
        return [each or "" for each in keys]

    # -- one request for many -------------------------------------------------------------------

    def _together(
        self,
        good: Sequence[int],
        urls: Sequence[str | None],
        headers: Sequence[Headers],
        bodies: Sequence[bytes],
        keys: Sequence[str] | None,
    ) -> list[Call]:
        """One request for all records with the same URL and headers."""
        groups: dict[object, list[int]] = {}
        for index in good:
            written = headers[index]
            groups.setdefault((urls[index], tuple(written.values()) if written else ()), []).append(index)
        calls = []
        for records in groups.values():
            first = headers[records[0]]
            if keys is not None:
                digest = sha256("\0".join(keys[index] for index in records).encode()).hexdigest()
                first = {**(first or {}), _KEY_HEADER: digest}
            body = self._joined([bodies[index] for index in records])
            calls.append(Call(records, urls[records[0]] or "", first, body))
        return calls

    def _joined(self, bodies: Sequence[bytes]) -> bytes:
        if self._body == "array":
            return b"[" + b",".join(bodies) + b"]"
        return b"".join([body.replace(b"\n", b" ") + b"\n" for body in bodies])
