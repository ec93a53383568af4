"""A flow that writes the file it reads would empty it, or never come to its end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from router import Engine, FlowError, build_flow


def flow(read: dict[str, Any], write: dict[str, Any]) -> Any:
    processors = {"read": {"type": "read_file", "to": "write", **read}, "write": {"type": "write_file", **write}}
    return build_flow({"flow": "f", "processors": processors})


@pytest.mark.parametrize("mode", ["append", "replace"])
@pytest.mark.parametrize("path", ["x.jsonl", "./x.jsonl", "sub/../x.jsonl", "absolute"])
def test_writing_what_is_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mode: str, path: str) -> None:
    monkeypatch.chdir(tmp_path)
    written = str(tmp_path / "x.jsonl") if path == "absolute" else path
    with pytest.raises(FlowError) as caught:
        flow({"path": "x.jsonl"}, {"path": written, "mode": mode})
    place = str(tmp_path / "x.jsonl")
    text = f"it writes to {place!r}, which 'read' reads: that would be emptied, or read without end; write elsewhere"
    assert str(caught.value) == f"processor 'write': {text}"


@pytest.mark.parametrize(
    ("read", "write"),
    [
        ("x.jsonl", "y.jsonl"),
        ("-", "./-"),
        ("x*.jsonl", "x1.jsonl"),
        ("x.jsonl", "x{{ n }}.jsonl"),
        ("x.parquet", "x.parquet"),
    ],
)
def test_writing_elsewhere_is_fine(read: str, write: str) -> None:
    assert flow({"path": read}, {"path": write})


async def test_an_atomic_file_may_take_the_place_of_what_was_read(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_bytes(b'{"n":1}\n{"n":2}\n')
    async with Engine(flow({"path": str(path)}, {"path": str(path), "mode": "replace", "atomic": True})) as engine:
        await engine.run()
    assert path.read_bytes() == b'{"n":1}\n{"n":2}\n'
