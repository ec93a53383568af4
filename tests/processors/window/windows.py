"""What tests of windows share: a window kept in the state, as between disk connections, and short ways to say things."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from router import Batch, Context, Outcome, load_registry
from router.storage.packing import pack_value, unpack_value
from router.testing import TestRunner
from router_processors.window import Window, WindowConfig

COUNTED = {"n": "count()", "total": "sum(x)"}


class Stored(Window):
    """A window between disk connections, begun with what an earlier one has left."""

    type_name = "stored_window"

    def __init__(self, config: Any, left: Mapping[str, Any] | None = None) -> None:
        super().__init__(config)
        self.left = left or {}

    async def start(self, context: Context) -> None:
        if self.left:
            await context.state.put_many(self.left)
        await super().start(Once(context))

    async def stop(self, context: Context) -> None:
        await super().stop(context)
        self.left = await context.state.scan()


class Once:
    """Says that a call commits in one transaction; all else is the real context's."""

    is_exactly_once = True

    def __init__(self, context: Context) -> None:
        self.context = context

    def __getattr__(self, name: str) -> Any:
        return getattr(self.context, name)


def config(**settings: Any) -> WindowConfig:
    registry = load_registry()
    return WindowConfig.model_validate(settings, context={"registry": registry})


def window(*, left: Mapping[str, Any] | None = None, is_stored: bool = False, **settings: Any) -> TestRunner:
    """A window to feed; ``left`` is the state that an earlier one has left."""
    run = {"run": settings.pop("run")} if "run" in settings else {}
    made = config(**{"compute": COUNTED, **settings})
    return TestRunner(Stored(made, left or {}) if is_stored or left is not None else Window(made), **run)


def left_by(runner: TestRunner) -> Mapping[str, Any]:
    """The state that a window which has stopped has left."""
    assert isinstance(runner.processor, Stored)
    return runner.processor.left


class Bare:
    """As much of a context as a window needs, without an engine: for tests that make thousands."""

    name = "it"
    flow = "test"

    def __init__(self, left: dict[str, Any] | None) -> None:
        self.is_exactly_once = left is not None
        self.state = self
        self.kept = left if left is not None else {}
        self.open = 0

    def now(self) -> float:
        return 0.0

    def wake_at(self, time: float | None) -> None:
        pass

    def hold(self, batch: Batch) -> Any:
        self.open += 1
        return BareHeld(self, batch)

    def bulletin(self, text: str, /, **data: object) -> None:
        raise AssertionError(text)

    async def scan(self, prefix: str = "") -> dict[str, Any]:
        return unpack_value(pack_value(self.kept))  # type: ignore[no-any-return]

    async def put_many(self, values: Mapping[str, Any], expire: float | None = None) -> None:
        self.kept.update(values)

    async def delete(self, keys: Iterable[str]) -> None:
        for key in keys:
            self.kept.pop(key, None)


class BareHeld:
    def __init__(self, context: Bare, batch: Batch) -> None:
        self.context, self.batch, self.is_over = context, batch, False

    def release(self, outcome: Outcome = Outcome.DELIVERED) -> None:
        assert not self.is_over, "released twice"
        self.is_over = True
        self.context.open -= 1


def row(start: float, end: float, **fields: Any) -> dict[str, Any]:
    return {"window_start": start, "window_end": end, **fields}


def at(time: Any, x: Any = 1, **fields: Any) -> dict[str, Any]:
    return {"t": time, "x": x, **fields}
