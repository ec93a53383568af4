from __future__ import annotations

from collections.abc import Callable

import pytest

from router import Batch
from router.testing import TestRunner

Problems = Callable[..., list[str]]
MOODS = {"angry": "mood < -0.5", "happy": "mood > 0.5"}


async def test_a_record_leaves_by_the_condition_it_matches() -> None:
    async with TestRunner("route", when=MOODS) as route:
        routes = await route.feed({"mood": -1}, {"mood": 1}, {"mood": 0})
    assert routes == {"angry": [{"mood": -1}], "happy": [{"mood": 1}], "unmatched": [{"mood": 0}]}


async def test_the_first_condition_that_is_true_wins() -> None:
    async with TestRunner("route", when={"large": "n > 5", "any": "n > 0"}) as route:
        routes = await route.feed({"n": 9}, {"n": 1})
    assert routes == {"large": [{"n": 9}], "any": [{"n": 1}]}


async def test_with_match_all_each_condition_gets_a_copy() -> None:
    async with TestRunner("route", when={"large": "n > 5", "any": "n > 0"}, match="all") as route:
        routes = await route.feed({"n": 9}, {"n": 1}, {"n": 0})
    assert routes == {"large": [{"n": 9}], "any": [{"n": 9}, {"n": 1}], "unmatched": [{"n": 0}]}


@pytest.mark.parametrize("record", [{}, {"mood": None}, {"mood": "bad"}, {"mood": True}, {"mood": [1]}])
async def test_only_what_is_true_matches(record: dict[str, object]) -> None:
    async with TestRunner("route", when={"angry": "mood < 5"}) as route:
        assert await route.feed(record) == {"unmatched": [record]}


@pytest.mark.parametrize("match", ["first", "all"])
async def test_content_leaves_as_the_bytes_that_came(match: str) -> None:
    lines = [b'{ "lang":"en", "n": 1.10, "id": 12345678901234567890123 }', b'{"lang":"es"}']
    async with TestRunner("route", when={"english": 'lang == "en"'}, match=match) as route:
        routes = await route.feed_batch(Batch.raw(lines))
    assert {name: batch.content for name, (batch,) in routes.items()} == {"english": lines[:1], "unmatched": lines[1:]}


async def test_what_cannot_be_decoded_leaves_by_failure() -> None:
    async with TestRunner("route", when={"english": 'lang == "en"'}) as route:
        routes = await route.feed(b'{"lang":"en"}', b'{"lang":', b'{"lang":"es"}')
    assert routes == {"english": [{"lang": "en"}], "failure": [b'{"lang":'], "unmatched": [{"lang": "es"}]}


async def test_a_condition_may_read_the_whole_record_and_what_lies_beside_it() -> None:
    async with TestRunner("route", when={"odd": 'record["odd name"] == 1', "late": 'meta.topic == "late"'}) as route:
        routes = await route.feed(b'{"odd name":1}', b"{}", topic="late")
    assert routes == {"odd": [{"odd name": 1}], "late": [{}]}


async def test_a_batch_that_comes_again_goes_the_same_way() -> None:
    async with TestRunner("route", when=MOODS) as route:
        assert await route.feed({"mood": -1}) == await route.feed({"mood": -1}) == {"angry": [{"mood": -1}]}


@pytest.mark.parametrize("name", ["retry", "unavailable", "unmatched", "failure", "processor"])
def test_a_name_that_is_taken_is_refused(problems: Problems, name: str) -> None:
    assert problems("route", when={name: "a > 1"}) == [
        f"'when': the relationship name {name!r} is taken; choose another"
    ]


def test_a_name_that_cannot_be_a_relationship_is_refused(problems: Problems) -> None:
    assert problems("route", when={"Very angry": "a > 1"}) == [
        "'when': a relationship is lower_snake, such as 'angry'; got 'Very angry'"
    ]


def test_conditions_are_needed(problems: Problems) -> None:
    assert problems("route", when={})[0].startswith("when: ")
