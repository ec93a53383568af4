from __future__ import annotations

from typing import Any

import pytest

from router.batch import Batch
from router.errors import StorageError
from router.storage.provenance.framing import framed, unframed

LINES = [b'{"n":1}', b"", b"no json", b"\xff\x00\n"]


def as_read(content: bytes, *pieces: bytes) -> Batch:
    """A batch that knows what it was read as."""
    batch = Batch.raw(content.split(b"\n")[:-1], path="a")
    batch.whole = pieces
    return batch


def said(batch: Batch) -> tuple[Any, ...]:
    content = batch.content if batch.has_content else batch.rows
    return content, batch.format, dict(batch.columns), [(each.attributes, len(each)) for each in batch.runs()]


@pytest.mark.parametrize(
    "batch",
    [
        Batch.raw(LINES, path="a"),
        Batch.raw(LINES, "text"),
        Batch.raw(LINES).with_columns(key=[1, 2, None, "x"]),
        Batch.concat([Batch.raw(LINES, path="a"), Batch.raw(LINES[:1], path="b")]),
        Batch.raw([b"one"], path="a"),
        Batch.of([{"n": 10**30}, {}], path="a"),
        as_read(b'{"n":1}\n\nno json\n', b'{"n"', b":1}\n\nno json\n"),
        as_read(b"\n", b"\n").with_columns(key=[1]),
    ],
)
def test_a_batch_comes_back_as_it_was(batch: Batch) -> None:
    assert said(unframed(b"".join(framed(batch)))) == said(batch)


@pytest.mark.parametrize("batch", [Batch.raw(LINES, path="a"), as_read(b"{}\n" * 40, b"{}\n" * 40)])
@pytest.mark.parametrize("length", [0, 5, 12, 40, -1, -2])
def test_what_is_cut_short_is_told(batch: Batch, length: int) -> None:
    data = b"".join(framed(batch))
    with pytest.raises(StorageError):
        unframed(data[:length])
