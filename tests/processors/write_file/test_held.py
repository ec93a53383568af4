"""Files that are whole or not there, each with a number: always so with Parquet, with `atomic` and `roll` otherwise."""

from __future__ import annotations

import asyncio
import io
import json
import os
import stat
from pathlib import Path
from typing import Any

import fastavro
import pyarrow.parquet as pq
import pytest

from router import JSON, Batch, Outcome, ProcessorError
from router.testing import TestRunner


def writing(folder: Path, path: str, **settings: Any) -> TestRunner:
    return TestRunner("write_file", path=path, folder=folder, **settings)


def below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def read(path: Path) -> list[Any]:
    if path.suffix == ".parquet":
        return list(pq.ParquetFile(path).read().to_pylist())
    if path.suffix == ".avro":
        return list(fastavro.reader(io.BytesIO(path.read_bytes())))
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def numbers(folder: Path) -> dict[str, list[int]]:
    """The field ``n`` of every record, by file."""
    return {name: [row["n"] for row in read(folder / name)] for name in sorted(below(folder))}


def rows(*numbers: int) -> list[dict[str, Any]]:
    return [{"n": number} for number in numbers]


async def test_records_are_held_until_their_file_is_closed(tmp_path: Path) -> None:
    async with writing(tmp_path, "out/x.parquet") as write:
        assert await write.feed(*rows(1, 2)) == {}
        assert (below(tmp_path), write.outcomes) == (set(), [])
        assert await write.end() == {"success": rows(1, 2)}
    assert (numbers(tmp_path), write.outcomes) == ({"out/x.000001.parquet": [1, 2]}, [Outcome.DELIVERED])


async def test_a_stop_closes_the_files_and_delivers(tmp_path: Path) -> None:
    write = writing(tmp_path, "x.parquet")
    await write.feed(*rows(1, 2))
    assert write._engine is not None
    await write._engine.stop(20)
    await asyncio.sleep(0)
    assert (numbers(tmp_path), write.outcomes) == ({"x.000001.parquet": [1, 2]}, [Outcome.DELIVERED])


async def test_a_flow_that_is_cut_off_leaves_nothing_and_rejects(tmp_path: Path) -> None:
    write = writing(tmp_path, "x.parquet")
    await write.feed(*rows(1, 2))
    await write.__aexit__(None, None, None)
    await asyncio.sleep(0)
    assert (below(tmp_path), write.outcomes) == (set(), [Outcome.REJECTED])


@pytest.mark.parametrize("end", ["parquet", "jsonl", "avro"])
async def test_a_file_has_so_many_records_at_most_and_settles_at_once(tmp_path: Path, end: str) -> None:
    async with writing(tmp_path, f"x.{end}", atomic=True, roll={"records": 3}) as write:
        assert await write.feed(*rows(1, 2)) == {}
        assert await write.feed(*rows(3, 4, 5, 6, 7)) == {"success": rows(1, 2, 3, 4, 5, 6)}
        assert write.outcomes == [Outcome.DELIVERED]
        await write.end()
    assert numbers(tmp_path) == {
        f"x.000001.{end}": [1, 2, 3],
        f"x.000002.{end}": [4, 5, 6],
        f"x.000003.{end}": [7],
    }


@pytest.mark.parametrize("end", ["parquet", "jsonl"])
async def test_a_file_of_so_many_bytes_is_closed(tmp_path: Path, end: str) -> None:
    async with writing(tmp_path, f"x.{end}", atomic=True, roll={"bytes": 30}) as write:
        settled = []
        for start in (1, 3, 5, 7, 9):
            await write.feed(*rows(start, start + 1))
            settled.append(len(write.outcomes))
    assert (settled, min(numbers(tmp_path).values())) == ([0, 2, 2, 4, 4], [1, 2, 3, 4])


async def test_a_file_is_closed_so_long_after_its_first_record(tmp_path: Path) -> None:
    async with writing(tmp_path, "x{{ n }}.parquet", roll={"after": "1m"}) as write:
        await write.feed(*rows(1), at=10.0)
        await write.feed(*rows(2), at=40.0)
        await write.feed(*rows(1), at=69.0)
        assert await write.advance(1.0) == {"success": rows(1, 1)}
        assert await write.advance(29.0) == {}
        assert await write.advance(1.0) == {"success": rows(2)}
    assert numbers(tmp_path) == {"x1.000001.parquet": [1, 1], "x2.000001.parquet": [2]}


async def test_at_the_hold_limit_all_files_are_closed(tmp_path: Path) -> None:
    async with writing(tmp_path, "x{{ n }}.parquet", run={"hold": {"records": 4}}) as write:
        for _ in range(3):
            await write.feed(*rows(1, 2))
        assert write.outcomes == [Outcome.DELIVERED] * 2
    assert numbers(tmp_path) == {"x1.000001.parquet": [1, 1], "x2.000001.parquet": [2, 2]}


async def test_what_came_as_bytes_is_held_as_bytes(tmp_path: Path) -> None:
    # Rows take five times as much: the limit would be reached with the first batch.
    async with writing(tmp_path, "x.parquet", run={"hold": {"bytes": 200}}) as write:
        for _ in range(4):
            await write.feed_batch(Batch.raw([b'{"n":1}'], JSON))
        assert write.outcomes == []
        await write.end()
    assert numbers(tmp_path) == {"x.000001.parquet": [1] * 4}


async def test_partitions_have_parts_of_their_own(tmp_path: Path) -> None:
    async with writing(tmp_path, "out/{{ country }}/part.parquet", roll={"records": 2}) as write:
        await write.feed(*({"country": country, "n": number} for number in (1, 2, 3) for country in ("de", "fr")))
        await write.end()
    assert numbers(tmp_path) == {
        f"out/{country}/part.00000{part}.parquet": found
        for country in ("de", "fr")
        for part, found in ((1, [1, 2]), (2, [3]))
    }


async def test_misfits_fail_at_once_and_alone(tmp_path: Path) -> None:
    async with writing(tmp_path, "x{{ k }}.parquet", roll={"records": 2}) as write:
        await write.feed({"k": 1, "n": 1})
        misfits: list[dict[str, Any]] = [{"k": 1, "n": "x"}, {"n": 2}, {"k": 1, "n": 3, "new": 1}]
        routes = await write.feed(misfits[0], {"k": 1, "n": 2}, *misfits[1:], {"k": 1, "n": 3})
        assert routes["failure"] == misfits
        await write.end()
    assert numbers(tmp_path) == {"x1.000001.parquet": [1, 2], "x1.000002.parquet": [3]}


async def test_misfits_alone_make_no_file(tmp_path: Path) -> None:
    async with writing(tmp_path, "x.parquet", format={"type": "parquet", "schema": {"n": "integer"}}) as write:
        assert await write.feed({"n": "x"}) == {"failure": [{"n": "x"}]}
        await write.end()
    assert (below(tmp_path), write.outcomes) == (set(), [Outcome.DELIVERED])


async def test_an_empty_batch_makes_no_file(tmp_path: Path) -> None:
    async with writing(tmp_path, "x.parquet") as write:
        await write.feed_batch(Batch.of([]))
        await write.end()
    assert below(tmp_path) == set()


@pytest.mark.parametrize("end", ["parquet", "avro"])
async def test_all_parts_of_a_path_are_like_its_first_batch(tmp_path: Path, end: str) -> None:
    async with writing(tmp_path, f"x{{{{ k }}}}.{end}", atomic=True, roll={"records": 1}) as write:
        await write.feed({"k": 1, "n": 1}, {"k": 1, "n": 2, "m": 0.5})
        routes = await write.feed({"k": 1, "n": 3}, {"k": 1, "n": 4, "new": 1}, {"k": 2, "n": 5, "new": 1})
        await write.end()
    assert routes["failure"] == [{"k": 1, "n": 4, "new": 1}]
    assert [read(tmp_path / f"x1.00000{part}.{end}") for part in (1, 2, 3)] == [
        [{"n": n, "m": m, "k": 1}] for n, m in ((1, None), (2, 0.5), (3, None))
    ]
    assert read(tmp_path / f"x2.000001.{end}") == [{"k": 2, "n": 5, "new": 1}]


async def test_all_csv_parts_have_the_columns_of_the_first_batch(tmp_path: Path) -> None:
    async with writing(tmp_path, "x.csv", atomic=True, roll={"records": 1}) as write:
        await write.feed({"n": 1}, {"n": 2, "m": 3})
    assert [(tmp_path / name).read_text() for name in sorted(below(tmp_path))] == ["n,m\n1,\n", "n,m\n2,3\n"]


# -- runs one after the other -------------------------------------------------------------------


async def test_a_second_run_counts_on_and_touches_nothing(tmp_path: Path) -> None:
    for number in (1, 2):
        async with writing(tmp_path, "x.parquet") as write:
            await write.feed(*rows(number))
            await write.end()
    (tmp_path / "x.000009.parquet").write_bytes((tmp_path / "x.000001.parquet").read_bytes())
    async with writing(tmp_path, "x.parquet") as write:
        await write.feed(*rows(3))
        await write.end()
    found = numbers(tmp_path)
    assert (list(found), list(found.values())) == (
        ["x.000001.parquet", "x.000002.parquet", "x.000009.parquet", "x.000010.parquet"],
        [[1], [2], [1], [3]],
    )


async def test_a_number_that_somebody_took_meanwhile_is_left_out(tmp_path: Path) -> None:
    async with writing(tmp_path, "x.parquet", roll={"records": 1}) as write:
        await write.feed(*rows(1))
        (tmp_path / "x.000002.parquet").write_bytes(b"theirs")
        await write.feed(*rows(2))
    assert below(tmp_path) == {"x.000001.parquet", "x.000002.parquet", "x.000003.parquet"}
    assert (tmp_path / "x.000002.parquet").read_bytes() == b"theirs"


@pytest.mark.parametrize("path", ["x.parquet", "x{{ k }}.parquet"])
async def test_what_a_killed_run_left_is_taken_away(tmp_path: Path, path: str) -> None:
    (tmp_path / ".x.parquet.part").write_bytes(b"PAR1 half a file")
    async with writing(tmp_path, path) as write:
        await write.feed({"n": 1, "k": ""}, {"n": 1, "k": 1})
        await write.end()
    assert below(tmp_path) in ({"x.000001.parquet"}, {"x1.000001.parquet", ".x.parquet.part"})


async def test_replacing_takes_the_parts_of_an_earlier_run_away_when_the_first_new_one_is_there(tmp_path: Path) -> None:
    async with writing(tmp_path, "x.parquet", roll={"records": 1}) as write:
        await write.feed(*rows(1, 2, 3))
    async with writing(tmp_path, "x.parquet", mode="replace") as write:
        await write.feed({"n": 4}, {"n": 5, "m": 1})
        before = len(below(tmp_path))
        await write.end()
    assert (before, numbers(tmp_path)) == (3, {"x.000001.parquet": [4, 5]})


async def test_replacing_leaves_nothing_old_where_nothing_new_came(tmp_path: Path) -> None:
    async with writing(tmp_path, "x.parquet", roll={"records": 1}) as write:
        await write.feed(*rows(1, 2, 3))
    async with writing(tmp_path, "x.parquet", mode="replace") as write:
        await write.end()
    assert below(tmp_path) == set()


@pytest.mark.parametrize(
    ("path", "problem"), [("folder", "cannot be written: Is a directory"), ("file/x", "cannot be written: File exists")]
)
async def test_a_file_that_cannot_be_written_ever_does_not_start(tmp_path: Path, path: str, problem: str) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(ProcessorError, match=problem):
        await writing(tmp_path, path, format="parquet").feed({"n": 1})


async def test_a_path_from_a_record_that_can_never_be_written_fails_alone(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    given = [{"k": "a", "n": 1}, {"k": "b", "n": 2}]
    async with writing(tmp_path, "./{{ k }}/x.parquet") as write:
        assert await write.feed(*given) == {}
        assert await write.end() == {"failure": given[:1], "success": given[1:]}
    assert numbers(tmp_path / "b") == {"x.000001.parquet": [2]}


def is_folder(fd: int) -> bool:
    return stat.S_ISDIR(os.fstat(fd).st_mode)


# -- the disk is waited for ---------------------------------------------------------------------


@pytest.mark.parametrize(("sync", "calls"), [("never", 0), ("close", 2), ("always", 2)])
async def test_file_and_folder_are_on_the_disk_before_the_records_are_delivered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sync: str, calls: int
) -> None:
    seen: list[tuple[bool, set[str]]] = []
    monkeypatch.setattr(os, "fsync", lambda fd: seen.append((is_folder(fd), below(tmp_path))))
    async with writing(tmp_path, "x.parquet", sync=sync) as write:
        await write.feed(*rows(1))
        await write.end()
    assert seen == [(False, {".x.parquet.part"}), (True, {"x.000001.parquet"})][:calls]


async def test_a_folder_that_is_made_is_synced_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    monkeypatch.setattr(os, "fsync", lambda fd: synced.append(str(Path(f"/proc/self/fd/{fd}").resolve())))
    async with writing(tmp_path, "a/{{ k }}/x.parquet", sync="close") as write:
        await write.feed({"k": "b"})
        await write.end()
    assert [path.removeprefix(str(tmp_path)) for path in synced] == ["", "/a", "/a/b/.x.parquet.part", "/a/b"]


async def test_in_a_thread_the_same_happens(tmp_path: Path) -> None:
    run = {"execution": "thread", "concurrency": 2, "ordered": False, "hold": {"records": 7}}
    async with writing(tmp_path, "x.parquet", roll={"records": 4}, run=run) as write:
        for start in range(0, 30, 3):
            await write.feed(*rows(start, start + 1, start + 2))
        await write.end()
    found = [number for part in numbers(tmp_path).values() for number in part]
    assert (sorted(found), write.outcomes) == ([*range(30)], [Outcome.DELIVERED] * 10)
