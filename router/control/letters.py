"""Dead letters: list, show, try again, delete, export; read beside the flow, in a thread."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from itertools import islice
from typing import Any, TypeVar, cast

from msgspec import Raw

from router.control.call import Call, Stream
from router.control.messages import Counted, DeadLettersView, DeadLetterView
from router.control.records import BUDGET, record_view, size_of
from router.control.refusals import NotThereError, RefusedError
from router.control.requests import Letters, LettersPage, OneLetter, RetryLetters
from router.control.subject import Subject
from router.errors import DataFolderError
from router.storage.letter import DeadLetter
from router.storage.letter_box import LetterBox, Wanted, only_heads, whole_and_heads
from router.storage.sayable import as_json

__all__ = ["delete", "export", "page", "retry", "show"]

_T = TypeVar("_T")
_AT_ONCE = 1000  # letters marked or deleted in one transaction


async def page(call: Call[LettersPage, None]) -> DeadLettersView:
    """List dead letters, oldest first."""
    asked, wanted = call.query, _wanted(call.subject, call.query)

    def read(box: LetterBox) -> DeadLettersView:
        views: list[DeadLetterView] = []
        size, is_whole = 0, True
        for letter in islice(box.find(wanted, after=asked.after), asked.limit + 1):
            view, nbytes = _view(letter, asked.cut)
            if len(views) == asked.limit or (views and size + nbytes > BUDGET):
                is_whole = False
                break
            views.append(view)
            size += nbytes
        following = None if is_whole else views[-1].id
        return DeadLettersView(letters=views, kept=box.count(), following=following)

    return await _beside(call.subject, read)


async def show(call: Call[OneLetter, None]) -> DeadLetterView:
    """Show all about one."""
    id_ = int(call.names["letter"])

    def read(box: LetterBox) -> DeadLetterView:
        for letter in box.find(Wanted(ids=[id_])):
            return _view(letter, call.query.cut)[0]
        raise NotThereError(f"no dead letter {id_}")

    return await _beside(call.subject, read)


async def retry(call: Call[None, RetryLetters]) -> Counted:
    """Have dead letters tried again, where they failed or elsewhere."""
    call.subject.check_target(call.body.to)
    wanted, to = _wanted(call.subject, call.body), call.body.to

    def change(box: LetterBox) -> int:
        ids, heads = whole_and_heads(box.find(wanted), with_heads=call.body.heads)
        if heads and not ids:
            raise RefusedError(f"{only_heads(heads)}; ask for them with 'heads' if that will do", status=409)
        return sum(box.mark(ids[start : start + _AT_ONCE], to) for start in range(0, len(ids), _AT_ONCE))

    return Counted(records=await _beside(call.subject, change))


async def delete(call: Call[Letters, None]) -> Counted:
    """Delete dead letters for good."""
    wanted = _wanted(call.subject, call.query)
    return await _each(call.subject, wanted, lambda box, ids: box.delete(ids))


async def export(call: Call[Letters, None]) -> Stream:
    """Write dead letters as JSON lines."""
    wanted = _wanted(call.subject, call.query)
    return Stream("application/jsonl", _exported(call.subject, wanted))


async def _exported(subject: Subject, wanted: Wanted) -> AsyncGenerator[bytes]:
    last = 0
    while True:

        def read(box: LetterBox, after: int = last) -> tuple[bytes, int]:
            lines, size, newest = [], 0, after
            for letter in box.find(wanted, after=after):
                lines.append(as_json(letter.to_dict()) + b"\n")
                size, newest = size + len(lines[-1]), letter.id
                if size > BUDGET // 8:
                    break
            return b"".join(lines), newest

        data, newest = await _beside(subject, read)
        if not data:
            return
        yield data
        last = newest


async def _each(subject: Subject, wanted: Wanted, work: Callable[[LetterBox, list[int]], int]) -> Counted:
    """Do something to all letters that are meant, those of now."""

    def change(box: LetterBox) -> int:
        ids = [letter.id for letter in box.find(wanted)]
        return sum(work(box, ids[start : start + _AT_ONCE]) for start in range(0, len(ids), _AT_ONCE))

    return Counted(records=await _beside(subject, change))


async def _beside(subject: Subject, work: Callable[[LetterBox], _T]) -> _T:
    """Work on the file in a thread: it may be locked for a moment, and the flow does not wait for that."""

    def opened() -> _T:
        with LetterBox(subject.data) as box:
            return work(box)

    try:
        return await subject.beside(opened)
    except DataFolderError as error:
        raise RefusedError(str(error), status=503) from error


def _wanted(subject: Subject, asked: Letters) -> Wanted:
    return Wanted(
        ids=asked.ids or (),
        processor=asked.processor,
        connection=asked.connection,
        since=asked.since,
        where=subject.expression(asked.where),
    )


def _view(letter: DeadLetter, cut: int) -> tuple[DeadLetterView, int]:
    record = None if letter.batch is None else record_view(letter.again, cut)
    view = DeadLetterView(
        id=letter.id, time=letter.last_time, first_time=letter.first_time, processor=letter.processor,
        connection=letter.connection, error=cast("Any", Raw(as_json(letter.error))), attempts=letter.attempts, flow_version=letter.flow_version,
        retry_to=letter.retry_to, record=record, head_of=letter.head_of,
    )  # fmt: skip
    return view, 0 if record is None else size_of(record, cut)
