"""One wake of a processor: what it gives, and what becomes of what it holds when it cannot be woken."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from router.ack import Ack, Outcome
from router.authoring import Why
from router.engine.calls import Caller
from router.engine.context import FlowContext, Scope
from router.engine.holdings import Holdings
from router.engine.outlet import Outlet
from router.engine.outputs import Outputs, all_failed
from router.engine.retry import Backoff
from router.engine.tracing.trail import Trail
from router.errors import RetryableError
from router.flow import ProcessorSpec

__all__ = ["Woken", "call_wake"]

Pause = Callable[[float, BaseException], Awaitable[bool]]


class Woken(Protocol):
    """Who is woken."""

    spec: ProcessorSpec
    context: FlowContext
    caller: Caller
    outlet: Outlet
    holdings: Holdings
    trail: Trail | None


async def call_wake(who: Woken, why: Why, ack: Ack, now: float, pause: Pause) -> tuple[Outputs, Scope | None]:
    """Wake until it succeeds: what it gives, and what it did beside that; None if it was not to wait for that."""
    backoff = Backoff(now)
    while True:
        scope = Scope((ack,))
        try:
            outputs = who.outlet.checked(await who.caller.wake(why, scope))
        except RetryableError as error:
            if not await pause(backoff.next(error), error):
                return [], None
            continue
        except (Exception, SystemExit) as error:  # noqa: BLE001 - an author's wake may raise anything
            outputs, scope = _give_up_held(who, error, why)
        if who.trail is not None:
            outputs = who.trail.woke(outputs, scope.holds, [held for held, _ in scope.releases])
        return outputs, scope


def _give_up_held(who: Woken, error: BaseException, why: Why) -> tuple[Outputs, Scope]:
    """All that is held leaves by ``failure``; at a stop it is given back."""
    who.context.bulletin(
        "failed when it was woken",
        why=why.value,
        error=f"{type(error).__name__}: {error}",
        records=who.holdings.records,
    )
    scope = Scope()
    if why is not Why.STOPPING:
        scope.releases = [(each, Outcome.DELIVERED) for each in who.holdings.batches]
    return [all_failed(each.batch, error, who.spec.name) for each, _ in scope.releases], scope
