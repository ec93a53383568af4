from __future__ import annotations

import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fastavro
import pytest

from router import Batch, Outcome, ProcessorError
from router.testing import TestRunner

Problems = Callable[..., list[str]]


def writing(folder: Path, path: str, **settings: Any) -> TestRunner:
    return TestRunner("write_file", path=path, folder=folder, **settings)


def count_open() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def lines_below(folder: Path) -> dict[str, int]:
    return {str(path.relative_to(folder)): len(records(path)) for path in folder.rglob("*.jsonl")}


def records(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


async def test_content_is_written_as_it_came_before_the_call_returns(tmp_path: Path) -> None:
    async with writing(tmp_path, "out/posts.jsonl") as write:
        routes: dict[str, list[Any]] = await write.feed(b'{"a":1.10}', b"broken")
        assert routes == {"success": [b'{"a":1.10}', b"broken"]}
        assert (tmp_path / "out" / "posts.jsonl").read_bytes() == b'{"a":1.10}\nbroken\n'
    assert write.outcomes == [Outcome.DELIVERED]


async def test_rows_are_encoded_and_what_cannot_be_fails_alone(tmp_path: Path) -> None:
    async with writing(tmp_path, "posts.jsonl") as write:
        routes = await write.feed({"a": 1}, {"a": float("nan")}, {"a": 2})
    assert (list(routes), routes["success"]) == (["success", "failure"], [{"a": 1}, {"a": 2}])
    assert records(tmp_path / "posts.jsonl") == [{"a": 1}, {"a": 2}]


async def test_a_path_from_the_record_makes_a_file_for_each(tmp_path: Path) -> None:
    async with writing(tmp_path, "out/{{ lang }}/{{ n }}.jsonl") as write:
        await write.feed({"lang": "en", "n": 1}, {"lang": "de", "n": 1}, {"lang": "en", "n": 1})
    assert lines_below(tmp_path) == {"out/en/1.jsonl": 2, "out/de/1.jsonl": 1}


async def test_a_path_with_a_part_missing_or_leading_elsewhere_fails_alone(tmp_path: Path) -> None:
    given = [{"lang": "en"}, {}, {"lang": "../x"}, {"lang": ".."}, {"lang": ""}, {"lang": "de"}]
    async with writing(tmp_path, "out/{{ lang }}.jsonl") as write:
        batches = await write.feed_batch(Batch.of(given))
    (failure,) = batches["failure"]
    assert failure.rows == given[1:3] + given[4:5]
    assert failure.columns["error"][0]["message"] == (
        "path 'out/{{ lang }}.jsonl': a part of it is missing, or is no part of a file name"
    )
    assert set(lines_below(tmp_path)) == {"out/en.jsonl", "out/de.jsonl", "out/...jsonl"}


async def test_ten_thousand_paths_need_few_open_files(tmp_path: Path) -> None:
    before = count_open()
    async with writing(tmp_path, "out/{{ n }}.csv") as write:
        for _ in range(2):
            for start in range(0, 10_000, 1000):
                await write.feed(*({"n": number} for number in range(start, start + 1000)))
                assert count_open() < before + 80
    written = {path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert written == {b"n\n%d\n%d\n" % (number, number) for number in range(10_000)}


@pytest.mark.parametrize("name", ["avro", "csv", "json", "json_lines"])
async def test_a_file_closed_to_make_room_goes_on_where_it_was(tmp_path: Path, name: str) -> None:
    async with writing(tmp_path, "x{{ k }}", format=name, max_open=1) as write:
        for number in range(4):
            await write.feed({"k": 0, "n": number}, {"k": 1, "n": number})
        await write.end()
    assert [int(row["n"]) for row in read_back(name, (tmp_path / "x1").read_bytes())] == [0, 1, 2, 3]


def read_back(name: str, data: bytes) -> list[Any]:
    if name == "avro":
        return list(fastavro.reader(io.BytesIO(data)))
    if name == "csv":
        header, *lines = data.decode().splitlines()
        return [dict(zip(header.split(","), line.split(","), strict=True)) for line in lines]
    return list(json.loads(data)) if name == "json" else [json.loads(line) for line in data.splitlines()]


@pytest.mark.parametrize("mode", ["append", "replace"])
async def test_a_file_that_is_there_goes_on_or_is_emptied(tmp_path: Path, mode: str) -> None:
    (tmp_path / "x.jsonl").write_bytes(b"0\n")
    async with writing(tmp_path, "x.jsonl", mode=mode) as write:
        await write.feed(b"1")
        await write.feed(b"2")
    assert records(tmp_path / "x.jsonl") == ([0, 1, 2] if mode == "append" else [1, 2])


async def test_replace_empties_a_file_once(tmp_path: Path) -> None:
    for key in ("a", "b"):
        (tmp_path / f"x{key}.jsonl").write_bytes(b'{"k":"old"}\n')
    async with writing(tmp_path, "x{{ k }}.jsonl", mode="replace", max_open=1) as write:
        for _ in range(2):
            await write.feed({"k": "a"}, {"k": "b"})
    assert records(tmp_path / "xa.jsonl") == [{"k": "a"}] * 2


async def test_replace_leaves_nothing_old_where_nothing_new_came(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_bytes(b"0\n")
    async with writing(tmp_path, "x.jsonl", mode="replace") as write:
        await write.end()
    assert (tmp_path / "x.jsonl").read_bytes() == b""


async def test_a_torn_last_line_is_ended_first(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_bytes(b'{"a":1}\n{"a"')
    async with writing(tmp_path, "x.jsonl") as write:
        await write.feed(b"{}")
    assert (tmp_path / "x.jsonl").read_bytes() == b'{"a":1}\n{"a"\n{}\n'


async def test_avro_goes_on_behind_its_last_whole_block(tmp_path: Path) -> None:
    for row in ({"id": 1}, {"id": 2}):
        async with writing(tmp_path, "x.avro") as write:
            await write.feed(row)
    data = (tmp_path / "x.avro").read_bytes()
    (tmp_path / "x.avro").write_bytes(data[:-4])
    async with writing(tmp_path, "x.avro") as write:
        assert await write.feed({"id": 3}, {"id": "x"}) == {"success": [{"id": 3}], "failure": [{"id": "x"}]}
    assert read_back("avro", (tmp_path / "x.avro").read_bytes()) == [{"id": 1}, {"id": 3}]


async def test_a_json_array_is_closed_at_the_end(tmp_path: Path) -> None:
    async with writing(tmp_path, "x.json") as write:
        await write.feed({"a": 1})
        await write.feed({"a": 2})
        await write.end()
    assert json.loads((tmp_path / "x.json").read_bytes()) == [{"a": 1}, {"a": 2}]


async def test_text_needs_the_field_text(tmp_path: Path) -> None:
    async with writing(tmp_path, "x.txt") as write:
        routes = await write.feed({"text": "hello"}, {"n": 1}, {"text": "a\nb"})
    assert (routes["failure"], (tmp_path / "x.txt").read_text()) == ([{"n": 1}, {"text": "a\nb"}], "hello\n")


async def test_an_empty_batch_writes_nothing(tmp_path: Path) -> None:
    async with writing(tmp_path, "x.jsonl") as write:
        await write.feed_batch(Batch.of([]))
        assert not (tmp_path / "x.jsonl").exists()


async def test_a_device_can_be_written(tmp_path: Path) -> None:
    async with writing(tmp_path, "/dev/null") as write:
        assert await write.feed(b"{}") == {"success": [{}]}


# With the file also the folder it is new in, at first.
@pytest.mark.parametrize(("sync", "calls"), [("never", [0, 0, 0]), ("close", [1, 1, 2]), ("always", [2, 3, 4])])
async def test_the_disk_is_waited_for_as_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sync: str, calls: list[int]
) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    counts = []
    async with writing(tmp_path, "x.jsonl", sync=sync) as write:
        for _ in range(2):
            await write.feed(b"{}")
            counts.append(len(synced))
        await write.end()
    assert [*counts, len(synced)] == calls


@pytest.mark.parametrize(
    ("path", "existing", "problem"),
    [
        ("folder", None, "cannot be written: Is a directory"),
        ("x.avro", b"no avro", "not avro: a file begins with"),
        ("x.json", b"{}", "no array of JSON that could go on"),
    ],
)
async def test_a_file_that_cannot_be_written_ever_does_not_start(
    tmp_path: Path, path: str, existing: bytes | None, problem: str
) -> None:
    (tmp_path / "folder").mkdir()
    if existing is not None:
        (tmp_path / path).write_bytes(existing)
    with pytest.raises(ProcessorError, match=problem):
        await writing(tmp_path, path).feed({"a": 1})


async def test_a_path_from_a_record_that_can_never_be_written_fails_alone(tmp_path: Path) -> None:
    (tmp_path / "xa.avro").mkdir()
    (tmp_path / "xb.avro").write_bytes(b"no avro")
    async with writing(tmp_path, "x{{ k }}.avro") as write:
        batches = await write.feed_batch(Batch.of([{"k": "a"}, {"k": "b"}, {"k": "c"}]))
    (failure,) = batches["failure"]
    messages = [error["message"] for error in failure.columns["error"]]
    assert [message.split(": ", 1)[1][:30] for message in messages] == [
        "Is a directory",
        "not avro: a file begins with b",
    ]
    assert (tmp_path / "xc.avro").exists()


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"path": "x.jsonl.gz"}, "'path': nothing is compressed on writing"),
        ({"path": "out/"}, "'path': 'out/' is a folder; name the file"),
        ({"path": "-"}, "'path': '-' is no file; the standard output is '/dev/stdout'"),
        ({"path": "{{ lang }}.jsonl"}, "a path begins with a folder or text of its own"),
        ({"format": "avor"}, "no format 'avor' (did you mean 'avro'?)"),
        ({"mode": "overwrite"}, "Input should be 'append' or 'replace'"),
        ({"sync": "sometimes"}, "Input should be 'never', 'close' or 'always'"),
        ({"roll": {"records": 0}}, "Input should be greater than 0"),
        ({"roll": {"bytes": "0"}}, "Input should be greater than 0"),
        ({"roll": {"after": "0s"}}, "Input should be greater than 0 seconds"),
        ({"roll": {"every": "1h"}}, "Extra inputs are not permitted"),
        ({"roll": {}}, "'roll' says when: 'records', 'bytes' or 'after'"),
        ({"max_open": 0}, "Input should be greater than 0"),
    ],
)
def test_settings_that_cannot_be_are_refused(problems: Problems, settings: dict[str, Any], problem: str) -> None:
    found = problems("write_file", **{"path": "x.jsonl", **settings})
    assert any(problem in each for each in found), found
