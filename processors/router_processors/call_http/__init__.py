"""Ask a service over HTTP about each record, and put its answers into the records."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from router import (
    FAILURE,
    RETRY,
    SUCCESS,
    Batch,
    Context,
    Processor,
    Relationship,
    RetryableError,
    Unconnected,
    failed,
)
from router_processors.call_http.answers import Reader
from router_processors.call_http.call import AnswerError, Call
from router_processors.call_http.circuit import Circuit
from router_processors.call_http.config import CallHttpConfig, contradictions
from router_processors.call_http.merging import Merger
from router_processors.call_http.pool import Pool
from router_processors.call_http.requests import KEY_COLUMN, Planner

if TYPE_CHECKING:
    from router_processors.call_http.client import Client

__all__ = ["CallHttp"]

ANSWERED = Relationship(SUCCESS.name, "Records that the service has answered.")

_CALLS = 64
_ROUNDS, _RECORDS = 4, 256  # so often may a call go round the places: its outputs leave together


class CallHttp(Processor):
    """Ask a service over HTTP about each record, and put its answers into the records.

    A request holds one record, or with `body: array` and `lines` all records of a call; those are answered
    by as many values in the same order. At most `in_flight` requests are open, over all calls. To keep them
    busy as many calls overlap as requests may be open, up to 64, with up to 256 records each, where `run` says
    nothing else; outputs keep their order. One slow answer holds back those behind it: `run: {ordered: false}`
    lets them pass. Requests of one call overtake each other; where a service is to see the records of a key
    in order: `run: {ordered: KEY, batch: {records: 1}}`.

    No connection, no answer in time, 401, 403, 407, 408, 425, 429 and 5xx are the world's faults: just those
    records are tried again, after `Retry-After` where the service says so (an hour at most), so it may see a
    record twice; `idempotency_key` lets it notice. After several in a row the circuit opens, and one request at
    a time finds out whether the service is back. Any other status but 2xx, an answer that is too large or not in
    `format`, is the record's fault: it leaves by `failure`, the status in `meta.error.data.status`.

    An empty answer is null. Errors name the server, never the rest of the URL. Compressed answers are taken; to
    ask for them give the header `Accept-Encoding: gzip`.

    Example:
        enrich:
          type: call_http
          url: https://api.example.com/mood
          inputs: {text: text}
          into: mood
          auth: {type: bearer, token: "${secret:API_TOKEN}"}
          to: publish
    """

    type_name = "call_http"
    config: CallHttpConfig
    relationships = (ANSWERED, FAILURE)

    def __init__(self, config: CallHttpConfig) -> None:
        super().__init__(config)
        self._planner = Planner(config)
        self._reader = Reader(config)
        self._merger = Merger(config)
        self._client: Client | None = None

    @classmethod
    def relationships_for(cls, config: CallHttpConfig) -> tuple[Relationship, ...]:
        """Where answers are ignored, to have asked may be the end of a record."""
        if config.answered != "ignore":
            return cls.relationships
        return (Relationship(ANSWERED.name, ANSWERED.description, Unconnected.DELIVERED), FAILURE)

    @classmethod
    def run_for(cls, config: CallHttpConfig) -> Mapping[str, Any]:
        """As many calls as requests may be open, so that few records in a call leave none of them idle."""
        run: dict[str, Any] = {"concurrency": min(config.open_requests, _CALLS)}
        if not config.is_together:
            run["batch"] = {"records": min(config.open_requests * _ROUNDS, _RECORDS)}
        return run

    @classmethod
    def check(cls, config: CallHttpConfig) -> Iterable[str]:
        """Refuse settings that contradict each other."""
        return contradictions(config)

    async def start(self, context: Context) -> None:
        """Make the pool of connections; the first request opens the first."""
        from router_processors.call_http.client import Client  # noqa: PLC0415 - aiohttp is not light

        self._circuit = Circuit(self.config.circuit)
        self._pool = Pool(self.config.open_requests, partial(self._make, context=context))
        self._client = Client(self.config)

    async def stop(self, context: Context) -> None:
        """Close the connections."""
        if self._client is not None:
            await self._pool.close()
            await self._client.close()

    async def process(self, batch: Batch, context: Context) -> dict[str, Batch]:
        """Ask about a batch."""
        batch = self._planner.marked(batch)
        calls, failures = self._planner.plan(batch)
        await self._pool.run(calls)
        return self._routes(batch, calls, failures, context.name)

    async def _make(self, call: Call, context: Context) -> None:
        """Make one request; what comes of it is in the call."""
        assert self._client is not None
        circuit = self._circuit
        is_trial = False
        try:
            is_trial = circuit.is_open and await circuit.admit(context)
        except RetryableError as error:
            call.error = error
            return
        try:
            call.answer = await self._client.send(call)
            call.values = self._reader.values(call, call.answer, context.now())
        except RetryableError as error:
            call.error = error
            circuit.failed(error, context, is_trial=is_trial)
            return
        except Exception as error:  # noqa: BLE001 - as the engine does: the fault of these records, not of others
            call.error = error
        finally:
            if is_trial:
                circuit.over()
        if call.answer is not None:
            circuit.answered(context)

    def _routes(
        self, batch: Batch, calls: Sequence[Call], failures: dict[int, BaseException], name: str
    ) -> dict[str, Batch]:
        """Part the records by what came of them: those that met an outage go back alone."""
        good = [call for call in calls if call.error is None]
        again: dict[int, BaseException] = {}
        for call in calls:
            if call.error is not None:
                found = again if isinstance(call.error, RetryableError) else failures
                found.update(dict.fromkeys(call.records, call.error))
        routes = {}
        if good:
            answered = sorted(index for call in good for index in call.records)
            chosen = batch if len(answered) == len(batch) else batch.select(answered)
            routes[SUCCESS.name] = self._merger.merged(chosen, good).with_columns(**{KEY_COLUMN: None})
        if failures:
            routes[FAILURE.name] = _with_status(failed(batch, sorted(failures.items()), name), failures)
        if again:
            routes[RETRY.name] = failed(batch, sorted(again.items()), name)
        return routes


def _with_status(batch: Batch, failures: Mapping[int, BaseException]) -> Batch:
    """Say beside each error which status it was, for a flow to tell them apart."""
    found = [error.status if isinstance(error, AnswerError) else None for _, error in sorted(failures.items())]
    if not any(found):
        return batch
    errors = [
        error if status is None else {**error, "data": {"status": status}}
        for error, status in zip(batch.columns["error"], found, strict=True)
    ]
    return batch.with_columns(error=errors)
