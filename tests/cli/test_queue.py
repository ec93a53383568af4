"""`router queue` by the real command: what waits on disk is listed, printed, moved and dropped, and the flow goes on from there."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from signal import SIGKILL
from typing import Any

import pytest

from router.batch import Batch
from router.connections.rows import Numbers, QueueRows, Row
from router.storage.database import Database
from router.storage.packing import pack
from router.storage.schema import FLOW_DB, FLOW_SCHEMA

EDGE, OTHER = "step0.success>step1", "other.success>step1"
NONE = {"type": "count_up", "count": 0, "to": {"processor": "step1", "queue": "disk"}}
KEEP = {"type": "keep"}
Ask = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def ask(router: Any) -> Ask:
    """`router queue`."""
    return lambda *arguments, **options: router("queue", *arguments, **options)


@pytest.fixture
def data(folder: Path) -> Path:
    """The data folder of a flow with records in two connections, of which it has one."""
    path = folder / "state" / "router" / "waits"
    path.mkdir(parents=True)
    asyncio.run(fill(path, {EDGE: [[0, 1, 2], [3, 4]], OTHER: [[5, 6]]}))
    (path / "owner.json").write_text('{"flow": "waits", "process": 1}\n')
    return path


async def fill(folder: Path, waiting: dict[str, list[list[int]]]) -> None:
    database, numbers = Database(folder / FLOW_DB, FLOW_SCHEMA), Numbers()
    for connection, batches in waiting.items():
        rows = QueueRows(database, connection, numbers, lambda: 0.0)
        for numbered in batches:
            batch = Batch.of([{"n": n} for n in numbered], path="in.jsonl").with_columns(key=[*map(str, numbered)])
            row = Row(rows.next_number(), 0.0, 60.0, len(batch), batch.nbytes)
            rows.insert(row, pack(batch), lambda _, _error: None)
    await database.close()


@pytest.fixture
def waits(flow: Any, data: Path) -> str:
    """Its flow file."""
    return str(flow("waits", NONE, KEEP))


def numbers_of(done: subprocess.CompletedProcess[str]) -> list[int]:
    return [json.loads(line)["record"]["n"] for line in done.stdout.splitlines()]


def kept(folder: Path) -> list[int]:
    return [int(line) for line in (folder / "kept").read_text().split()] if (folder / "kept").exists() else []


def test_list_counts_by_connection_and_marks_those_the_flow_has_not(ask: Ask, waits: str) -> None:
    done = ask("list", waits)
    first, second = done.stdout.splitlines()
    assert first.startswith(f"{OTHER}  2 records, the oldest of 1970-01-01 ")
    assert first.endswith("  (not in the flow any more)")
    assert second.startswith(f"{EDGE}  5 records, ")
    assert "any more" not in second


def test_list_says_so_of_a_connection_that_is_in_memory_now(ask: Ask, flow: Any, data: Path) -> None:
    done = ask("list", flow("waits", {**NONE, "to": "step1"}, KEEP), "--json")
    found = {each["connection"]: each for each in map(json.loads, done.stdout.splitlines())}
    assert (found[EDGE]["records"], found[EDGE]["state"]) == (5, "not on disk any more")
    assert found[EDGE]["oldest"] == "1970-01-01T00:01:00.000+00:00"


def test_list_of_a_name_marks_nothing_and_of_an_empty_flow_says_so(
    ask: Ask, router: Any, flow: Any, data: Path
) -> None:
    assert "any more" not in ask("list", "waits").stdout
    router("run", flow("empty", {**NONE, "count": 1}, KEEP))
    assert ask("list", "empty").stderr == "nothing waits on disk\n"


def test_show_prints_records_in_order_with_what_lies_beside_them(ask: Ask, waits: str) -> None:
    done = ask("show", waits, EDGE)
    assert (done.returncode, numbers_of(done)) == (0, [0, 1, 2, 3, 4])
    assert json.loads(done.stdout.splitlines()[3]) == {
        "time": "1970-01-01T00:01:00.000+00:00",
        "record": {"n": 3},
        "columns": {"key": "3"},
        "attributes": {"path": "in.jsonl"},
    }


@pytest.mark.parametrize(
    ("options", "found"),
    [(["--limit", "2"], [0, 1]), (["--where", "n > 1 and meta.key != '3'"], [2, 4]), (["--limit", "0"], [])],
)
def test_show_chooses_by_expression_and_number(ask: Ask, waits: str, options: list[str], found: list[int]) -> None:
    assert numbers_of(ask("show", waits, EDGE, *options)) == found


def test_moved_records_are_taken_where_they_are_now(ask: Ask, router: Any, waits: str, folder: Path) -> None:
    done = ask("move", waits, OTHER, EDGE)
    assert (done.returncode, done.stderr) == (0, f"2 records wait in {EDGE!r} now\n")
    done = router("run", waits)
    assert (done.returncode, "any more" in done.stderr, sorted(kept(folder))) == (0, False, [0, 1, 2, 3, 4, 5, 6])
    assert ask("list", waits).stderr == "nothing waits on disk\n"


def test_dropped_records_are_gone_and_the_rest_goes_on(ask: Ask, router: Any, waits: str, folder: Path) -> None:
    done = ask("drop", waits, EDGE, "--where", "n == 1 or n > 2", "--yes")
    assert (done.returncode, done.stderr) == (0, "3 records deleted\n")
    assert ask("drop", waits, OTHER, "--yes").stderr == "2 records deleted\n"
    done = router("run", waits)
    assert (done.returncode, "any more" in done.stderr, kept(folder)) == (0, False, [0, 2])


def test_drop_asks_and_where_nobody_can_answer_wants_yes(ask: Ask, waits: str) -> None:
    done = ask("drop", waits, EDGE, stdin=subprocess.DEVNULL)
    assert (done.returncode, done.stderr) == (2, "nobody is there to be asked; say --yes to do it\n")
    assert len(numbers_of(ask("show", waits, EDGE))) == 5


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["show", "waits", "step0.succes>step1"], f"(did you mean {EDGE!r}?); records wait in {OTHER!r}, {EDGE!r}\n"),
        (["move", "waits.yaml", OTHER, "step0.success>step2"], f"(did you mean {EDGE!r}?); it has {EDGE!r}\n"),
        (["move", "waits.yaml", "gone", EDGE], f"a connection 'gone'; records wait in {OTHER!r}, {EDGE!r}\n"),
    ],
)
def test_a_connection_that_is_not_there_is_named(ask: Ask, waits: str, words: list[str], said: str) -> None:
    done = ask(*words)
    assert (done.returncode, done.stderr[-len(said) :]) == (2, said)


def test_records_are_not_moved_to_where_nobody_takes_them(ask: Ask, flow: Any, data: Path) -> None:
    done = ask("move", flow("waits", {**NONE, "to": "step1"}, KEEP), OTHER, EDGE)
    said = f"connection {EDGE!r} is not on disk: records would not be taken from there\n"
    assert (done.returncode, done.stderr) == (2, said)


def test_nothing_is_moved_while_the_flow_runs(ask: Ask, start: Any, flow: Any, data: Path) -> None:
    started = start("run", flow("waits", NONE, {"type": "stay", "to": "drop"}))
    started.until("staying")
    done = ask("move", "waits", OTHER, EDGE)
    said = f"is in use by process {started.process.pid}; stop that one, or name another folder with --data\n"
    assert (done.returncode, done.stderr[-len(said) :]) == (2, said)
    started.send(SIGKILL)
    started.end()
    assert numbers_of(ask("show", "waits", EDGE)) == [0, 1, 2, 3, 4]
