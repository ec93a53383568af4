from __future__ import annotations

from pathlib import Path
from typing import Any

from router.authoring import Context, Processor, Why
from router.batch import Batch
from router.errors import RetryableError
from tests.router.engine.courses import course, ends_amiss, events, said
from tests.router.engine.flows import Do, Feed, Keep, run_to_end, wired

FULL = {"provenance": "full"}


async def written(folder: Path, steps: dict[str, Processor], *edges: str, **options: Any) -> list[str]:
    """Run a flow to its end: what was written of it, every record with its end."""
    engine = wired(steps, *edges, data=folder, flow=options.pop("flow", FULL), **options)
    report = await run_to_end(engine)
    assert report.outcome == "done"
    found = events(folder)
    assert ends_amiss(found) == {}
    return [said(each) for each in found]


async def test_a_record_is_followed_from_its_source_to_its_sink(tmp_path: Path) -> None:
    found = await written(tmp_path, {"read": Feed([1, 2]), "keep": Keep()}, "read>keep")
    assert found == ["CREATE read.success>keep 1,2", "SEND keep.success>delivered 1,2"]


async def test_a_source_that_says_where_records_come_from_receives_them(tmp_path: Path) -> None:
    feed = Feed(Batch.of([{"n": 1}], path="a.jsonl"))
    found = await written(tmp_path, {"read": feed, "keep": Keep()}, "read>keep")
    assert found[0] == "RECEIVE read.success>keep 1"
    assert events(tmp_path)[0].attributes == {"path": "a.jsonl"}


async def test_what_a_filter_leaves_out_is_dropped(tmp_path: Path) -> None:
    odd = Do(lambda batch, _: batch.select([i for i, row in enumerate(batch.rows) if row["n"] % 2]))
    await written(tmp_path, {"read": Feed(range(6)), "odd": odd, "keep": Keep()}, "read>odd", "odd>keep")
    assert course(tmp_path, 1) == ["CREATE read.success>odd 1,2,3,4,5,6", "DROP odd>drop 1,3,5"]
    assert course(tmp_path, 2)[1:] == ["ROUTE odd.success>keep 2,4,6", "SEND keep.success>delivered 2,4,6"]


async def test_each_branch_of_a_route_has_its_records(tmp_path: Path) -> None:
    parts = Do(lambda batch, _: batch.partition(["success", "other", "success"]), to=("other",))
    steps: dict[str, Processor] = {"read": Feed([1, 2, 3]), "by": parts, "one": Keep(), "two": Keep()}
    await written(tmp_path, steps, "read>by", "by>one", "by.other>two")
    assert [course(tmp_path, each)[-1] for each in (1, 2, 3)] == [
        "SEND one.success>delivered 1,3",
        "SEND two.success>delivered 2",
        "SEND one.success>delivered 1,3",
    ]


async def test_records_written_anew_keep_their_ids(tmp_path: Path) -> None:
    twice = Do(lambda batch, _: batch.with_rows([{"n": 2 * row["n"]} for row in batch.rows]))
    found = await written(tmp_path, {"read": Feed([1, 2]), "twice": twice, "keep": Keep()}, "read>twice", "twice>keep")
    assert found[1] == "CONTENT_MODIFIED twice.success>keep 1,2"


async def test_a_new_column_is_a_change_beside_the_content(tmp_path: Path) -> None:
    keyed = Do(lambda batch, _: batch.with_columns(key=[row["n"] for row in batch.rows]))
    found = await written(tmp_path, {"read": Feed([1, 2]), "keyed": keyed, "keep": Keep()}, "read>keyed", "keyed>keep")
    assert found[1] == "ATTRIBUTES_MODIFIED keyed.success>keep 1,2"


async def test_a_record_that_becomes_several_is_forked_and_one_that_becomes_none_dropped(tmp_path: Path) -> None:
    several = Do(lambda batch, _: batch.expand([[row] * row["n"] for row in batch.rows]))
    steps: dict[str, Processor] = {"read": Feed([0, 1, 2]), "split": several, "keep": Keep()}
    found = await written(tmp_path, steps, "read>split", "split>keep")
    assert found[1:4] == [
        "ROUTE split.success>keep 2",
        "FORK split.success>keep 4,5 of 3,3",
        "DROP split>drop 1",
    ]
    assert course(tmp_path, 5)[-1] == "SEND keep.success>delivered 2,4,5"


async def test_records_that_become_one_are_joined(tmp_path: Path) -> None:
    merge = Do(lambda batch, _: batch.group([[0, 1], [2]], [{"n": 0}, {"n": 2}]))
    steps: dict[str, Processor] = {"read": Feed([1, 2, 3]), "merge": merge, "keep": Keep()}
    found = await written(tmp_path, steps, "read>merge", "merge>keep")
    assert found[1:3] == ["CONTENT_MODIFIED merge.success>keep 3", "JOIN merge.success>keep 4 of 1,2"]


async def test_records_that_depend_on_all_come_of_all(tmp_path: Path) -> None:
    total = Do(lambda batch, _: batch.derive([{"n": 6}]))
    steps: dict[str, Processor] = {"read": Feed([1, 2, 3]), "total": total, "keep": Keep()}
    assert (await written(tmp_path, steps, "read>total", "total>keep"))[1] == "JOIN total.success>keep 4 of 1,2,3"


async def test_records_that_say_nothing_of_what_they_came_of_came_of_all_that_was_taken(tmp_path: Path) -> None:
    new = Do(lambda batch, _: Batch.of([{"n": 6}, {"n": 7}]))
    steps: dict[str, Processor] = {"read": Feed([1, 2, 3]), "new": new, "keep": Keep()}
    assert (await written(tmp_path, steps, "read>new", "new>keep"))[1] == "JOIN new.success>keep 4,5 of 1,2,3"


async def test_each_way_of_a_fan_out_but_the_first_gets_a_copy(tmp_path: Path) -> None:
    steps: dict[str, Processor] = {"read": Feed([1, 2]), "one": Keep(), "two": Keep()}
    await written(tmp_path, steps, "read>one", "read>two", "read>drop")
    assert course(tmp_path, 1)[-1] == "SEND one.success>delivered 1,2"
    assert course(tmp_path, 3) == ["CLONE read.success>two 3,4 of 1,2", "SEND two.success>delivered 3,4"]
    assert course(tmp_path, 5) == ["CLONE read.success>drop 5,6 of 1,2"]


async def test_a_record_given_twice_by_one_call_goes_on_once_and_is_copied(tmp_path: Path) -> None:
    both = Do(lambda batch, _: {"success": batch, "other": batch}, to=("other",))
    steps: dict[str, Processor] = {"read": Feed([1, 2]), "both": both, "one": Keep(), "two": Keep()}
    await written(tmp_path, steps, "read>both", "both>one", "both.other>two")
    assert course(tmp_path, 1)[-1] == "SEND one.success>delivered 1,2"
    assert course(tmp_path, 4)[0] == "CLONE both.other>two 3,4 of 1,2"


async def test_what_a_generator_gives_piece_by_piece_is_followed(tmp_path: Path) -> None:
    async def pieces(batch: Batch, _: Context) -> Any:
        yield batch.slice(0, 1)
        yield batch.slice(1, 2)
        yield batch.slice(0, 1)

    steps: dict[str, Processor] = {"read": Feed([1, 2, 3]), "give": Do(pieces), "keep": Keep()}
    found = await written(tmp_path, steps, "read>give", "give>keep")
    assert [each for each in found if "give" in each and "read" not in each] == [
        "ROUTE give.success>keep 1",
        "ROUTE give.success>keep 2",
        "CLONE give.success>keep 4 of 1",
        "DROP give>drop 3",
    ]


async def test_a_retry_is_no_event_and_loses_no_record(tmp_path: Path) -> None:
    tries: list[int] = []

    def flaky(batch: Batch, _: Context) -> Any:
        tries.append(len(batch))
        if len(tries) == 1:
            raise RetryableError("down")
        return {"retry": batch.slice(0, 1), "success": batch.slice(1, 3)} if len(tries) == 2 else batch

    steps: dict[str, Processor] = {"read": Feed([1, 2, 3]), "try": Do(flaky), "keep": Keep()}
    await written(tmp_path, steps, "read>try", "try>keep")
    assert tries == [3, 3, 1]
    assert course(tmp_path, 1)[1:] == ["ROUTE try.success>keep 1", "SEND keep.success>delivered 1"]


async def test_a_dead_letter_is_an_end_with_its_error(tmp_path: Path) -> None:
    def odd(batch: Batch, _: Context) -> Batch:
        if any(row["n"] % 2 == 0 for row in batch.rows):
            raise ValueError("even")
        return batch

    steps: dict[str, Processor] = {"read": Feed([1, 2, 3]), "odd": Do(odd), "keep": Keep()}
    await written(tmp_path, steps, "read>odd", "odd>keep")
    assert course(tmp_path, 2)[-1] == "ROUTE odd.failure>dead_letters 2"
    failed = next(each for each in events(tmp_path) if each.target == "dead_letters")
    assert failed.error_of(2) == ("ValueError", "even")


async def test_held_records_go_on_when_they_are_given(tmp_path: Path) -> None:
    hold = Do(lambda batch, context: hold.held.append(context.hold(batch)), lambda _context, _why: given())

    def given() -> Batch:
        held = hold.held.pop()
        held.release()
        return held.batch

    steps: dict[str, Processor] = {"read": Feed([1, 2]), "hold": hold, "keep": Keep()}
    found = await written(tmp_path, steps, "read>hold", "hold>keep")
    assert found[1:] == ["ROUTE hold.success>keep 1,2", "SEND keep.success>delivered 1,2"]


async def test_a_window_joins_what_it_held_and_lets_the_rest_go(tmp_path: Path) -> None:
    def close(_: Context, why: Why) -> Batch | None:
        if not window.held:
            return None
        batch = Batch.concat([each.batch for each in window.held])
        while window.held:
            window.held.pop().release()
        return batch.group([[0, 1]], [{"n": 3}])

    window = Do(lambda batch, context: window.held.append(context.hold(batch)), close)
    steps: dict[str, Processor] = {"read": Feed([1], [2], [3]), "window": window, "keep": Keep()}
    found = await written(tmp_path, steps, "read>window", "window>keep")
    assert [each for each in found if "window" in each][3:] == [
        "JOIN window.success>keep 4 of 1,2",
        "DROP window>drop 3",
    ]


async def test_a_sink_that_holds_has_sent_what_it_lets_go_of(tmp_path: Path) -> None:
    class Later(Keep):
        async def process(self, batch: Batch, context: Context) -> None:  # type: ignore[override]
            context.hold(batch).release()

    found = await written(tmp_path, {"read": Feed([1, 2]), "later": Later()}, "read>later")
    assert found[1:] == ["SEND later>delivered 1,2"]


async def test_what_a_wake_makes_of_nothing_begins_there(tmp_path: Path) -> None:
    tell = Do(lambda batch, _: batch, lambda _context, why: Batch.of([{"n": 9}]) if why is Why.INPUT_ENDED else None)
    await written(tmp_path, {"read": Feed([1]), "tell": tell, "keep": Keep()}, "read>tell", "tell>keep")
    assert [each.split()[0] for each in course(tmp_path, 2)] == ["CREATE", "SEND"]


async def test_records_that_a_connection_sheds_or_that_expire_end_there(tmp_path: Path) -> None:
    steps: dict[str, Processor] = {"read": Feed([1, 2], [3], then=5), "keep": Keep()}
    queue = {"read>keep": {"records": 1, "when_full": "drop_newest"}}
    await written(tmp_path, steps, "read>keep", queue=queue)
    assert course(tmp_path, 2)[-1] == "DROP read.success>keep>full 2"


async def test_a_cycle_is_followed_round_by_round(tmp_path: Path) -> None:
    again = Do(
        lambda batch, _: batch.partition(["again" if row["n"] else "success" for row in down(batch)]), to=("again",)
    )

    def down(batch: Batch) -> Any:
        for row in batch.rows:
            row["n"] -= 1
        return batch.rows

    steps: dict[str, Processor] = {"read": Feed([2]), "again": again, "keep": Keep()}
    found = await written(tmp_path, steps, "read>again", "again.again>again", "again>keep")
    assert [each.split()[1] for each in found[1:]] == [
        "again.again>again",
        "again.success>keep",
        "keep.success>delivered",
    ]
