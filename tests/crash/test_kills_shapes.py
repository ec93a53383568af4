"""Flows that branch, merge, set aside and try again, killed at any moment."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from router.storage.letter_box import letters_in
from tests.crash.books import Books, doubled, missing
from tests.crash.flows import DISK, SOURCE, WAITING
from tests.crash.lives import Place

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

Share = Callable[[int], int]


def set_aside(data: Path) -> list[int]:
    """The numbers in the dead letters."""
    return [letter.batch.rows[0]["n"] for letter in letters_in(data) if letter.batch is not None]


def test_a_branch_that_fails_keeps_the_others_from_nothing_and_all_from_being_settled_early(
    place: Place, share: Share
) -> None:
    place.flow(
        f"{SOURCE % '[all, some, few]'}\n"
        "all: {type: write_file, path: all.jsonl}\n"
        "some: {type: picky, path: some.jsonl, every: 0, outage: 0.3}\n"
        "few: {type: picky, path: few.jsonl, every: 500}"
    )
    place.kill_often(share(8), "all.jsonl")
    place.finish()
    settled, letters = place.books.settled(), set_aside(place.data)
    assert missing(settled, place.found("all.jsonl").numbers) == []
    assert missing(settled, place.found("some.jsonl").numbers) == []
    assert missing(settled, place.found("few.jsonl").numbers, letters) == []
    assert all(n % 500 == 0 for n in letters)
    place.tally(len(settled), doubled(place.found("all.jsonl").givings))


def test_each_record_of_two_sources_is_in_one_window(place: Place, share: Share) -> None:
    others = Books(place.folder / "others")
    place.flow(
        f"{SOURCE % DISK % 'merge'}\n"
        f"{SOURCE.replace('read:', 'also:').replace('books: books', 'books: others') % DISK % 'merge'}\n"
        "merge: {type: window, count: 50, key: key, compute: {ns: 'list(n, 50)', lives: 'list(life, 50)', "
        f"of: 'list(of, 50)'}}, to: {DISK % 'keep'}}}\n"
        "keep: {type: write_file, path: out.jsonl}"
    )
    place.kill_often(share(10), "out.jsonl")
    place.finish(books=[place.books, others])
    windows = {tuple(zip(row["of"], row["ns"], row["lives"], strict=True)) for row in place.found("out.jsonl").rows}
    counted = Counter(each for window in windows for each in window)
    assert counted.most_common(1)[0][1] == 1
    place.tally(len(place.books.settled()) + len(others.settled()), 0)
    for books in (place.books, others):
        assert missing(books.settled(), (n for of, n, _ in counted if of == books.folder.name)) == []


LETTERS = 9000  # at 10,000 a flow pauses


def test_letters_that_are_tried_again_are_in_the_sink_or_are_letters_still(place: Place, share: Share) -> None:
    kills = share(8)
    refused = min(LETTERS, 260 * kills)
    flow = (
        f"read: {{type: numbered, books: books, most: {refused}, to: keep}}\nkeep: {{type: picky, path: out.jsonl, %s}}"
    )
    place.flow(flow % "every: 1")
    assert place.start().end() == 0
    assert set_aside(place.data) == list(range(refused))
    # What is a multiple of 7 fails again; the sink is slow, so that there is time to kill it.
    place.flow(flow % "every: 7, outage: 0.7, run: {batch: {records: 20}}")
    command = place.command("dead-letters", "retry", "flow", "--data", str(place.data))
    subprocess.run(command, cwd=place.folder, check=True, capture_output=True)
    while place.kills < kills and place.live_and_die(["out.jsonl"], 30 * refused // kills, may_end=True):
        pass
    place.finish()
    letters, kept = set_aside(place.data), place.found("out.jsonl").numbers
    assert place.kills >= min(2, kills)
    assert set(letters) == set(range(0, refused, 7))
    assert set(kept) == {n for n in range(refused) if n % 7}
    place.tally(refused, len(kept) + len(letters) - refused, a_kill=WAITING)
