"""Files with something wrong in them, and files that change while they are read."""

from __future__ import annotations

import gzip
import io
import os
from collections.abc import Callable
from signal import SIGINT
from typing import Any

import fastavro
import pytest


@pytest.fixture(scope="module")
def of_files(shared: Callable[[], Any]) -> Any:
    """One run over files of many kinds, each with something wrong in it."""
    workshop = shared()
    workshop.file("table.csv", 'id,name,place\n1,"a,b",c\n2,d\n3,e,f,g\nx,h,i\n4,"j,k\n6,"l""m",n\n')
    workshop.file("bom.jsonl", b"\xef\xbb\xbf" + b'{"n": 1}\r\n\r\n{"n": 2}\r\n{"n": 3}')
    workshop.file("empty.jsonl", "")
    packed = gzip.compress(b"".join(b'{"n": %d}\n' % number for number in range(20_000)))
    workshop.file("cut.jsonl.gz", packed[: len(packed) // 2])
    workshop.file("cut.avro", avro_of(2000)[:-40])
    workshop.file("none.avro", b'{"n": 1}\n')
    csv = "{type: csv, types: {id: integer}}"
    for name, file, form in (
        ("csv", "table.csv", csv),
        ("bom", "bom.jsonl", "json_lines"),
        ("empty", "empty.jsonl", "json_lines"),
        ("gzip", "cut.jsonl.gz", "json_lines"),
        ("avro", "cut.avro", "avro"),
        ("none", "none.avro", "avro"),
    ):
        read = f"r: {{type: read_file, path: {file}, format: {form}, to: w}}"
        workshop.flow(f"{read}\nw: {{type: write_file, path: {name}.out, format: json_lines}}", name)
    workshop.ended = workshop.run(*(f"{name}.yaml" for name in ("csv", "bom", "empty", "gzip", "avro", "none")))
    return workshop


def avro_of(count: int) -> bytes:
    file = io.BytesIO()
    schema = {"type": "record", "name": "r", "fields": [{"name": "n", "type": "long"}]}
    fastavro.writer(file, schema, ({"n": number} for number in range(count)), sync_interval=1000)
    return file.getvalue()


def test_files_with_something_wrong_are_read_all_the_same(of_files: Any) -> None:
    assert of_files.ended.process.returncode == 0


def test_csv_rows_fail_alone_each_as_its_line(of_files: Any) -> None:
    assert of_files.lines("csv.out") == [
        '{"id":1,"name":"a,b","place":"c"}',
        '{"id":6,"name":"l\\"m","place":"n"}',
    ]
    assert [(message, left) for _, _, message, left in of_files.letters("csv")] == [
        ("line 3: 2 values for 3 columns", "2,d"),
        ("line 4: 4 values for 3 columns", "3,e,f,g"),
        ("line 5: column 'id' is integer; got 'x'", "x,h,i"),
        ("line 6: ',' expected after '\"'", '4,"j,k'),
    ]


def test_a_byte_order_mark_windows_line_ends_and_blank_lines_are_no_part_of_records(of_files: Any) -> None:
    assert of_files.lines("bom.out") == ['{"n": 1}', '{"n": 2}', '{"n": 3}']


def test_an_empty_file_gives_nothing(of_files: Any) -> None:
    assert (of_files.letters("empty"), (of_files.folder / "empty.out").exists()) == ([], False)


def test_gzip_that_breaks_off_gives_its_whole_lines_and_one_dead_letter(of_files: Any) -> None:
    numbers = of_files.numbers("gzip.out")
    assert numbers == list(range(len(numbers)))
    assert 5_000 < len(numbers) < 20_000
    [(processor, kind, message, left)] = of_files.letters("gzip")
    assert (processor, kind, message) == ("r", "DecodeError", "the file ends within its gzip data")
    assert f'{{"n": {len(numbers)}}}'.startswith(left)


def test_avro_that_breaks_off_gives_its_whole_blocks_and_one_dead_letter(of_files: Any) -> None:
    numbers = of_files.numbers("avro.out")
    assert numbers == list(range(len(numbers)))
    assert 1_000 < len(numbers) < 2_000
    assert [letter[:2] for letter in of_files.letters("avro")] == [("r", "DecodeError")]


def test_what_is_no_avro_is_one_dead_letter(of_files: Any) -> None:
    message = """not avro: a file begins with b'Obj\\x01'; got b'{"n": 1}'"""
    assert of_files.letters("none") == [("r", "DecodeError", message, '{"n": 1}\n')]


# -- files that change --------------------------------------------------------------------------

FOLLOW = """
r: {type: read_file, path: in.jsonl, mode: follow, poll: 10ms, to: w}
w: {type: write_file, path: /dev/stdout, format: json_lines}
"""


def line(number: int) -> str:
    return f'{{"n": {number}}}'


@pytest.fixture
def following(workshop: Any) -> Any:
    """A file that is followed, its first two lines read."""
    workshop.file("in.jsonl", f"{line(0)}\n{line(1)}\n")
    run = workshop.start("run", workshop.flow(FOLLOW))
    run.until_written(line(1))
    return run


def ended(run: Any) -> tuple[int, list[str]]:
    run.send(SIGINT)
    return run.end(), run.written.splitlines()


def test_a_file_that_shrinks_while_it_is_followed_is_read_from_its_beginning(workshop: Any, following: Any) -> None:
    path = workshop.folder / "in.jsonl"
    os.truncate(path, 0)
    following.until("a file was cut; it is read from its beginning")
    with path.open("a") as file:
        file.write(f"{line(2)}\n")
    following.until_written(line(2))
    assert ended(following) == (130, [line(0), line(1), line(2)])


def test_a_file_that_is_rotated_while_it_is_followed_is_read_to_its_end_first(workshop: Any, following: Any) -> None:
    path = workshop.folder / "in.jsonl"
    with path.open("a") as old:
        path.rename(workshop.folder / "in.jsonl.1")
        workshop.file("in.jsonl", f"{line(4)}\n")
        old.write(f"{line(2)}\n{line(3)}\n")
    following.until_written(line(4))
    assert ended(following) == (130, [line(number) for number in range(5)])


def test_a_file_that_vanishes_while_it_is_followed_is_waited_for(workshop: Any, following: Any) -> None:
    (workshop.folder / "in.jsonl").unlink()
    following.until("a file is gone; it was read to its end")
    workshop.file("in.jsonl", f"{line(2)}\n")
    following.until_written(line(2))
    assert ended(following) == (130, [line(0), line(1), line(2)])


def test_a_fifo_is_read_until_its_writer_has_closed_it(workshop: Any) -> None:
    os.mkfifo(workshop.folder / "in.jsonl")
    run = workshop.start("run", workshop.flow(FOLLOW.replace("mode: follow, poll: 10ms, ", "")))
    with (workshop.folder / "in.jsonl").open("w") as pipe:  # blocks until the flow has opened it
        pipe.write(f"{line(0)}\n")
        pipe.flush()
        run.until_written(line(0))
        pipe.write(f"{line(1)}\n{line(2)[:4]}")
    assert (run.end(), run.written.splitlines()) == (0, [line(0), line(1), line(2)[:4]])


def test_a_file_that_is_not_there_fails_before_anything_is_started(workshop: Any) -> None:
    run = workshop.run(workshop.flow(FOLLOW.replace("in.jsonl, mode: follow, poll: 10ms", "missing.jsonl")))
    said = "processor 'r' could not start: no file 'missing.jsonl'"
    assert (run.process.returncode, run.written, run.said.splitlines()[2].strip()) == (1, "", said)
