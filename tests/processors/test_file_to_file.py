from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router import Engine, Report, build_flow

LINES = st.lists(st.binary(min_size=1, max_size=40).filter(lambda line: b"\n" not in line and line[-1:] != b"\r"))


async def copy(folder: Path, source: str, target: str, **settings: Any) -> Report:
    read = {"type": "read_file", "path": str(folder / source), "to": "write", **settings}
    write = {"type": "write_file", "path": str(folder / target)}
    async with Engine(build_flow({"flow": "copy", "processors": {"read": read, "write": write}})) as engine:
        return await engine.run()


@given(lines=LINES)
def test_any_lines_pass_byte_for_byte(lines: list[bytes]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = b"".join(line + b"\n" for line in lines)
        (folder / "in.jsonl").write_bytes(data)
        asyncio.run(copy(folder, "in.jsonl", "out.jsonl", compression="none"))
        written = (folder / "out.jsonl").read_bytes() if (folder / "out.jsonl").exists() else b""
    assert written == data.removeprefix(b"\xef\xbb\xbf").removeprefix(b"\n" if data[:4] == b"\xef\xbb\xbf\n" else b"")


async def test_numbers_and_layout_pass_unchanged(tmp_path: Path) -> None:
    data = b'{"id":12345678901234567890123, "x": 1.10, "x": 2}\n[1e400]\n{"a": NaN}\n' + b"[" * 2000 + b"\n"
    (tmp_path / "in.jsonl").write_bytes(data)
    report = await copy(tmp_path, "in.jsonl", "out.jsonl")
    assert (report.outcome, report.dead_letters, (tmp_path / "out.jsonl").read_bytes()) == ("done", 0, data)


async def test_broken_lines_become_dead_letters_where_records_are_decoded(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_bytes(b'{"a":1}\nbroken\n[]\n\xff\n' + b"[" * 2000 + b'\n{"a":NaN}\n{"a":2}\n')
    report = await copy(tmp_path, "in.jsonl", "out.csv")
    assert (report.dead_letters, (tmp_path / "out.csv").read_bytes()) == (5, b"a\n1\n2\n")


@pytest.mark.parametrize("name", ["avro", "csv", "json", "jsonl"])
async def test_records_pass_through_every_format_and_back(tmp_path: Path, name: str) -> None:
    data = b'{"id":"1","text":"a, \\"b\\" \\u00fc"}\n{"id":"2","text":"c\\nd"}\n'
    (tmp_path / "in.jsonl").write_bytes(data)
    await copy(tmp_path, "in.jsonl", f"x.{name}")
    report = await copy(tmp_path, f"x.{name}", "out.csv")
    expected = 'id,text\n1,"a, ""b"" ü"\n2,"c\nd"\n'
    assert (report.outcome, (tmp_path / "out.csv").read_text()) == ("done", expected)
