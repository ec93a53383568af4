"""What waits in the connections of a flow that runs, asked of the flow itself: those in memory too."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from router.cli.reaching import Reach, with_flow

if TYPE_CHECKING:
    from router.control.client import FlowClient
    from router.control.messages import ConnectionView, RecordView

__all__ = ["drop", "show", "waiting"]

PAGE = 500
WHOLE = 16 << 20


def waiting(data: Path) -> list[tuple[str, int, int, float]]:
    """What waits in each of the flow's connections: id, records, bytes, when the oldest was put."""
    views = with_flow(Reach(None, data), _connections)
    now = time.time()
    return [(each.id, each.records, each.nbytes, now - each.oldest) for each in views]


def show(data: Path, connection: str, where: str | None, limit: int | None) -> None:
    """Print records that wait, as JSON lines, in the order they will be taken."""
    with_flow(Reach(None, data), lambda flow: _show(flow, connection, where, limit))


def drop(data: Path, connection: str, where: str | None) -> int:
    """Drop records that wait; how many that were."""
    return with_flow(Reach(None, data), lambda flow: flow.drop(connection, where=where))


async def _connections(flow: FlowClient) -> list[ConnectionView]:
    return (await flow.look()).connections


async def _show(flow: FlowClient, connection: str, where: str | None, limit: int | None) -> None:
    offset: int | None = 0
    while offset is not None and limit != 0:
        asked = PAGE if limit is None else min(PAGE, limit)
        page = await flow.records(connection, where=where, offset=offset, limit=asked, cut=WHOLE)
        for each in page.records:
            sys.stdout.write(json.dumps(_said(each), ensure_ascii=False) + "\n")
        limit = None if limit is None else limit - len(page.records)
        offset = page.following


def _said(view: RecordView) -> Mapping[str, Any]:
    """In the words of ``router queue show`` where the flow does not run."""
    content = {name: value for name in ("content", "content_base64") if (value := getattr(view, name)) is not None}
    return {"record": view.record, **content, "columns": view.columns, "attributes": view.attributes}
