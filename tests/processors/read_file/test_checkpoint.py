from __future__ import annotations

import gzip
import io
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fastavro
import pytest

from router import Batch, Context, Engine, Processor, ProcessorError, Relationship, Routes, build_flow
from router.testing import VirtualClock

Read = Callable[..., Any]
Follow = Callable[..., Any]
POST = {"type": "record", "name": "post", "fields": [{"name": "id", "type": "long"}]}


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


async def once(reading: Read, **settings: Any) -> Any:
    """A run to the end: what came out of it."""
    found = reading(checkpoint=True, **settings)
    report = await found.run()
    assert report.outcome == "done"
    return found


async def test_a_second_run_gives_only_what_is_new(reading: Read, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b"1\n2\n")
    assert (await once(reading, path="*.jsonl")).content == [b"1", b"2"]
    assert (await once(reading, path="*.jsonl")).content == []
    append(tmp_path / "a.jsonl", b"3\n")
    (tmp_path / "b.jsonl").write_bytes(b"4\n")
    assert (await once(reading, path="*.jsonl")).content == [b"3", b"4"]


async def test_without_it_a_second_run_reads_all_again(reading: Read, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b"1\n")
    assert [(await runs(reading)).content for _ in range(2)] == [[b"1"], [b"1"]]


async def runs(reading: Read) -> Any:
    found = reading(path="a.jsonl")
    await found.run()
    return found


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
async def test_what_was_not_safe_at_a_stop_is_given_again(reading: Read, tmp_path: Path, compress: Any) -> None:
    lines = [b"%d" % number for number in range(5000)]
    (tmp_path / "a.jsonl").write_bytes(compress(b"\n".join(lines) + b"\n"))
    safe = await stopped_after(2, path="a.jsonl", checkpoint=True)
    assert 0 < len(safe) < 5000
    assert (await once(reading, path="a.jsonl")).content == lines[len(safe) :]


async def stopped_after(batches: int, **settings: Any) -> list[bytes]:
    """What was safe when a flow was stopped at once, with all that came after so many batches held."""
    sink = Hesitant(batches)
    steps = {"read": {"type": "read_file", "to": "it", **settings}, "it": {"type": "log"}}
    flow = build_flow({"flow": "test", "processors": steps})
    clock = VirtualClock(1000.0)
    engine = Engine(flow, replace={"it": sink}, data=Path("data"), clock=clock)
    async with engine:
        await clock.advance(1.0, lambda: engine.is_busy)
    return sink.safe


class Hesitant(Processor):
    """Takes so many batches, and holds on to all that come after."""

    type_name = "hesitant"
    is_sink = True
    reads = "any"

    def __init__(self, batches: int) -> None:
        super().__init__()
        self.batches, self.safe = batches, list[bytes]()

    def process(self, batch: Batch, context: Context) -> Batch | None:
        self.batches -= 1
        if self.batches < 0:
            context.hold(batch)
            return None
        self.safe += batch.content if batch.has_content else [str(row["id"]).encode() for row in batch.rows]
        return batch


def csv(count: int) -> bytes:
    return b"id;text\n" + b"".join(b'%d;"one\ntwo"\n' % number for number in range(count))


def avro(count: int) -> bytes:
    stream = io.BytesIO()
    fastavro.writer(stream, POST, [{"id": number} for number in range(count)], sync_interval=4000)
    return stream.getvalue()


def json_array(count: int) -> bytes:
    return b"[" + b",".join(b'{"id":%d}' % number for number in range(count)) + b"]"


FORMATS: dict[str, tuple[Callable[[int], bytes], Any]] = {
    "a.csv": (csv, {"type": "csv", "delimiter": ";", "types": {"id": "integer"}}),
    "a.csv.gz": (lambda count: gzip.compress(csv(count)), {"type": "csv", "delimiter": ";"}),
    "a.avro": (avro, "avro"),
    "a.json": (json_array, "json"),
}


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(("count", "safe_batches"), [(2500, 2), (150_000, 100)])
async def test_every_format_goes_on_where_it_was_left(
    reading: Read, tmp_path: Path, name: str, count: int, safe_batches: int
) -> None:
    make, format_ = FORMATS[name]
    (tmp_path / name).write_bytes(make(count))
    safe = await stopped_after(safe_batches, path=name, format=format_, checkpoint=True)
    found = await once(reading, path=name, format=format_)
    assert 0 < len(safe) < count
    assert [int(row["id"]) for row in found.records] == list(range(len(safe), count))
    assert found.failures == []


async def test_misread_records_are_not_given_twice(reading: Read, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"id\n1\n2,3\n4\n")
    first = await once(reading, path="a.csv")
    append(tmp_path / "a.csv", b"5,6\n7\n")
    second = await once(reading, path="a.csv")
    assert [len(each.failures) for each in (first, second)] == [1, 1]
    assert [row["id"] for row in second.records] == ["7"]
    assert second.failures == [(b"5,6", "line 5: 2 values for 1 columns")]


@pytest.mark.parametrize(("rest", "expected"), [(b"\n3\n", [b"3"]), (b"2\n3\n", [b"22", b"3"])])
async def test_a_last_line_without_an_end_is_given_again_when_it_has_grown(
    reading: Read, tmp_path: Path, rest: bytes, expected: list[bytes]
) -> None:
    (tmp_path / "a.jsonl").write_bytes(b"1\n2")
    assert (await once(reading, path="a.jsonl")).content == [b"1", b"2"]
    append(tmp_path / "a.jsonl", rest)
    assert (await once(reading, path="a.jsonl")).content == expected


async def test_a_member_appended_to_a_gzip_file_is_new(reading: Read, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(b"1\n2\n"))
    await once(reading, path="a.jsonl.gz")
    append(tmp_path / "a.jsonl.gz", gzip.compress(b"3\n"))
    assert (await once(reading, path="a.jsonl.gz")).content == [b"3"]


async def test_a_file_that_was_cut_is_read_from_its_beginning(reading: Read, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b"1\n2\n")
    await once(reading, path="a.jsonl")
    (tmp_path / "a.jsonl").write_bytes(b"9\n")
    found = await once(reading, path="a.jsonl")
    text = "a file was cut; it is read from its beginning"
    assert (found.content, found.bulletins) == ([b"9"], [(text, {"path": "a.jsonl"})])


async def test_a_file_with_another_beginning_is_another_file(reading: Read, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b"1\n2\n")
    await once(reading, path="a.jsonl")
    (tmp_path / "a.jsonl").write_bytes(b"7\n8\n9\n")
    found = await once(reading, path="a.jsonl")
    text = "a file is not the one that was read before; it is read from its beginning"
    assert (found.content, found.bulletins) == ([b"7", b"8", b"9"], [(text, {"path": "a.jsonl"})])


@pytest.mark.parametrize("mode", ["once", "follow"])
async def test_a_file_rotated_while_nothing_ran_is_read_to_its_end_first(
    reading: Read, tmp_path: Path, mode: str
) -> None:
    log = tmp_path / "app.log"
    log.write_bytes(b"1\n")
    await run_for_a_while(reading, path="app.log", mode=mode)
    append(log, b"2\n")
    log.rename(tmp_path / "app.log.1")
    log.write_bytes(b"3\n")
    assert (await run_for_a_while(reading, path="app.log", mode=mode)).content == [b"2", b"3"]


async def run_for_a_while(reading: Read, **settings: Any) -> Any:
    found = reading(checkpoint=True, **settings)
    async with found.engine:
        await found.advance(3.0)
    return found


async def test_following_goes_on_where_it_was_left(reading: Read, tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_bytes(b"1\nha")
    assert (await run_for_a_while(reading, path="app.log", mode="follow")).content == [b"1"]
    append(log, b"lf\n3\n")
    assert (await run_for_a_while(reading, path="app.log", mode="follow")).content == [b"half", b"3"]


async def test_a_file_cut_while_it_is_followed_is_remembered_anew(reading: Read, tmp_path: Path) -> None:
    log = tmp_path / "app.log"
    log.write_bytes(b"1\n2\n3\n")
    found = reading(path="app.log", mode="follow", checkpoint=True)
    async with found.engine:
        await found.advance(1.0)
        os.truncate(log, 0)
        append(log, b"4\n")
        await found.advance(1.0)
    append(log, b"5\n")
    again = await run_for_a_while(reading, path="app.log", mode="follow")
    assert (found.content, again.content) == ([b"1", b"2", b"3", b"4"], [b"5"])


async def test_a_file_that_is_gone_is_told_of_once(reading: Read, tmp_path: Path) -> None:
    (tmp_path / "app.log").write_bytes(b"1\n")
    await run_for_a_while(reading, path="app.log", mode="follow")
    (tmp_path / "app.log").unlink()
    bulletins = [(await run_for_a_while(reading, path="app.log", mode="follow")).bulletins for _ in range(2)]
    gone = "a file is gone that was being read; what it got after the last run is not read"
    assert [[text for text, _ in each if text == gone] for each in bulletins] == [[gone], []]


async def test_a_file_is_remembered_as_long_as_it_is_there_and_for_a_month_after(reading: Read, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b"1\n")
    day = 86400.0
    given = [(await once(reading, path="*.jsonl", now=day * each)).content for each in (1, 26, 51, 76)]
    (tmp_path / "a.jsonl").rename(tmp_path / "away")
    given += [(await once(reading, path="*.jsonl", now=day * each)).content for each in (77, 110)]
    (tmp_path / "away").rename(tmp_path / "a.jsonl")
    given.append((await once(reading, path="*.jsonl", now=day * 111)).content)
    assert given == [[b"1"], [], [], [], [], [], [b"1"]]


async def test_watch_remembers_the_files_it_has_read(reading: Read, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.json").write_bytes(b"[1, 2]")
    (tmp_path / "in" / "b.json").write_bytes(b"[3]")
    settings = {"path": "in/*.json", "mode": "watch"}
    assert sorted((await run_for_a_while(reading, **settings)).content) == [b"1", b"2", b"3"]
    (tmp_path / "in" / "b.json").write_bytes(b"[4, 5]")
    (tmp_path / "in" / "a.json").rename(tmp_path / "in" / "c.json")
    (tmp_path / "in" / "d.json").write_bytes(b"[6]")
    assert sorted((await run_for_a_while(reading, **settings)).content) == [b"4", b"5", b"6"]


async def test_a_copy_of_a_file_is_another_file(reading: Read, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b"1\n")
    os.link(tmp_path / "a.jsonl", tmp_path / "b.jsonl")
    shutil.copy(tmp_path / "a.jsonl", tmp_path / "c.jsonl")
    assert (await once(reading, path="*.jsonl")).content == [b"1", b"1"]


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz"])
async def test_what_was_rejected_is_given_again_after_a_while(tmp_path: Path, name: str) -> None:
    text = b"id\n" + b"".join(b"%d\n" % number for number in range(2500)) + b"x,y\n"
    (tmp_path / name).write_bytes(gzip.compress(text) if name.endswith("gz") else text)
    refuser = Refuser(1000)
    steps = {
        "read": {"type": "read_file", "path": str(tmp_path / name), "checkpoint": True, "mode": "watch",
                 "to": {"success": "it", "failure": "it"}},
        "it": {"type": "route", "when": {"refused": "False"}, "to": {"refused": "reject", "unmatched": "drop"}},
    }  # fmt: skip
    clock = VirtualClock(1000.0)
    engine = Engine(build_flow({"flow": "test", "processors": steps}), replace={"it": refuser}, clock=clock)
    async with engine:
        await clock.advance(0.9, lambda: engine.is_busy)
        refused = len(refuser.refused)
        await clock.advance(10.0, lambda: engine.is_busy)
    assert refused > 0
    assert sorted(refuser.taken) == sorted([*(str(number) for number in range(2500)), "x,y"])


class Refuser(Processor):
    """Refuses every other batch the first time."""

    type_name = "refuser"
    reads = "any"
    relationships = (Relationship("refused"), Relationship("unmatched"), Relationship("failure"))

    def __init__(self, size: int) -> None:
        super().__init__()
        self.refused: set[str] = set()
        self.taken: list[str] = []

    def process(self, batch: Batch, context: Context) -> Routes:
        ids = [row["id"] for row in batch.rows] if batch.has_rows else [line.decode() for line in batch.content]
        if ids[0] not in self.refused:
            self.refused.add(ids[0])
            return {"refused": batch}
        self.taken += ids
        return {"unmatched": batch}


async def test_a_pipe_has_no_position(reading: Read, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ProcessorError, match="is no regular file; 'checkpoint' has no position to keep"):
        await reading(path="pipe", checkpoint=True).run()
