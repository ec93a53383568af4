"""Begin where the last run ended: records that wait on disk."""

from __future__ import annotations

from router.connections.rows import read_waiting
from router.engine.desk import Desk
from router.engine.machine import Machine
from router.storage.database import Database

__all__ = ["restore", "tell_left"]


async def restore(machine: Machine, database: Database, desk: Desk, flow: str) -> None:
    """Give each disk connection what it had; tell of damage, and of records whose connection the flow has no more."""
    if not database.is_made:
        return
    if (salvaged := database.salvaged) is not None:
        text = "flow.db was damaged; what can be read of it goes on, and the damaged file is kept"
        desk.bulletin(flow, text, {"path": salvaged.kept, "error": salvaged.reason, "lost": salvaged.lost})
    waiting, highest = await database.submit(read_waiting)
    machine.numbers.begin_above(highest)
    for connection in machine.durable:
        if (found := waiting.pop(connection.id, None)) is not None:
            connection.restore(found)
    for id_, found in waiting.items():
        tell_left(desk, id_, found.records, is_there=id_ in machine.connections)


def tell_left(desk: Desk, id_: str, records: int, *, is_there: bool = False) -> None:
    """Tell of records on disk whose connection is not, or is elsewhere now."""
    why = "is not on disk any more" if is_there else "is not in the flow any more"
    text = f"a connection with records {why}; they are kept: move or drop them with `router queue`"
    desk.bulletin(id_, text, {"records": records})
