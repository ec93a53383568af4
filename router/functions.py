"""Make processors of plain functions: ``@processor``, ``@source``, ``@sink``."""

from __future__ import annotations

import inspect
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from typing import Any, ClassVar, final, get_type_hints

from pydantic import create_model

from router.authoring import Context, Processor, Produced, Routes, Source
from router.batch import Batch
from router.calling import Called, await_each, call_each
from router.codec import Failures, Record
from router.config import Config, Field
from router.errors import ProcessorError, RecordError, RetryableError
from router.puller import Puller
from router.relationship import FAILURE, RESERVED, RETRY, SUCCESS, Relationship, Unconnected
from router.secrecy import hidden

__all__ = ["DROP", "To", "failed", "processor", "sink", "source"]

_log = logging.getLogger("router")


@final
class _Drop:
    __slots__ = ()

    def __repr__(self) -> str:
        return "DROP"

    def __reduce__(self) -> str:
        return "DROP"  # one object, also across processes


DROP = _Drop()
"""What a function processor returns for a record that goes no further."""


@final
class To:
    """A record on its way to a relationship: ``return To("duplicate", record)``."""

    __slots__ = ("record", "relationship")

    def __init__(self, relationship: str, record: Record) -> None:
        self.relationship = relationship
        self.record = record

    def __repr__(self) -> str:
        return f"To({self.relationship!r}, {self.record!r})"


def failed(batch: Batch, failures: Failures, processor: str) -> Batch:
    """Choose the records that failed, each with its error in the column ``error``."""
    errors = [error_of(error, processor) for _, error in failures]
    if _log.isEnabledFor(logging.DEBUG):
        for _, error in failures:
            _log.debug("%s: a record failed", processor, exc_info=error)
    return batch.select([index for index, _ in failures]).with_columns(error=errors)


def error_of(error: BaseException, processor: str) -> dict[str, Any]:
    """What the column ``error`` holds for an exception: its type, message, and whose it was."""
    head_of = error.head_of if isinstance(error, RecordError) else None
    return {
        "type": type(error).__name__,
        "message": hidden(str(error)) or type(error).__name__,
        "processor": processor,
        "data": {"after": error.after} if isinstance(error, RetryableError) and error.after is not None else None,
        **({} if head_of is None else {"head_of": head_of}),
    }


class FunctionProcessor(Processor):
    """Base of what ``@processor`` makes: one call a record, bad ones set aside, nobody called twice."""

    function: ClassVar[Callable[..., Any]]
    closed: ClassVar[bool] = False
    reads = "any"  # decodes for itself: the function gets a dict of its own
    pure_rows = True

    def __init__(self, config: Config | None = None) -> None:
        super().__init__(config)
        self._settings = {name: getattr(self.config, name) for name in type(self.config).model_fields}

    @property
    def decodes(self) -> bool:
        """A function gets whole records."""
        return True

    @property
    def call(self) -> Callable[[Record], Any]:
        """The function with its settings bound; a bare one where it has none."""
        return _bound(type(self).function, self._settings)

    def process(self, batch: Batch, context: Context) -> Any:
        call = _with_context(type(self).function, self.call, context)
        rows, undecodable = batch.private_rows()
        return self._sorted(batch, call_each(call, rows), undecodable, context.name)

    def process_marked(self, batch: Batch, context: Context, mark: Any) -> Any:
        """The same, with the position of the record at hand in ``mark[0]``: whoever survives a crash knows it."""
        call = _with_context(type(self).function, self.call, context)
        rows, undecodable = batch.private_rows()
        bad = {index for index, _ in undecodable}
        positions = [index for index in range(len(batch)) if index not in bad]

        def marked(position: int, row: Record) -> Any:
            mark[0] = position
            return call(row)

        called = call_each(lambda pair: marked(*pair), zip(positions, rows, strict=True))
        return self._sorted(batch, called, undecodable, context.name)

    def _sorted(self, batch: Batch, called: Called, undecodable: Failures, name: str) -> Batch | Routes | None:
        """Sort what was returned; from an outage on, records go back to be tried again."""
        results, failures, outage = called.results, called.failures, called.outage
        if outage is None:
            return self.routes(batch, results, failures, undecodable, name)
        bad = {index for index, _ in undecodable}
        decodable = [index for index in range(len(batch)) if index not in bad]
        cut = decodable[called.count]
        if not cut:
            raise outage
        before = [failure for failure in undecodable if failure[0] < cut]
        made = self.routes(batch.slice(0, cut), results, failures, before, name)
        routes = dict(made) if isinstance(made, Mapping) else {} if made is None else {SUCCESS.name: made}
        again = batch.slice(cut, len(batch))
        routes[RETRY.name] = failed(again, [(index, outage) for index in range(len(again))], name)
        return routes

    def routes(
        self, batch: Batch, results: list[Any], failures: Failures, undecodable: Failures, name: str
    ) -> Batch | Routes | None:
        """Sort what the function returned, one result for each record that did not fail."""
        if not failures and not undecodable and set(map(type, results)) == {dict}:
            return batch.with_rows(results)
        wrong = _in_terms_of(batch, failures, undecodable)
        good = batch.select([index for index in range(len(batch)) if index not in wrong]) if wrong else batch
        made = self._routed_at_once(good, results)
        if made is None:
            positions = [index for index in range(len(batch)) if index not in wrong]
            made = self._routed_singly(batch, zip(positions, results, strict=True), wrong)
        if wrong:
            failure = failed(batch, sorted(wrong.items()), name)
            made[FAILURE.name] = Batch.concat([made[FAILURE.name], failure]) if FAILURE.name in made else failure
        return made or None

    def _routed_at_once(self, batch: Batch, results: list[Any]) -> dict[str, Batch] | None:
        """Part results that are one record each, or DROP; None where some are anything else."""
        if not set(map(type, results)) <= {dict, To, _Drop}:
            return None
        rows = [each.record if type(each) is To else each if type(each) is dict else {} for each in results]
        labels = [
            each.relationship if type(each) is To else SUCCESS.name if type(each) is dict else None for each in results
        ]
        if set(map(type, rows)) != {dict} or not set(map(type, labels)) <= {str, type(None)}:
            return None
        if None in labels and labels.count(None) != results.count(DROP):
            return None  # a To that names no relationship, or carries no record
        if self.closed and not set(labels) - {None} <= self._names():
            return None
        return batch.with_rows(rows).partition(labels)

    def _routed_singly(
        self, batch: Batch, results: Iterable[tuple[int, Any]], wrong: dict[int, BaseException]
    ) -> dict[str, Batch]:
        """Sort whatever was returned, result by result; what is none of a function's answers joins ``wrong``."""
        routed: dict[str, tuple[list[int], list[Record]]] = {}
        for index, result in results:
            try:
                outputs = list(self._outputs(result))
            except (Exception, SystemExit) as error:  # noqa: BLE001 - an iterator of the author's raises what it likes
                wrong[index] = error
                continue
            for relationship, record in outputs:
                parents, rows = routed.setdefault(relationship, ([], []))
                parents.append(index)
                rows.append(record)
        return {name: batch.select(parents).with_rows(rows) for name, (parents, rows) in routed.items()}

    def _names(self) -> frozenset[str]:
        return frozenset(each.name for each in self.relationships)

    def _outputs(self, result: Any) -> Iterator[tuple[str, Record]]:
        if type(result) is dict:
            yield SUCCESS.name, result
        elif result is DROP:
            return
        elif isinstance(result, To):
            yield self._checked(result)
        elif isinstance(result, Iterable) and not isinstance(result, str | bytes | dict):
            for each in result:
                yield from self._outputs(each)
        elif result is None:
            raise ProcessorError(f"{self.type_name} returned nothing; return the record, or DROP")
        elif isinstance(result, dict):
            yield SUCCESS.name, dict(result)
        else:
            raise ProcessorError(f"{self.type_name} returned {type(result).__name__}; return a dict, DROP or To(...)")

    def _checked(self, result: To) -> tuple[str, Record]:
        if not isinstance(result.relationship, str):
            raise ProcessorError(f"{self.type_name}: To({result.relationship!r}, ...) names no relationship")
        if not isinstance(result.record, dict):
            raise ProcessorError(f"{self.type_name}: To({result.relationship!r}, ...) carries no dict")
        if self.closed and result.relationship not in self._names():
            raise ProcessorError(f"{self.type_name} has no relationship {result.relationship!r}")
        return result.relationship, result.record


class AsyncFunctionProcessor(FunctionProcessor):
    """The same for an ``async def``: awaited record by record, on the event loop."""

    async def process(self, batch: Batch, context: Context) -> Any:
        call = _with_context(type(self).function, self.call, context)
        rows, undecodable = batch.private_rows()
        return self._sorted(batch, await await_each(call, rows), undecodable, context.name)


class SinkFunctionProcessor(FunctionProcessor):
    """Base of what ``@sink`` makes: whatever the function returns, the record was delivered."""

    is_sink = True

    def routes(
        self, batch: Batch, results: list[Any], failures: Failures, undecodable: Failures, name: str
    ) -> Batch | Routes | None:
        """Give on the records themselves: what the function returned says nothing."""
        if not failures and not undecodable:
            return batch
        wrong = _in_terms_of(batch, failures, undecodable)
        good = batch.select([index for index in range(len(batch)) if index not in wrong])
        return {SUCCESS.name: good, FAILURE.name: failed(batch, sorted(wrong.items()), name)}


class FunctionSource(Source):
    """Base of what ``@source`` makes: a generator of records, sync ones pulled in a thread."""

    function: ClassVar[Callable[..., Any]]

    async def produce(self, context: Context) -> AsyncIterator[Produced]:
        settings = {name: getattr(self.config, name) for name in type(self.config).model_fields}
        if "context" in inspect.signature(type(self).function).parameters:
            settings["context"] = context
        records = type(self).function(**settings)
        number = 0
        if hasattr(records, "__aiter__"):
            async for record in records:
                yield Batch.of([_record(record, self.type_name)]), number
                number += 1
            return
        puller = Puller(iter(records))
        try:
            while rows := await puller.next():
                yield Batch.of([_record(row, self.type_name) for row in rows]), number
                number += 1
        finally:
            puller.stop()


def processor(function: Callable[..., Any] | None = None, /, *, relationships: tuple[str, ...] | None = None) -> Any:
    """Make a processor type of a function that takes a record and returns what becomes of it.

    Its name is the type, its docstring the description, its keyword-only arguments the
    settings; a parameter ``context`` gets the Context. It returns a dict (to ``success``),
    ``DROP``, ``To("relationship", record)``, or an iterable of these. The record is its
    own at the top level; nested values are shared, so build new ones. An exception sends
    that one record to ``failure``; its neighbours go on and nobody is called twice.

    Args:
        relationships: Closes the set of ways out besides ``success`` and ``failure``; left out,
            every name in the flow's ``to`` is one.

    Example:
        >>> @processor
        ... def shout(record, *, suffix: str = "!"):
        ...     '''Upper-case the text of a post.'''
        ...     return {**record, "text": record["text"].upper() + suffix}
    """
    if function is None:
        return lambda each: processor(each, relationships=relationships)
    base = AsyncFunctionProcessor if inspect.iscoroutinefunction(function) else FunctionProcessor
    own = tuple(Relationship(name) for name in relationships or ())
    for each in own:
        if each.name in RESERVED:
            raise TypeError(f"{function.__name__}: the relationship name {each.name!r} belongs to router")
    return _made(base, function, relationships=(SUCCESS, FAILURE, *own), closed=relationships is not None)


def sink(function: Callable[..., Any], /) -> Any:
    """Make a sink of a function that takes a record and returns nothing: returning means delivered.

    Example:
        >>> @sink
        ... def show(record):
        ...     '''Print each record.'''
        ...     print(record)
    """
    delivered = Relationship("success", "Records the function took.", Unconnected.DELIVERED)
    base = _AsyncSink if inspect.iscoroutinefunction(function) else SinkFunctionProcessor
    return _made(base, function, relationships=(delivered, FAILURE), closed=True)


def source(function: Callable[..., Any], /) -> Any:
    """Make a source of a generator of records; it is not told what became of them.

    A plain generator is pulled in a thread, so it may block; an async one runs on the loop.

    Example:
        >>> @source
        ... def numbers(*, count: int = 3):
        ...     '''Count.'''
        ...     for number in range(count):
        ...         yield {"n": number}
    """
    return _made(FunctionSource, function)


class _AsyncSink(SinkFunctionProcessor, AsyncFunctionProcessor):
    """Both: awaited, and its result says nothing."""


def _made(base: type[Any], function: Callable[..., Any], **extra: Any) -> type[Any]:
    config = _config_of(function, record=not issubclass(base, Source))
    name = function.__name__
    made = type(
        "".join(word.capitalize() for word in name.split("_")),
        (base,),
        {
            "type_name": name,
            "function": staticmethod(function),
            "__doc__": function.__doc__ or f"The function {name}.",
            "__module__": function.__module__,
            "__annotations__": {"config": config},
            **extra,
        },
    )
    made.__qualname__ = function.__qualname__
    return made


def _config_of(function: Callable[..., Any], *, record: bool) -> type[Config]:
    parameters = [each for each in inspect.signature(function).parameters.values() if each.name != "context"]
    if record and (not parameters or parameters[0].kind is inspect.Parameter.KEYWORD_ONLY):
        raise TypeError(f"{function.__name__} takes no record; its first parameter is the record")
    hints = get_type_hints(function, include_extras=True)
    fields: dict[str, Any] = {}
    for each in parameters[1:] if record else parameters:
        if each.kind is not inspect.Parameter.KEYWORD_ONLY:
            raise TypeError(f"{function.__name__}: settings are keyword-only; put a * before {each.name!r}")
        default = ... if each.default is inspect.Parameter.empty else each.default
        fields[each.name] = (hints.get(each.name, Any), Field(default))
    return create_model(f"{function.__name__}_config", __base__=Config, __module__=function.__module__, **fields)


def _bound(function: Callable[..., Any], settings: dict[str, Any]) -> Callable[..., Any]:
    if not settings:
        return function

    def call(record: Record, **more: Any) -> Any:
        return function(record, **settings, **more)

    return call


def _with_context(function: Callable[..., Any], call: Callable[..., Any], context: Context) -> Callable[[Record], Any]:
    if "context" not in inspect.signature(function).parameters:
        return call
    return lambda record: call(record, context=context)


def _in_terms_of(batch: Batch, failures: Failures, undecodable: Failures) -> dict[int, BaseException]:
    """All errors by the position of their record: calls were counted among the decodable only."""
    bad = dict(undecodable)
    decodable = [index for index in range(len(batch)) if index not in bad]
    return {decodable[index]: error for index, error in failures} | bad


def _record(value: Any, name: str) -> Record:
    if type(value) is not dict:
        raise ProcessorError(f"{name} yielded {type(value).__name__}; a source yields dicts")
    return value
