"""What is shown while flows run: rates, bars, times left, and what needs an operator's eyes."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace

import pytest

from router.authoring import Processor, Source
from router.cli import figures
from router.cli.progress import Meter, PlainProgress, bar, notes, said, table
from router.cli.running import is_busy
from router.cli.terminal import painted
from router.config import Config
from router.connections.base import ConnectionStats
from router.engine import ProcessorStatus, Status
from router.flow import ConnectionSpec, Flow, ProcessorSpec


class Read(Source):
    """Stands for any source."""

    type_name = "read"


class Work(Processor):
    """Stands for any processor."""

    type_name = "work"


TO_WORK = ConnectionSpec("read.success>work", "read", "success", "work")
FLOW = Flow(
    "posts",
    {
        "read": ProcessorSpec("read", Read, Config(), (), {"success": (TO_WORK,)}),
        "work": ProcessorSpec("work", Work, Config(), (), {}),
    },
)


def status(seconds: float, records: int, *, full: float = 0.0, letters: int = 0, **work: object) -> Status:
    """The flow when so many records are read, of 1,000."""
    connection = ConnectionStats(records, 0, 10_000, 1 << 20, full, 0.0, 0, 0, records, 0, 0)
    return Status(
        seconds=seconds,
        processors={
            "read": ProcessorStatus(0, {"success": records}, 0, "running", progress=(records * 10, 10_000)),
            "work": ProcessorStatus(records, {}, **{"errors": 0, "state": "running", **work}),  # type: ignore[arg-type]
        },
        connections={"read.success>work": connection},
        dead_letters=letters,
        outstanding=0,
    )


def meter(*looks: Status) -> Meter:
    """A meter that has looked at these moments."""
    moments: Iterator[Status] = iter([looks[0], *looks])
    made = Meter(FLOW, lambda: next(moments))
    for _ in looks:
        made.look()
    return made


def test_a_rate_is_that_of_the_last_seconds() -> None:
    seen = meter(status(1.0, 10), status(8.0, 10), status(9.0, 110), status(10.0, 310))
    assert (seen.rate("read"), seen.total, seen.total_rate) == (150.0, 310, 150.0)


def test_a_first_look_counts_from_the_start() -> None:
    assert meter(status(2.0, 100)).rate("work") == 50.0


def test_the_time_left_follows_the_rate_of_what_is_done() -> None:
    seen = meter(status(1.0, 100), status(2.0, 200))
    assert (seen.done("read"), seen.ahead("read"), seen.done("work")) == (0.2, 8.0, None)


def test_the_table_shows_queues_counts_rates_and_what_is_wrong() -> None:
    seen = meter(status(1.0, 100), status(2.0, 300, full=0.5, letters=7, errors=7, retrying="refused\x1b[2J"))
    lines = [painted(line, colour=False) for line in table(seen)]
    assert lines == [
        "posts  0:02",
        "                queue                    records     a second",
        "  read          ███▋········  30%            300          200  4 s left",
        "  work          ██████······  50%            300          200  7 failed  tries again: refused\\x1b[2J",
        "  7 dead letters",
    ]


def test_names_give_way_to_the_figures_where_there_are_few_columns() -> None:
    long = "read_all_that_there_is"
    spec = ProcessorSpec(long, Read, Config(), (), {})
    now = Status(1.0, {long: ProcessorStatus(0, {"success": 12_345}, 0, "running")}, {}, 0, 0)
    lines = [painted(line, colour=False, width=59) for line in table(Meter(Flow("f", {long: spec}), lambda: now), 59)]
    assert lines[2] == "  read_al..." + " " * 28 + "12,345" + " " * 12 + "0"


def test_a_line_says_the_same_in_words() -> None:
    seen = meter(status(1.0, 100), status(2.0, 300, letters=1, state="paused"))
    assert ", ".join(said(seen)) == (
        "300 records, 200 a second, read 30%, work paused: the dead letters are full, 1 dead letter"
    )


@pytest.mark.parametrize(
    ("seen", "word"),
    [
        ({"state": "resting", "retrying": "all fail"}, "rests: all fail"),
        ({"state": "retrying", "retrying": "refused"}, "tries again: refused"),
        ({"state": "stopped"}, "stopped"),
        ({"state": "ended"}, "ended"),
        ({"state": "running"}, ""),
    ],
)
def test_what_keeps_a_processor_from_working_is_said(seen: dict[str, str], word: str) -> None:
    work = status(1.0, 100, **seen).processors["work"]  # type: ignore[arg-type]
    assert "".join(text for text, _ in notes(work)) == word


@pytest.mark.parametrize(
    ("share", "text"),
    [(None, " " * 17), (0.0, "············   0%"), (0.51, "██████▏·····  51%"), (1.0, "████████████ 100%")],
)
def test_a_bar_is_always_as_wide(share: float | None, text: str) -> None:
    assert "".join(piece for piece, _ in bar(share, "cyan")) == text


async def test_where_there_is_no_terminal_a_line_is_logged_now_and_then(caplog: pytest.LogCaptureFixture) -> None:
    seen = meter(status(1.0, 100))
    seen._status = lambda: status(2.0, 300)
    shown = PlainProgress([seen])
    caplog.set_level(logging.INFO, "router")
    shown.start()
    shown.end()
    assert caplog.messages == []
    shown._tick()
    shown.end()
    assert caplog.messages == ["posts: 300 records, 200 a second, read 30%"]


async def test_nothing_is_logged_of_flows_that_cannot_start_yet() -> None:
    shown = PlainProgress([])
    shown.start()
    shown._tick()
    shown.end()


@pytest.mark.parametrize(
    ("queued", "outstanding", "held", "expected"),
    [(0, 0, 0, False), (1, 1, 0, True), (0, 1, 0, True), (0, 1, 1, False), (1, 1, 1, True)],
)
def test_a_flow_is_busy_while_it_has_something_to_do_other_than_to_hold(
    queued: int, outstanding: int, held: int, *, expected: bool
) -> None:
    assert is_busy(replace(status(1.0, queued, held=held), outstanding=outstanding)) is expected


def test_figures_read_well() -> None:
    assert [figures.rate(each) for each in (0, 0.25, 9.94, 10, 201_332.4)] == ["0", "0.2", "9.9", "10", "201,332"]
    assert [figures.seconds(each) for each in (0.041, 0.214, 1.84, 75, 724, 3723)] == [
        "41 ms",
        "0.21 s",
        "1.8 s",
        "75 s",
        "12:04",
        "1:02:03",
    ]
    assert [figures.left(each) for each in (3.2, 720, 18_000)] == ["3 s left", "12 min left", "5 h left"]
    assert [figures.plural(each, "record") for each in (0, 1, 1234)] == ["0 records", "1 record", "1,234 records"]
