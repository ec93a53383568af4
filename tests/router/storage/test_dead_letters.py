"""Dead letters in the database: whatever a record holds, it is kept, can be read, and takes its old place when it fails again."""

from __future__ import annotations

import asyncio
import base64
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.ack import Ack, Outcome
from router.batch import Batch
from router.codec import JSON
from router.errors import StorageError
from router.storage import dead_letters as module
from router.storage.database import Database
from router.storage.dead_letters import DeadLetters, Retried
from router.storage.letter import COLUMNS, read_letter, row_of
from router.storage.letter_box import LetterBox
from router.storage.marks import Marks
from router.storage.schema import FLOW_DB, FLOW_SCHEMA
from tests.letters import letters_in, records_in

ERROR = {"type": "ValueError", "message": "bad", "processor": "work", "data": None}


class Clock:
    def __init__(self) -> None:
        self.time = 0.0

    def __call__(self) -> float:
        return self.time


def opened(folder: Path, now: Callable[[], float] = lambda: 0.0) -> tuple[Database, DeadLetters]:
    database = Database(folder / FLOW_DB, FLOW_SCHEMA)
    return database, DeadLetters(database, now, "3")


async def put(folder: Path, *batches: Batch) -> list[dict[str, Any]]:
    database, letters = opened(folder)
    for batch in batches:
        await letters.put(batch, "work", "read.success>work")
    await database.close()
    return letters_in(folder)


async def test_a_letter_says_where_it_failed_why_and_what_it_was(tmp_path: Path) -> None:
    batch = Batch.of([{"n": 10**23}], path="in.jsonl").with_columns(
        error=[ERROR], key=["k"], attempts=[3], index=[None], timestamp=[None]
    )
    assert await put(tmp_path, batch) == [
        {
            "id": 1,
            "time": "1970-01-01T00:00:00.000+00:00",
            "processor": "work",
            "connection": "read.success>work",
            "error": ERROR,
            "record": {"n": 10**23},
            "columns": {"key": "k"},
            "attributes": {"path": "in.jsonl"},
            "attempts": 3,
            "first_time": "1970-01-01T00:00:00.000+00:00",
            "flow_version": "3",
        }
    ]


@pytest.mark.parametrize(
    ("batch", "expected"),
    [
        (Batch.raw([b"{broken"]), {"record": None, "content": "{broken"}),
        (Batch.raw([b"\xff\xfe"]), {"record": None, "content_base64": base64.b64encode(b"\xff\xfe").decode()}),
        (Batch.raw([b"text"], format="raw"), {"record": None, "content": "text"}),
        (Batch.of([{"price": Decimal("1.10")}]), {"record": {"price": 1.1}}),
        (Batch.of([{"n": float("nan"), "m": None}]), {"record": {"n": "nan", "m": None}}),
        (Batch.of([{"\ud800": "\ud800"}]), {"record": {"\\ud800": "\\ud800"}}),
        (Batch.of([{"when": datetime(2024, 1, 1, tzinfo=UTC)}]), {"record": {"when": "2024-01-01T00:00:00Z"}}),
        (Batch.of([{"n": {1: {2: 3}}}]), {"record": {"n": {"1": {"2": 3}}}}),
    ],
)
async def test_whatever_a_record_is_its_letter_can_be_read(tmp_path: Path, batch: Batch, expected: Any) -> None:
    (letter,) = await put(tmp_path, batch)
    assert {name: letter[name] for name in expected} == expected


class Spiteful:
    def __repr__(self) -> str:
        raise RuntimeError("no")


def round_about() -> list[Any]:
    made: list[Any] = []
    made.append(made)
    return made


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (lambda: 0, "{'n': <function"),
        ({1, 2}, "{'n': {1, 2}}"),
        (round_about(), "{'n': [[...]]}"),
        (Spiteful(), "{'n': <Spiteful instance at"),
    ],
)
async def test_what_is_no_value_is_kept_in_words(tmp_path: Path, value: Any, words: str) -> None:
    broken = Batch.of([{"n": value}]).with_columns(error=[{**ERROR, "data": value}], key=[value])
    (letter,) = await put(tmp_path, broken)
    assert (letter["record"], letter["content"][: len(words)]) == (None, words)
    assert {name: letter["error"][name] for name in ("type", "message", "processor")} == {
        name: ERROR[name] for name in ("type", "message", "processor")
    }
    assert isinstance(letter["error"]["data"], str)


async def test_a_record_that_can_be_kept_is_kept_as_it_is_whatever_lies_beside_it(tmp_path: Path) -> None:
    (letter,) = await put(tmp_path, Batch.of([{"n": Decimal(1)}], source=object()).with_columns(key=[object()]))
    assert (letter["record"], letter["columns"]["key"][:8]) == ({"n": 1}, "<object ")
    assert letter["attributes"]["source"][:8] == "<object "


class Upside:
    name = "upside"

    @staticmethod
    def decode(content: bytes) -> Any:
        return JSON.decode(content[::-1])

    @staticmethod
    def encode(row: dict[str, Any]) -> bytes:
        return JSON.encode(row)[::-1]


async def test_content_of_a_plugins_codec_that_does_not_decode_keeps_its_bytes(tmp_path: Path) -> None:
    first, second = await put(tmp_path, Batch.raw([b'}1:"n"{', b"!"], format=Upside()))
    assert (first["record"], second["record"], second["content"]) == ({"n": 1}, None, "!")


@settings(max_examples=30)
@given(st.dictionaries(st.text(), st.recursive(st.integers() | st.binary() | st.text(), st.lists), max_size=3))
def test_a_letter_gives_back_the_very_record(row: dict[str, Any]) -> None:
    one = Batch.of([row], path="a").with_columns(error=[ERROR], key=[7], attempts=[2], rounds=[5])
    stored = row_of(one, "work", None, 1.0, "")
    again = read_letter((1, *stored[:8], None, *stored[9:])).again
    assert (again.rows, dict(again.columns), dict(again.attributes)) == ([row], {"key": [7]}, {"path": "a"})


async def test_a_damaged_letter_says_so_and_its_neighbours_live(tmp_path: Path) -> None:
    await put(tmp_path, *(Batch.of([{"n": n}]).with_columns(error=[ERROR]) for n in range(3)))
    with closing(sqlite3.connect(tmp_path / FLOW_DB)) as database:
        database.execute("UPDATE dead_letters SET batch = zeroblob(length(batch)) WHERE id = 2")
        database.commit()
    with closing(LetterBox(tmp_path)) as box:
        first, second, third = box.find()
    assert (first.batch is None, second.batch, third.batch is None) == (False, None, False)
    assert second.to_dict()["error"] == {"type": "ValueError", "message": "bad", "damaged": "its checksum does not fit"}
    with pytest.raises(StorageError, match="dead letter 2 is damaged"):
        second.again  # noqa: B018 - it raises


async def test_puts_that_come_together_are_all_there_and_counted(tmp_path: Path) -> None:
    database, letters = opened(tmp_path)
    await asyncio.gather(*(letters.put(Batch.of([{"n": n}, {"n": -n}]), "work", None) for n in range(50)))
    await database.close()
    assert records_in(tmp_path) == [{"n": each} for n in range(50) for each in (n, -n)]
    assert (letters.count, letters.kept) == (100, 100)


async def test_a_put_that_is_cancelled_is_counted_if_it_was_written(tmp_path: Path) -> None:
    database, letters = opened(tmp_path)
    put = asyncio.ensure_future(letters.put(Batch.of([{"n": 1}]), "work", None))
    await asyncio.sleep(0)
    put.cancel()
    await asyncio.gather(put, return_exceptions=True)
    await database.close()
    assert letters.count == len(letters_in(tmp_path)) == 1


@pytest.mark.parametrize(("name", "most"), [("MOST_RECORDS", 3), ("MOST_BYTES", 300)])
async def test_there_is_room_again_when_another_process_took_letters_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, most: int
) -> None:
    monkeypatch.setattr(module, name, most)
    database, letters = opened(tmp_path)
    while letters.has_room():
        await letters.put(Batch.of([{"n": "x" * 100}]), "work", None)
    assert (letters.kept, await letters.look()) == (3, False)
    with closing(LetterBox(tmp_path)) as box:
        assert box.delete([1, 2, 99]) == 2
    assert (letters.has_room(), await letters.look(), letters.kept) == (False, True, 1)
    await database.close()


async def test_what_is_to_be_tried_again_takes_no_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_RECORDS", 2)
    database, letters = opened(tmp_path)
    await letters.put(Batch.of([{}, {}]), "work", None)
    with closing(LetterBox(tmp_path)) as box:
        assert box.mark([1]) == 1
    assert await letters.look()
    await database.close()


async def test_marks_are_found_once_after_each_change_and_never_in_the_way(tmp_path: Path) -> None:
    marks = Marks(tmp_path / FLOW_DB)
    assert marks.read() == []
    await put(tmp_path, Batch.of([{}, {}, {}]))
    with closing(marks), closing(LetterBox(tmp_path)) as box:
        assert marks.read() == []
        box.mark([3], "there")
        box.mark([2])
        assert (marks.read(), marks.read()) == ([(2, "read.success>work"), (3, "there")], [])
        box.delete([3])
        assert marks.read() == [(2, "read.success>work")]


# -- trying again ---------------------------------------------------------------------------------


async def tried_again(
    folder: Path, outcome: Outcome, *made: Sequence[dict[str, Any]], before: Callable[[LetterBox], object] | None = None
) -> list[dict[str, Any]]:
    """One letter, tried again, of which these records became letters; what there is then."""
    clock = Clock()
    database, letters = opened(folder, clock)
    await letters.put(Batch.of([{"n": 0}]).with_columns(error=[ERROR]), "work", "read.success>work")
    with closing(LetterBox(folder)) as box:
        box.mark([1], "again")
        clock.time = 60.0
        retried = Retried(1, [])
        ack = Ack(retried, lambda _: None)
        for rows in made:
            failed = Batch.of(rows).with_columns(error=[{**ERROR, "message": "worse"}] * len(rows))
            await letters.put(failed.owned_by((ack,)), "later", "work.success>later")
        if before is not None:
            before(box)
    settled = asyncio.get_running_loop().create_future()
    letters.settle(retried, outcome, lambda _, error: settled.set_result(error))
    assert await settled is None
    found = await database.submit(lambda each: each.execute(f"SELECT {COLUMNS} FROM dead_letters").fetchall())
    kept = await letters.look(), letters.kept
    await database.close()
    assert kept[1] == sum(1 for row in found if read_letter(row).retry_to is None)
    return letters_in(folder)


def short(letters: list[dict[str, Any]]) -> list[Any]:
    return [
        (each["id"], each["record"], each["processor"], each["error"]["message"], each["attempts"]) for each in letters
    ]


@pytest.mark.parametrize("outcome", [Outcome.DELIVERED, Outcome.DROPPED])
async def test_a_letter_that_is_safe_elsewhere_is_deleted(tmp_path: Path, outcome: Outcome) -> None:
    assert await tried_again(tmp_path, outcome) == []


async def test_a_letter_that_fails_again_stays_one_with_what_is_new(tmp_path: Path) -> None:
    (letter,) = await tried_again(tmp_path, Outcome.DEAD_LETTERED, [{"n": 1}])
    assert short([letter]) == [(1, {"n": 1}, "later", "worse", 2)]
    assert (letter["first_time"], letter["time"]) == ("1970-01-01T00:00:00.000+00:00", "1970-01-01T00:01:00.000+00:00")
    assert (letter["connection"], "retry_to" in letter) == ("work.success>later", False)


async def test_a_letter_of_which_several_fail_becomes_several(tmp_path: Path) -> None:
    letters = await tried_again(tmp_path, Outcome.DEAD_LETTERED, [{"n": 1}, {"n": 2}], [{"n": 3}])
    assert short(letters) == [
        (1, {"n": 1}, "later", "worse", 2),
        (3, {"n": 2}, "later", "worse", 2),
        (4, {"n": 3}, "later", "worse", 2),
    ]
    assert {each["first_time"] for each in letters} == {"1970-01-01T00:00:00.000+00:00"}


async def test_a_letter_that_became_a_part_of_another_is_deleted(tmp_path: Path) -> None:
    assert await tried_again(tmp_path, Outcome.DEAD_LETTERED) == []


async def test_a_letter_that_was_deleted_on_its_way_leaves_what_it_became(tmp_path: Path) -> None:
    letters = await tried_again(tmp_path, Outcome.DEAD_LETTERED, [{"n": 1}], before=lambda box: box.delete([1]))
    assert short(letters) == [(2, {"n": 1}, "later", "worse", 1)]


async def test_what_a_letter_became_may_be_deleted_before_it_settles(tmp_path: Path) -> None:
    assert await tried_again(tmp_path, Outcome.DEAD_LETTERED, [{"n": 1}], before=lambda box: box.delete([2])) == []
