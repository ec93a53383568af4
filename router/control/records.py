"""Records as they are shown: decoded where they can be, cut where they are long, told apart by their content."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Any

import msgspec
from msgspec import Raw

from router.batch import Batch
from router.control.messages import RecordView
from router.control.pace import Slices
from router.engine.steering import matching
from router.expression import Expression
from router.storage.sayable import as_json, in_words

__all__ = ["BUDGET", "chosen_by", "record_view", "record_views", "shown", "size_of"]

BUDGET = 4 << 20  # bytes of one answer, unless one record alone is larger
_BESIDE = 64 << 10  # bytes of columns, and of attributes
_OF_VALUE = 256
_AROUND = 200  # bytes of a record's view beside its content
_NOTHING = Raw(b"{}")
_decode = msgspec.json.Decoder().decode


async def record_views(batches: Iterable[Batch], first: int, cut: int) -> tuple[list[RecordView], bool]:
    """Records to be shown, in slices, and whether they are all: an answer has its bounds."""
    slices, views, size = Slices(), list[RecordView](), 0
    for batch in batches:
        for view in shown(batch, first + len(views), cut):
            nbytes = size_of(view, cut)
            if views and size + nbytes > BUDGET:
                return views, False
            views.append(view)
            size += nbytes
            await slices.rest()
    return views, True


def record_view(one: Batch, cut: int) -> RecordView:
    """The only record of a batch."""
    return next(shown(one, 0, cut))


def size_of(view: RecordView, cut: int) -> int:
    """About how many bytes its JSON takes."""
    return min(view.size, cut) + _AROUND


def shown(batch: Batch, first: int, cut: int) -> Iterator[RecordView]:
    """Its records one by one, numbered from ``first`` on; what is common to them is said once."""
    position = first
    for run in batch.runs():
        attributes, columns = _beside(run.attributes), list(run.columns.items())
        contents = run.content if run.has_content else None
        for index in range(len(run)):
            content = contents[index] if contents is not None else as_json(run.rows[index])
            beside = {name: values[index] for name, values in columns if values[index] is not None}
            yield RecordView(
                id=_identity(content),
                position=position,
                format=run.format if contents is not None else "rows",
                size=len(content),
                columns=_beside(beside),
                attributes=attributes,
                **_content(run, index, content, cut),
            )
            position += 1


def _identity(content: bytes) -> str:
    """What tells a record from others, as far as its content does."""
    return blake2b(content, digest_size=8).hexdigest()


def chosen_by(where: Expression | None, ids: Sequence[str] | None) -> Callable[[Batch], Sequence[bool]]:
    """What is true of the records that are meant; of equal ones, as many as their id is named."""
    if ids is None:
        return lambda batch: matching(batch, where)
    left = Counter(ids)

    def choose(batch: Batch) -> Sequence[bool]:
        contents = batch.content if batch.has_content else list(map(as_json, batch.rows))
        return [
            is_meant and _taken(left, _identity(content))
            for is_meant, content in zip(matching(batch, where), contents, strict=True)
        ]

    return choose


def _taken(left: Counter[str], id: str) -> bool:
    if not left[id]:
        return False
    left[id] -= 1
    return True


def _content(batch: Batch, index: int, content: bytes, cut: int) -> dict[str, Any]:
    """A record, or its content as text or base64, whole or its beginning."""
    if len(content) > cut:
        return {**_as_text(content[:cut], is_cut=True), "is_cut": True}
    if not batch.has_content:
        return {"record": Raw(content)}
    if batch.format == "raw":
        return _as_text(content, is_cut=False)
    if batch.format == "json" and _is_one_line_of_json(content):
        return {"record": Raw(content)}  # as it came, digit for digit
    good, failures = batch.slice(index, index + 1).decoded()
    return _as_text(content, is_cut=False) if failures else {"record": Raw(as_json(good.rows[0]))}


def _is_one_line_of_json(content: bytes) -> bool:
    try:
        return b"\n" not in content and b"\r" not in content and isinstance(_decode(content), dict)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


def _as_text(content: bytes, *, is_cut: bool) -> dict[str, Any]:
    # The last character may have been cut in two, which makes no text of none.
    for end in range(len(content), max(-1, len(content) - (4 if is_cut else 1)), -1):
        try:
            return {"content": content[:end].decode()}
        except UnicodeDecodeError:
            continue
    return {"content_base64": base64.b64encode(content).decode()}


def _beside(values: Mapping[str, Any]) -> Any:
    if not values:
        return _NOTHING
    encoded = as_json(values)
    if len(encoded) <= _BESIDE:
        return Raw(encoded)
    return {in_words(name): in_words(value)[:_OF_VALUE] for name, value in list(values.items())[:100]}
