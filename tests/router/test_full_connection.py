"""A connection that stays full is told of, once a minute at most."""

from __future__ import annotations

from router import Engine, Outbox, build_flow
from router.testing import VirtualClock

FLOW = {
    "flow": "slow",
    "processors": {
        "make": {
            "type": "generate",
            "record": {"n": "meta.number"},
            "to": {"processor": "write", "queue": {"records": 2000}},
        },
        "write": {"type": "log"},
    },
}


async def test_a_put_that_waits_long_is_told_once() -> None:
    clock = VirtualClock()
    async with Engine(build_flow(FLOW), replace={"write": Outbox()}, clock=clock) as engine:
        await clock.advance(9)
        assert not engine.bulletins
        await clock.advance(40)
        ((bulletin,),) = (engine.bulletins,)
        assert bulletin.processor == "make.success>write"
        assert bulletin.text == "the connection is full (2,000 records); 'make' is waiting"
        await engine.stop(0)
