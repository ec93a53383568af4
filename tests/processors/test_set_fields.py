from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from router import Batch
from router.testing import TestRunner

Problems = Callable[..., list[str]]


async def changed(record: dict[str, Any], **settings: Any) -> dict[str, list[Any]]:
    async with TestRunner("set_fields", **settings) as change:
        return await change.feed(record)


@pytest.mark.parametrize(
    ("settings", "record", "result"),
    [
        ({"set": {"length": "length(text)"}}, {"text": "abc"}, {"text": "abc", "length": 3}),
        ({"set": {"text": "upper(text)"}}, {"text": "abc"}, {"text": "ABC"}),
        ({"set": {"n": "n + 1"}}, {"n": "x"}, {"n": None}),
        ({"set": {"a": "b", "b": "a"}}, {"a": 1, "b": 2}, {"a": 2, "b": 1}),
        (
            {"set": {"user.name": "upper(user.name)"}},
            {"user": {"name": "u", "id": 1}},
            {"user": {"name": "U", "id": 1}},
        ),
        ({"set": {"user.name": '"u"'}}, {"user": None}, {"user": {"name": "u"}}),
        ({"set": {'record["odd name"]': "1", 'a["b.c"]': "2"}}, {}, {"odd name": 1, "a": {"b.c": 2}}),
        ({"set": {'record["meta"]': "1"}}, {}, {"meta": 1}),
        ({"values": {"tags": ["new"], "user.ok": True}}, {}, {"tags": ["new"], "user": {"ok": True}}),
        (
            {"keep": ["id", "user.name", "none"]},
            {"id": 1, "x": 2, "user": {"name": "u", "q": 1}},
            {"id": 1, "user": {"name": "u"}},
        ),
        ({"keep": []}, {"id": 1}, {}),
        ({"remove": ["x", "user.q", "none.at.all"]}, {"x": 2, "user": {"name": "u", "q": 1}}, {"user": {"name": "u"}}),
        ({"rename": {"a": "b", "b": "a"}}, {"a": 1, "b": 2}, {"a": 2, "b": 1}),
        ({"rename": {"a": "deep.er", "none": "some"}}, {"a": 1}, {"deep": {"er": 1}}),
    ],
)
async def test_fields_change(settings: dict[str, Any], record: dict[str, Any], result: dict[str, Any]) -> None:
    assert await changed(record, **settings) == {"success": [result]}


async def test_expressions_read_the_record_as_it_came_and_what_is_set_need_not_be_kept() -> None:
    settings = {"keep": ["id"], "rename": {"id": "key"}, "set": {"n": "length(text)"}, "values": {"source": "posts"}}
    assert await changed({"id": 1, "text": "abc"}, **settings) == {"success": [{"key": 1, "source": "posts", "n": 3}]}


async def test_a_target_below_what_is_no_object_fails_alone() -> None:
    async with TestRunner("set_fields", set={"user.name": '"u"'}) as change:
        routes = await change.feed_batch(Batch.of([{"user": 3}, {"user": {}}]))
    (failure,) = routes["failure"]
    assert routes["success"][0].rows == [{"user": {"name": "u"}}]
    assert failure.columns["error"][0]["message"] == "'user.name' cannot be set: 'user' is no object; it is 3"


async def test_columns_are_set_without_decoding_the_record() -> None:
    line = b'{"id": 7.0, "x": "v"}'
    async with TestRunner("set_fields", set={"meta.key": "id", "meta.headers.x": "x"}) as change:
        (batch,) = (await change.feed_batch(Batch.raw([line])))["success"]
    assert (batch.content, batch.columns["key"], batch.columns["headers"]) == ([line], [7.0], [{"x": "v"}])


async def test_columns_are_removed() -> None:
    batch = Batch.of([{}]).with_columns(key=["k"], headers=[{"a": 1, "b": 2}], error=[{"type": "x"}])
    async with TestRunner("set_fields", remove=["meta.key", "meta.headers.a", "meta.error"]) as change:
        (result,) = (await change.feed_batch(batch))["success"]
    assert dict(result.columns) == {"headers": [{"b": 2}]}


async def test_the_record_that_came_is_not_changed() -> None:
    record = {"user": {"name": "u", "q": 1}}
    await changed(record, set={"user.name": "1"}, remove=["user.q"])
    assert record == {"user": {"name": "u", "q": 1}}


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({}, "nothing to do; give 'set', 'values', 'keep', 'remove' or 'rename'"),
        ({"set": {"a": "1"}, "values": {"a": 2}}, "'a' and 'a' are set twice"),
        ({"set": {"a": "1", "a.b": "2"}}, "'a' and 'a.b' are both set, and one is a part of the other"),
        ({"set": {"a": "1"}, "rename": {"b": "a"}}, "'a' and 'a' are set twice"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(
    problems: Problems, settings: dict[str, Any], problem: str
) -> None:
    assert problems("set_fields", **settings) == [problem]


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"set": {"tags[0]": "1"}}, "a target is a path of names"),
        ({"set": {"a..b": "1"}}, "a target is a path of names"),
        ({"set": {".a": "1"}}, "a target is a path of names"),
        ({"set": {"": "1"}}, "a target is a path of names"),
        ({"set": {"meta": "1"}}, "'meta' is no field"),
        ({"set": {"meta.index": "1"}}, "the column 'meta.index' belongs to the engine"),
        ({"keep": ["meta.key"]}, "only fields can be kept or renamed"),
        ({"rename": {"a": "meta.key"}}, "only fields can be kept or renamed"),
    ],
)
def test_a_target_that_is_none_is_refused(problems: Problems, settings: dict[str, Any], problem: str) -> None:
    (found,) = problems("set_fields", **settings)
    assert problem in found
