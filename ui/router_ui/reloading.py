"""Have a flow loaded anew from its file, after a question, and say what was changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from router.control.differences import DifferenceView
from router_ui.figures import plural
from router_ui.watch import Watch
from router_ui.widgets.confirm import Confirm

__all__ = ["changed", "reload_question"]


def reload_question(flow: Watch) -> Confirm:
    """Asks whether the flow is to be loaded anew, and does it."""
    assert flow.view is not None
    where = f"its file, {flow.view.file}," if flow.view.file else "its file"

    async def reload(_: str) -> str:
        difference = await flow.client.reload()
        await flow.look()
        return changed(difference)

    return Confirm(
        f"Make of the running flow {flow.view.name!r} what {where} says now?"
        " What is the same goes on; where that is not possible nothing is changed.",
        "reload",
        reload,
    )


def changed(difference: DifferenceView) -> str:
    """What a reload has done, on one line."""
    return "; ".join(_changes(difference)) or "nothing is different: nothing was changed"


def _changes(difference: DifferenceView) -> Iterator[str]:
    processors = {
        "added": difference.added,
        "removed": difference.removed,
        "replaced": [each.name for each in difference.replaced],
        "rewired": difference.rewired,
    }
    for what, names in processors.items():
        if names:
            yield f"{what}: {', '.join(names)}"
    connections: dict[str, Sequence[object]] = {
        "new": difference.connections_added,
        "gone": difference.connections_removed,
        "with other limits": difference.resized,
        "of another kind": difference.remade,
    }
    for what, found in connections.items():
        if found:
            yield f"{plural(len(found), 'connection')} {what}"
    if difference.flow:
        yield f"of the flow: {', '.join(each.name for each in difference.flow)}"
