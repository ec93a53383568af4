"""Signals to a flow with records on disk: what was settled is there, what is not safe is not settled."""

from __future__ import annotations

from signal import SIGCONT, SIGINT, SIGSTOP, SIGTERM, Signals

import pytest

from tests.crash.books import doubled, missing, out_of_order
from tests.crash.flows import DISK, SOURCE
from tests.crash.lives import Place

pytestmark = pytest.mark.slow
HANG = "\nkeep: {type: hang, go: go, path: out.jsonl}"


def rest(place: Place) -> list[int]:
    """What a second run brings into the sink, with what is there."""
    (place.folder / "go").touch()
    place.finish()
    return place.found("out.jsonl").numbers


@pytest.mark.parametrize("number", [SIGTERM, SIGINT])
def test_a_sink_that_hangs_is_given_up_at_the_deadline_and_nothing_behind_it_settled(
    place: Place, number: Signals
) -> None:
    place.flow(SOURCE % "keep" + HANG)
    life = place.start("--drain", "300ms")
    life.until_said("takes nothing yet")
    life.send(number)
    assert life.end() == 1
    assert place.books.settled() == set()
    assert missing(place.books.numbers(), rest(place)) == []


@pytest.mark.parametrize("number", [SIGTERM, SIGINT])
def test_what_was_settled_on_disk_before_a_stop_is_there_after_it(place: Place, number: Signals) -> None:
    place.flow(SOURCE % DISK % "keep" + HANG)
    life = place.start("--drain", "300ms")
    life.until_said("takes nothing yet")
    life.send(number)
    assert life.end() == 1
    safe = place.books.settled()
    assert len(safe) > 0
    assert missing(safe, rest(place)) == []
    assert doubled(place.found("out.jsonl").givings) == 0


def test_a_second_ctrl_c_is_no_worse_than_a_kill(place: Place) -> None:
    place.flow(SOURCE % DISK % "keep" + HANG)
    life = place.start()
    life.until_said("takes nothing yet")
    life.send(SIGINT)
    life.until_said("stopping")
    life.send(SIGINT)
    assert life.end() == 1
    safe = place.books.settled()
    assert missing(safe, rest(place)) == []


def test_stops_with_a_drain_in_time_double_nothing(place: Place) -> None:
    place.flow(
        f"{SOURCE % DISK % 'mark'}\nmark: {{type: mark, to: {DISK % 'keep'}}}\nkeep: {{type: ledger, path: kept.db}}"
    )
    for _ in range(3):
        life = place.start()
        before = place.size("kept.db*")
        life.until(lambda before=before: place.size("kept.db*") > before + 50_000, "some records")  # type: ignore[misc]
        life.send(SIGTERM)
        assert life.end() == 0, life.said
    place.finish()
    found = place.table("kept.db")
    given = place.books.numbers()
    assert sorted(found.numbers) == sorted(given) == sorted(place.books.settled())
    assert out_of_order(found.rows) == []


def test_a_process_that_stood_still_goes_on(place: Place) -> None:
    place.flow(SOURCE % DISK % "keep" + "\nkeep: {type: write_file, path: out.jsonl}")
    life = place.start()
    for _ in range(3):
        before = place.size("out.jsonl")
        life.until(lambda before=before: place.size("out.jsonl") > before + 20_000, "some records")  # type: ignore[misc]
        life.send(SIGSTOP)
        life.until(lambda: life.state == "T", "its standstill")
        life.send(SIGCONT)
    place.books.enough()
    assert life.end() == 0, life.said
    assert place.found("out.jsonl").numbers == sorted(place.books.settled())
    assert doubled(place.found("out.jsonl").givings) == 0
