"""An ack settles once, with the worst of what its holders said; a watermark finds the safe prefix."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.ack import Ack, Outcome, Reply, Watermark


@given(st.lists(st.sampled_from(Outcome), min_size=1, max_size=12), st.integers(0, 2**32))
def test_an_ack_settles_when_its_last_holder_lets_go_with_the_worst_outcome(said: list[Outcome], seed: int) -> None:
    chance = random.Random(seed)
    settled: list[Outcome] = []
    ack = Ack("token", lambda ack: settled.append(ack.outcome))
    left, told = 1, list(said)
    while told:
        if left < len(told) and (left == 1 or chance.random() < 0.5):
            ack.hold()
            left += 1
            continue
        assert not settled
        ack.release(told.pop())
        left -= 1
    assert settled == [max(said)]
    assert ack.settled


def test_the_error_kept_is_that_of_the_worst_outcome() -> None:
    ack = Ack(None, lambda _: None)
    ack.hold()
    ack.hold()
    worse, later = ValueError("worse"), ValueError("later")
    ack.release(Outcome.DEAD_LETTERED, worse)
    ack.release(Outcome.DEAD_LETTERED, later)
    assert ack.error is worse


def test_a_settled_ack_is_neither_held_nor_released_again() -> None:
    ack = Ack(None, lambda _: None)
    ack.release()
    with pytest.raises(RuntimeError, match="cannot be held again"):
        ack.hold()
    with pytest.raises(RuntimeError, match="settles once"):
        ack.release()


def test_the_first_reply_for_an_index_wins_and_none_comes_after_the_end() -> None:
    ack = Ack(None, lambda _: None)
    assert ack.reply(0, Reply(200, {"n": 1}))
    assert not ack.reply(0, Reply(500))
    ack.release()
    assert not ack.reply(1, Reply(200))
    assert ack.replies == {0: Reply(200, {"n": 1})}


class Model:
    """A watermark that remembers everything."""

    def __init__(self) -> None:
        self.sent: list[int] = []
        self.done: set[int] = set()
        self.told = 0

    def settled(self, position: int) -> int | None:
        self.done.add(position)
        safe = 0
        for each in self.sent:
            if each not in self.done:
                break
            safe = each
        moved, self.told = (safe if safe > self.told else None), max(safe, self.told)
        return moved


@given(st.lists(st.tuples(st.sampled_from("pq"), st.sampled_from(["sent", "settled", "again"]), st.integers(1, 5))))
def test_the_safe_position_is_the_end_of_the_prefix_that_has_settled(steps: list[tuple[str, str, int]]) -> None:
    mark, models = Watermark(), {"p": Model(), "q": Model()}
    for lane, step, number in steps:
        model = models[lane]
        if step == "sent":
            model.sent.append((model.sent[-1] if model.sent else 0) + number)
            mark.sent(lane, model.sent[-1])
            continue
        open_ = [each for each in model.sent if (each in model.done) == (step == "again")]
        if open_:
            position = open_[number % len(open_)]
            assert mark.settled(lane, position) == model.settled(position)
        assert mark.unsettled(lane) == len(set(model.sent) - model.done)


def test_positions_rise_within_a_lane() -> None:
    mark = Watermark()
    mark.sent("p", 5)
    mark.sent("q", 1)
    with pytest.raises(ValueError, match="got 5 after 5"):
        mark.sent("p", 5)


def test_what_settles_after_a_lane_was_revoked_moves_nothing() -> None:
    mark = Watermark()
    mark.sent("p", 5)
    mark.revoke("p")
    assert mark.settled("p", 5) is None
    mark.sent("p", 3)
    assert mark.settled("p", 3) == 3
