from __future__ import annotations

import gzip
import io
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fastavro
import pytest
import zstandard

from router import ProcessorError, load_registry

Read = Callable[..., Any]
POST = {"type": "record", "name": "post", "fields": [{"name": "id", "type": "long"}]}


def avro(count: int) -> bytes:
    stream = io.BytesIO()
    fastavro.writer(stream, POST, [{"id": number} for number in range(count)], sync_interval=1)
    return stream.getvalue()


async def test_lines_come_byte_for_byte_and_in_order(reading: Read, tmp_path: Path) -> None:
    lines = [b'{"id": %d, "x": 1.10}' % number for number in range(5000)]
    (tmp_path / "posts.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    found = reading(path="posts.jsonl")
    report = await found.run()
    assert (report.outcome, found.content) == ("done", lines)
    assert max(map(len, found.good.batches)) <= 1000


async def test_batches_know_their_file_as_it_was_named(reading: Read, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.jsonl").write_bytes(b"{}\n")
    found = reading(path="in/*.jsonl")
    await found.run()
    assert [dict(batch.attributes) for batch in found.good.batches] == [{"path": "in/a.jsonl"}]


async def test_a_pattern_means_files_in_natural_order(reading: Read, tmp_path: Path) -> None:
    for name in ("p10.jsonl", "p9.jsonl", "sub/p1.jsonl", "p9b.jsonl", ".hidden.jsonl", "other.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f'"{name}"\n')
    (tmp_path / "folder.jsonl").mkdir()
    found = reading(path="**/*.jsonl")
    await found.run()
    assert found.content == [b'"p9.jsonl"', b'"p9b.jsonl"', b'"p10.jsonl"', b'"sub/p1.jsonl"']


async def test_a_file_whose_name_looks_like_a_pattern_is_that_file(reading: Read, tmp_path: Path) -> None:
    (tmp_path / "[a].jsonl").write_bytes(b"{}\n")
    found = reading(path="[a].jsonl")
    await found.run()
    assert found.content == [b"{}"]


async def test_a_broken_line_passes_among_good_ones(reading: Read, tmp_path: Path) -> None:
    (tmp_path / "posts.jsonl").write_bytes(b'\xef\xbb\xbf{"a":1}\r\nbroken\r\n\r\n[]\n\xff\n{"a":2}')
    found = reading(path="posts.jsonl")
    await found.run()
    assert (found.content, found.failures) == ([b'{"a":1}', b"broken", b"[]", b"\xff", b'{"a":2}'], [])


async def test_an_empty_file_is_done_at_once(reading: Read, tmp_path: Path) -> None:
    for name in ("a.jsonl", "b.csv", "c.avro", "d.json", "e.txt"):
        (tmp_path / name).touch()
        found = reading(path=name)
        report = await found.run()
        assert (report.outcome, found.records, found.failures, found.bulletins) == ("done", [], [], [])


async def test_a_csv_row_with_the_wrong_columns_leaves_by_failure(reading: Read, tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text("id;price\n1;2.5\n2;3;4\n3;x\n4;\n")
    types = {"price": "number", "id": "integer"}
    found = reading(path="orders.csv", format={"type": "csv", "delimiter": ";", "types": types})
    report = await found.run()
    assert found.records == [{"id": 1, "price": 2.5}, {"id": 4, "price": None}]
    assert found.failures == [
        (b"2;3;4", "line 3: 3 values for 2 columns"),
        (b"3;x", "line 4: column 'price' is number; got 'x'"),
    ]
    assert found.bulletins == [("parts of a file are no records", {"path": "orders.csv", "parts": 2})]
    assert report.processors["read"].out == {"success": 2, "failure": 2}


async def test_without_a_way_for_failures_they_are_dead_letters(reading: Read, tmp_path: Path) -> None:
    (tmp_path / "orders.csv").write_text("id\n1\n2,3\n")
    found = reading(path="orders.csv", to="good")
    report = await found.run()
    assert (report.outcome, report.dead_letters, found.records) == ("done", 1, [{"id": "1"}])


async def test_a_json_array_gives_its_elements(reading: Read, tmp_path: Path) -> None:
    (tmp_path / "export.json").write_text('[\n {"a": 1},\n {"a": 2}\n]')
    found = reading(path="export.json")
    await found.run()
    assert found.records == [{"a": 1}, {"a": 2}]


async def test_a_raw_file_is_one_record(reading: Read, tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(b"\x89PNG\n\x00")
    found = reading(path="*.png")
    await found.run()
    assert found.records == [{"content": b"\x89PNG\n\x00"}]


async def test_large_lines_pass(reading: Read, tmp_path: Path) -> None:
    line = b'{"text":"' + b"x" * (10 << 20) + b'"}'
    (tmp_path / "posts.jsonl").write_bytes(b"{}\n" + line + b"\n{}\n")
    found = reading(path="posts.jsonl")
    await found.run()
    assert list(map(len, found.content)) == [2, len(line), 2]


@pytest.mark.parametrize("settings", [{}, {"compression": "gzip"}])
async def test_gzip_members_are_read_one_behind_the_other(
    reading: Read, tmp_path: Path, settings: dict[str, str]
) -> None:
    lines = [b'{"id": %d}' % number for number in range(100_000)]
    data = b"\n".join(lines) + b"\n"
    (tmp_path / "posts.jsonl.gz").write_bytes(gzip.compress(data) + gzip.compress(b"{}\n") + b"\0" * 512)
    found = reading(path="posts.jsonl.gz", **settings)
    await found.run()
    assert (found.content, found.failures) == ([*lines, b"{}"], [])


async def test_zstd_frames_are_read_one_behind_the_other(reading: Read, tmp_path: Path) -> None:
    frame = zstandard.ZstdCompressor().compress(b'{"id":1}\n' * 100_000)
    (tmp_path / "posts.csv.zst").write_bytes(frame + frame)
    found = reading(path="posts.csv.zst", format="json_lines")
    await found.run()
    assert (len(found.content), found.failures) == (200_000, [])


@pytest.mark.parametrize("kind", ["gzip", "zstd"])
async def test_compressed_data_that_breaks_off_gives_what_is_whole(reading: Read, tmp_path: Path, kind: str) -> None:
    data = b"".join(b'{"id": %d, "x": "%s"}\n' % (number, os.urandom(20).hex().encode()) for number in range(20_000))
    whole = gzip.compress(data) if kind == "gzip" else zstandard.ZstdCompressor().compress(data)
    (tmp_path / "posts.jsonl").write_bytes(whole[: len(whole) * 2 // 3])
    found = reading(path="posts.jsonl")
    report = await found.run()
    ((_, error),) = found.failures
    assert (report.outcome, error) == ("done", f"the file ends within its {kind} data")
    assert found.content == data.split(b"\n")[: len(found.content)]
    assert len(found.content) > 5_000
    assert found.bulletins == [("parts of a file are no records", {"path": "posts.jsonl", "parts": 1, "error": error})]


async def test_damaged_compressed_data_gives_what_was_before_and_the_next_file(reading: Read, tmp_path: Path) -> None:
    (tmp_path / "p1.txt").write_bytes(gzip.compress(b"1\nhalf") + b"no gzip")
    (tmp_path / "p2.txt").write_bytes(zstandard.compress(b"2\n") + b"no zstd")
    (tmp_path / "p3.txt").write_bytes(b"3\n")
    found = reading(path="p*.txt")
    await found.run()
    assert (found.content, [content for content, _ in found.failures]) == ([b"1", b"2", b"3"], [b"half", b""])
    assert [error[:24] for _, error in found.failures] == ["the gzip data is damaged", "the zstd data is damaged"]


async def test_compression_can_be_left_on(reading: Read, tmp_path: Path) -> None:
    data = gzip.compress(b"x")
    (tmp_path / "x.gz").write_bytes(data)
    found = reading(path="x.gz", format="raw", compression="none")
    await found.run()
    assert found.records == [{"content": data}]


async def test_a_truncated_avro_file_gives_its_whole_blocks(reading: Read, tmp_path: Path) -> None:
    (tmp_path / "posts.avro").write_bytes(avro(100)[:-5])
    found = reading(path="posts.avro")
    report = await found.run()
    ((_, error),) = found.failures
    assert (report.outcome, found.records) == ("done", [{"id": number} for number in range(99)])
    assert error.startswith("the file ends within a block")


async def test_a_pipe_is_read_until_its_writer_has_closed_it(reading: Read, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    lines = [b'{"id": %d}' % number for number in range(50_000)]

    def write() -> None:
        with (tmp_path / "pipe").open("wb") as pipe:
            pipe.write(b"\n".join(lines))

    writer = threading.Thread(target=write)
    writer.start()
    found = reading(path="pipe")
    report = await found.run()
    writer.join()
    assert (report.outcome, found.content, found.engine.status().processors["read"].progress) == (
        "done",
        lines,
        (len(b"\n".join(lines)), None),
    )


@pytest.mark.parametrize("path", ["-", "/dev/stdin"])
async def test_the_standard_input_is_read_though_its_writer_is_gone(reading: Read, path: str) -> None:
    ours, theirs = os.pipe()
    os.write(theirs, b"{}\n[]")
    os.close(theirs)
    before = os.dup(0)
    try:
        os.dup2(ours, 0)
        found = reading(path=path)
        report = await found.run()
    finally:
        os.dup2(before, 0)
        os.close(before)
        os.close(ours)
    assert (report.outcome, found.content) == ("done", [b"{}", b"[]"])


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("nowhere.jsonl", r"no file '.*nowhere.jsonl'"),
        ("folder", r"'.*folder' is a folder; name its files, such as 'folder/\*'"),
    ],
)
async def test_what_cannot_be_read_does_not_start(reading: Read, tmp_path: Path, path: str, problem: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(ProcessorError, match=problem):
        await reading(path=path).run()


async def test_a_pattern_that_matches_nothing_is_told(reading: Read) -> None:
    found = reading(path="*.jsonl")
    report = await found.run()
    assert (report.outcome, found.bulletins) == ("done", [("no file matches", {"path": "*.jsonl"})])


async def test_a_file_that_vanishes_before_its_turn_is_told(reading: Read, tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / f"{name}.jsonl").write_text(f'"{name}"\n')
    (tmp_path / "b.jsonl").unlink()
    (tmp_path / "b.jsonl").symlink_to(tmp_path / "gone")  # it is listed, and is not there
    found = reading(path="*.jsonl")
    report = await found.run()
    assert (report.outcome, found.content) == ("done", [b'"a"', b'"c"'])
    assert found.bulletins == [("a file vanished before it was read", {"path": "b.jsonl"})]


async def test_a_file_that_cannot_be_opened_is_a_failure_and_the_others_are_read(reading: Read, tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").symlink_to("a.jsonl")
    (tmp_path / "b.jsonl").write_bytes(b"{}\n")
    found = reading(path="*.jsonl")
    report = await found.run()
    problem = "file 'a.jsonl' cannot be read: Too many levels of symbolic links"
    assert (report.outcome, found.content, found.failures) == ("done", [b"{}"], [(b"", problem)])


async def test_progress_is_the_bytes_of_all_files(reading: Read, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.jsonl").write_bytes(b"{}\n" * 10)
    found = reading(path="*.jsonl")
    await found.run()
    assert found.engine.status().processors["read"].progress == (60, 60)


async def test_a_loop_begins_again(reading: Read, tmp_path: Path) -> None:
    (tmp_path / "posts.jsonl").write_bytes(b"1\n2\n")
    found = reading(path="posts.jsonl", loop=True, rate=10)
    async with found.engine:
        await found.advance(1.05)
    assert found.content == [b"1", b"2"] * 5 + [b"1"]


async def test_a_loop_over_nothing_waits_for_something(reading: Read, tmp_path: Path) -> None:
    (tmp_path / "posts.jsonl").touch()
    found = reading(path="posts.jsonl", loop=True, rate=1)
    async with found.engine:
        await found.advance(10)
        (tmp_path / "posts.jsonl").write_bytes(b"1\n")
        await found.advance(2)
    assert set(found.content) == {b"1"}


async def test_a_rate_spreads_the_records_evenly(reading: Read, tmp_path: Path) -> None:
    (tmp_path / "posts.jsonl").write_bytes(b"{}\n" * 1000)
    found = reading(path="posts.jsonl", rate="600/m")
    counts = []
    async with found.engine:
        for _ in range(3):
            await found.advance(1.0)
            counts.append(len(found.content))
    assert counts == [10, 20, 30]


async def test_rejected_batches_are_told_at_the_end(reading: Read, tmp_path: Path) -> None:
    (tmp_path / "posts.jsonl").write_bytes(b"{}\n")
    found = reading(path="posts.jsonl", to="reject")
    await found.run()
    text = "batches were rejected; a second run reads them again, with all others"
    assert found.bulletins == [(text, {"batches": 1})]


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"checkpoint": True, "loop": True}, "'loop' begins again, 'checkpoint' goes on; give one of them"),
        ({"checkpoint": True, "path": "-"}, "'checkpoint': the standard input has no position to go on at"),
        ({"loop": True, "mode": "follow"}, "'loop' begins again at the end, which follow lacks"),
        ({"path": "-", "mode": "watch"}, "'mode': the standard input is read once; got 'watch'"),
        ({"path": "x.json", "mode": "follow"}, "'mode': format 'json' reads whole files; use 'watch'"),
        ({"format": {"type": "csv", "header": False}}, "'format': without a header the columns need"),
        ({"format": "jsonlines"}, "no format 'jsonlines' (did you mean 'json_lines'?)"),
        ({"format": {"delimiter": ";"}}, "a format is a name, or a mapping of 'type' and its settings"),
        ({"path": ""}, "a path is a text; got ''"),
        ({"mode": "tail"}, "Input should be 'once', 'follow' or 'watch'"),
        ({"poll": "0s"}, "Input should be greater than"),
    ],
)
def test_settings_that_cannot_be_are_refused(
    problems: Callable[..., list[str]], settings: dict[str, Any], problem: str
) -> None:
    found = problems("read_file", **{"path": "posts.jsonl", **settings})
    assert any(problem in each for each in found), found


@pytest.mark.parametrize(
    ("path", "name"),
    [("a.csv", "csv"), ("a.avro.gz", "avro"), ("a.jsonl.zst", "json_lines"), ("a.log", "text"), ("data", "json_lines")],
)
def test_the_format_follows_from_the_name(path: str, name: str) -> None:
    registry = load_registry()
    config = registry.processors["read_file"].config_class()
    made: Any = config.model_validate({"path": path}, context={"registry": registry, "folder": None})
    assert made.format.type_name == name


@pytest.mark.parametrize("block", [1, 2, 3])
@pytest.mark.parametrize(
    "data", [gzip.compress(b"1\n2\n", mtime=0), zstandard.compress(b"1\n2\n"), b"1\n2\n", b"\x1f\n"]
)
async def test_compression_is_told_however_little_comes_at_once(
    reading: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int, data: bytes
) -> None:
    monkeypatch.setattr("router_processors.read_file.reading.BLOCK", block)
    (tmp_path / "posts.txt").write_bytes(data)
    found = reading(path="posts.txt")
    await found.run()
    assert found.content == ([b"\x1f"] if data == b"\x1f\n" else [b"1", b"2"])
