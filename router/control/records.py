"""Records as they are shown: decoded where they can be, cut where they are long, told apart by their content."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Any

from msgspec import Raw

from router.batch import Batch
from router.control.messages import RecordView
from router.control.pace import Slices
from router.engine.steering import matching
from router.expression import Expression
from router.storage.sayable import as_json, in_words

__all__ = ["BUDGET", "chosen_by", "record_view", "record_views"]

BUDGET = 4 << 20  # bytes of one answer, unless one record alone is larger
_BESIDE = 64 << 10  # bytes of columns, and of attributes
_OF_VALUE = 256


async def record_views(batches: Iterable[Batch], first: int, cut: int) -> tuple[list[RecordView], bool]:
    """Records to be shown, in slices, and whether they are all: an answer has its bounds."""
    slices, views, size = Slices(), list[RecordView](), 0
    for one in _singly(batches):
        view, nbytes = record_view(one, first + len(views), cut)
        if views and size + nbytes > BUDGET:
            return views, False
        views.append(view)
        size += nbytes
        await slices.rest()
    return views, True


def record_view(one: Batch, position: int, cut: int) -> tuple[RecordView, int]:
    """One record, and about how many bytes its JSON takes."""
    shown, size = _content(one, cut)
    columns = _beside({name: values[0] for name, values in one.columns.items() if values[0] is not None})
    attributes = _beside(one.attributes)
    view = RecordView(
        id=identity(one, 0), position=position, format=one.format if one.has_content else "rows", size=size,
        columns=columns, attributes=attributes, **shown,
    )  # fmt: skip
    return view, min(size, cut) + 200


def identity(batch: Batch, index: int) -> str:
    """What tells a record from others, as far as its content does."""
    content = batch.content[index] if batch.has_content else as_json(batch.rows[index])
    return blake2b(content, digest_size=8).hexdigest()


def chosen_by(where: Expression | None, ids: Sequence[str] | None) -> Callable[[Batch], Sequence[bool]]:
    """What is true of the records that are meant; of equal ones, as many as their id is named."""
    if ids is None:
        return lambda batch: matching(batch, where)
    left = Counter(ids)

    def choose(batch: Batch) -> Sequence[bool]:
        return [
            is_meant and _taken(left, identity(batch, number)) for number, is_meant in enumerate(matching(batch, where))
        ]

    return choose


def _taken(left: Counter[str], id: str) -> bool:
    if not left[id]:
        return False
    left[id] -= 1
    return True


def _singly(batches: Iterable[Batch]) -> Iterator[Batch]:
    return (batch.slice(index, index + 1) for batch in batches for index in range(len(batch)))


def _content(one: Batch, cut: int) -> tuple[dict[str, Any], int]:
    """The record, or its content as text or base64, whole or its beginning; and its size."""
    content = one.content[0] if one.has_content else as_json(one.rows[0])
    size = len(content)
    if size > cut:
        return {**_as_text(content[:cut], is_cut=True), "is_cut": True}, size
    if not one.has_content:
        return {"record": Raw(content)}, size
    good, failures = one.decoded()
    if failures or one.format == "raw":
        return _as_text(content, is_cut=False), size
    return {"record": Raw(as_json(good.rows[0]))}, size


def _as_text(content: bytes, *, is_cut: bool) -> dict[str, Any]:
    # The last character may have been cut in two, which makes no text of none.
    for end in range(len(content), max(-1, len(content) - (4 if is_cut else 1)), -1):
        try:
            return {"content": content[:end].decode()}
        except UnicodeDecodeError:
            continue
    return {"content_base64": base64.b64encode(content).decode()}


def _beside(values: Mapping[str, Any]) -> Any:
    encoded = as_json(values)
    if len(encoded) <= _BESIDE:
        return Raw(encoded)
    return {in_words(name): in_words(value)[:_OF_VALUE] for name, value in list(values.items())[:100]}
