from __future__ import annotations

import gzip
import io
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.processors.read_file.conftest import Reading

Read = Callable[..., Reading]


def file_of(count: int, **settings: Any) -> bytes:
    stream = io.BytesIO()
    pq.write_table(pa.table({"n": range(count)}), stream, **settings)
    return stream.getvalue()


def put(name: str, data: bytes | bytearray) -> None:
    Path(name).write_bytes(data)


def numbers(count: int) -> list[dict[str, int]]:
    return [{"n": number} for number in range(count)]


async def test_a_file_is_read_row_group_by_row_group(reading: Read) -> None:
    put("x.parquet", file_of(2500, row_group_size=1000))
    found = reading(path="x.parquet")
    await found.run()
    assert ([len(batch) for batch in found.good.batches], found.records) == ([1000, 1000, 500], numbers(2500))


async def test_a_rate_makes_small_batches(reading: Read) -> None:
    put("x.parquet", file_of(250))
    found = reading(path="x.parquet", rate=1000)
    async with found.engine:
        await found.advance(1.0)
    assert ([len(batch) for batch in found.good.batches], found.records) == ([84, 84, 82], numbers(250))


async def test_files_are_read_one_after_the_other(reading: Read) -> None:
    for name in ("x2", "x10"):
        put(f"{name}.parquet", file_of(3))
    found = reading(path="x*.parquet")
    await found.run()
    assert [run.attributes["path"] for batch in found.good.batches for run in batch.runs()] == [
        "x2.parquet",
        "x10.parquet",
    ]


@pytest.mark.parametrize("settings", [{}, {"compression": "gzip"}])
async def test_a_compressed_file_is_read_as_a_whole(reading: Read, settings: dict[str, Any]) -> None:
    put("x.parquet.gz", gzip.compress(file_of(1500)))
    found = reading(path="x.parquet.gz", **settings)
    await found.run()
    assert found.records == numbers(1500)


async def test_a_pipe_is_read_as_a_whole(reading: Read) -> None:
    os.mkfifo("x.parquet")
    writer = threading.Thread(target=lambda: Path("x.parquet").write_bytes(file_of(1500)))
    writer.start()
    found = reading(path="x.parquet")
    await found.run()
    writer.join()
    assert found.records == numbers(1500)


async def test_a_damaged_row_group_fails_and_is_told(reading: Read) -> None:
    data = bytearray(file_of(3000, row_group_size=1000, compression="zstd"))
    start = pq.ParquetFile(io.BytesIO(bytes(data))).metadata.row_group(0).column(0).data_page_offset
    data[start : start + 40] = b"\xff" * 40
    put("x.parquet", data)
    found = reading(path="x.parquet")
    await found.run()
    assert found.records == numbers(3000)[1000:]
    assert [message[:39] for _, message in found.failures] == ["1,000 of the 1,000 records of row group"]
    assert found.bulletins == [("parts of a file are no records", {"path": "x.parquet", "parts": 1})]


@pytest.mark.parametrize(("data", "failures"), [(b"", 0), (b"no parquet", 1)])
async def test_what_is_no_parquet_file_fails_alone(reading: Read, data: bytes, failures: int) -> None:
    put("a.parquet", data)
    put("b.parquet", file_of(3))
    found = reading(path="*.parquet")
    await found.run()
    assert (found.records, len(found.failures)) == (numbers(3), failures)


async def test_following_is_refused(reading: Read) -> None:
    with pytest.raises(ValueError, match="format 'parquet' reads whole files; use 'watch' instead of 'follow'"):
        reading(path="x.parquet", mode="follow")
