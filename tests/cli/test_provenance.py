from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from router import Engine, load_flow
from router.cli.provenance import _TYPES
from router.storage.provenance.events import EventType
from tests.cli.conftest import Command

FLOW = {
    "read": {"type": "read_file", "path": "in.jsonl", "format": "json_lines", "to": "by"},
    "by": {"type": "route", "when": {"odd": "n % 2 == 1"}, "to": {"odd": ["keep", "copy"], "unmatched": "drop"}},
    "keep": {"type": "write_file", "path": "out.jsonl", "format": "json_lines"},
    "copy": {"type": "write_file", "path": "copy.jsonl", "format": "json_lines"},
}
TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}")


async def run_here(folder: Path) -> None:
    async with Engine(load_flow(folder / "f.yaml"), data=folder / "state" / "router" / "f") as engine:
        assert (await engine.run()).outcome == "done"


@pytest.fixture
def ran(router: Command, folder: Path) -> Callable[..., str]:
    """Run the flow, then a command about it that must succeed: what it prints, without times."""
    (folder / "in.jsonl").write_text('{"n": 1}\n{"n": 2}\n{"n": 3}\n')
    (folder / "f.yaml").write_text(json.dumps({"flow": "f", "processors": FLOW, "run": {"provenance": "full"}}))
    asyncio.run(run_here(folder))

    def run(*arguments: str) -> str:
        done = router("provenance", *arguments)
        assert (done.returncode, done.stderr) == (0, "")
        return TIME.sub("TIME", done.stdout).replace(str(folder), "")

    return run


def test_events_are_listed_the_newest_first(ran: Callable[..., str]) -> None:
    lines = ran("search", "f", "--record", "2").splitlines()
    assert [line.split("  path")[0].split(maxsplit=2)[1:] for line in lines] == [
        ["DROP", "by.unmatched > drop  1 record 2"],
        ["RECEIVE", "read.success>by  3 records 1-3"],
    ]


def test_events_are_chosen_by_type_processor_attributes_and_time(ran: Callable[..., str]) -> None:
    assert ran("search", "f.yaml", "--type", "clone").count("\n") == 1
    assert ran("search", "f", "--processor", "keep").count("SEND") == 1
    assert ran("search", "f", "--where", 'ends_with(path, "in.jsonl")', "--since", "1h").count("\n") == 6
    assert ran("search", "f", "--where", 'path == "x"', "--json") == ran("search", "f", "--limit", "0", "--json") == ""


def test_an_event_is_one_line_of_json(ran: Callable[..., str]) -> None:
    (event,) = map(json.loads, ran("search", "f", "--type", "CLONE", "--json").splitlines())
    assert (event["records"], event["parents"], event["target"], event["is_end"]) == (
        [4, 5],
        [1, 3],
        "by.odd>copy",
        False,
    )


def test_a_record_is_shown_with_what_it_came_of(ran: Callable[..., str]) -> None:
    lines = [re.sub(r"  \d+ ms|  path=.*", "", line) for line in ran("show", "f", "5").splitlines()]
    assert lines == [
        "record 5",
        '  content  {"n": 3}  at by.odd>copy',
        "  TIME  CLONE                by.odd>copy",
        "  TIME  SEND                 copy.success > delivered",
        "  came of",
        "    record 3",
        "      TIME  RECEIVE              read.success>by",
        "      TIME  ROUTE                by.odd>keep",
        "      TIME  SEND                 keep.success > delivered",
    ]


def test_a_record_is_one_tree_of_json(ran: Callable[..., str]) -> None:
    shown: dict[str, Any] = json.loads(ran("show", "f", "1", "--json"))
    assert [each["type"] for each in shown["events"]] == ["RECEIVE", "ROUTE", "SEND"]
    assert [each["record"] for each in shown["became"]] == [4]
    assert shown["kept"] == {"connection": "read.success>by", "record": {"n": 1}}


def test_a_record_is_put_back_and_comes_again_in_the_next_run(
    ran: Callable[..., str], router: Command, folder: Path
) -> None:
    done = router("provenance", "replay", "f", "4", "2")
    said = "2 records to be put back: by the flow that runs, within seconds, or else by its next run\n"
    assert (done.returncode, done.stderr) == (0, said)
    (folder / "in.jsonl").write_text("")
    asyncio.run(run_here(folder))
    assert (folder / "copy.jsonl").read_text().splitlines() == ['{"n": 1}', '{"n": 3}', '{"n": 1}']
    assert ran("search", "f", "--type", "REPLAY").count("1 record") == 2


def test_totals_are_shown_by_the_minute(ran: Callable[..., str]) -> None:
    rows = [json.loads(line) for line in ran("counts", "f", "--json").splitlines()]
    assert {(each["kind"], each["name"], each["relationship"]): each["records"] for each in rows} == {
        ("in", "by", None): 3,
        ("in", "copy", None): 2,
        ("in", "keep", None): 2,
        ("out", "by", "odd"): 2,
        ("out", "by", "unmatched"): 1,
        ("out", "copy", "success"): 2,
        ("out", "keep", "success"): 2,
        ("out", "read", "success"): 3,
    }
    assert ran("counts", "f").count("\n") == len(rows)


def test_a_record_that_is_not_known_is_told(ran: Callable[..., str], router: Command) -> None:
    done = router("provenance", "show", "f", "99", "7")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "nothing is known of record 99, 7\n")
    done = router("provenance", "replay", "f", "99")
    assert (done.returncode, done.stderr) == (1, "no content is kept of 99, or it was on no connection\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["search", "f", "--limit", "1"], "there are more events, see them with --limit\n"),
        (["search", "f", "--since", "2999-01-01"], "no events\n"),
        (["counts", "f", "--since", "2999-01-01"], "no totals; a flow that runs writes them once a minute\n"),
    ],
)
def test_what_is_not_shown_is_told(ran: Callable[..., str], router: Command, words: list[str], said: str) -> None:
    ran("search", "f", "--json")
    assert router("provenance", *words).stderr == said
    assert router("provenance", *words, "--json").stderr == ""


def test_a_flow_without_provenance_is_told(router: Command, folder: Path) -> None:
    (folder / "state" / "router" / "f").mkdir(parents=True)
    done = router("provenance", "search", "f")
    assert (done.returncode, "no provenance.db in" in done.stderr) == (2, True)


def test_every_type_of_event_can_be_searched_for() -> None:
    assert set(_TYPES) == set(EventType)
