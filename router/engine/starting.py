"""Makes, starts and stops the processors of one flow, and knows which of them run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from router.authoring import Processor
from router.engine.clock import Clock, sleep
from router.engine.desk import Desk
from router.engine.retry import Backoff
from router.engine.runner import Runner
from router.engine.source_runner import SourceRunner
from router.errors import ConfigError, ProcessorError, RetryableError
from router.flow import Flow

__all__ = ["Starter", "made"]


class Starter:
    """Starts processors, patient with the world, and stops each that was started, once."""

    def __init__(self, clock: Clock, desk: Desk, hide: Callable[[str], str]) -> None:
        self._clock = clock
        self._desk = desk
        self._hide = hide
        self._running: set[Runner | SourceRunner] = set()
        self.is_up = False
        """True once all processors that the flow began with have started."""

    async def begin(self, order: Iterable[Runner | SourceRunner]) -> None:
        """Start the processors that the flow begins with, one after the other.

        Raises:
            ProcessorError: one cannot start.
        """
        for each in order:
            await self.start(each)
        self.is_up = True

    async def start(self, each: Runner | SourceRunner, is_late: Callable[[], bool] = lambda: False) -> None:
        """Start a processor; what the world is at fault for is tried again, until it is late.

        Raises:
            ProcessorError: it cannot start.
        """
        name = each.spec.name
        self._running.add(each)
        backoff = Backoff(self._clock.now())
        while True:
            try:
                await each.start()
            except RetryableError as error:
                wait = backoff.next(error)
                if is_late():
                    raise _no_start(name, error, self._hide) from error
                self._desk.bulletin(name, "cannot start yet; trying again", {"error": error, "seconds": round(wait, 1)})
                each.pauses.reason = self._hide(str(error))
                await sleep(self._clock, wait)
                each.pauses.reason = None
            except (Exception, SystemExit) as error:
                raise _no_start(name, error, self._hide) from error
            else:
                return

    async def stop(self, each: Runner | SourceRunner) -> None:
        """Stop a processor, if it was started and not stopped since."""
        if each not in self._running:
            return
        self._running.discard(each)
        try:
            await each.stop_processor()
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the others must be stopped too
            self._desk.bulletin(each.spec.name, "did not stop cleanly", {"error": f"{type(error).__name__}: {error}"})


def made(flow: Flow, names: Mapping[str, Processor | None], hide: Callable[[str], str]) -> dict[str, Processor]:
    """An instance of each: the one that was given, or a new one.

    Raises:
        ProcessorError: one cannot be made.
    """
    found = {}
    for name, given in names.items():
        try:
            found[name] = given or flow.processors[name].make()
        except (Exception, SystemExit) as error:
            raise _no_start(name, error, hide) from error
    return found


def _no_start(name: str, error: BaseException, hide: Callable[[str], str]) -> ProcessorError:
    text = str(error) if isinstance(error, ProcessorError | ConfigError) else f"{type(error).__name__}: {error}"
    return ProcessorError(f"processor {name!r} could not start: {hide(text)}")
