"""Killed at any moment, again and again: nothing that was acknowledged is missing, what is doubled is bounded."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import pytest

from tests.crash.books import doubled, marks, missing, out_of_order
from tests.crash.flows import DISK, SOURCE, WAITING
from tests.crash.lives import Place

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

Share = Callable[[int], int]


def test_what_waits_in_memory_is_given_again(place: Place, share: Share) -> None:
    place.flow(f"{SOURCE % 'mark'}\nmark: {{type: mark, to: keep}}\nkeep: {{type: write_file, path: out.jsonl}}")
    place.kill_often(share(6), "out.jsonl")
    place.finish()
    found = place.found("out.jsonl")
    assert missing(place.books.numbers(), found.numbers) == []
    assert out_of_order(found.rows) == []
    place.tally(len(place.books.settled()), doubled(found.givings))


def test_what_waits_on_disk_reaches_the_file(place: Place, share: Share) -> None:
    place.flow(f"{SOURCE % DISK % 'keep'}\nkeep: {{type: write_file, path: out.jsonl}}")
    place.kill_often(share(8), "out.jsonl")
    place.finish()
    found = place.found("out.jsonl")
    assert missing(place.books.numbers(), found.numbers) == []
    assert out_of_order(found.rows) == []
    place.tally(len(place.books.settled()), doubled(found.givings), a_kill=WAITING)


def test_between_disk_connections_every_record_is_worked_on_once(place: Place, share: Share) -> None:
    place.flow(
        f"{SOURCE % DISK % 'mark'}\nmark: {{type: mark, to: {DISK % 'keep'}}}\nkeep: {{type: ledger, path: kept.db}}"
    )
    place.kill_often(share(10), "kept.db*", spread=2_000_000)
    place.finish()
    found = place.table("kept.db")
    assert missing(place.books.numbers(), found.numbers) == []
    assert marks(found.rows) == {}
    assert out_of_order(found.rows) == []
    place.tally(len(place.books.settled()), doubled(found.givings), a_kill=WAITING)


def test_counts_between_disk_connections_are_exact(place: Place, share: Share) -> None:
    place.flow(
        f"{SOURCE % DISK % 'count'}\ncount: {{type: count, to: {DISK % 'keep'}}}\n"
        "keep: {type: write_file, path: out.jsonl}"
    )
    place.kill_often(share(10), "out.jsonl")
    place.finish()
    found = place.found("out.jsonl")
    assert missing(place.books.numbers(), found.numbers) == []
    assert marks(found.rows, "count") == {}
    for key in range(7):
        counts = {(row["n"], row["life"]): row["count"] for row in found.rows if row["key"] == key}
        assert sorted(counts.values()) == list(range(1, len(counts) + 1))
        assert all(before < after for before, after in pairwise(counts.values()))
    place.tally(len(place.books.settled()), doubled(found.givings), a_kill=WAITING)


def test_a_storm_of_retries_loses_and_doubles_nothing_between_disk_connections(place: Place, share: Share) -> None:
    place.flow(
        f"{SOURCE % DISK % 'storm'}\nstorm: {{type: storm, run: {{batch: {{records: 50}}}}, to: {DISK % 'keep'}}}\n"
        "keep: {type: write_file, path: out.jsonl}"
    )
    place.kill_often(share(6), "out.jsonl")
    place.finish()
    found = place.found("out.jsonl")
    assert missing(place.books.numbers(), found.numbers) == []
    assert marks(found.rows) == {}
    assert out_of_order(found.rows) == []
    place.tally(len(place.books.settled()), doubled(found.givings), a_kill=WAITING)
