"""Records that are none among good ones: which arrive, as what bytes, and which are dead letters with what message."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest

SAME = "from router import processor\n\n@processor\ndef same(record):\n    return record\n"
NINES = 12345678901234567890123  # more digits than a float has
DEEP = b'{"a":' * 2000 + b"1" + b"}" * 2000
SET = "m: {type: set_fields, set: {m: n}, to: w}"
BOM = b"\xef\xbb\xbf"

# A line, and what a function of rows makes of it: the line that it writes, or the message of its dead letter.
LINES: list[tuple[bytes, str | None, str | None]] = [
    (b'{"n": 1}', '{"n":1}', None),
    (b'{"n": 2', None, "not json: input data was truncated"),
    (b"{'n': 3}", None, "not json: object keys must be strings (byte 1)"),
    (b'[{"n": 4}]', None, "a record is an object; got an array"),
    (b'"text"', None, "a record is an object; got a string"),
    (b"5", None, "a record is an object; got a number"),
    (b"null", None, "a record is an object; got null"),
    (b"true", None, "a record is an object; got true or false"),
    (b'{"n": "\xff"}', None, "not json: byte 0xff is not UTF-8"),
    (DEEP, None, "not json: nested too deeply"),
    (b'{"n": NaN}', None, "not json: invalid character (byte 6)"),
    (b'{"n": 1e400}', None, "not json: number out of range"),
    (b'{"n": %d, "neg": -%d}' % (NINES, NINES), f'{{"n":{NINES},"neg":-{NINES}}}', None),
    (b'{"n": 18446744073709551616}', '{"n":18446744073709551616}', None),
    (b'{"n": 1, "n": 2}', '{"n":2}', None),
    (b'{"n": 1.10}', '{"n":1.1}', None),
    (b'{"n": "a\\u0000b"}', '{"n":"a\\u0000b"}', None),
    (b'{"n": 1} {"n": 2}', None, "not json: trailing characters (byte 10)"),
    (b'{"n": 1,}', None, "not json: trailing comma in object (byte 8)"),
    (BOM + b'{"n": 6}', None, "not json: invalid character (byte 0)"),
    (b'{"n": 99}', '{"n":99}', None),
]
IDS = [line[:20].decode("latin-1") for line, _, _ in LINES]


@pytest.fixture(scope="module")
def of_lines(shared: Callable[[], Any]) -> Any:
    """The same lines through three flows: as they are, through rows, through the fields that an expression reads."""
    workshop = shared()
    workshop.file("plugins/same.py", SAME)
    workshop.file("lines.jsonl", b"\n".join(line for line, _, _ in LINES) + b"\n")
    for name, between in (("pass", ""), ("rows", "m: {type: same, to: w}"), ("fields", SET)):
        first = "m" if between else "w"
        processors = f"r: {{type: read_file, path: lines.jsonl, to: {first}}}\n{between}"
        workshop.flow(f"{processors}\nw: {{type: write_file, path: {name}.jsonl}}", name)
    workshop.ended = workshop.run("pass.yaml", "rows.yaml", "fields.yaml")
    return workshop


def test_a_broken_line_stops_nothing(of_lines: Any) -> None:
    bad = sum(1 for _, written, _ in LINES if written is None)
    assert of_lines.ended.process.returncode == 0
    assert [line for line in of_lines.ended.said.splitlines() if "dead letters;" in line] == [
        f"{bad} dead letters; look at them with: router dead-letters list {flow}" for flow in ("rows", "fields")
    ]


def test_a_pass_through_gives_every_line_as_it_is(of_lines: Any) -> None:
    assert (of_lines.folder / "pass.jsonl").read_bytes() == (of_lines.folder / "lines.jsonl").read_bytes()
    assert of_lines.letters("pass") == []


def test_good_lines_keep_their_order_between_bad_ones(of_lines: Any) -> None:
    assert of_lines.lines("rows.jsonl") == [written for _, written, _ in LINES if written is not None]
    assert len(of_lines.letters("rows")) == sum(1 for _, written, _ in LINES if written is None)


@pytest.mark.parametrize(("line", "message"), [(line, said) for line, _, said in LINES if said])
@pytest.mark.parametrize("flow", ["rows", "fields"])
def test_a_bad_line_is_a_dead_letter_with_its_reason(of_lines: Any, flow: str, line: bytes, message: str) -> None:
    found = {letter[3]: letter[:3] for letter in of_lines.letters(flow)}
    kept = "eyJuIjogIv8ifQ==" if b"\xff" in line else line.decode()  # what is no text is kept as base64
    assert found[kept] == ("m", "DecodeError", message)


def test_fields_are_added_to_a_line_that_stays_as_it_was(of_lines: Any) -> None:
    lines = of_lines.lines("fields.jsonl")
    assert f'{{"n": {NINES}, "neg": -{NINES},"m":{NINES}}}' in lines
    assert '{"n": 1.10,"m":1.1}' in lines


# -- large ones ---------------------------------------------------------------------------------


def test_a_large_line_passes_and_a_larger_one_is_a_dead_letter_of_its_first_bytes(workshop: Any) -> None:
    large, larger = (b'{"n": 1, "pad": "' + b"x" * (size << 20) + b'"}' for size in (10, 30))
    workshop.file("in.jsonl", b"\n".join([b'{"n": 0}', large, larger, b'{"n": 2}', b""]))
    processors = "r: {type: read_file, path: in.jsonl, to: w}\nw: {type: write_file, path: out.jsonl}"
    run = workshop.run(workshop.flow(processors))
    assert (workshop.folder / "out.jsonl").read_bytes() == b"\n".join([b'{"n": 0}', large, b'{"n": 2}', b""])
    message = f"a record of {len(larger):,} bytes is too large; at most 16,777,216 are taken (run: max_record)"
    assert workshop.letters() == [("w", "RecordError", message, larger[:1024].decode())]
    assert run.process.returncode == 0


def test_max_record_lets_larger_records_in(workshop: Any) -> None:
    line = b'{"n": "' + b"x" * (17 << 20) + b'"}\n'
    workshop.file("in.jsonl", line)
    processors = "r: {type: read_file, path: in.jsonl, to: w}\nw: {type: write_file, path: out.jsonl}"
    top = "run: {defaults: {max_record: 20MiB}}\n"
    assert workshop.run(workshop.flow(processors, top=top)).process.returncode == 0
    assert (workshop.folder / "out.jsonl").read_bytes() == line


def test_a_line_without_end_is_skipped(workshop: Any) -> None:
    os.truncate(workshop.file("in.jsonl", b'{"n": 0}\n'), 70 << 20)
    processors = "r: {type: read_file, path: in.jsonl, to: w}\nw: {type: write_file, path: out.jsonl}"
    run = workshop.run(workshop.flow(processors))
    message = f"a line of {(70 << 20) - 9:,} bytes is too long; at most 67,108,864 are read"
    assert (run.process.returncode, workshop.letters()) == (0, [("r", "DecodeError", message, "\0" * 1024)])
    assert workshop.numbers("out.jsonl") == [0]
