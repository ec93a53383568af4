"""What is different between two flows, part by part: told apart by what a part means, not by where it was loaded."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from router.difference import Difference, PartChange, Setting, compare, difference_of
from router.flow import Flow
from router.loader import build_flow, load_flow

MAKE = {"type": "generate", "count": 1, "record": {"n": "meta.number"}, "to": "keep"}
KEEP = {"type": "write_file", "path": "out.jsonl"}


def flow(**parts: Any) -> Flow:
    top = parts.pop("top", {})
    return build_flow({"flow": "demo", **top, "processors": {"make": MAKE, "keep": KEEP, **parts}})


def to(**queue: Any) -> dict[str, Any]:
    return {**MAKE, "to": {"processor": "keep", "queue": queue}}


def test_flows_that_say_the_same_are_not_different() -> None:
    assert not compare(flow(), flow())
    assert list(compare(flow(), flow()).lines()) == []


def test_a_file_that_is_named_from_here_and_from_the_root_says_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = [tmp_path / "flows", tmp_path / "others"]
    for each in folders:
        each.mkdir()
        (each / "flow.yaml").write_text(
            "flow: demo\nprocessors:\n"
            "  read: {type: read_file, path: in.jsonl, format: json_lines, to: keep}\n"
            "  keep: {type: write_file, path: 'out/{{ lang }}.jsonl', format: {type: avro, schema: of.avsc}}\n"
        )
        (each / "of.avsc").write_text('{"type": "record", "name": "post", "fields": []}')
    monkeypatch.chdir(tmp_path)
    here, there, other = (load_flow(each / "flow.yaml") for each in (Path("flows"), *folders))
    assert not compare(here, there)
    assert [each.name for each in compare(here, other).replaced] == ["read", "keep"]


@pytest.mark.parametrize(
    ("keep", "expected"),
    [
        ({**KEEP, "path": "other.jsonl"}, Setting("path", "out.jsonl", "other.jsonl")),
        ({"type": "log"}, Setting("type", "write_file", "log")),
        ({**KEEP, "sync": "close"}, Setting("sync", "never", "close")),
        ({**KEEP, "run": {"timeout": "5s"}}, Setting("run.timeout", None, "5s")),
    ],
)
def test_a_processor_with_other_settings_is_replaced(keep: dict[str, Any], expected: Setting) -> None:
    assert compare(flow(), flow(keep=keep)) == Difference(replaced=(PartChange("keep", (expected,)),))


def test_a_setting_that_is_given_as_it_would_be_anyway_is_the_same() -> None:
    assert not compare(flow(), flow(keep={**KEEP, "format": {"type": "json_lines"}, "run": {"concurrency": 1}}))


def test_the_order_of_ways_in_route_has_a_meaning() -> None:
    ends = {"a": "drop", "b": "drop", "unmatched": "drop"}
    one, other = ({"type": "route", "when": when, "to": ends} for when in (_when("a", "b"), _when("b", "a")))
    flows = [flow(make={**MAKE, "to": ["keep", "ways"]}, ways=each) for each in (one, other)]
    assert [each.name for each in compare(*flows).replaced] == ["ways"]


def _when(*names: str) -> dict[str, str]:
    return {name: f"n > {number}" for number, name in enumerate(names)}


@pytest.mark.parametrize(
    ("queue", "kind", "settings"),
    [
        ({"records": 7}, "resized", (Setting("records", 10_000, 7),)),
        ({"expire": "5s"}, "resized", (Setting("expire", None, "5s"),)),
        ({"when_full": "drop_oldest"}, "resized", (Setting("when_full", "block", "drop_oldest"),)),
        ({"records": 10_000}, "", ()),
    ],
)
def test_limits_change_live(queue: dict[str, Any], kind: str, settings: tuple[Setting, ...]) -> None:
    found = compare(flow(), flow(make=to(**queue)))
    expected = {kind: (PartChange("make.success>keep", settings),)} if kind else {}
    assert found == Difference(**expected)  # type: ignore[arg-type]


def test_another_kind_of_queue_is_another_connection() -> None:
    found = compare(flow(), flow(make=to(type="disk")))
    assert [each.name for each in found.remade] == ["make.success>keep"]
    assert not found.resized
    assert not compare(flow(make=to(type="disk", order="newest")), flow(make=to(type="disk"))).resized


def test_who_works_exactly_once_from_now_on_begins_anew() -> None:
    def through(**queue: Any) -> Flow:
        target = {"processor": "keep", "queue": queue} if queue else "keep"
        more = {"type": "filter", "where": "n > 1", "to": target}
        return flow(make={**MAKE, "to": {"processor": "more", "queue": {"type": "disk"}}}, more=more)

    found = compare(through(), through(type="disk"))
    assert found.replaced == (PartChange("more", (Setting("exactly once", False, True),)),)


def test_who_only_gets_records_from_elsewhere_is_rewired() -> None:
    more = {"type": "filter", "where": "n > 1", "to": "keep"}
    found = compare(flow(), flow(make={**MAKE, "to": "more"}, more=more))
    assert (found.added, found.rewired, found.replaced) == (("more",), ("make", "keep"), ())
    assert found.connections_removed == ("make.success>keep",)
    back = compare(flow(make={**MAKE, "to": "more"}, more=more), flow())
    assert (back.removed, back.connections_added) == (("more",), ("make.success>keep",))


def test_words_and_settings_of_the_whole_are_told_apart_from_parts() -> None:
    found = compare(flow(), flow(top={"version": "2", "run": {"drain": "5s"}}, keep={**KEEP, "description": "All."}))
    assert found == Difference(
        flow=(Setting("version", "", "2"), Setting("run.drain", "20s", "5s"), Setting("keep.description", "", "All."))
    )


def test_secrets_are_hidden_though_they_are_different() -> None:
    def served(secret: str) -> Flow:
        auth = {"type": "bearer", "tokens": ["${secret:TOKEN}"]}
        serve = {"type": "serve_http", "listen": "127.0.0.1:0", "auth": auth, "to": "keep"}
        mapping = {"flow": "demo", "processors": {"serve": serve, "keep": KEEP}}
        return build_flow(mapping, environment={"TOKEN": secret})

    found = compare(served("first-secret"), served("other-secret"))
    assert [each.name for each in found.replaced] == ["serve"]
    assert "secret" not in str(found.to_dict())
    assert "another" in "\n".join(found.lines())


PLUGIN = '''
from router import processor

@processor
def {name}(record: dict, *, by: int = 1) -> dict:
    """Add."""
    return {{**record, "n": record["n"] + {what}}}

def register(registry):
    registry.processor({name})
    registry.function("shift", lambda value: value + {what}, "Shift a number.")
'''


def planted(folder: Path, what: str) -> Flow:
    """A flow with a processor of its own, and one that calls a function of the same plugin."""
    (folder / "own.py").write_text(PLUGIN.format(name="add", what=what))
    (folder / "flow.yaml").write_text(
        "flow: demo\nplugins: [own.py]\nprocessors:\n"
        "  make: {type: generate, count: 1, record: {n: meta.number}, to: add}\n"
        "  add: {type: add, to: some}\n"
        '  some: {type: filter, where: "shift(n) > 1", to: keep}\n'
        "  keep: {type: log}\n"
    )
    return load_flow(folder / "flow.yaml")


def test_a_plugin_that_was_loaded_twice_and_says_the_same_is_the_same(tmp_path: Path) -> None:
    assert not compare(planted(tmp_path, "1"), planted(tmp_path, "1"))


def test_what_is_of_a_plugin_that_changed_begins_anew(tmp_path: Path) -> None:
    found = compare(planted(tmp_path, "1"), planted(tmp_path, "1000"))
    assert [each.name for each in found.replaced] == ["add", "some"]


def test_a_plugin_that_was_edited_within_a_second_is_what_it_says(tmp_path: Path) -> None:
    first = planted(tmp_path, "1")
    file = tmp_path / "own.py"
    before = file.stat()
    second = planted(tmp_path, "2")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    third = planted(tmp_path, "2")
    calls = [each.registry.functions.get("shift").function for each in (first, second, third)]
    assert [call(0) for call in calls] == [1, 2, 2]


def test_a_difference_is_read_again_from_what_it_is_written_as() -> None:
    found = compare(flow(), flow(make=to(records=7), keep={**KEEP, "sync": "close"}, top={"version": "2"}))
    assert difference_of(found.to_dict()) == found
    assert found
